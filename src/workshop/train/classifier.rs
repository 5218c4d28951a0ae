//! Training a classifier: cross-entropy on random views, plain or adversarial.

use std::path::Path;

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::prelude::*;
use rand::RngCore;
use rayon::prelude::*;

use super::batch::{epoch_batch, predictions, random_views, targets};
use super::data::Photographs;
use super::error::Error;
use super::settings::ClassifierSettings;
use super::trainer::{Task, Validation, Values};
use super::{augment, generator};
use crate::workshop::attack::{Ball, Epsilon, Target, fgsm_from_random_start};
use crate::workshop::pictures::to_tensor;
use crate::workshop::zoo::Classifier;

/// Share of a photograph's area that a training view covers.
const VIEW: [f64; 2] = [0.35, 1.0];
/// Pictures in a validation batch.
const VALIDATION_BATCH: usize = 64;

/// A classifier's training, as the loop sees it.
pub struct ClassifierTask<'a> {
    /// All that determines the outcome.
    pub settings: &'a ClassifierSettings,
    /// The photographs that steps see.
    pub training: &'a Photographs,
    /// The photographs that validations see.
    pub validation: &'a Photographs,
    /// Autodiff device.
    pub device: Device,
}

impl ClassifierTask<'_> {
    fn steps_per_epoch(&self) -> u64 {
        (self.training.items.len() / self.settings.training.batch).max(1) as u64
    }

    /// The views and classes of one step; each epoch has an order of its own.
    ///
    /// # Shapes
    /// -> [batch, 3, side, side] in 0..1, and a class per view
    fn batch(&self, step: u64) -> (Tensor<4>, Vec<usize>) {
        let (settings, training) = (self.settings, &self.settings.training);
        let items = epoch_batch(&self.training.items, training.seed, step, self.steps_per_epoch(), training.batch);
        let views = random_views(&items, settings.side, VIEW, training.seed, step);
        (to_tensor(&views, [settings.side; 2], &self.device), items.iter().map(|item| item.class).collect())
    }

    /// Pictures perturbed by one step from a random start, see [`fgsm_from_random_start`]. The model is frozen, so that
    /// the attack does not move the statistics of batch normalisation.
    fn perturbed(
        &self,
        model: &Classifier,
        image: Tensor<4>,
        classes: &[usize],
        epsilon: Epsilon,
        step: u64,
    ) -> Tensor<4> {
        let seed = generator(self.settings.training.seed, "start", &[step]).next_u64();
        let ball = Ball::new(image.inner(), &vec![epsilon; classes.len()]);
        let target = Frozen { model: model.clone().freeze(), device: self.device.clone() };
        Tensor::from_inner(fgsm_from_random_start(&target, &ball, classes, seed))
    }
}

/// The model in evaluation mode, as a target of attacks: gradients flow to the pictures and not to the weights.
struct Frozen {
    model: Classifier,
    device: Device,
}

impl Target for Frozen {
    fn logits(&self, image: Tensor<4>) -> Tensor<2> {
        self.model.forward(image)
    }

    fn device(&self) -> Device {
        self.device.clone()
    }
}

impl Task for ClassifierTask<'_> {
    type Model = Classifier;

    fn steps(&self) -> u64 {
        self.settings.epochs * self.steps_per_epoch()
    }

    fn validates_at(&self, step: u64) -> bool {
        step.is_multiple_of(self.steps_per_epoch())
    }

    fn loss(&mut self, model: &Classifier, step: u64) -> Result<(Tensor<1>, Values), Error> {
        let (image, classes) = self.batch(step);
        let image = match self.settings.adversarial {
            Some(epsilon) => self.perturbed(model, image, &classes, epsilon, step),
            None => image,
        };
        let loss =
            CrossEntropyLossConfig::new().with_smoothing(Some(self.settings.label_smoothing as f32)).init(&self.device);
        Ok((loss.forward(model.forward(image), targets(&classes, &self.device)), Vec::new()))
    }

    fn validate(&mut self, model: &Classifier, _step: u64, _folder: &Path) -> Result<Validation, Error> {
        let device = self.device.clone().inner();
        let mut right = 0;
        for items in self.validation.items.chunks(VALIDATION_BATCH) {
            let views: Vec<_> =
                items.par_iter().map(|item| augment::centre(&item.pixels, self.settings.side)).collect();
            let predicted = predictions(model.forward(to_tensor(&views, [self.settings.side; 2], &device)));
            right += items.iter().zip(predicted).filter(|(item, class)| item.class == *class).count();
        }
        let accuracy = right as f64 / self.validation.items.len() as f64;
        let mut values = vec![("accuracy", accuracy as f32)];
        let mut score = accuracy;
        if let Some(epsilon) = self.settings.adversarial {
            let robust = self.robust_accuracy(model, epsilon);
            values.push(("accuracy_under_attack", robust));
            score = f64::from(robust);
        }
        Ok(Validation { score, values })
    }
}

impl ClassifierTask<'_> {
    /// Accuracy on the held-out photographs under the one-step attack that training uses.
    fn robust_accuracy(&self, model: &Classifier, epsilon: Epsilon) -> f32 {
        let model = model.clone().train().freeze();
        let mut right = 0;
        for (i, items) in self.validation.items.chunks(VALIDATION_BATCH).enumerate() {
            let views: Vec<_> = items.iter().map(|item| augment::centre(&item.pixels, self.settings.side)).collect();
            let classes: Vec<_> = items.iter().map(|item| item.class).collect();
            let image = to_tensor(&views, [self.settings.side; 2], &self.device);
            let image = self.perturbed(&model, image, &classes, epsilon, u64::MAX - i as u64);
            let predicted = predictions(model.forward(image));
            right += classes.iter().zip(predicted).filter(|(class, found)| *class == found).count();
        }
        right as f32 / self.validation.items.len() as f32
    }
}
