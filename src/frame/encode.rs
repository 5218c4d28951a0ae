//! Pictures as PNG files.

use std::io;
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::atomic;

/// Writes `rgb`, \[height, width, 3\] bytes, as a PNG file that appears whole or not at all.
///
/// # Errors
/// The file cannot be written, or `rgb` has not the length of `size`.
pub fn write_png(path: &Path, rgb: &[u8], size: [usize; 2]) -> io::Result<()> {
    atomic::write(path, &png(rgb, size)?)
}

/// Encodes `rgb`, \[height, width, 3\] bytes, as the bytes of a PNG file.
///
/// # Errors
/// `rgb` has not the length of `size`.
pub fn png(rgb: &[u8], [height, width]: [usize; 2]) -> io::Result<Vec<u8>> {
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(rgb, width as u32, height as u32, ExtendedColorType::Rgb8)
        .map_err(io::Error::other)?;
    Ok(png)
}

/// Rounds planes, \[3, height, width\] in 0..1, to bytes, \[height, width, 3\].
pub fn rgb(planes: &[f32]) -> Vec<u8> {
    let pixels = planes.len() / 3;
    (0..3 * pixels).map(|index| (planes[index % 3 * pixels + index / 3] * 255.0).round() as u8).collect()
}
