//! The L2 attack of Carlini and Wagner (2016, arXiv 1608.04644, section VI.A).

use burn::prelude::*;

use super::ball::Ball;
use super::best::mix;
use super::loss::{Loss, numbers};
use super::rounding::survive_rounding;
use super::target::{Target, differentiate};

/// The learning rate of Adam, and its other settings.
const RATE: f32 = 0.01;
const MOMENTS: [f32; 2] = [0.9, 0.999];
const TINY: f32 = 1e-8;
/// The weight of the margin in the first search, as in torchattacks.
const WEIGHT: f32 = 1.0;
/// The factor by which the weight grows until a search finds a picture.
const GROWTH: f32 = 10.0;
/// The most that a number is away from the middle of the range, as a share: black and white would be at infinity.
const RIM: f32 = 1.0 - 1e-6;

/// The smallest change (L2) that fools the target: `searches` times, `steps` steps of Adam (rate 0.01) on the squared
/// change plus the weight times the margin, which counts down to 0 (no confidence), over w in (tanh(w) + 1) / 2. The
/// first search, with weight 1, is the attack of torchattacks; each further one makes the weight ten times as large, or
/// halves the interval between weights that failed and that succeeded, as in the paper.
///
/// The pictures on the way are inside the ball, as in the RIAE paper; a ball of size 1 is no bound. The change is
/// lengthened until it survives rounding to 8 bits. A picture for which nothing is found stays clean.
pub fn cw(target: &dyn Target, ball: &Ball, label: &[usize], steps: usize, searches: usize, seed: u64) -> Tensor<4> {
    let mut weights = vec![Weight { now: WEIGHT, failed: 0.0, succeeded: f32::INFINITY }; label.len()];
    let mut best = Smallest { image: ball.clean(), size: vec![f32::INFINITY; label.len()] };
    for number in 0..searches {
        let seed = seed.wrapping_add((number * steps) as u64);
        let found = search(target, ball, label, &weights, steps, &mut best, seed);
        weights.iter_mut().zip(found).for_each(|(weight, found)| weight.next(found));
    }
    survive_rounding(target, ball, best.image, label, seed)
}

/// One search with a weight per picture; returns whether it found a picture that fools the target.
fn search(
    target: &dyn Target,
    ball: &Ball,
    label: &[usize],
    weights: &[Weight],
    steps: usize,
    best: &mut Smallest,
    seed: u64,
) -> Vec<bool> {
    let clean = ball.clean();
    let mut w = ((clean.clone() * 2.0 - 1.0) * RIM).atanh();
    let mut adam = Adam { mean: w.zeros_like(), square: w.zeros_like(), steps: 0 };
    let mut found = vec![false; label.len()];
    for number in 0..steps {
        let tanh = w.clone().tanh();
        let image = ball.project((tanh.clone() + 1.0) * 0.5);
        let seed = seed.wrapping_add(number as u64);
        let (gradient, seen) = differentiate(target, image.clone(), &Loss::Margin, label, seed);
        best.offer(&image, &clean, &seen.fooled);
        found.iter_mut().zip(&seen.fooled).for_each(|(found, fooled)| *found |= fooled);
        // Below the border the margin counts with its weight, above it not at all.
        let pull: Vec<f32> =
            weights.iter().zip(&seen.loss).map(|(weight, loss)| if *loss < 0.0 { weight.now } else { 0.0 }).collect();
        let pull = Tensor::<4>::from_data(TensorData::new(pull, [label.len(), 1, 1, 1]), &clean.device());
        let slope = (tanh.powi_scalar(2) * -1.0 + 1.0) * 0.5;
        w = w - adam.step(((image - clean.clone()) * 2.0 - gradient * pull) * slope);
    }
    found
}

/// The weight of a picture's margin, and the largest that failed and the smallest that succeeded.
#[derive(Clone, Copy)]
struct Weight {
    now: f32,
    failed: f32,
    succeeded: f32,
}

impl Weight {
    fn next(&mut self, found: bool) {
        match found {
            true => self.succeeded = self.succeeded.min(self.now),
            false => self.failed = self.failed.max(self.now),
        }
        self.now = match self.succeeded.is_finite() {
            true => (self.failed + self.succeeded) / 2.0,
            false => self.now * GROWTH,
        };
    }
}

/// The pictures with the smallest change so far that fool the target.
struct Smallest {
    image: Tensor<4>,
    /// The squared change of each.
    size: Vec<f32>,
}

impl Smallest {
    fn offer(&mut self, image: &Tensor<4>, clean: &Tensor<4>, fooled: &[bool]) {
        let size = numbers((image.clone() - clean.clone()).powi_scalar(2).sum_dims(&[1, 2, 3]));
        let smaller: Vec<usize> =
            (0..size.len()).filter(|&place| fooled[place] && size[place] < self.size[place]).collect();
        smaller.iter().for_each(|&place| self.size[place] = size[place]);
        self.image = mix(self.image.clone(), image, &smaller);
    }
}

/// Adam (Kingma and Ba 2014, arXiv 1412.6980, algorithm 1).
struct Adam {
    mean: Tensor<4>,
    square: Tensor<4>,
    steps: i32,
}

impl Adam {
    /// The step against this gradient.
    fn step(&mut self, gradient: Tensor<4>) -> Tensor<4> {
        let [first, second] = MOMENTS;
        self.steps += 1;
        self.mean = self.mean.clone() * first + gradient.clone() * (1.0 - first);
        self.square = self.square.clone() * second + gradient.powi_scalar(2) * (1.0 - second);
        let mean = self.mean.clone() / (1.0 - first.powi(self.steps));
        let square = self.square.clone() / (1.0 - second.powi(self.steps));
        mean * RATE / (square.sqrt() + TINY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_grows_until_it_succeeds_and_then_closes_in() {
        let mut weight = Weight { now: 1.0, failed: 0.0, succeeded: f32::INFINITY };
        let mut seen = Vec::new();
        for found in [false, false, true, false, true] {
            weight.next(found);
            seen.push(weight.now);
        }
        assert_eq!(seen, [10.0, 100.0, 55.0, 77.5, 66.25]);
    }

    #[test]
    fn the_first_step_of_adam_is_as_long_as_its_rate() {
        let gradient = Tensor::<4>::from_data([[[[4.0, -0.01]]]], &Device::flex());
        let mut adam = Adam { mean: gradient.zeros_like(), square: gradient.zeros_like(), steps: 0 };
        let step = numbers(adam.step(gradient));
        assert!((step[0] - RATE).abs() < 1e-5 && (step[1] + RATE).abs() < 1e-5, "{step:?}");
    }
}
