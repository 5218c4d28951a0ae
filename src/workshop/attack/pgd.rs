//! Projected gradient descent in the maximum norm (Madry et al. 2017, arXiv 1706.06083, section 2.1), and the same from
//! the picture itself: the basic iterative method (Kurakin et al. 2016, arXiv 1607.02533, section 2.2).

use burn::prelude::*;

use super::ball::Ball;
use super::best::{Best, seed_of_restart, worst_of};
use super::loss::Loss;
use super::target::{Target, differentiate, look};

/// The length of each of `steps` steps in epsilons: 2.5 / steps (Madry et al., appendix of arXiv 1706.06083).
///
/// At ten steps that is a quarter of epsilon, as in torchattacks and in the RIAE paper.
pub(super) fn step_size(steps: usize) -> f32 {
    2.5 / steps as f32
}

/// From a random start, repeats: a step along the sign of the gradient, then back into the ball. Every restart attacks
/// the pictures that none before it fooled the target with.
pub fn pgd(target: &dyn Target, ball: &Ball, label: &[usize], steps: usize, restarts: usize, seed: u64) -> Tensor<4> {
    worst_of(target, ball, label, seed, restarts, |restart, ball, label| {
        let seed = seed_of_restart(seed, restart);
        climb(target, ball, ball.random(seed), label, steps, seed)
    })
}

/// The same once, from the clean picture.
pub fn bim(target: &dyn Target, ball: &Ball, label: &[usize], steps: usize, seed: u64) -> Tensor<4> {
    climb(target, ball, ball.clean(), label, steps, seed)
}

/// The steps from a `start` in the ball: the last iterate, or an earlier one that fooled the target where the last
/// fails.
fn climb(target: &dyn Target, ball: &Ball, start: Tensor<4>, label: &[usize], steps: usize, seed: u64) -> Tensor<4> {
    let step = ball.size() * step_size(steps);
    let mut best = Best::default();
    let mut adversarial = start;
    for number in 0..steps {
        let seed = seed.wrapping_add(number as u64);
        let (gradient, seen) = differentiate(target, adversarial.clone(), &Loss::CrossEntropy, label, seed);
        best.offer(&adversarial, &seen);
        adversarial = ball.project(adversarial + gradient.sign() * step.clone());
    }
    let seen = look(target, adversarial.clone(), &Loss::CrossEntropy, label, seed.wrapping_add(steps as u64));
    best.last_or_fooling(adversarial, &seen)
}
