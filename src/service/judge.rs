//! What the loop knows of its models: a judge, which gives a verdict about a frame or a reason why there is none.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::InferenceError;
use crate::frame::{FitError, Frame, Framing};
use crate::verdict::{Guess, Models, Verdict};

/// Reaches verdicts. The loop knows only this trait; tests script it.
pub trait Judge: Send {
    /// Judges `frame` and writes the result into `judgement`, whose buffers are reused. After an error its content is
    /// undefined.
    ///
    /// # Errors
    /// Why no verdict about this frame may be published.
    fn judge(&mut self, frame: &Frame, judgement: &mut Judgement) -> Result<(), Withheld>;

    /// The picture that was classified last, [3, height, width], RGB in 0..1, and its height and width.
    fn picture(&self) -> Option<(&[f32], [usize; 2])> {
        None
    }

    /// SHA-256 of the models that it runs.
    fn models(&self) -> Option<Arc<Models>> {
        None
    }

    /// The least suspicion, in 0..1, with which it marks a verdict as suspicious; `None` if it does not measure it.
    fn threshold(&self) -> Option<f32> {
        None
    }

    /// Where in a frame it looks.
    fn framing(&self) -> Framing {
        Framing::default()
    }
}

/// A verdict, and what only a live view shows beside it.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// The verdict that is published.
    pub verdict: Verdict,
    /// The most probable class of the frame before purification; `None` if raw frames are not classified.
    pub raw: Option<Guess>,
}

/// Why no verdict about a frame is published.
#[derive(Debug, thiserror::Error)]
pub enum Withheld {
    /// The frame cannot be resized to the models' input.
    #[error("resizing failed: {0}")]
    Fit(#[from] FitError),
    /// The purifier gave no usable picture.
    #[error("purification failed: {0}")]
    Purify(#[source] InferenceError),
    /// The classifier gave no usable distribution.
    #[error("classification failed: {0}")]
    Classify(#[source] InferenceError),
    /// The camera's pictures no longer change, since so long.
    #[error("the camera's picture has not changed for {:.1} s", .0.as_secs_f64())]
    Frozen(Duration),
    /// The camera's pictures have been of one even colour since so long.
    #[error(
        "the camera's picture has been of one even colour for {:.1} s: the lens is covered, it is dark, or there is no \
         signal",
        .0.as_secs_f64()
    )]
    Flat(Duration),
    /// The verdict is less sure than the configuration accepts. Both are in 0..1. Not a failure: the models have seen
    /// the frame and do not know it.
    #[error("its confidence of {confidence:.3} is below the minimum of {least:.3}")]
    Unsure { confidence: f32, least: f32 },
    /// A stage panicked; the panic's message and place.
    #[error("a stage panicked: {0}")]
    Panic(String),
    /// The frame is older than a published verdict's may be.
    #[error("the frame is {} ms old; the maximum is {} ms", .age.as_millis(), .max_age.as_millis())]
    Stale { age: Duration, max_age: Duration },
    /// The verdict has no JSON form.
    #[error("the verdict cannot be written as JSON: {0}")]
    Write(#[source] serde_json::Error),
}

impl Withheld {
    /// The name under which it is counted.
    pub fn cause(&self) -> String {
        match self {
            Self::Fit(_) => "resize".to_owned(),
            Self::Purify(error) => format!("purify-{}", error.cause()),
            Self::Classify(error) => format!("classify-{}", error.cause()),
            Self::Frozen(_) => "frozen".to_owned(),
            Self::Flat(_) => "flat".to_owned(),
            Self::Unsure { .. } => "unsure".to_owned(),
            Self::Panic(_) => "panic".to_owned(),
            Self::Stale { .. } => "stale".to_owned(),
            Self::Write(_) => "write".to_owned(),
        }
    }
}
