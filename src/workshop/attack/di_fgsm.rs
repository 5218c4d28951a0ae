//! The iterative fast gradient sign method on diverse inputs, DI-FGSM, and with momentum, M-DI-FGSM (Xie et al. 2018,
//! arXiv 1803.06978, section 3.3 and algorithm in its equations 5 to 8).

use burn::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::ball::Ball;
use super::mi_fgsm::by_mean_size;
use super::pgd::step_size;
use super::target::{Target, gradient};

/// How often a step sees a picture of another size; the paper's, and that of torchattacks.
const PROBABILITY: f64 = 0.5;
/// The smallest side that a step sees, as a share of the side; that of torchattacks (299 of 330 in the paper).
const SMALLEST: f32 = 0.9;

/// From the clean picture, repeats: the gradient at a picture that was made smaller and padded with black at random,
/// divided by its mean size, is added to the momentum, of which a share `decay` stays (0 for DI-FGSM, 1 for M-DI-FGSM);
/// a step of 2.5 / steps epsilons along the momentum's sign; then back into the ball.
///
/// The result is the last iterate: the losses on the way are those of other pictures.
pub fn di_fgsm(target: &dyn Target, ball: &Ball, label: &[usize], steps: usize, decay: f32, seed: u64) -> Tensor<4> {
    let step = ball.size() * step_size(steps);
    let mut momentum = ball.clean().zeros_like();
    let mut adversarial = ball.clean();
    for number in 0..steps {
        let gradient = gradient(&Diverse(target), adversarial.clone(), label, seed.wrapping_add(number as u64));
        momentum = momentum * decay + by_mean_size(gradient);
        adversarial = ball.project(adversarial + momentum.clone().sign() * step.clone());
    }
    adversarial
}

/// A target that sees pictures of random sizes.
struct Diverse<'a>(&'a dyn Target);

impl Target for Diverse<'_> {
    fn logits(&self, image: Tensor<4>) -> Tensor<2> {
        self.logits_of_draw(image, 0)
    }

    fn device(&self) -> Device {
        self.0.device()
    }

    fn draws(&self) -> usize {
        self.0.draws()
    }

    fn logits_of_draw(&self, image: Tensor<4>, draw: u64) -> Tensor<2> {
        self.0.logits_of_draw(diverse(image, &mut ChaCha8Rng::seed_from_u64(draw)), draw)
    }
}

/// With the probability above, the pictures made smaller, at a random place on black; all of a batch alike.
///
/// # Shapes
/// [B, 3, H, W] -> the same
fn diverse(image: Tensor<4>, random: &mut ChaCha8Rng) -> Tensor<4> {
    let [_, _, height, width] = image.dims();
    let least = (width as f32 * SMALLEST) as usize;
    if !random.random_bool(PROBABILITY) || least == width {
        return image;
    }
    let smaller = random.random_range(least..width);
    let mut along = |side: usize| {
        let smaller = (side * smaller / width).max(1);
        let before = random.random_range(0..(side - smaller).max(1));
        placed(side, smaller, before)
    };
    let [down, right] = [along(height), along(width)].map(|weights| {
        let side = weights.len().isqrt();
        Tensor::<4>::from_data(TensorData::new(weights, [1, 1, side, side]), &image.device())
    });
    down.matmul(image).matmul(right.swap_dims(2, 3))
}

/// Bilinear resizing from `side` to `smaller` (pixels are areas, corners are not aligned) behind `before` rows of
/// zeros, as a matrix [side, side] that is multiplied from the left.
fn placed(side: usize, smaller: usize, before: usize) -> Vec<f32> {
    let mut weights = vec![0.0; side * side];
    for row in 0..smaller {
        let source = ((row as f32 + 0.5) * side as f32 / smaller as f32 - 0.5).max(0.0);
        let above = source as usize;
        let below = (above + 1).min(side - 1);
        let share = source - above as f32;
        let weights = &mut weights[(before + row) * side..][..side];
        weights[above] += 1.0 - share;
        weights[below] += share;
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::super::loss::numbers;
    use super::*;

    #[test]
    fn a_smaller_picture_is_as_pytorch_makes_it() {
        // torch.nn.functional.interpolate(torch.tensor([[[0., 1., 4., 9.]]]), size=3, mode="linear")
        let column = [0.0, 1.0, 4.0, 9.0];
        let found: Vec<f32> = placed(4, 3, 1)
            .chunks(4)
            .map(|weights| weights.iter().zip(column).map(|(weight, value)| weight * value).sum())
            .collect();
        let expected = [0.0, 0.166_667, 2.5, 8.166_667];
        assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-5), "{found:?}");
    }

    #[test]
    fn about_half_of_the_pictures_get_another_size_and_all_keep_their_shape() {
        let image = Tensor::<4>::ones([1, 3, 20, 30], &Device::flex());
        let changed = (0..100).filter(|&seed| {
            let seen = diverse(image.clone(), &mut ChaCha8Rng::seed_from_u64(seed));
            assert_eq!(seen.dims(), image.dims());
            let share = numbers(seen).iter().sum::<f32>() / (3 * 20 * 30) as f32;
            assert!((0.8..=1.0 + 1e-4).contains(&share), "{share}");
            share < 0.999
        });
        assert!((35..=65).contains(&changed.count()));
    }
}
