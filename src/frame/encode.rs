//! Pictures as PNG files, and as small JPEG files.

use std::io;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::{Fit, Framing, Picture, Proportions};
use crate::atomic;

/// JPEG quality of a thumbnail: it shows what is in a picture, and nothing is measured on it.
const THUMBNAIL_QUALITY: u8 = 80;

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

/// Reduces `picture` to at most `longest` pixels on its longer side, and encodes it as the bytes of a JPEG file.
///
/// # Errors
/// `picture` has no pixels, or not as many bytes as they need.
pub fn thumbnail(picture: &Picture, longest: u32) -> io::Result<Vec<u8>> {
    let scale = f64::from(longest) / f64::from(picture.width.max(picture.height).max(longest));
    let [height, width] = [picture.height, picture.width].map(|side| ((f64::from(side) * scale).round() as u32).max(1));
    let framing = Framing { fit: Proportions::Stretch, ..Framing::default() };
    let mut fit = Fit::framed([height as usize, width as usize], framing);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, THUMBNAIL_QUALITY)
        .write_image(fit.rgb(picture).map_err(io::Error::other)?, width, height, ExtendedColorType::Rgb8)
        .map_err(io::Error::other)?;
    Ok(jpeg)
}

/// Rounds planes, \[3, height, width\] in 0..1, to bytes, \[height, width, 3\].
pub fn rgb(planes: &[f32]) -> Vec<u8> {
    let pixels = planes.len() / 3;
    (0..3 * pixels).map(|index| (planes[index % 3 * pixels + index / 3] * 255.0).round() as u8).collect()
}
