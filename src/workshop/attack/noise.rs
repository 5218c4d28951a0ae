//! Uniform noise.

use burn::prelude::*;

use super::Ball;

/// A uniformly random picture of the ball for each clean one.
pub fn noise(ball: &Ball, seed: u64) -> Tensor<4> {
    ball.random(seed)
}
