//! The momentum iterative fast gradient sign method, MI-FGSM (Dong et al. 2017, arXiv 1710.06081, algorithm 1).

use burn::prelude::*;

use super::ball::Ball;
use super::best::Best;
use super::loss::Loss;
use super::pgd::step_size;
use super::target::{Target, differentiate, look};

/// The share of the momentum that stays after a step; the paper's, and that of torchattacks.
pub(super) const DECAY: f32 = 1.0;

/// From the clean picture, repeats: the gradient, divided by its mean size, is added to the momentum; a step of
/// 2.5 / steps epsilons (a quarter at ten steps, as in torchattacks) along the momentum's sign; then back into
/// the ball.
///
/// The result is the last iterate, or an earlier one that fooled the target where the last fails.
pub fn mi_fgsm(target: &dyn Target, ball: &Ball, label: &[usize], steps: usize, seed: u64) -> Tensor<4> {
    let step = ball.size() * step_size(steps);
    let mut best = Best::default();
    let mut momentum = ball.clean().zeros_like();
    let mut adversarial = ball.clean();
    for number in 0..steps {
        let seed = seed.wrapping_add(number as u64);
        let (gradient, seen) = differentiate(target, adversarial.clone(), &Loss::CrossEntropy, label, seed);
        best.offer(&adversarial, &seen);
        momentum = momentum * DECAY + by_mean_size(gradient);
        adversarial = ball.project(adversarial + momentum.clone().sign() * step.clone());
    }
    let seen = look(target, adversarial.clone(), &Loss::CrossEntropy, label, seed.wrapping_add(steps as u64));
    best.last_or_fooling(adversarial, &seen)
}

/// Each gradient divided by the mean of its absolute numbers; one of zeros stays.
///
/// # Shapes
/// [B, 3, H, W] -> the same
pub(super) fn by_mean_size(gradient: Tensor<4>) -> Tensor<4> {
    let size = gradient.clone().abs().mean_dims(&[1, 2, 3]).clamp_min(f32::MIN_POSITIVE);
    gradient / size
}
