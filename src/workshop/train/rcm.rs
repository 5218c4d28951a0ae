//! RCM of the RIAE paper: before the perceptual loss, some regions of the adversarial picture are put back, so that the
//! purifier is judged in the company of regions that are still adversarial.

use burn::prelude::*;
use rand::Rng;
use rand::seq::SliceRandom;

/// The number of parts into which RCM cuts the picture, one of which is put back: 2, 3, 4, or `None` for no RCM.
pub(super) fn regions_put_back(share: f64, rng: &mut impl Rng) -> Option<usize> {
    rng.random_bool(share.clamp(0.0, 1.0)).then(|| rng.random_range(2..=4))
}

/// In every picture, replaces a random `1 / parts` of the patches with those of the adversarial input.
///
/// # Shapes
/// purified, adversarial [batch, 3, side, side] -> the same
pub(super) fn put_back(
    purified: Tensor<4>,
    adversarial: Tensor<4>,
    patch: usize,
    parts: usize,
    rng: &mut impl Rng,
) -> Tensor<4> {
    let [batch, _, side, _] = purified.dims();
    let grid = side / patch;
    let mut mask = vec![0.0f32; batch * side * side];
    for plane in mask.chunks_exact_mut(side * side) {
        let mut patches: Vec<usize> = (0..grid * grid).collect();
        patches.shuffle(rng);
        for place in &patches[..grid * grid / parts] {
            let (top, left) = (place / grid * patch, place % grid * patch);
            for row in top..top + patch {
                plane[row * side + left..row * side + left + patch].fill(1.0);
            }
        }
    }
    let mask = Tensor::<1>::from_floats(mask.as_slice(), &purified.device()).reshape([batch, 1, side, side]);
    purified * (mask.clone().neg() + 1.0) + adversarial * mask
}
