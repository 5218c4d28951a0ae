//! What happens to one frame: fit, purify, classify. A verdict comes out only where every stage succeeded.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Classifier, InferenceError, Purifier};
use crate::frame::{Clock, Fit, FitError, Frame};
use crate::verdict::{Guess, Milliseconds, Models, Verdict, milliseconds, ranking};

/// Reaches verdicts. The loop knows only this; the tests script it.
pub trait Judge: Send {
    fn judge(&mut self, frame: &Frame) -> Result<Judgement, Withheld>;
}

/// A verdict, and what only a live view wants to know.
#[derive(Clone, Debug)]
pub struct Judgement {
    pub verdict: Verdict,
    /// The most probable class of the frame as it came, where that was asked for.
    pub raw: Option<Guess>,
}

/// Why there is no verdict about a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    #[error("resizing failed: {0}")]
    Fit(String),
    #[error("purification failed: {0}")]
    Purify(InferenceError),
    #[error("classification failed: {0}")]
    Classify(InferenceError),
    #[error("a stage panicked: {0}")]
    Panic(String),
}

impl Withheld {
    /// The name under which it is counted.
    pub fn cause(&self) -> String {
        match self {
            Self::Fit(_) => "resize".to_owned(),
            Self::Purify(error) => format!("purify-{}", error.cause()),
            Self::Classify(error) => format!("classify-{}", error.cause()),
            Self::Panic(_) => "panic".to_owned(),
        }
    }
}

impl From<FitError> for Withheld {
    fn from(error: FitError) -> Self {
        Self::Fit(error.to_string())
    }
}

/// The stages with real models. Its buffers live as long as it does: after the first frame it allocates only the verdict.
pub struct Pipeline {
    /// Nothing where the user asked for pictures to be classified as they are.
    purifier: Option<Purifier>,
    classifier: Classifier,
    models: Models,
    clock: Arc<dyn Clock>,
    top: usize,
    compare_raw: bool,
    fit: Fit,
    image: Vec<f32>,
    purified: Vec<f32>,
}

impl Pipeline {
    /// `top` is how many classes a verdict names. The two models must agree in size
    /// ([`Classifier::expect_size_of`]); where they do not, every verdict is withheld.
    pub fn new(purifier: Option<Purifier>, classifier: Classifier, top: usize, clock: Arc<dyn Clock>) -> Self {
        let models = Models {
            purifier: purifier.as_ref().map(|purifier| purifier.sha256().to_owned()),
            classifier: classifier.sha256().to_owned(),
        };
        let fit = Fit::new(classifier.size());
        let (image, purified) = (Vec::new(), Vec::new());
        Self { purifier, classifier, models, clock, top, compare_raw: false, fit, image, purified }
    }

    /// Classifies every frame as it came, too. The verdict stays that of the purified one.
    pub fn compare_raw(mut self) -> Self {
        self.compare_raw = true;
        self
    }

    pub fn models(&self) -> &Models {
        &self.models
    }

    /// Height and width that frames are fitted to.
    pub fn size(&self) -> [usize; 2] {
        self.classifier.size()
    }

    /// The picture that was classified last, [3, height, width], RGB in 0..1.
    pub fn last_picture(&self) -> &[f32] {
        if self.purifier.is_some() { &self.purified } else { &self.image }
    }

    fn raw(&mut self) -> Result<Option<Guess>, Withheld> {
        if !self.compare_raw {
            return Ok(None);
        }
        self.classifier.classify(&self.image).map_err(Withheld::Classify)?;
        Ok(ranking(self.classifier.probabilities(), self.classifier.labels(), 1).into_iter().next())
    }
}

impl Judge for Pipeline {
    fn judge(&mut self, frame: &Frame) -> Result<Judgement, Withheld> {
        let mut watch = Watch { clock: self.clock.clone(), since: self.clock.now() };
        self.fit.planes(&frame.picture, &mut self.image)?;
        let resize = watch.lap();
        if let Some(purifier) = &mut self.purifier {
            purifier.purify(&self.image, frame.sequence, &mut self.purified).map_err(Withheld::Purify)?;
        }
        let purify = watch.lap();
        let picture = if self.purifier.is_some() { &self.purified } else { &self.image };
        self.classifier.classify(picture).map_err(Withheld::Classify)?;
        let classify = watch.lap();
        let age = watch.since.saturating_sub(frame.captured);
        let top = ranking(self.classifier.probabilities(), self.classifier.labels(), self.top);
        let decode = frame.decoding;
        let ms = Milliseconds {
            decode: milliseconds(decode),
            resize: milliseconds(resize),
            purify: milliseconds(purify),
            classify: milliseconds(classify),
            total: milliseconds(decode + resize + purify + classify),
        };
        let verdict = Verdict {
            seq: frame.sequence,
            captured_at: frame.captured_at,
            age_ms: milliseconds(age),
            // A loaded classifier has a class at least, and a ranking keeps one.
            label: top[0].label.clone(),
            index: top[0].index,
            confidence: top[0].confidence,
            top,
            suspicion: None,
            smoothed: false,
            purified: self.purifier.is_some(),
            ms,
            models: self.models.clone(),
        };
        Ok(Judgement { verdict, raw: self.raw()? })
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
