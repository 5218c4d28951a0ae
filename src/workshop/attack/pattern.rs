//! Random patterns: perturbations of the largest size that no network made, from single pixels to squares of eight.
//!
//! A purifier that only sees the perturbations of a few networks learns their pattern instead of the picture; these
//! cost nothing and belong to no network.

use burn::prelude::*;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::ball::Ball;

/// The sides of the squares that a pattern is made of, in pixels.
const SCALES: [usize; 6] = [1, 1, 2, 3, 4, 8];
/// The most patterns that one is mixed of.
const MOST_LAYERS: usize = 3;

/// A random pattern in the ball around each picture; that of sample i depends on the seed and i alone.
pub fn pattern(ball: &Ball, seed: u64) -> Tensor<4> {
    let dims @ [batch, channels, height, width] = ball.clean().dims();
    let mut values = Vec::with_capacity(batch * channels * height * width);
    for mut random in ball.generators(seed) {
        values.extend(mixed([channels, height, width], &mut random));
    }
    let direction = Tensor::from_data(TensorData::new(values, dims), &ball.clean().device());
    ball.project(ball.clean() + direction * ball.size())
}

/// A few layers, added with random weights; the sign of the sum, or the sum itself in -1..1.
fn mixed(shape: [usize; 3], random: &mut ChaCha8Rng) -> Vec<f32> {
    let mut sum = vec![0.0; shape.iter().product()];
    let mut weights = 0.0;
    for _ in 0..random.random_range(1..=MOST_LAYERS) {
        let weight = random.random_range(0.2..=1.0);
        add_layer(&mut sum, shape, weight, random);
        weights += weight;
    }
    let signs = random.random_bool(0.7);
    sum.iter().map(|value| if signs { value.signum() } else { value / weights }).collect()
}

/// Adds squares of uniformly random values in -weight..weight, from a random offset; the channels are drawn apart, or
/// all alike.
fn add_layer(sum: &mut [f32], [channels, height, width]: [usize; 3], weight: f32, random: &mut ChaCha8Rng) {
    let scale = SCALES[random.random_range(0..SCALES.len())];
    let grey = random.random_bool(0.3);
    let [down, right] = [random.random_range(0..scale), random.random_range(0..scale)];
    let columns = width / scale + 2;
    let squares = (height / scale + 2) * columns;
    let drawn: Vec<f32> =
        (0..if grey { 1 } else { channels } * squares).map(|_| random.random_range(-weight..=weight)).collect();
    for (place, value) in sum.iter_mut().enumerate() {
        let (channel, row, column) = (place / (height * width), place / width % height, place % width);
        let square = (row + down) / scale * columns + (column + right) / scale;
        *value += drawn[if grey { square } else { channel * squares + square }];
    }
}
