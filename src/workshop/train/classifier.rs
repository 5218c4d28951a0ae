//! Training a classifier: cross-entropy on random views, plain or adversarial.

use std::path::Path;

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::prelude::*;
use rand::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::batch::{epoch_batch, predictions, random_views, targets};
use super::data::Photographs;
use super::trainer::{Loop, Task, Validation, Values};
use super::{Error, augment, generator};
use crate::engine::contract::Label;
use crate::workshop::pictures::to_tensor;
use crate::workshop::zoo::{Classifier, ClassifierConfig};

/// Share of a photograph's area that a training view covers.
const VIEW: (f64, f64) = (0.35, 1.0);
/// Pictures of one validation batch.
const VALIDATION_BATCH: usize = 64;

/// All that determines the outcome of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub kind: String,
    pub model: ClassifierConfig,
    pub labels: Vec<Label>,
    pub data: String,
    pub photographs: usize,
    pub side: usize,
    pub epochs: u64,
    pub label_smoothing: f64,
    /// L-infinity size in units of 1/255 of the adversarial training's perturbation.
    pub adversarial: Option<f32>,
    pub held_out: f64,
    #[serde(rename = "loop")]
    pub training: Loop,
}

/// A classifier's training, as the loop sees it.
pub struct ClassifierTask<'a> {
    pub settings: &'a Settings,
    pub training: &'a Photographs,
    pub validation: &'a Photographs,
    /// Autodiff device.
    pub device: Device,
}

impl ClassifierTask<'_> {
    fn steps_per_epoch(&self) -> u64 {
        (self.training.items.len() / self.settings.training.batch).max(1) as u64
    }

    /// The views and classes of one step: photographs in an order of the epoch's own.
    fn batch(&self, step: u64) -> (Tensor<4>, Vec<usize>) {
        let (settings, training) = (self.settings, &self.settings.training);
        let items = epoch_batch(&self.training.items, training.seed, step, self.steps_per_epoch(), training.batch);
        let views = random_views(&items, settings.side, VIEW, training.seed, step);
        (to_tensor(&views, [settings.side; 2], &self.device), items.iter().map(|item| item.class).collect())
    }

    /// One step of 1.25 epsilon from a random start in the ball (Wong et al., arXiv 2001.03994), against the model as
    /// it would be used, so that the attack does not move the statistics of batch normalisation.
    fn perturbed(
        &self,
        model: &Classifier,
        image: Tensor<4>,
        target: &Tensor<1, Int>,
        epsilon: f32,
        step: u64,
    ) -> Tensor<4> {
        let mut rng = generator(self.settings.training.seed, "start", &[step]);
        let [batch, channels, height, width] = image.dims();
        let start: Vec<f32> =
            (0..batch * channels * height * width).map(|_| rng.random_range(-epsilon..=epsilon)).collect();
        let start = Tensor::<1>::from_floats(start.as_slice(), &self.device).reshape([batch, channels, height, width]);
        let leaf = (image.clone() + start.clone()).clamp(0.0, 1.0).detach().require_grad();
        let loss =
            CrossEntropyLossConfig::new().init(&self.device).forward(model.forward(leaf.clone()), target.clone());
        let Some(gradient) = leaf.grad(&loss.backward()) else { return image };
        let gradient = Tensor::from_inner(gradient.sign());
        let noise = (start + gradient * (1.25 * epsilon)).clamp(-epsilon, epsilon);
        ((image + noise).clamp(0.0, 1.0) * 255.0).round().div_scalar(255.0).detach()
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
        let target = targets(&classes, &self.device);
        let image = match self.settings.adversarial {
            Some(epsilon) => self.perturbed(&frozen(model), image, &target, epsilon / 255.0, step),
            None => image,
        };
        let loss =
            CrossEntropyLossConfig::new().with_smoothing(Some(self.settings.label_smoothing as f32)).init(&self.device);
        Ok((loss.forward(model.forward(image), target), Vec::new()))
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
            let robust = self.robust_accuracy(model, epsilon / 255.0);
            values.push(("accuracy_under_attack", robust));
            score = f64::from(robust);
        }
        Ok(Validation { score, values })
    }
}

impl ClassifierTask<'_> {
    /// Accuracy on the held-out photographs under the one-step attack that training uses.
    fn robust_accuracy(&self, model: &Classifier, epsilon: f32) -> f32 {
        let model = model.clone().train().freeze();
        let mut right = 0;
        for (i, items) in self.validation.items.chunks(VALIDATION_BATCH).enumerate() {
            let views: Vec<_> = items.iter().map(|item| augment::centre(&item.pixels, self.settings.side)).collect();
            let classes: Vec<_> = items.iter().map(|item| item.class).collect();
            let target = targets(&classes, &self.device);
            let image = to_tensor(&views, [self.settings.side; 2], &self.device);
            let image = self.perturbed(&model, image, &target, epsilon, u64::MAX - i as u64);
            let predicted = predictions(model.forward(image));
            right += classes.iter().zip(predicted).filter(|(class, found)| *class == found).count();
        }
        right as f32 / self.validation.items.len() as f32
    }
}

/// The model in evaluation mode, with gradients to its input and none to its weights.
fn frozen(model: &Classifier) -> Classifier {
    model.clone().freeze()
}
