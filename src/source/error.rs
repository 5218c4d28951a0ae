//! Why a source gives no frames.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::frame::{DecodeError, FitError};

/// Why a source cannot be opened, or gives no more frames.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file or folder that the system does not let this program read.
    #[error("{} cannot be read: {cause}", .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        #[source]
        cause: io::Error,
    },
    /// A device, a socket or a pipe.
    #[error("{} is neither a file nor a folder", .0.display())]
    NotAFile(PathBuf),
    /// A folder without a file that is named like an image.
    #[error("{} has no images (looked for {extensions})", .path.display())]
    NoImages {
        /// The folder.
        path: PathBuf,
        /// What an image's name may end with, separated by commas.
        extensions: String,
    },
    /// A single file that cannot be decoded.
    #[error("{} {cause}", .path.display())]
    NotAnImage {
        /// The file.
        path: PathBuf,
        /// Why it cannot be decoded.
        #[source]
        cause: DecodeError,
    },
    /// A built-in photograph or perturbation is damaged.
    #[error("the built-in {name} is damaged: {cause}; build purecam again")]
    BuiltIn {
        /// The photograph's file name in `demo/`.
        name: &'static str,
        /// What is wrong with it.
        #[source]
        cause: BuiltInError,
    },
    /// The source was opened before and cannot be opened again.
    #[error("the source has been read to its end")]
    Over,
    /// The only variant that can pass: the source is worth opening again.
    #[error(transparent)]
    Camera(#[from] Fault),
}

/// What is wrong with a built-in picture.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum BuiltInError {
    /// It cannot be decoded.
    Decode(#[from] DecodeError),
    /// It cannot be resized.
    Fit(#[from] FitError),
}

/// What is wrong with a camera at the moment. Clones share their cause.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{device} {detail}")]
pub struct Fault {
    /// The kind of fault, under which it is counted.
    pub reason: Reason,
    /// The camera as the user named it, with its node if that is known.
    pub device: String,
    /// What was expected, what was found and what to do, to follow the device's name: "is in use by another program".
    pub detail: String,
    /// The system's error; `None` if purecam itself found the fault.
    #[source]
    pub cause: Option<Arc<io::Error>>,
}

impl Fault {
    /// A fault that purecam itself found.
    pub fn new(reason: Reason, device: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { reason, device: device.into(), detail: detail.into(), cause: None }
    }

    /// The same fault with the system's error that shows it.
    pub(super) fn caused_by(self, cause: io::Error) -> Self {
        Self { cause: Some(Arc::new(cause)), ..self }
    }
}

/// The kinds of [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// There is no such camera now.
    Absent,
    /// The user that purecam runs as may not open it.
    Denied,
    /// Another program uses it.
    Busy,
    /// It was there and went away while it was open.
    Unplugged,
    /// No frame came in time.
    TimedOut,
    /// The driver did not start to stream.
    Refused,
    /// None of its formats can be used, or it does not deliver what it agreed to.
    Format,
    /// The driver reported an error.
    Io,
}

impl Reason {
    /// All kinds, in the order in which they are shown.
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
