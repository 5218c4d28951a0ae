//! Pictures to files.

use std::io;
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::atomic;

/// Writes `rgb`, [height, width, 3] bytes, as a PNG file that appears whole or not at all.
pub fn write_png(path: &Path, rgb: &[u8], size: [usize; 2]) -> io::Result<()> {
    atomic::write(path, &png(rgb, size)?)
}

/// `rgb`, [height, width, 3] bytes, as the bytes of a PNG file.
pub fn png(rgb: &[u8], [height, width]: [usize; 2]) -> io::Result<Vec<u8>> {
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(rgb, width as u32, height as u32, ExtendedColorType::Rgb8)
        .map_err(io::Error::other)?;
    Ok(png)
}
