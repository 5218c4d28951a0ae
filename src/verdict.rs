//! What is said of a frame, and its JSON: one line a verdict, after a header line. `docs/reference/verdict.md` explains it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use crate::engine::contract::Label;

/// The version of the lines' schema. A new field does not change it; a field that goes or changes its meaning does.
pub const SCHEMA_VERSION: u32 = 1;

/// The first line of a stream.
#[derive(Clone, Debug, Serialize)]
pub struct Header {
    pub schema: u32,
    /// The program and its version.
    pub generator: &'static str,
    pub models: Models,
    /// SHA-256 of the configuration file; nothing where none was given.
    pub configuration: Option<String>,
}

impl Header {
    pub fn new(models: Models, configuration: Option<String>) -> Self {
        Self {
            schema: SCHEMA_VERSION,
            generator: concat!("purecam ", env!("CARGO_PKG_VERSION")),
            models,
            configuration,
        }
    }
}

/// SHA-256 of the models' files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Models {
    /// Nothing where pictures are classified as they are.
    pub purifier: Option<String>,
    pub classifier: String,
}

/// A class and how sure the classifier is of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Guess {
    pub label: String,
    /// Where the classifier's outputs begin at 0.
    pub index: usize,
    pub confidence: f32,
    /// The WordNet identifier; for the live view, not published.
    #[serde(skip)]
    pub wnid: Option<String>,
}

/// How long each stage took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Milliseconds {
    #[serde(serialize_with = "microsecond_digits")]
    pub decode: f64,
    #[serde(serialize_with = "microsecond_digits")]
    pub resize: f64,
    #[serde(serialize_with = "microsecond_digits")]
    pub purify: f64,
    #[serde(serialize_with = "microsecond_digits")]
    pub classify: f64,
    #[serde(serialize_with = "microsecond_digits")]
    pub total: f64,
}

/// What is said of one frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The frame's number in its source.
    pub seq: u64,
    /// When the frame was taken, RFC 3339 in UTC.
    #[serde(serialize_with = "rfc3339")]
    pub captured_at: SystemTime,
    /// The frame's age when the verdict was reached.
    #[serde(serialize_with = "microsecond_digits")]
    pub age_ms: f64,
    pub label: String,
    pub index: usize,
    pub confidence: f32,
    /// The most probable classes, best first; the first is the verdict's own.
    pub top: Vec<Guess>,
    /// How far raw and purified disagree, in 0..1; nothing where the raw frame was not compared.
    pub suspicion: Option<f32>,
    /// Whether earlier frames had a say.
    pub smoothed: bool,
    /// False only where the user asked for pictures to be classified as they are.
    pub purified: bool,
    pub ms: Milliseconds,
    pub models: Models,
}

/// What has become of the frames of a stream so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames that arrived.
    pub frames: u64,
    pub verdicts: u64,
    /// Frames that a newer one replaced before a model was free for them.
    pub replaced: u64,
    /// Frames that their source could not read.
    pub skipped: u64,
    /// Frames without a verdict because a stage failed, by cause.
    pub withheld: BTreeMap<String, u64>,
    /// Verdicts that nobody took in time.
    pub unpublished: u64,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { frames, verdicts, replaced, skipped, .. } = self;
        write!(f, "{verdicts} verdicts of {frames} frames ({replaced} replaced by newer ones, {skipped} unreadable")?;
        self.withheld.iter().try_for_each(|(cause, count)| write!(f, ", {count} withheld: {cause}"))?;
        if self.unpublished > 0 {
            write!(f, ", {} not taken by the reader", self.unpublished)?;
        }
        write!(f, ")")
    }
}

/// The `count` most probable classes, best first; of equal ones the first.
pub fn ranking(probabilities: &[f32], labels: &[Label], count: usize) -> Vec<Guess> {
    let mut order: Vec<usize> = (0..probabilities.len().min(labels.len())).collect();
    order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]).then(a.cmp(&b)));
    order.truncate(count.max(1));
    let guess = |index: usize| Guess {
        label: labels[index].label.clone(),
        index,
        confidence: probabilities[index],
        wnid: labels[index].wnid.clone(),
    };
    order.into_iter().map(guess).collect()
}

/// A duration in milliseconds.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn microsecond_digits<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((value * 1e3).round() / 1e3)
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let time = jiff::Timestamp::try_from(*time).map_err(serde::ser::Error::custom)?;
    serializer.collect_str(&format_args!("{time:.3}"))
}
