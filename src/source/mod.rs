//! Where frames come from. Every source is a [`FrameSource`]; the loop knows no more of it.

pub mod camera;
pub mod demo;
mod files;

pub use camera::Camera;
pub use demo::{Demo, PHOTOGRAPHS, Photograph};
pub use files::{Files, images_in};

use std::path::PathBuf;

use crate::frame::{DecodeError, Frame};
use crate::time::Stop;

/// What a source has when it is asked for its next frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The frame that was passed in is filled.
    Frame,
    /// A frame could not be used; the source goes on.
    Skipped(Skipped),
    /// There are no more, or the end was requested.
    Ended,
}

/// A frame that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub cause: SkipCause,
    /// Which frame, and what is wrong with it.
    pub problem: String,
}

/// Why a frame could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipCause {
    /// Its driver marked it as damaged.
    Flagged,
    /// It has fewer bytes than its size and format need, or none.
    Short,
    /// It cannot be read or decoded.
    Corrupt,
}

impl SkipCause {
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

/// Opens a source, and opens it again after a [`Fault`].
pub type Opener = Box<dyn FnMut() -> Result<Box<dyn FrameSource>, SourceError> + Send>;

/// A stream of frames.
pub trait FrameSource: Send {
    /// Waits for the next frame and writes it into `frame`, whose buffers are used again. Returns within a moment
    /// of `stop` being requested.
    fn next(&mut self, frame: &mut Frame, stop: &Stop) -> Result<Offer, SourceError>;

    /// Frames a second that its device agreed to, where it has one and that says.
    fn rate(&self) -> Option<f64> {
        None
    }

    /// Frames that nobody saw since its opener was made: lost by the driver, or let go because there was a newer one.
    /// Never goes back, over reopening neither.
    fn missed(&self) -> u64 {
        0
    }
}

/// Why a source has nothing to offer at all, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(
        "'{0}' is no source; expected 'camera:' (with a node, a link, a number or a name behind it, or nothing), 'demo:' or \
         'file:PATH' (an image, a folder of images, a Motion JPEG file)"
    )]
    Unknown(String),
    #[error("{} cannot be read: {cause}", .path.display())]
    Read { path: PathBuf, cause: std::io::Error },
    #[error("{} is neither a file nor a folder", .0.display())]
    NoFile(PathBuf),
    #[error("{} has no images (looked for {extensions})", .path.display())]
    NoImages { path: PathBuf, extensions: String },
    #[error("{} {cause}", .path.display())]
    NoImage { path: PathBuf, cause: DecodeError },
    #[error("the built-in {name} is damaged: {cause}; build purecam again")]
    BuiltIn { name: &'static str, cause: String },
    #[error("{0} frames a second cannot be; expected a number above 0 and up to 1000")]
    Rate(f64),
    #[error("the source has been read to its end")]
    Over,
    /// The only one that can pass: the source is worth opening again.
    #[error("{0}")]
    Camera(#[from] Fault),
}

/// What is wrong with a camera at the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{device} {detail}")]
pub struct Fault {
    pub reason: Reason,
    /// The camera as the user named it, with its node where that is known.
    pub device: String,
    /// What was expected, what was found and what to do, to follow the device's name: "is in use by another program".
    pub detail: String,
}

/// The kinds of [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// There is no such camera now.
    Absent,
    /// The user that purecam runs as may not open it.
    Denied,
    /// Another program has it.
    Busy,
    /// It was there and went away while it was open.
    Unplugged,
    /// No frame came in time.
    TimedOut,
    /// The driver did not start to stream.
    Refused,
    /// None of its formats can be used, or it does not give what it agreed to.
    Format,
    /// The driver reported an error.
    Io,
}

impl Reason {
    pub const ALL: [Self; 8] = [
        Self::Absent,
        Self::Denied,
        Self::Busy,
        Self::Unplugged,
        Self::TimedOut,
        Self::Refused,
        Self::Format,
        Self::Io,
    ];

    /// The name under which it is counted and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Denied => "denied",
            Self::Busy => "busy",
            Self::Unplugged => "unplugged",
            Self::TimedOut => "timed-out",
            Self::Refused => "refused",
            Self::Format => "format",
            Self::Io => "io",
        }
    }
}
