//! Views of a photograph: the ones that training sees and the one that everybody else does.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use rand::Rng;

/// A square 8-bit RGB picture, row by row, channels last.
pub type Square = Vec<u8>;

/// The largest centred square of `photograph`, resized: what the device does with a frame.
pub fn centre(photograph: &RgbImage, side: usize) -> Square {
    let (width, height) = (f64::from(photograph.width()), f64::from(photograph.height()));
    let crop = width.min(height);
    resize(photograph, [(width - crop) / 2.0, (height - crop) / 2.0, crop, crop], [side, side])
}

/// A random view: an area of `scale.0..scale.1` of the photograph with an aspect ratio of 3/4 to 4/3, flipped half of
/// the time (Szegedy et al., arXiv 1409.4842, section 6).
pub fn random_view(photograph: &RgbImage, side: usize, scale: (f64, f64), rng: &mut impl Rng) -> Square {
    let (width, height) = (f64::from(photograph.width()), f64::from(photograph.height()));
    let area = width * height * rng.random_range(scale.0..=scale.1);
    let ratio = rng.random_range((0.75f64).ln()..=(4.0f64 / 3.0).ln()).exp();
    let crop_width = (area * ratio).sqrt().clamp(1.0, width);
    let crop_height = (area / ratio).sqrt().clamp(1.0, height);
    let left = rng.random_range(0.0..=width - crop_width);
    let top = rng.random_range(0.0..=height - crop_height);
    let mut view = resize(photograph, [left, top, crop_width, crop_height], [side, side]);
    if rng.random_bool(0.5) {
        flip(&mut view, side);
    }
    view
}

/// Mirrors a picture left to right.
pub fn flip(view: &mut [u8], side: usize) {
    for row in view.chunks_exact_mut(side * 3) {
        for x in 0..side / 2 {
            for channel in 0..3 {
                row.swap(3 * x + channel, 3 * (side - 1 - x) + channel);
            }
        }
    }
}

/// Resizes the `[left, top, width, height]` part of `source` to `[width, height]`, bilinear and antialiased.
pub fn resize(source: &RgbImage, crop: [f64; 4], size: [usize; 2]) -> Vec<u8> {
    let mut target = Image::new(size[0] as u32, size[1] as u32, PixelType::U8x3);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
        .crop(crop[0], crop[1], crop[2], crop[3]);
    // The buffer of an RgbImage has three bytes a pixel, and every caller's crop lies inside it.
    let view = ImageRef::new(source.width(), source.height(), source.as_raw(), PixelType::U8x3)
        .expect("an RgbImage is width x height x 3 bytes");
    Resizer::new().resize(&view, &mut target, &options).expect("the crop lies inside the picture");
    target.into_vec()
}

/// Squares as one f32 batch, channels first, in 0..1.
pub fn batch(squares: &[impl AsRef<[u8]>], side: usize) -> Vec<f32> {
    let plane = side * side;
    let mut out = vec![0.0; squares.len() * 3 * plane];
    for (square, out) in squares.iter().zip(out.chunks_exact_mut(3 * plane)) {
        for (i, pixel) in square.as_ref().chunks_exact(3).enumerate() {
            for channel in 0..3 {
                out[channel * plane + i] = f32::from(pixel[channel]) / 255.0;
            }
        }
    }
    out
}
