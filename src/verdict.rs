//! The verdict about a frame, and its JSON: one line per verdict, after a header line. See `docs/reference/verdict.md`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize, Serializer};

use crate::engine::contract::Label;

/// The version of the lines' schema. It changes if a field is removed or changes its meaning, not if one is added.
pub const SCHEMA_VERSION: u32 = 1;

/// The first line of a stream.
#[derive(Clone, Debug, Serialize)]
pub struct Header {
    /// [`SCHEMA_VERSION`].
    pub schema: u32,
    /// The program and its version.
    pub generator: &'static str,
    /// The models that run.
    pub models: Arc<Models>,
    /// What people want to know of their files.
    pub files: Files,
    /// SHA-256 of the configuration file; `None` if there is none.
    pub configuration: Option<String>,
    /// The camera's name; `None` of `classify`.
    pub camera: Option<String>,
    /// The boot of the machine on whose clock `captured_monotonic_ns` counts; `None` if it is not known.
    pub boot_id: Option<String>,
    /// No verdict of this stream is older when it is published, in milliseconds; `None` of `classify`.
    pub max_age_ms: Option<u64>,
}

impl Header {
    /// The header of this program's lines.
    pub fn new(models: Arc<Models>, configuration: Option<String>) -> Self {
        Self {
            schema: SCHEMA_VERSION,
            generator: concat!("purecam ", env!("CARGO_PKG_VERSION")),
            files: models.files.clone(),
            models,
            configuration,
            camera: None,
            boot_id: None,
            max_age_ms: None,
        }
    }
}

/// The models that run. As JSON: SHA-256 of their files, which every verdict carries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Models {
    /// The purifier's; `None` if frames are classified as they are.
    pub purifier: Option<String>,
    /// The classifier's.
    pub classifier: String,
    /// What people want to know of the files; only the header of a stream and the status carry it.
    #[serde(skip)]
    pub files: Files,
}

/// What people want to know of the models' files.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Files {
    /// `None` if frames are classified as they are.
    pub purifier: Option<PurifierFile>,
    /// The classifier.
    pub classifier: ClassifierFile,
}

/// What people want to know of a purifier's file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PurifierFile {
    /// The file's name without its folder.
    pub name: String,
    /// How it removes a perturbation: `mask`, `image-noise`, `feature-noise` or `both` of a RIAE, `noise` of a U-Net; `None`
    /// if the file does not say.
    pub mode: Option<String>,
    /// Standard deviation of its noise in 8-bit levels, if that can be set.
    pub strength: Option<f32>,
    /// Height and width of its pictures in pixels.
    pub size: [usize; 2],
}

/// What people want to know of a classifier's file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClassifierFile {
    /// The file's name without its folder.
    pub name: String,
    /// Its classes or labels.
    pub classes: usize,
    /// Height and width of its pictures in pixels.
    pub size: [usize; 2],
}

/// A class and the classifier's confidence in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Guess {
    /// The class's name.
    pub label: Arc<str>,
    /// The class's place among the classifier's outputs, from 0.
    pub index: usize,
    /// Its probability, 0..1.
    pub confidence: f32,
    /// The WordNet identifier; for the live view, not published.
    #[serde(skip)]
    pub wnid: Option<Arc<str>>,
}

/// The duration of each stage, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Milliseconds {
    /// Decoding or rendering, in the source.
    #[serde(serialize_with = "microsecond_digits")]
    pub decode: f64,
    /// Fitting to the models' size.
    #[serde(serialize_with = "microsecond_digits")]
    pub resize: f64,
    /// Purification.
    #[serde(serialize_with = "microsecond_digits")]
    pub purify: f64,
    /// Classification.
    #[serde(serialize_with = "microsecond_digits")]
    pub classify: f64,
    /// The sum of the stages.
    #[serde(serialize_with = "microsecond_digits")]
    pub total: f64,
}

/// The verdict about one frame.
#[derive(Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The frame's number in its source.
    pub seq: u64,
    /// When the frame was taken, RFC 3339 in UTC.
    #[serde(serialize_with = "rfc3339")]
    pub captured_at: SystemTime,
    /// When the frame was taken, in nanoseconds on the machine's CLOCK_MONOTONIC, which no change of the time moves;
    /// `None` of `classify`.
    pub captured_monotonic_ns: Option<u64>,
    /// The boot of the machine on whose clock that is; `None` if it is not known.
    pub boot_id: Option<Arc<str>>,
    /// The camera's name; `None` of `classify`.
    pub camera: Option<Arc<str>>,
    /// The frame's age when the verdict was reached, in milliseconds.
    #[serde(serialize_with = "microsecond_digits")]
    pub age_ms: f64,
    /// The most probable class.
    pub label: Arc<str>,
    /// The class's place among the classifier's outputs, from 0.
    pub index: usize,
    /// Its probability, 0..1.
    pub confidence: f32,
    /// The most probable classes, best first; the first is the verdict's own.
    pub top: Vec<Guess>,
    /// The labels whose probability has reached the threshold, best first, if each label has a probability of its own;
    /// empty if none is present. `None` from a classifier that chooses one class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub present: Option<Vec<Guess>>,
    /// How far the classifications of the raw and the purified frame differ, 0..1; `None` if they were not compared.
    pub suspicion: Option<f32>,
    /// Whether the suspicion has reached the threshold.
    pub suspicious: bool,
    /// Whether earlier frames contributed.
    pub smoothed: bool,
    /// False only if the user switched purification off.
    pub purified: bool,
    /// The duration of each stage.
    pub ms: Milliseconds,
    /// The models that reached it.
    pub models: Arc<Models>,
}

/// An empty verdict, to be overwritten.
impl Default for Verdict {
    fn default() -> Self {
        Self {
            seq: 0,
            captured_at: SystemTime::UNIX_EPOCH,
            captured_monotonic_ns: None,
            boot_id: None,
            camera: None,
            age_ms: 0.0,
            label: Arc::default(),
            index: 0,
            confidence: 0.0,
            top: Vec::new(),
            present: None,
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

    /// Allocates nothing if `self` has held as many classes before.
    fn clone_from(&mut self, source: &Self) {
        self.label.clone_from(&source.label);
        self.boot_id.clone_from(&source.boot_id);
        self.camera.clone_from(&source.camera);
        self.captured_monotonic_ns = source.captured_monotonic_ns;
        self.top.clone_from(&source.top);
        self.present.clone_from(&source.present);
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
    /// The names of `labels`, in their order.
    pub fn new(labels: &[Label]) -> Self {
        Self(labels.iter().map(|label| (label.label.as_str().into(), label.wnid.as_deref().map(Into::into))).collect())
    }

    /// Writes the `count` most probable classes into `top`, best first; equal ones keep the order of the outputs. A
    /// `count` of 0 means 1.
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

    /// Writes the classes with a probability of at least `threshold` into `present`, best first.
    pub fn present(&self, probabilities: &[f32], threshold: f32, present: &mut Vec<Guess>) {
        self.rank(probabilities, probabilities.len(), present);
        let count = present.partition_point(|guess| guess.confidence >= threshold);
        present.truncate(count);
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
