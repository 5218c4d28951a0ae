//! Projected gradient descent in the maximum norm (Madry et al. 2017, arXiv 1706.06083, section 2.1).

use burn::prelude::*;

use super::Ball;
use super::target::{Target, gradient};

/// The share of epsilon that one of `steps` steps goes: 2.5 / steps, as Madry et al. have it (appendix of 1706.06083).
///
/// At ten steps that is the quarter of epsilon that the RIAE paper uses.
pub fn step_size(steps: usize) -> f32 {
    2.5 / steps as f32
}

/// From a random start: a step along the sign of the gradient, back into the ball, and again.
pub fn pgd(target: &dyn Target, ball: &Ball, label: &[usize], steps: usize, seed: u64) -> Tensor<4> {
    let step = ball.epsilon.clone() * step_size(steps);
    let mut adversarial = ball.random(seed);
    for number in 0..steps {
        let direction = gradient(target, adversarial.clone(), label, seed.wrapping_add(number as u64)).sign();
        adversarial = ball.project(adversarial + direction * step.clone());
    }
    adversarial
}
