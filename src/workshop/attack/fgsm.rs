//! The fast gradient sign method (Goodfellow et al. 2014, arXiv 1412.6572, section 4), and its variant for training.

use burn::prelude::*;

use super::ball::Ball;
use super::target::{Target, gradient};

/// The length of the step from a random start, in epsilons (Wong et al. 2020, arXiv 2001.03994, section 5).
const STEP_FROM_RANDOM_START: f32 = 1.25;

/// `clean + epsilon * sign(gradient of the cross-entropy at clean)`, projected into the ball.
pub fn fgsm(target: &dyn Target, ball: &Ball, label: &[usize], seed: u64) -> Tensor<4> {
    let direction = gradient(target, ball.clean(), label, seed).sign();
    ball.project(ball.clean() + direction * ball.size())
}

/// One step of 1.25 epsilon from a random start in the ball (Wong et al. 2020, arXiv 2001.03994, algorithm 3), rounded
/// to 8 bits inside the ball. It costs one gradient and is strong enough to train on.
pub fn fgsm_from_random_start(target: &dyn Target, ball: &Ball, label: &[usize], seed: u64) -> Tensor<4> {
    let start = ball.random(seed);
    let direction = gradient(target, start.clone(), label, seed).sign();
    ball.round_to_8_bit(ball.project(start + direction * ball.size() * STEP_FROM_RANDOM_START))
}
