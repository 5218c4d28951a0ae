//! What a service counts and measures.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::source::{Reason, SkipCause};
use crate::verdict::Verdict;

/// Upper bounds of a [`Histogram`]'s buckets in seconds; the last bucket has none.
pub const BOUNDS: [f64; 16] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0];

/// How often durations fell between bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Histogram {
    /// By bucket, not cumulative.
    pub counts: [u64; BOUNDS.len() + 1],
    /// Of all durations, in seconds.
    pub sum: f64,
}

impl Histogram {
    pub fn record(&mut self, seconds: f64) {
        self.counts[BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
        self.sum += seconds;
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The stages of a verdict, in their order.
pub const STAGES: [&str; 4] = ["decode", "resize", "purify", "classify"];

/// What one sink did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkNumbers {
    pub name: &'static str,
    pub written: u64,
    /// Lines that it, or a reader of it, missed.
    pub dropped: u64,
}

/// All that is counted and measured since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers {
    /// Frames that arrived and could be used.
    pub frames: u64,
    /// Frames that a newer one replaced before a model was free for them.
    pub replaced: u64,
    /// Frames that the camera numbered and that never arrived, or that were drained for a newer one.
    pub missed: u64,
    /// Frames that could not be used, by [`SkipCause`].
    pub skipped: [u64; SkipCause::ALL.len()],
    pub verdicts: u64,
    /// Verdicts by label.
    pub labels: BTreeMap<Arc<str>, u64>,
    /// Frames without a verdict, by cause.
    pub withheld: BTreeMap<String, u64>,
    /// By [`STAGES`].
    pub stages: [Histogram; STAGES.len()],
    /// Of frames, when their verdict was reached.
    pub age: Histogram,
    /// Times that the source was lost or could not be opened, by [`Reason`].
    pub reconnects: [u64; Reason::ALL.len()],
    /// Of the newest verdict, where raw frames are classified too.
    pub suspicion: Option<f32>,
    /// Verdicts above the threshold of suspicion.
    pub suspicious: u64,
    /// Suspicious frames that were kept, and that could not be.
    pub kept: u64,
    pub keep_failed: u64,
    pub sinks: Vec<SinkNumbers>,
    /// Reloads that were taken, and that were refused.
    pub reloaded: u64,
    pub reload_refused: u64,
}

impl Numbers {
    pub fn count_skipped(&mut self, cause: SkipCause) -> u64 {
        let count = &mut self.skipped[cause as usize];
        *count += 1;
        *count
    }

    pub fn count_reconnect(&mut self, reason: Reason) -> u64 {
        let count = &mut self.reconnects[reason as usize];
        *count += 1;
        *count
    }

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

    /// Takes note of a verdict that was published.
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

    /// Frames without a verdict, whatever the cause.
    pub fn all_withheld(&self) -> u64 {
        self.withheld.values().sum()
    }

    pub fn all_skipped(&self) -> u64 {
        self.skipped.iter().sum()
    }
}

impl std::fmt::Display for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { frames, verdicts, replaced, .. } = self;
        let skipped = self.all_skipped();
        write!(f, "{verdicts} verdicts of {frames} frames ({replaced} replaced by newer ones, {skipped} unusable")?;
        self.withheld.iter().try_for_each(|(cause, count)| write!(f, ", {count} withheld: {cause}"))?;
        let lost = self.sinks.iter().filter(|sink| sink.dropped > 0);
        lost.into_iter().try_for_each(|sink| write!(f, ", {} not taken by {}", sink.dropped, sink.name))?;
        write!(f, ")")
    }
}

/// Things a second over the last few seconds, from times that are passed in.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    /// Total and time of the samples, oldest first.
    samples: [(u64, Duration); 8],
    filled: usize,
}

impl Rate {
    /// Takes note of how many there have been up to `now`; called about every second.
    pub fn sample(&mut self, total: u64, now: Duration) {
        if self.filled == self.samples.len() {
            self.samples.rotate_left(1);
            self.filled -= 1;
        }
        self.samples[self.filled] = (total, now);
        self.filled += 1;
    }

    /// Over the samples that are there; nothing before the second.
    pub fn per_second(&self) -> Option<f64> {
        let samples = &self.samples[..self.filled];
        let ((first, from), (last, to)) = (samples.first()?, samples.last()?);
        let seconds = to.checked_sub(*from)?.as_secs_f64();
        (seconds > 0.0).then(|| last.saturating_sub(*first) as f64 / seconds)
    }

    /// Whether it looks back over as many seconds as it ever does.
    pub fn is_full(&self) -> bool {
        self.filled == self.samples.len()
    }

    /// Forgets what was before: a gap is no rate.
    pub fn restart(&mut self) {
        self.filled = 0;
    }
}
