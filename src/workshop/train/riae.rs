//! Training a RIAE: stage 1 on clean photographs, stage 2 on pairs of adversarial and clean ones.

use std::path::Path;

use burn::prelude::*;
use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::augment::Square;
use super::batch::{epoch_batch, predictions, random_views};
use super::data::Photographs;
use super::error::Error;
use super::pairs::{PairMaker, Pairs, VIEW};
use super::perceptual::Perceptual;
use super::rcm::{put_back, regions_put_back};
use super::settings::RiaeSettings;
use super::trainer::{Task, Validation, Values};
use super::{augment, generator, sheet};
use crate::workshop::attack::{Attack, Method};
use crate::workshop::onnx::read::Classifier;
use crate::workshop::pictures::{from_tensor, psnr_8_bit, to_tensor};
use crate::workshop::riae::{Riae, STD};

/// The most held-out photographs in a validation.
const VALIDATION_COUNT: usize = 256;
/// Pictures in a validation batch.
const VALIDATION_BATCH: usize = 32;
/// Steps of the attack that a validation uses.
const VALIDATION_STEPS: usize = 10;
/// Rows of the before/after sheet.
const SHEET_ROWS: usize = 6;

/// Held-out photographs as squares: clean, and attacked once for the whole run.
#[derive(Clone)]
struct HeldOut {
    clean: Vec<Square>,
    adversarial: Vec<Square>,
}

/// A RIAE's training, as the loop sees it.
pub struct RiaeTask<'a> {
    settings: &'a RiaeSettings,
    training: &'a Photographs,
    validation: &'a Photographs,
    /// Autodiff device.
    device: Device,
    makers: PairMaker,
    perceptual: Vec<Perceptual>,
    pairs: Option<Pairs>,
    held_out: Option<HeldOut>,
}

impl<'a> RiaeTask<'a> {
    /// A training with `settings` on the `training` photographs, on an autodiff `device`. `makers` make the pairs of
    /// stage 2; without a `perceptual` network only pixels are compared.
    pub fn new(
        settings: &'a RiaeSettings,
        training: &'a Photographs,
        validation: &'a Photographs,
        device: Device,
        makers: PairMaker,
        perceptual: Vec<Perceptual>,
    ) -> Self {
        Self { settings, training, validation, device, makers, perceptual, pairs: None, held_out: None }
    }

    fn steps_per_clean_epoch(&self) -> u64 {
        (self.training.items.len() / self.settings.training.batch).max(1) as u64
    }

    fn pairs_per_generation(&self) -> usize {
        self.settings.pairs.min(self.training.items.len())
    }

    fn steps_per_pair_epoch(&self) -> u64 {
        (self.pairs_per_generation() / self.settings.training.batch).max(1) as u64
    }

    fn clean_steps(&self) -> u64 {
        self.settings.clean_epochs * self.steps_per_clean_epoch()
    }

    /// Stage 1: the network sees a clean view and must reproduce it.
    fn clean_loss(&self, model: &Riae, step: u64) -> (Tensor<1>, Values) {
        let settings = self.settings;
        let training = &settings.training;
        let per_epoch = self.steps_per_clean_epoch();
        let items = epoch_batch(&self.training.items, training.seed, step, per_epoch, training.batch);
        let views = random_views(&items, settings.side, VIEW, training.seed, step);
        let clean = to_tensor(&views, [settings.side; 2], &self.device);
        let purified = self.purify(model, clean.clone(), step);
        let loss = pixel_loss(purified, clean);
        let value = loss.clone().into_scalar::<f32>();
        (loss, vec![("pixel", value)])
    }

    /// Stage 2: the network sees an adversarial view and must reproduce the clean one.
    fn pair_loss(&mut self, model: &Riae, step: u64) -> Result<(Tensor<1>, Values), Error> {
        let settings = self.settings;
        let mut rng = generator(settings.training.seed, "pair step", &[step]);
        let [clean, adversarial] = self.pair_batch(step, &mut rng);
        let purified = self.purify(model, adversarial.clone(), step);
        let pixel = pixel_loss(purified.clone(), clean.clone());
        let mut values = vec![("pixel", pixel.clone().into_scalar::<f32>())];
        if self.perceptual.is_empty() {
            return Ok((pixel, values));
        }
        let shown = match regions_put_back(settings.rcm, &mut rng) {
            Some(parts) => put_back(purified, adversarial, settings.model.patch, parts, &mut rng),
            None => purified,
        };
        let terms: Result<Vec<_>, Error> =
            self.perceptual.iter().map(|network| network.loss(shown.clone(), clean.clone())).collect();
        let Some(sum) = terms?.into_iter().reduce(|sum, term| sum + term) else { return Ok((pixel, values)) };
        let mean = sum / self.perceptual.len() as f32;
        values.push(("perceptual", mean.clone().into_scalar::<f32>()));
        Ok((pixel + mean, values))
    }

    /// The pairs of one step, clean and adversarial; both views of a pair are flipped half of the time.
    ///
    /// # Shapes
    /// -> two of [batch, 3, side, side] in 0..1
    fn pair_batch(&mut self, step: u64, rng: &mut impl Rng) -> [Tensor<4>; 2] {
        let settings = self.settings;
        let step_of_stage = step - self.clean_steps();
        let per_epoch = self.steps_per_pair_epoch();
        let generation = step_of_stage / per_epoch / settings.refresh_every.max(1);
        // The old generation is dropped before the new one is made, so that memory holds only one.
        let pairs = match self.pairs.take().filter(|pairs| pairs.generation == generation) {
            Some(pairs) => pairs,
            None => self.makers.make(self.training, settings, generation, &self.device),
        };
        let pairs = self.pairs.insert(pairs);
        let mut order: Vec<usize> = (0..pairs.clean.len()).collect();
        order.shuffle(&mut generator(settings.training.seed, "pair order", &[step_of_stage / per_epoch]));
        let start = (step_of_stage % per_epoch) as usize * settings.training.batch;
        let chosen = &order[start..(start + settings.training.batch).min(order.len())];
        let (clean, adversarial): (Vec<_>, Vec<_>) = chosen
            .iter()
            .map(|i| {
                let (mut clean, mut adversarial) = (pairs.clean[*i].clone(), pairs.adversarial[*i].clone());
                if rng.random_bool(0.5) {
                    augment::flip(&mut clean, settings.side);
                    augment::flip(&mut adversarial, settings.side);
                }
                (clean, adversarial)
            })
            .unzip();
        [clean, adversarial].map(|squares| to_tensor(&squares, [settings.side; 2], &self.device))
    }

    fn purify(&self, model: &Riae, image: Tensor<4>, step: u64) -> Tensor<4> {
        let batch = image.dims()[0];
        let mut rng = generator(self.settings.training.seed, "draw", &[step]);
        let mut draw = model.draw_training(batch, self.settings.side, &mut rng);
        if !self.settings.random_windows {
            draw.offsets = model.draw_evaluation(batch, self.settings.side, &mut rng).offsets;
        }
        model.forward(image, &draw).image
    }

    /// Held-out photographs, clean and attacked by PGD on the first classifier; made once.
    fn held_out(&mut self) -> HeldOut {
        let (settings, validation, device) = (self.settings, self.validation, &self.device);
        let classifier = self.makers.classifiers.first();
        let make = || {
            let items: Vec<_> = validation.items.iter().collect();
            let stride = items.len().div_ceil(VALIDATION_COUNT).max(1);
            let clean: Vec<_> =
                items.par_iter().step_by(stride).map(|item| augment::centre(&item.pixels, settings.side)).collect();
            let attack = Attack { method: Method::Pgd { steps: VALIDATION_STEPS }, epsilon: settings.epsilon };
            let adversarial = match classifier {
                Some(classifier) => {
                    attack_squares(&attack, classifier, &clean, settings.side, settings.training.seed, device)
                }
                None => clean.clone(),
            };
            HeldOut { clean, adversarial }
        };
        self.held_out.get_or_insert_with(make).clone()
    }
}

impl Task for RiaeTask<'_> {
    type Model = Riae;

    fn steps(&self) -> u64 {
        self.clean_steps() + self.settings.pair_epochs * self.steps_per_pair_epoch()
    }

    fn validates_at(&self, step: u64) -> bool {
        match step.checked_sub(self.clean_steps()) {
            None | Some(0) => step.is_multiple_of(self.steps_per_clean_epoch()),
            Some(step) => step.is_multiple_of(self.steps_per_pair_epoch()),
        }
    }

    fn loss(&mut self, model: &Riae, step: u64) -> Result<(Tensor<1>, Values), Error> {
        if step < self.clean_steps() { Ok(self.clean_loss(model, step)) } else { self.pair_loss(model, step) }
    }

    fn validate(&mut self, model: &Riae, _step: u64, folder: &Path) -> Result<Validation, Error> {
        let (side, seed) = (self.settings.side, self.settings.training.seed);
        let HeldOut { clean, adversarial } = self.held_out();
        let device = self.device.clone().inner();
        let purify = |squares: &[Square]| -> Vec<Square> {
            squares
                .chunks(VALIDATION_BATCH)
                .enumerate()
                .flat_map(|(i, squares)| {
                    let mut rng = generator(seed, "validation draw", &[i as u64]);
                    let draw = model.draw_evaluation(squares.len(), side, &mut rng);
                    from_tensor(model.forward(to_tensor(squares, [side; 2], &device), &draw).image)
                })
                .collect()
        };
        let (purified_clean, purified_adversarial) = (purify(&clean), purify(&adversarial));
        let psnr = mean_psnr(&purified_clean, &clean);
        let mut values =
            vec![("psnr_clean_dB", psnr), ("psnr_adversarial_dB", mean_psnr(&purified_adversarial, &clean))];
        let mut score = f64::from(psnr) / 100.0;
        if let Some(classifier) = self.makers.classifiers.first() {
            let predict = |squares: &[Square]| -> Vec<usize> {
                squares
                    .chunks(VALIDATION_BATCH)
                    .flat_map(|squares| predictions(classifier.logits(to_tensor(squares, [side; 2], &self.device))))
                    .collect()
            };
            let truth = predict(&clean);
            let agreement = |squares: &[Square]| {
                let same = predict(squares).iter().zip(&truth).filter(|(a, b)| a == b).count();
                same as f32 / truth.len() as f32
            };
            let (on_clean, on_adversarial) = (agreement(&purified_clean), agreement(&purified_adversarial));
            values.extend([("agreement_clean", on_clean), ("agreement_adversarial", on_adversarial)]);
            score += f64::from(on_clean + on_adversarial);
        }
        let rows: Vec<_> =
            (0..SHEET_ROWS.min(clean.len())).map(|i| i * clean.len() / SHEET_ROWS.min(clean.len())).collect();
        let columns =
            rows.iter().map(|i| [&clean[*i], &adversarial[*i], &purified_adversarial[*i], &purified_clean[*i]]);
        sheet::draw(&columns.collect::<Vec<_>>(), side, &folder.join("sheet.png"))?;
        Ok(Validation { score, values })
    }
}

/// Attacks squares in batches, away from the classifier's own predictions.
fn attack_squares(
    attack: &Attack,
    classifier: &Classifier,
    squares: &[Square],
    side: usize,
    seed: u64,
    device: &Device,
) -> Vec<Square> {
    squares
        .chunks(VALIDATION_BATCH)
        .enumerate()
        .flat_map(|(i, squares)| {
            let image = to_tensor(squares, [side; 2], device);
            let labels = predictions(classifier.logits(image.clone()));
            from_tensor(attack.perturb(classifier, image, &labels, seed.wrapping_add(i as u64)))
        })
        .collect()
}

/// L1 distance in units of the channels' standard deviation: the paper's loss on normalised pictures.
fn pixel_loss(purified: Tensor<4>, clean: Tensor<4>) -> Tensor<1> {
    let std = Tensor::<1>::from_floats(STD, &clean.device()).reshape([1, 3, 1, 1]);
    ((purified - clean).abs() / std).mean()
}

/// Mean over pictures of the peak signal-to-noise ratio in dB.
fn mean_psnr(pictures: &[Square], references: &[Square]) -> f32 {
    let sum: f64 = pictures.iter().zip(references).map(|(picture, reference)| psnr_8_bit(picture, reference)).sum();
    (sum / pictures.len() as f64) as f32
}
