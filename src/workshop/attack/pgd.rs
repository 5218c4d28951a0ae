//! Projected gradient descent in the maximum norm (Madry et al. 2017, arXiv 1706.06083, section 2.1).

use burn::prelude::*;

use super::ball::Ball;
use super::target::{Target, gradient};

/// The length of each of `steps` steps in epsilons: 2.5 / steps (Madry et al., appendix of arXiv 1706.06083).
///
/// At ten steps that is a quarter of epsilon, which the RIAE paper uses.
fn step_size(steps: usize) -> f32 {
    2.5 / steps as f32
}

/// From a random start, repeats: a step along the sign of the gradient, then back into the ball.
pub fn pgd(target: &dyn Target, ball: &Ball, label: &[usize], steps: usize, seed: u64) -> Tensor<4> {
    let step = ball.size() * step_size(steps);
    let mut adversarial = ball.random(seed);
    for number in 0..steps {
        let direction = gradient(target, adversarial.clone(), label, seed.wrapping_add(number as u64)).sign();
        adversarial = ball.project(adversarial + direction * step.clone());
    }
    adversarial
}
