//! A scene for the benches: the demonstration's photographs side by side at their own resolution, so that a frame of
//! any size has as much detail as a camera's.

use std::error::Error;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use purecam::frame::{Picture, decode};
use purecam::source::PHOTOGRAPHS;

/// The scene, which begins with the `first` photograph, as pixels.
pub fn picture(width: u32, height: u32, first: usize) -> Result<Picture, Box<dyn Error>> {
    let photographs = PHOTOGRAPHS.iter().map(|photograph| decode(photograph.jpeg)).collect::<Result<Vec<_>, _>>()?;
    let side = photographs.iter().map(|photograph| photograph.width.min(photograph.height)).min().unwrap_or(1);
    let columns = width.div_ceil(side);
    let mut rgb = Vec::with_capacity((3 * width * height) as usize);
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let tile = (y / side * columns + x / side) as usize + first;
        let photograph = &photographs[tile % photographs.len()];
        let at = 3 * (y % side * photograph.width + x % side) as usize;
        rgb.extend_from_slice(&photograph.rgb[at..at + 3]);
    }
    Ok(Picture { width, height, rgb })
}

/// The same as a camera's MJPG frame: baseline JPEG, quality 80.
pub fn jpeg(picture: &Picture) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 80);
    encoder.encode(&picture.rgb, picture.width, picture.height, ExtendedColorType::Rgb8)?;
    Ok(bytes)
}
