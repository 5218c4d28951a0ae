//! A picture on its way from a source to a verdict: its pixels, when it was taken, and which it was.

mod decode;
mod encode;
mod fit;
mod jpeg;
mod resample;

pub use decode::{DecodeError, MAX_FILE_BYTES, MAX_PIXELS, decode, read};
pub use encode::{png, write_png};
pub use fit::{Fit, FitError};
pub use jpeg::{Expected, Inspector, JpegError, JpegStream, jpeg_length};
pub use resample::Part;

use std::path::Path;
use std::time::{Duration, SystemTime};

/// Endings of image files, lower case.
pub const EXTENSIONS: [&str; 13] =
    ["jpg", "jpeg", "jpe", "png", "gif", "webp", "bmp", "tif", "tiff", "pnm", "ppm", "pgm", "pbm"];

/// Whether a file's name ends like an image's.
pub fn is_image(path: &Path) -> bool {
    path.extension().is_some_and(|found| EXTENSIONS.iter().any(|known| found.eq_ignore_ascii_case(known)))
}

/// An 8-bit RGB picture, row by row from the top left, three bytes a pixel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    /// `width * height * 3` bytes.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Becomes the same picture; allocates nothing where it has held as many pixels before.
    pub fn copy_from(&mut self, other: &Self) {
        (self.width, self.height) = (other.width, other.height);
        self.rgb.clear();
        self.rgb.extend_from_slice(&other.rgb);
    }
}

/// A picture with its place in a stream.
#[derive(Clone, Debug)]
pub struct Frame {
    pub picture: Picture,
    /// The how manieth frame of its source it is, from 0; frames that nobody looked at count too.
    pub sequence: u64,
    /// When it was taken, on the stream's own [`Clock`].
    pub captured: Duration,
    /// When it was taken, by the wall clock; for people, never for arithmetic.
    pub captured_at: SystemTime,
    /// How long its source took to decode or to render it.
    pub decoding: Duration,
    /// What is going on in it, where its source knows.
    pub staged: Option<Staged>,
}

impl Default for Frame {
    fn default() -> Self {
        Self {
            picture: Picture::default(),
            sequence: 0,
            captured: Duration::ZERO,
            captured_at: SystemTime::UNIX_EPOCH,
            decoding: Duration::ZERO,
            staged: None,
        }
    }
}

/// What the demonstration knows of its own frames. Only its live view looks at this; no model and no verdict does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staged {
    /// The photograph's file name.
    pub photograph: &'static str,
    /// The WordNet identifier of what it shows.
    pub wnid: &'static str,
    /// Whether the adversarial perturbation lies over it.
    pub attacked: bool,
}
