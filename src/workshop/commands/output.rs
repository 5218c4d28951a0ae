//! What the commands show and write: a bar on a terminal, whole files.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use crate::commands::Failure;
use crate::{atomic, frame};

/// A bar over `length` photographs; without a terminal nothing is drawn.
pub(super) fn progress_bar(length: usize) -> ProgressBar {
    let bar = ProgressBar::new(length as u64);
    match ProgressStyle::with_template("{bar:30} {pos}/{len}, {per_sec}, {eta} left") {
        Ok(style) => bar.with_style(style),
        // indicatif's own look will do.
        Err(_) => bar,
    }
}

/// Writes a text file as a whole or not at all.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    atomic::write(path, text.as_bytes()).map_err(|error| failed(path, &error))
}

/// Writes a PNG file of `size` (height, width) as a whole or not at all, and the folders that it needs.
pub(super) fn write_png(path: &Path, picture: &[u8], size: [usize; 2]) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| failed(path, &error))?;
    }
    frame::write_png(path, picture, size).map_err(|error| failed(path, &error))
}

/// What failed at a path.
pub(super) fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("{}: {error}", path.display()))
}
