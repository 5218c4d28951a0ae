//! The fast gradient sign method (Goodfellow et al. 2014, arXiv 1412.6572, section 4).

use burn::prelude::*;

use super::Ball;
use super::target::{Target, gradient};

/// `clean + epsilon * sign(gradient of the cross-entropy at clean)`.
pub fn fgsm(target: &dyn Target, ball: &Ball, label: &[usize], seed: u64) -> Tensor<4> {
    let direction = gradient(target, ball.clean.clone(), label, seed).sign();
    ball.project(ball.clean.clone() + direction * ball.epsilon.clone())
}
