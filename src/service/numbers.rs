//! What a service counts and measures.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::sink::Problem;
use crate::source::{Reason, SkipCause};
use crate::verdict::Verdict;

/// The upper bounds of a [`Histogram`]'s buckets in seconds; the last bucket has none.
pub const BOUNDS: [f64; 16] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0];

/// How many durations fell between each two [`BOUNDS`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Histogram {
    /// By bucket, not cumulative; a duration equal to a bound is in the bucket below it.
    pub counts: [u64; BOUNDS.len() + 1],
    /// The sum of all durations, in seconds.
    pub sum: f64,
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, seconds: f64) {
        self.counts[BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
        self.sum += seconds;
    }

    /// How many durations were recorded.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The stages of a verdict, in order.
pub const STAGES: [&str; 4] = ["decode", "resize", "purify", "classify"];

/// What one sink wrote and missed, and how it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkNumbers {
    /// The sink's name; several sinks may share one.
    pub name: &'static str,
    /// Verdicts that it took.
    pub written: u64,
    /// Verdicts that it, or one of its readers, missed.
    pub dropped: u64,
    /// Whether the service is not ready while it fails.
    pub required: bool,
    /// What is wrong with it now; `None` while it works.
    pub fault: Option<OutputFault>,
    /// How often it began to fail.
    pub faults: u64,
}

impl SinkNumbers {
    /// Its key in the configuration, or its name if no key names it.
    pub fn key(&self) -> &'static str {
        match self.name {
            "file" => "output.file",
            "socket" => "output.socket",
            "mqtt" => "output.mqtt",
            name => name,
        }
    }
}

/// What keeps an output from its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFault {
    /// What is wrong, and why.
    pub problem: Problem,
    /// Since when, on the stream's clock.
    pub since: Duration,
}

/// All that was counted and measured since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers {
    /// Usable frames that arrived.
    pub frames: u64,
    /// Frames that a newer one replaced before the models were free.
    pub replaced: u64,
    /// Frames that the camera numbered but never delivered, or that were skipped in its queue for a newer one.
    pub missed: u64,
    /// Frames that could not be used, by [`SkipCause`].
    pub skipped: [u64; SkipCause::ALL.len()],
    /// Verdicts that were published.
    pub verdicts: u64,
    /// Published verdicts, by label.
    pub labels: BTreeMap<Arc<str>, u64>,
    /// Frames that the models have seen and whose verdict was below the least confidence: neither a verdict nor a failure.
    pub unsure: u64,
    /// Frames without a verdict, by cause; those that were unsure not included.
    pub withheld: BTreeMap<String, u64>,
    /// How long each stage took, by [`STAGES`].
    pub stages: [Histogram; STAGES.len()],
    /// The age of frames when their verdict was reached.
    pub age: Histogram,
    /// How often the source was lost or could not be opened, by [`Reason`].
    pub reconnects: [u64; Reason::ALL.len()],
    /// Of the newest verdict; `None` if raw frames are not classified.
    pub suspicion: Option<f32>,
    /// Verdicts that were marked suspicious.
    pub suspicious: u64,
    /// Suspicious frames that were written to disk.
    pub kept: u64,
    /// Suspicious frames that could not be written to disk.
    pub keep_failed: u64,
    /// One for each sink that has started.
    pub sinks: Vec<SinkNumbers>,
    /// What is wrong with the live page now; `None` while it works or if there is none.
    pub page: Option<OutputFault>,
    /// Reloads that succeeded.
    pub reloaded: u64,
    /// Reloads that failed; the old models and settings stayed.
    pub reload_refused: u64,
}

impl Numbers {
    /// Counts a frame that could not be used. Returns how many there were for this cause.
    pub fn count_skipped(&mut self, cause: SkipCause) -> u64 {
        let count = &mut self.skipped[cause as usize];
        *count += 1;
        *count
    }

    /// Counts a loss of the source, or a failed attempt to open it. Returns how many there were for this reason.
    pub fn count_reconnect(&mut self, reason: Reason) -> u64 {
        let count = &mut self.reconnects[reason as usize];
        *count += 1;
        *count
    }

    /// Counts a frame without a verdict. Returns how many there were for this cause.
    pub fn count_withheld(&mut self, cause: &str) -> u64 {
        match self.withheld.get_mut(cause) {
            Some(count) => {
                *count += 1;
                *count
            }
            None => {
                self.withheld.insert(cause.to_owned(), 1);
                1
            }
        }
    }

    /// Counts a verdict that was published, and its times.
    pub fn count_verdict(&mut self, verdict: &Verdict) {
        self.verdicts += 1;
        match self.labels.get_mut(&verdict.label) {
            Some(count) => *count += 1,
            None => drop(self.labels.insert(verdict.label.clone(), 1)),
        }
        let ms = &verdict.ms;
        for (stage, ms) in self.stages.iter_mut().zip([ms.decode, ms.resize, ms.purify, ms.classify]) {
            stage.record(ms / 1e3);
        }
        self.age.record(verdict.age_ms / 1e3);
        self.suspicion = verdict.suspicion;
        self.suspicious += u64::from(verdict.suspicious);
    }

    /// The outputs and the page as far as they fail now: key, fault, and whether the service is not ready without it.
    pub fn failing(&self) -> impl Iterator<Item = (&'static str, &OutputFault, bool)> {
        let sinks = self.sinks.iter().filter_map(|sink| Some((sink.key(), sink.fault.as_ref()?, sink.required)));
        sinks.chain(self.page.as_ref().map(|fault| ("http.listen", fault, false)))
    }

    /// Frames without a verdict, whatever the cause; those that were unsure not included.
    pub fn all_withheld(&self) -> u64 {
        self.withheld.values().sum()
    }

    /// Frames that could not be used, whatever the cause.
    pub fn all_skipped(&self) -> u64 {
        self.skipped.iter().sum()
    }
}

impl std::fmt::Display for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { frames, verdicts, replaced, .. } = self;
        let skipped = self.all_skipped();
        write!(f, "{verdicts} verdicts of {frames} frames ({replaced} replaced by newer ones, {skipped} unusable")?;
        if self.suspicious > 0 || self.suspicion.is_some() {
            write!(f, ", {} suspicious", self.suspicious)?;
        }
        if self.unsure > 0 {
            write!(f, ", {} unsure", self.unsure)?;
        }
        self.withheld.iter().try_for_each(|(cause, count)| write!(f, ", {count} withheld: {cause}"))?;
        let mut lost = self.sinks.iter().filter(|sink| sink.dropped > 0);
        lost.try_for_each(|sink| write!(f, ", {} not taken by {}", sink.dropped, sink.name))?;
        write!(f, ")")
    }
}

/// A rate per second over the last few seconds, from times that are passed in.
#[derive(Clone, Debug, Default)]
pub(super) struct Rate {
    /// Total and time of each sample, oldest first; the first `filled` are in use.
    samples: [(u64, Duration); 8],
    filled: usize,
}

impl Rate {
    /// Takes note of the total count up to `now`; to be called about once a second.
    pub fn sample(&mut self, total: u64, now: Duration) {
        if self.filled == self.samples.len() {
            self.samples.rotate_left(1);
            self.filled -= 1;
        }
        self.samples[self.filled] = (total, now);
        self.filled += 1;
    }

    /// The rate over all samples; `None` before the second sample.
    pub fn per_second(&self) -> Option<f64> {
        let samples = &self.samples[..self.filled];
        let ((first, from), (last, to)) = (samples.first()?, samples.last()?);
        let seconds = to.checked_sub(*from)?.as_secs_f64();
        (seconds > 0.0).then(|| last.saturating_sub(*first) as f64 / seconds)
    }

    /// Whether it covers its whole window.
    pub fn is_full(&self) -> bool {
        self.filled == self.samples.len()
    }

    /// Forgets all samples: the time without a source must not lower the rate.
    pub fn restart(&mut self) {
        self.filled = 0;
    }
}
