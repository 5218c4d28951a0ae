//! What is said of a frame, and its JSON: one line a verdict, after a header line. `docs/reference/verdict.md` explains it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize, Serializer};

use crate::engine::contract::Label;

/// The version of the lines' schema. A new field does not change it; a field that goes or changes its meaning does.
pub const SCHEMA_VERSION: u32 = 1;

/// The first line of a stream.
#[derive(Clone, Debug, Serialize)]
pub struct Header {
    pub schema: u32,
    /// The program and its version.
    pub generator: &'static str,
    pub models: Arc<Models>,
    /// SHA-256 of the configuration file; nothing where none was given.
    pub configuration: Option<String>,
}

impl Header {
    pub fn new(models: Arc<Models>, configuration: Option<String>) -> Self {
        Self {
            schema: SCHEMA_VERSION,
            generator: concat!("purecam ", env!("CARGO_PKG_VERSION")),
            models,
            configuration,
        }
    }
}

/// SHA-256 of the models' files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Models {
    /// Nothing where pictures are classified as they are.
    pub purifier: Option<String>,
    pub classifier: String,
}

/// A class and how sure the classifier is of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Guess {
    pub label: Arc<str>,
    /// Where the classifier's outputs begin at 0.
    pub index: usize,
    pub confidence: f32,
    /// The WordNet identifier; for the live view, not published.
    #[serde(skip)]
    pub wnid: Option<Arc<str>>,
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
#[derive(Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The frame's number in its source.
    pub seq: u64,
    /// When the frame was taken, RFC 3339 in UTC.
    #[serde(serialize_with = "rfc3339")]
    pub captured_at: SystemTime,
    /// The frame's age when the verdict was reached.
    #[serde(serialize_with = "microsecond_digits")]
    pub age_ms: f64,
    pub label: Arc<str>,
    pub index: usize,
    pub confidence: f32,
    /// The most probable classes, best first; the first is the verdict's own.
    pub top: Vec<Guess>,
    /// How far raw and purified disagree, in 0..1; nothing where the raw frame was not compared.
    pub suspicion: Option<f32>,
    /// Whether the suspicion has reached the threshold.
    pub suspicious: bool,
    /// Whether earlier frames had a say.
    pub smoothed: bool,
    /// False only where the user asked for pictures to be classified as they are.
    pub purified: bool,
    pub ms: Milliseconds,
    pub models: Arc<Models>,
}

/// A verdict about nothing, to be written over.
impl Default for Verdict {
    fn default() -> Self {
        Self {
            seq: 0,
            captured_at: SystemTime::UNIX_EPOCH,
            age_ms: 0.0,
            label: Arc::default(),
            index: 0,
            confidence: 0.0,
            top: Vec::new(),
            suspicion: None,
            suspicious: false,
            smoothed: false,
            purified: false,
            ms: Milliseconds::default(),
            models: Arc::default(),
        }
    }
}

impl Clone for Verdict {
    fn clone(&self) -> Self {
        let mut clone = Self::default();
        clone.clone_from(self);
        clone
    }

    /// Allocates nothing where `self` has held as many classes before.
    fn clone_from(&mut self, source: &Self) {
        self.label.clone_from(&source.label);
        self.top.clone_from(&source.top);
        self.models.clone_from(&source.models);
        let Self { seq, captured_at, age_ms, index, confidence, suspicion, suspicious, smoothed, purified, ms, .. } =
            *source;
        (self.seq, self.captured_at, self.age_ms) = (seq, captured_at, age_ms);
        (self.index, self.confidence, self.ms) = (index, confidence, ms);
        (self.suspicion, self.suspicious) = (suspicion, suspicious);
        (self.smoothed, self.purified) = (smoothed, purified);
    }
}

/// The names of a classifier's classes, shared with every verdict that mentions them.
#[derive(Clone, Debug)]
pub struct ClassNames(Vec<(Arc<str>, Option<Arc<str>>)>);

impl ClassNames {
    pub fn new(labels: &[Label]) -> Self {
        Self(labels.iter().map(|label| (label.label.as_str().into(), label.wnid.as_deref().map(Into::into))).collect())
    }

    /// Writes the `count` most probable classes into `top`, best first; of equal ones the first. At least one, where
    /// there are any.
    pub fn rank(&self, probabilities: &[f32], count: usize, top: &mut Vec<Guess>) {
        top.clear();
        let count = count.max(1);
        for (index, (&confidence, (label, wnid))) in probabilities.iter().zip(&self.0).enumerate() {
            let place = top.partition_point(|better: &Guess| better.confidence.total_cmp(&confidence).is_ge());
            if place < count {
                top.truncate(count - 1);
                top.insert(place, Guess { label: label.clone(), index, confidence, wnid: wnid.clone() });
            }
        }
    }
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
