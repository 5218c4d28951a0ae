//! The before/after sheet: one row per photograph.

use std::path::Path;

use image::{Rgb, RgbImage};

use super::error::Error;
use crate::frame;

/// Pixels between two pictures.
const GAP: u32 = 4;
/// How much the last column enlarges a difference.
const GAIN: i32 = 4;

/// Draws rows of clean, adversarial, purified adversarial and purified clean squares of `side` pixels, then the
/// difference between purified adversarial and clean, four times enlarged around grey.
///
/// # Errors
/// A file that cannot be written.
pub fn draw(rows: &[[&Vec<u8>; 4]], side: usize, file: &Path) -> Result<(), Error> {
    let pitch = side as u32 + GAP;
    let mut sheet = RgbImage::from_pixel(pitch * 5 + GAP, pitch * rows.len() as u32 + GAP, Rgb([255; 3]));
    for (y, row) in rows.iter().enumerate() {
        let difference: Vec<u8> = row[2]
            .iter()
            .zip(row[0])
            .map(|(a, b)| (128 + GAIN * (i32::from(*a) - i32::from(*b))).clamp(0, 255) as u8)
            .collect();
        for (x, square) in row.iter().copied().chain([&difference]).enumerate() {
            for (i, pixel) in square.chunks_exact(3).enumerate() {
                let (column, line) = ((i % side) as u32, (i / side) as u32);
                sheet.put_pixel(
                    GAP + x as u32 * pitch + column,
                    GAP + y as u32 * pitch + line,
                    Rgb([pixel[0], pixel[1], pixel[2]]),
                );
            }
        }
    }
    let size = [sheet.height() as usize, sheet.width() as usize];
    frame::write_png(file, sheet.as_raw(), size).map_err(|error| Error::run(file, error))
}
