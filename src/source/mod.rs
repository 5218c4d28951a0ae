//! Where frames come from. Every source is a [`FrameSource`]; the loop knows no more of it.

pub mod demo;
mod files;

pub use demo::{Demo, PHOTOGRAPHS, Photograph};
pub use files::{Files, images_in};

use std::path::PathBuf;

use crate::frame::{DecodeError, Frame, Stop};

/// What a source has when it is asked for its next frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The frame that was passed in is filled.
    Frame,
    /// A frame could not be read; the source goes on. Says which and why.
    Skipped(String),
    /// There are no more, or the end was requested.
    Ended,
}

/// A stream of frames.
pub trait FrameSource: Send {
    /// Waits for the next frame and writes it into `frame`, whose buffers are used again. Returns within a moment
    /// of `stop` being requested.
    fn next(&mut self, frame: &mut Frame, stop: &Stop) -> Result<Offer, SourceError>;
}

/// Why a source has nothing to offer at all, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("'{0}' is no source; expected 'demo:' or 'file:PATH' (an image, a folder of images, a Motion JPEG file)")]
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
}
