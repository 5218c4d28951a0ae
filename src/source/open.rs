//! A source as something that can be opened, and opened again.

use std::sync::Arc;

use super::camera::Wanted;
use super::{Camera, Demo, Files, FrameRate, FrameSource, Opener, SourceError, SourceUri};
use crate::time::Clock;

/// What opens a source.
///
/// A camera is opened when the opener is called. Files and the demonstration are opened here and now, so that what is
/// wrong with them shows before anything starts; their opener works once.
///
/// Of `wanted`, files and the demonstration use the frame rate only, and `default_rate` if it has none. The
/// demonstration is rendered in `size`, [height, width] in pixels.
///
/// # Errors
/// A file that cannot be read or is not an image, or damaged built-in pictures.
pub fn opener(
    uri: &SourceUri,
    wanted: Wanted,
    default_rate: FrameRate,
    size: [usize; 2],
    clock: Arc<dyn Clock>,
) -> Result<Opener, SourceError> {
    let rate = wanted.fps.unwrap_or(default_rate);
    match uri {
        SourceUri::Camera(which) => Ok(Camera::opener(which.clone(), wanted, clock)),
        SourceUri::File(path) => Files::open(path, rate, clock).map(once),
        SourceUri::Demo => Demo::new(size, rate, clock).map(once),
    }
}

/// A source that is open already; opened a second time it is [over](SourceError::Over).
fn once(source: impl FrameSource + 'static) -> Opener {
    let mut source = Some(source);
    Box::new(move || match source.take() {
        Some(source) => Ok(Box::new(source)),
        None => Err(SourceError::Over),
    })
}
