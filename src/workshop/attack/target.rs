//! The target of an attack: a function from pictures to logits, with a gradient.

use burn::prelude::*;
use burn::tensor::activation;

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

/// The gradient of the cross-entropy with respect to each picture, averaged over the target's draws.
///
/// The loss is summed over the batch, so that a picture's gradient does not depend on its neighbours.
pub(super) fn gradient(target: &dyn Target, image: Tensor<4>, label: &[usize], seed: u64) -> Tensor<4> {
    let draws = target.draws();
    let mut sum: Option<Tensor<4>> = None;
    for draw in 0..draws {
        let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(draw as u64);
        let image = image.clone().autodiff().require_grad();
        let gradients = cross_entropy(target.logits_of_draw(image.clone(), seed), label).backward();
        // A picture that the logits do not depend on has no entry: its gradient is zero.
        let gradient = image.grad(&gradients).unwrap_or_else(|| image.inner().zeros_like());
        sum = Some(match sum {
            Some(sum) => sum + gradient,
            None => gradient,
        });
    }
    sum.unwrap_or_else(|| image.zeros_like())
}

/// The cross-entropy of logits [B, C] with the right classes, summed over the batch.
fn cross_entropy(logits: Tensor<2>, label: &[usize]) -> Tensor<1> {
    let classes: Vec<i64> = label.iter().map(|&class| class as i64).collect();
    let classes = Tensor::<2, Int>::from_data(TensorData::new(classes, [label.len(), 1]), &logits.device());
    activation::log_softmax(logits, 1).gather(1, classes).sum().neg()
}
