//! Views of a photograph: the random ones of training, and the one that validation and the device see.

use rand::Rng;

use crate::frame::{Fit, Picture};

/// A square 8-bit RGB picture, row by row, channels last.
pub type Square = Vec<u8>;

/// The largest centred square of `photograph`, resized to `side` pixels, as the device does with a frame.
pub fn centre(photograph: &Picture, side: usize) -> Square {
    // Decoded photographs have as many bytes as pixels, and their centre lies inside them.
    Fit::new([side, side]).rgb(photograph).expect("a decoded photograph can be fitted").to_vec()
}

/// A random view: `share[0]` to `share[1]` of the area of the photograph with an aspect ratio of 3/4 to 4/3, flipped half of
/// the time (Szegedy et al., arXiv 1409.4842, section 6).
pub fn random_view(photograph: &Picture, side: usize, share: [f64; 2], rng: &mut impl Rng) -> Square {
    let (width, height) = (f64::from(photograph.width), f64::from(photograph.height));
    let area = width * height * rng.random_range(share[0]..=share[1]);
    let ratio = rng.random_range((0.75f64).ln()..=(4.0f64 / 3.0).ln()).exp();
    let crop_width = (area * ratio).sqrt().clamp(1.0, width);
    let crop_height = (area / ratio).sqrt().clamp(1.0, height);
    let left = rng.random_range(0.0..=width - crop_width);
    let top = rng.random_range(0.0..=height - crop_height);
    let mut view = Picture::default();
    let part = [left, top, crop_width, crop_height];
    // A decoded photograph, as above, and the part was drawn inside it.
    Fit::new([side, side]).part(photograph, part, &mut view).expect("a part of a decoded photograph can be fitted");
    if rng.random_bool(0.5) {
        flip(&mut view.rgb, side);
    }
    view.rgb
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
