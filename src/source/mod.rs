//! Where frames come from. Every source is a [`FrameSource`]; the loop knows nothing else about it.

pub mod camera;
pub mod demo;
mod error;
mod files;
mod open;
mod rate;
mod uri;

pub use camera::Camera;
pub use demo::{Demo, PHOTOGRAPHS, Photograph};
pub use error::{BuiltInError, Fault, Reason, SourceError};
pub use files::{Files, images_in};
pub use open::opener;
pub use rate::{FrameRate, NotARate};
pub use uri::{NotASource, SourceUri};

use crate::frame::Frame;
use crate::time::Stop;

/// A stream of frames.
pub trait FrameSource: Send {
    /// Waits for the next frame and writes it into `frame`, whose buffers are reused. Returns soon after `stop` is
    /// requested.
    ///
    /// # Errors
    /// The source gives no more frames. Only a [`Fault`] can pass; the source must then be opened again.
    fn next(&mut self, frame: &mut Frame, stop: &Stop) -> Result<Offer, SourceError>;

    /// Frames per second that its device agreed to; `None` if there is no device or it does not report a rate.
    fn rate(&self) -> Option<f64> {
        None
    }

    /// Whether it shows the present, so that pictures that stop changing are a fault. False for what was recorded: it may
    /// be a still picture.
    fn is_live(&self) -> bool {
        false
    }

    /// Frames that nobody saw since its opener was made: lost by the driver, or dropped because there was a newer one.
    /// Never decreases, not even across a reopen.
    fn missed(&self) -> u64 {
        0
    }
}

/// Opens a source, and opens it again after a [`Fault`].
pub type Opener = Box<dyn FnMut() -> Result<Box<dyn FrameSource>, SourceError> + Send>;

/// A source's answer to the request for its next frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The frame that was passed in is filled.
    Frame,
    /// A frame could not be used; the source goes on.
    Skipped(Skipped),
    /// A frame was discarded on purpose, while the exposure settles; the source goes on.
    Settling,
    /// There are no more frames, or the end was requested.
    Ended,
}

/// A frame that could not be used: not an error, but an event that is counted and logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The kind of damage, under which it is counted.
    pub cause: SkipCause,
    /// Which frame, and what is wrong with it.
    pub problem: String,
}

/// Why a frame could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipCause {
    /// Its driver marked it as damaged.
    Flagged,
    /// It is empty, or has fewer bytes than its size and format need.
    Short,
    /// It cannot be read or decoded.
    Corrupt,
}

impl SkipCause {
    /// All causes, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Flagged, Self::Short, Self::Corrupt];

    /// The name under which it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flagged => "flagged",
            Self::Short => "short",
            Self::Corrupt => "corrupt",
        }
    }
}
