//! Uniform noise: what a perturbation of this size does if it is not aimed.

use burn::prelude::*;

use super::ball::Ball;

/// A uniformly random picture in the ball for each clean one.
pub fn uniform(ball: &Ball, seed: u64) -> Tensor<4> {
    ball.random(seed)
}
