//! A picture on its way from a source to a verdict: its pixels, its capture time, and its number.

mod decode;
mod encode;
mod fit;
mod folder;
mod framing;
mod jpeg;
pub mod listing;
mod resample;

pub use decode::{DecodeError, MAX_FILE_BYTES, MAX_PIXELS, decode, read};
pub use encode::{png, rgb, thumbnail, write_png};
pub use fit::{Fit, FitError};
pub use folder::{PictureFolder, WriteError};
pub use framing::{Flip, Framing, Proportions};
pub use jpeg::{Expected, Inspector, JpegError, JpegStream, jpeg_length};
pub use resample::Part;

use std::path::Path;
use std::time::{Duration, SystemTime};

/// Endings of image files, lower case.
pub const EXTENSIONS: [&str; 13] =
    ["jpg", "jpeg", "jpe", "png", "gif", "webp", "bmp", "tif", "tiff", "pnm", "ppm", "pgm", "pbm"];

/// Whether a file's name has one of [`EXTENSIONS`], in either case.
pub fn is_image(path: &Path) -> bool {
    path.extension().is_some_and(|found| EXTENSIONS.iter().any(|known| found.eq_ignore_ascii_case(known)))
}

/// An 8-bit RGB picture, row by row from the top left, three bytes per pixel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// `width * height * 3` bytes.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Copies `other` into this picture; allocates nothing if it has held as many pixels before.
    pub fn copy_from(&mut self, other: &Self) {
        (self.width, self.height) = (other.width, other.height);
        self.rgb.clear();
        self.rgb.extend_from_slice(&other.rgb);
    }
}

/// A picture with its place in a stream.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its pixels.
    pub picture: Picture,
    /// Position in its source, counted from 0; skipped frames count too.
    pub sequence: u64,
    /// When it was taken, on the stream's own [`Clock`](crate::time::Clock).
    pub captured: Duration,
    /// When it was taken, by the wall clock; for people, never for arithmetic.
    pub captured_at: SystemTime,
    /// How long its source took to decode or to render it.
    pub decoding: Duration,
    /// What it shows, if its source knows.
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

/// What the demonstration knows about its own frames. Only its live view reads this; no model and no verdict does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staged {
    /// The photograph's file name.
    pub photograph: &'static str,
    /// The WordNet identifier of what it shows.
    pub wnid: &'static str,
    /// Whether the adversarial perturbation lies over it.
    pub attacked: bool,
}
