//! What happens to one frame: fit, purify, classify. A verdict comes out only where every stage succeeded.

use std::sync::Arc;
use std::time::Duration;

use super::smoothing::Smoothing;
use super::suspicion::suspicion;
use crate::engine::{Classifier, InferenceError, Purifier};
use crate::frame::{Fit, FitError, Frame};
use crate::time::Clock;
use crate::verdict::{ClassNames, Guess, Milliseconds, Models, Verdict, milliseconds};

/// Reaches verdicts. The loop knows only this; the tests script it.
pub trait Judge: Send {
    /// Writes what is said of `frame` over an older judgement, whose buffers are used again. After an error it is void.
    fn judge(&mut self, frame: &Frame, judgement: &mut Judgement) -> Result<(), Withheld>;

    /// The picture that was classified last, [3, height, width] in 0..1, and its height and width.
    fn picture(&self) -> Option<(&[f32], [usize; 2])> {
        None
    }

    /// The models that it runs.
    fn models(&self) -> Option<Arc<Models>> {
        None
    }
}

/// A verdict, and what only those who watch want to know.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    pub verdict: Verdict,
    /// The most probable class of the frame as it came, where that was asked for.
    pub raw: Option<Guess>,
}

/// Why there is no verdict about a frame.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Withheld {
    #[error("resizing failed: {0}")]
    Fit(String),
    #[error("purification failed: {0}")]
    Purify(InferenceError),
    #[error("classification failed: {0}")]
    Classify(InferenceError),
    #[error("its confidence of {confidence:.3} is below {least:.3}")]
    Unsure { confidence: f32, least: f32 },
    #[error("a stage panicked: {0}")]
    Panic(String),
    #[error("it is {} ms old, the most is {} ms", .age.as_millis(), .max_age.as_millis())]
    Stale { age: Duration, max_age: Duration },
    #[error("it cannot be written: {0}")]
    Write(String),
}

impl Withheld {
    /// The name under which it is counted.
    pub fn cause(&self) -> String {
        match self {
            Self::Fit(_) => "resize".to_owned(),
            Self::Purify(error) => format!("purify-{}", error.cause()),
            Self::Classify(error) => format!("classify-{}", error.cause()),
            Self::Unsure { .. } => "unsure".to_owned(),
            Self::Panic(_) => "panic".to_owned(),
            Self::Stale { .. } => "stale".to_owned(),
            Self::Write(_) => "write".to_owned(),
        }
    }
}

impl From<FitError> for Withheld {
    fn from(error: FitError) -> Self {
        Self::Fit(error.to_string())
    }
}

/// What a pipeline does besides purifying and classifying.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many classes a verdict names.
    pub top: usize,
    /// How many purified distributions have a say in a verdict; 1 is this frame's alone.
    pub smoothing: usize,
    /// A verdict of less confidence is withheld.
    pub min_confidence: f32,
    /// Classifies every frame as it came, too, and says how far the two disagree. The verdict stays the purified one's.
    pub compare_raw: bool,
    /// From what suspicion on a verdict is suspicious.
    pub threshold: f32,
}

impl Default for Options {
    fn default() -> Self {
        Self { top: 3, smoothing: 1, min_confidence: 0.0, compare_raw: false, threshold: 0.5 }
    }
}

/// The stages with real models. Its buffers live as long as it does: after the first frames it allocates nothing.
pub struct Pipeline {
    /// Nothing where the user asked for pictures to be classified as they are.
    purifier: Option<Purifier>,
    classifier: Classifier,
    names: ClassNames,
    models: Arc<Models>,
    clock: Arc<dyn Clock>,
    options: Options,
    fit: Fit,
    smoothing: Smoothing,
    image: Vec<f32>,
    purified: Vec<f32>,
    /// What the classifier makes of the purified picture, smoothed; and of the frame as it came.
    probabilities: Vec<f32>,
    best_raw: Vec<Guess>,
}

impl Pipeline {
    /// The two models must agree in size ([`Classifier::expect_size_of`]); where they do not, every verdict is withheld.
    pub fn new(purifier: Option<Purifier>, classifier: Classifier, options: Options, clock: Arc<dyn Clock>) -> Self {
        let models = Models {
            purifier: purifier.as_ref().map(|purifier| purifier.sha256().to_owned()),
            classifier: classifier.sha256().to_owned(),
        };
        Self {
            purifier,
            names: ClassNames::new(classifier.labels()),
            models: Arc::new(models),
            clock,
            options,
            fit: Fit::new(classifier.size()),
            smoothing: Smoothing::new(options.smoothing),
            classifier,
            image: Vec::new(),
            purified: Vec::new(),
            probabilities: Vec::new(),
            best_raw: Vec::new(),
        }
    }

    /// Height and width that frames are fitted to.
    pub fn size(&self) -> [usize; 2] {
        self.classifier.size()
    }

    /// SHA-256 of its models.
    pub fn models(&self) -> &Arc<Models> {
        &self.models
    }

    /// The picture that was classified last, [3, height, width], RGB in 0..1.
    pub fn last_picture(&self) -> &[f32] {
        if self.purifier.is_some() { &self.purified } else { &self.image }
    }

    /// Classifies the frame as it came; its most probable class goes into `raw`. Returns the suspicion.
    fn compare_raw(&mut self, raw: &mut Option<Guess>) -> Result<f32, Withheld> {
        let probabilities = self.classifier.classify(&self.image).map_err(Withheld::Classify)?;
        self.names.rank(probabilities, 1, &mut self.best_raw);
        raw.clone_from(&self.best_raw.first().cloned());
        Ok(suspicion(probabilities, &self.probabilities))
    }
}

impl Judge for Pipeline {
    fn judge(&mut self, frame: &Frame, judgement: &mut Judgement) -> Result<(), Withheld> {
        let mut watch = Watch { clock: self.clock.clone(), since: self.clock.now() };
        self.fit.planes(&frame.picture, &mut self.image)?;
        let resize = watch.lap();
        if let Some(purifier) = &mut self.purifier {
            purifier.purify(&self.image, frame.sequence, &mut self.purified).map_err(Withheld::Purify)?;
        }
        let purify = watch.lap();
        let picture = if self.purifier.is_some() { &self.purified } else { &self.image };
        let probabilities = self.classifier.classify(picture).map_err(Withheld::Classify)?;
        let size = self.fit.size();
        let (combined, smoothed) = self.smoothing.combine(frame.captured, &self.image, size, probabilities);
        let verdict = &mut judgement.verdict;
        self.names.rank(combined, self.options.top, &mut verdict.top);
        // The suspicion compares one frame's raw picture with the same frame's purified one.
        self.probabilities.clear();
        self.probabilities.extend_from_slice(probabilities);
        let classify = watch.lap();
        verdict.age_ms = milliseconds(watch.since.saturating_sub(frame.captured));
        // A loaded classifier has a class at least, and a ranking keeps one.
        let best = &verdict.top[0];
        (verdict.label, verdict.index, verdict.confidence) = (best.label.clone(), best.index, best.confidence);
        (verdict.seq, verdict.captured_at) = (frame.sequence, frame.captured_at);
        (verdict.smoothed, verdict.purified) = (smoothed, self.purifier.is_some());
        verdict.models = self.models.clone();
        let decode = frame.decoding;
        verdict.ms = Milliseconds {
            decode: milliseconds(decode),
            resize: milliseconds(resize),
            purify: milliseconds(purify),
            classify: milliseconds(classify),
            total: milliseconds(decode + resize + purify + classify),
        };
        let Options { min_confidence: least, compare_raw, threshold, .. } = self.options;
        let confidence = verdict.confidence;
        if confidence < least {
            return Err(Withheld::Unsure { confidence, least });
        }
        let suspicion = compare_raw.then(|| self.compare_raw(&mut judgement.raw)).transpose()?;
        judgement.verdict.suspicion = suspicion;
        judgement.verdict.suspicious = suspicion.is_some_and(|suspicion| suspicion >= threshold);
        Ok(())
    }

    fn picture(&self) -> Option<(&[f32], [usize; 2])> {
        Some((self.last_picture(), self.size()))
    }

    fn models(&self) -> Option<Arc<Models>> {
        Some(self.models.clone())
    }
}

/// Measures one stage after the other.
struct Watch {
    clock: Arc<dyn Clock>,
    since: Duration,
}

impl Watch {
    fn lap(&mut self) -> Duration {
        let now = self.clock.now();
        now.saturating_sub(std::mem::replace(&mut self.since, now))
    }
}
