//! What a user asks of a camera, and the defaults for what is not given.

use std::fmt;

use super::pixels::PixelFormat;
use crate::source::FrameRate;

/// Frames dropped after each open, unless the user gives another number: a sensor needs some to find its exposure.
pub const DEFAULT_SKIP_FRAMES: u32 = 5;
/// The size, [width, height], to look for if none is given: twice the side that the models see, and more.
const DEFAULT_SIZE: [u32; 2] = [640, 480];
/// The rate to look for if none is given, in frames per second.
const DEFAULT_RATE: f64 = 30.0;

/// The form of a camera's frames that a user asks for. What is not given is chosen; `negotiate.rs` ranks the
/// camera's modes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Pixels. A camera that does not offer this width is refused.
    pub width: Option<u32>,
    /// Pixels. A camera that does not offer this height is refused.
    pub height: Option<u32>,
    /// The nearest rate is taken, with a warning if it is another.
    pub fps: Option<FrameRate>,
    /// The only pixel format to accept.
    pub format: Option<PixelFormat>,
    /// Frames to drop after each open; [`DEFAULT_SKIP_FRAMES`] if not given.
    pub skip_frames: Option<u32>,
}

impl Wanted {
    /// The size to look for, [width, height]; a side that is not given keeps the proportions of the default.
    pub(super) fn size(&self) -> [u32; 2] {
        match (self.width, self.height) {
            (Some(width), Some(height)) => [width, height],
            (Some(width), None) => [width, width / 4 * 3],
            (None, Some(height)) => [height / 3 * 4, height],
            (None, None) => DEFAULT_SIZE,
        }
    }

    /// Whether a size has the width and the height that the user gave, each if it was given.
    pub(super) fn accepts_size(&self, [width, height]: [u32; 2]) -> bool {
        self.width.is_none_or(|wanted| wanted == width) && self.height.is_none_or(|wanted| wanted == height)
    }

    /// The rate to look for, in frames per second.
    pub(super) fn rate(&self) -> f64 {
        self.fps.map_or(DEFAULT_RATE, FrameRate::per_second)
    }
}

/// Format and size in words, to follow "offers no".
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(format) = self.format {
            write!(f, "{} ", format.name())?;
        }
        let side = |side: Option<u32>| side.map_or("any".to_owned(), |side| side.to_string());
        match (self.width, self.height) {
            (None, None) => f.write_str("size"),
            (width, height) => write!(f, "{}x{}", side(width), side(height)),
        }
    }
}
