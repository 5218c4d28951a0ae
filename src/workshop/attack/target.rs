//! The target of an attack: a function from pictures to logits, with a gradient.

use burn::prelude::*;

use super::loss::{Loss, numbers, rows};
use crate::workshop::onnx::read::{Classifier, Purifier};

/// A differentiable classifier of pictures.
pub trait Target {
    /// `image` [B, 3, H, W], RGB in 0..1 -> logits [B, C].
    fn logits(&self, image: Tensor<4>) -> Tensor<2>;

    /// An autodiff device, or one that can be made into one.
    fn device(&self) -> Device;

    /// How many draws of its own randomness a gradient is averaged over (expectation over transformation, Athalye et
    /// al. 2017, arXiv 1707.07397); 1 if it has no randomness.
    fn draws(&self) -> usize {
        1
    }

    /// The logits under one draw of its randomness, seeded with `draw`. Shapes as in [`Target::logits`].
    fn logits_of_draw(&self, image: Tensor<4>, _draw: u64) -> Tensor<2> {
        self.logits(image)
    }
}

impl Target for Classifier {
    fn logits(&self, image: Tensor<4>) -> Tensor<2> {
        Self::logits(self, image)
    }

    fn device(&self) -> Device {
        Self::device(self).clone()
    }
}

/// Purifier and classifier as one function: what an attacker with the whole defence differentiates.
pub struct Defended<'a> {
    /// Comes first; its noise is drawn again for each gradient.
    pub purifier: &'a Purifier,
    /// Sees the purified picture.
    pub classifier: &'a Classifier,
    /// Draws of the purifier's noise that each gradient is averaged over; at least 1.
    pub eot: usize,
    /// Seed of the noise of [`Target::logits`].
    pub seed: u64,
}

impl Target for Defended<'_> {
    fn logits(&self, image: Tensor<4>) -> Tensor<2> {
        self.logits_of_draw(image, self.seed)
    }

    fn device(&self) -> Device {
        self.classifier.device().clone()
    }

    fn draws(&self) -> usize {
        self.eot.max(1)
    }

    fn logits_of_draw(&self, image: Tensor<4>, draw: u64) -> Tensor<2> {
        self.classifier.logits(self.purifier.purify(image, draw))
    }
}

/// A defence whose purifier counts as the identity in the backward pass (BPDA, Athalye et al. 2018, arXiv 1802.00420,
/// section 4.1): a weaker attack than one with exact gradients, for comparison.
pub struct Bpda<'a>(pub &'a Defended<'a>);

impl Target for Bpda<'_> {
    fn logits(&self, image: Tensor<4>) -> Tensor<2> {
        self.logits_of_draw(image, self.0.seed)
    }

    fn device(&self) -> Device {
        self.0.device()
    }

    fn draws(&self) -> usize {
        self.0.draws()
    }

    fn logits_of_draw(&self, image: Tensor<4>, draw: u64) -> Tensor<2> {
        let seen = image.clone().inner();
        let change = self.0.purifier.purify(seen.clone(), draw) - seen;
        self.0.classifier.logits(image + change)
    }
}

/// A target of whose classes only a few compete: the attack is made for their outputs.
pub struct Among<'a> {
    /// The target with all its classes.
    pub target: &'a dyn Target,
    /// The classes that compete, by their places among all.
    pub classes: &'a [usize],
}

impl Among<'_> {
    fn select(&self, logits: Tensor<2>) -> Tensor<2> {
        let places: Vec<i64> = self.classes.iter().map(|class| *class as i64).collect();
        let places = Tensor::<1, Int>::from_data(TensorData::new(places, [self.classes.len()]), &logits.device());
        logits.select(1, places)
    }
}

impl Target for Among<'_> {
    fn logits(&self, image: Tensor<4>) -> Tensor<2> {
        self.select(self.target.logits(image))
    }

    fn device(&self) -> Device {
        self.target.device()
    }

    fn draws(&self) -> usize {
        self.target.draws()
    }

    fn logits_of_draw(&self, image: Tensor<4>, draw: u64) -> Tensor<2> {
        self.select(self.target.logits_of_draw(image, draw))
    }
}

/// What a target makes of each picture of a batch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    /// The loss that an attack raises.
    pub loss: Vec<f32>,
    /// Whether the likeliest class is not the right one; of equal classes the first wins.
    pub fooled: Vec<bool>,
}

/// The loss of each picture, and whether it fools the target; both of the target's mean over its draws.
pub(super) fn look(target: &dyn Target, image: Tensor<4>, loss: &Loss, label: &[usize], seed: u64) -> Seen {
    let mut mean = Mean::new(target.draws());
    for draw in 0..target.draws() {
        let logits = target.logits_of_draw(image.clone(), seed_of_draw(seed, draw));
        mean.add(loss.of(logits.clone(), label), logits);
    }
    mean.seen(label)
}

/// The gradient of the loss with respect to each picture, averaged over the target's draws, and what [`look`] says.
///
/// The loss is summed over the batch, so that a picture's gradient does not depend on its neighbours.
pub(super) fn differentiate(
    target: &dyn Target,
    image: Tensor<4>,
    loss: &Loss,
    label: &[usize],
    seed: u64,
) -> (Tensor<4>, Seen) {
    let mut mean = Mean::new(target.draws());
    let mut sum = image.zeros_like();
    for draw in 0..target.draws() {
        let image = image.clone().autodiff().require_grad();
        let logits = target.logits_of_draw(image.clone(), seed_of_draw(seed, draw));
        let losses = loss.of(logits.clone(), label);
        let gradients = losses.clone().sum().backward();
        // A picture that the logits do not depend on has no entry: its gradient is zero.
        if let Some(gradient) = image.grad(&gradients) {
            sum = sum + gradient;
        }
        mean.add(losses, logits);
    }
    (sum, mean.seen(label))
}

/// The gradient of the cross-entropy with respect to each picture, as in [`differentiate`].
pub(super) fn gradient(target: &dyn Target, image: Tensor<4>, label: &[usize], seed: u64) -> Tensor<4> {
    differentiate(target, image, &Loss::CrossEntropy, label, seed).0
}

/// Whether the likeliest class of each picture is not the right one, by the mean of the target's draws; shapes as in
/// [`Target::logits`].
pub fn fooled(target: &dyn Target, image: Tensor<4>, label: &[usize], seed: u64) -> Vec<bool> {
    look(target, image, &Loss::CrossEntropy, label, seed).fooled
}

/// The size (L2) of the gradient of the cross-entropy at each picture.
pub fn gradient_sizes(target: &dyn Target, image: Tensor<4>, label: &[usize], seed: u64) -> Vec<f32> {
    let gradient = gradient(target, image, label, seed);
    numbers(gradient.powi_scalar(2).sum_dims(&[1, 2, 3]).sqrt())
}

/// The logits of each picture, a row per picture, under one draw.
pub fn logits(target: &dyn Target, image: Tensor<4>, draw: u64) -> Vec<Vec<f32>> {
    rows(target.logits_of_draw(image, draw))
}

/// The seed of one of the draws that a look or a gradient is averaged over.
fn seed_of_draw(seed: u64, draw: usize) -> u64 {
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(draw as u64)
}

/// Losses and logits, averaged over draws.
struct Mean {
    draws: usize,
    loss: Vec<f32>,
    logits: Vec<Vec<f32>>,
}

impl Mean {
    fn new(draws: usize) -> Self {
        Self { draws, loss: Vec::new(), logits: Vec::new() }
    }

    /// Adds a draw: `loss` [B], `logits` [B, C].
    fn add(&mut self, loss: Tensor<1>, logits: Tensor<2>) {
        let (loss, logits) = (numbers(loss), rows(logits));
        if self.loss.is_empty() {
            (self.loss, self.logits) = (loss, logits);
            return;
        }
        self.loss.iter_mut().zip(loss).for_each(|(sum, loss)| *sum += loss);
        self.logits.iter_mut().flatten().zip(logits.into_iter().flatten()).for_each(|(sum, logit)| *sum += logit);
    }

    fn seen(self, label: &[usize]) -> Seen {
        let fooled = self.logits.iter().zip(label).map(|(row, &label)| !wins(row, label)).collect();
        Seen { loss: self.loss.iter().map(|sum| sum / self.draws as f32).collect(), fooled }
    }
}

/// Whether a class has the largest logit. A row with NaN has none.
fn wins(row: &[f32], class: usize) -> bool {
    row.iter().enumerate().all(|(other, &logit)| match other < class {
        true => row[class] > logit,
        false => row[class] >= logit,
    })
}
