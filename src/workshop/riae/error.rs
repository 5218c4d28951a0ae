//! Why a configuration, or an image for it, is refused.

use std::path::PathBuf;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The configuration file.
        path: PathBuf,
        /// What the operating system reports.
        source: std::io::Error,
    },
    /// The file is not TOML, or has an unknown or a missing key.
    #[error("{} is not a RIAE configuration: {source}", path.display())]
    Parse {
        /// The configuration file.
        path: PathBuf,
        /// What the parser reports, with line and column.
        source: Box<toml::de::Error>,
    },
    /// A value that no network can have.
    #[error("RIAE configuration: {key} is {found}, expected {expected}")]
    Config {
        /// The key, with the table that it is in.
        key: &'static str,
        /// The value.
        found: String,
        /// The values that are possible.
        expected: &'static str,
    },
    /// The image cannot be cut into whole patches.
    #[error(
        "this RIAE cannot purify images of {side} x {side} pixels: the side must be a multiple of the patch size \
         {patch}"
    )]
    NotPatches {
        /// Side of the image in pixels.
        side: usize,
        /// Side of a patch in pixels.
        patch: usize,
    },
    /// The image has more patches along a side than there are positions.
    #[error(
        "this RIAE cannot purify images of {side} x {side} pixels: their {grid} x {grid} patches exceed the \
         {positions} x {positions} position table; use a side of at most {most}, a larger patch, or a larger `positions`"
    )]
    TooLarge {
        /// Side of the image in pixels.
        side: usize,
        /// Side of the patch grid.
        grid: usize,
        /// Side of the position table in patches.
        positions: usize,
        /// The largest possible side in pixels.
        most: usize,
    },
    /// The patches cannot be dealt into equal groups.
    #[error(
        "this RIAE cannot purify images of {side} x {side} pixels: their {grid} x {grid} patches cannot be dealt into \
         {groups} equal groups; use a multiple of {multiple}"
    )]
    NotGroups {
        /// Side of the image in pixels.
        side: usize,
        /// Side of the patch grid.
        grid: usize,
        /// Number of groups.
        groups: usize,
        /// Sides that work are multiples of this many pixels.
        multiple: usize,
    },
}
