//! Training a RIAE: stage 1 on clean photographs, stage 2 on pairs of adversarial and clean ones.

use std::path::Path;

use burn::prelude::*;
use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::augment::Square;
use super::batch::{epoch_batch, predictions, random_views};
use super::data::Photographs;
use super::pairs::{PairMaker, Pairs};
use super::perceptual::{Perceptual, PerceptualSettings};
use super::trainer::{Loop, Task, Validation, Values};
use super::{Error, augment, generator, sheet};
use crate::workshop::attack::Attack;
use crate::workshop::onnx::read::Classifier;
use crate::workshop::pictures::{from_tensor, psnr_8_bit, to_tensor};
use crate::workshop::riae::{Riae, RiaeConfig, STD};

/// Share of a photograph's area that a training view covers.
pub const VIEW: (f64, f64) = (0.5, 1.0);
/// Held-out photographs that a validation looks at.
const VALIDATION_COUNT: usize = 256;
const VALIDATION_BATCH: usize = 32;
/// Rows of the before/after sheet.
const SHEET_ROWS: usize = 6;

/// All that determines the outcome of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub kind: String,
    pub model: RiaeConfig,
    pub data: String,
    pub photographs: usize,
    pub side: usize,
    pub clean_epochs: u64,
    pub pair_epochs: u64,
    /// Attacked in stage 2: file name and SHA-256.
    pub classifiers: Vec<(String, String)>,
    pub perceptual: Vec<PerceptualSettings>,
    pub attacks: Vec<String>,
    /// Largest L-infinity size of a perturbation in units of 1/255.
    pub epsilon: f32,
    /// Share of the steps of stage 2 in which regions are put back.
    pub rcm: f64,
    pub pairs: usize,
    pub refresh_every: u64,
    /// Whether windows of the position table are drawn at random, as in the paper, or stay in the middle.
    pub random_windows: bool,
    pub held_out: f64,
    #[serde(rename = "loop")]
    pub training: Loop,
}

/// Held-out photographs as squares: clean, and attacked once for the whole run.
#[derive(Clone)]
struct HeldOut {
    clean: Vec<Square>,
    adversarial: Vec<Square>,
}

/// A RIAE's training, as the loop sees it.
pub struct RiaeTask<'a> {
    pub settings: &'a Settings,
    pub training: &'a Photographs,
    pub validation: &'a Photographs,
    /// Autodiff device.
    pub device: Device,
    pub makers: PairMaker,
    pub perceptual: Vec<Perceptual>,
    pairs: Option<Pairs>,
    held_out: Option<HeldOut>,
}

impl<'a> RiaeTask<'a> {
    pub fn new(
        settings: &'a Settings,
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

    /// Stage 1: the network sees a clean view and is to give it back.
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

    /// Stage 2: the network sees an adversarial view and is to give the clean one.
    fn pair_loss(&mut self, model: &Riae, step: u64) -> Result<(Tensor<1>, Values), Error> {
        let settings = self.settings;
        let step_of_stage = step - self.clean_steps();
        let per_epoch = self.steps_per_pair_epoch();
        let generation = step_of_stage / per_epoch / settings.refresh_every.max(1);
        if self.pairs.as_ref().is_none_or(|pairs| pairs.generation != generation) {
            self.pairs = None;
            self.pairs = Some(self.makers.make(self.training, settings, generation, &self.device)?);
        }
        let Some(pairs) = &self.pairs else { unreachable!("set above") };
        let mut order: Vec<usize> = (0..pairs.clean.len()).collect();
        order.shuffle(&mut generator(settings.training.seed, "pair order", &[step_of_stage / per_epoch]));
        let start = (step_of_stage % per_epoch) as usize * settings.training.batch;
        let chosen = &order[start..(start + settings.training.batch).min(order.len())];
        let mut rng = generator(settings.training.seed, "pair step", &[step]);
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
        let clean = to_tensor(&clean, [settings.side; 2], &self.device);
        let adversarial = to_tensor(&adversarial, [settings.side; 2], &self.device);
        let purified = self.purify(model, adversarial.clone(), step);
        let pixel = pixel_loss(purified.clone(), clean.clone());
        let mut values = vec![("pixel", pixel.clone().into_scalar::<f32>())];
        let mut loss = pixel;
        if !self.perceptual.is_empty() {
            let shown = match regions_put_back(settings.rcm, &mut rng) {
                Some(parts) => put_back(purified, adversarial, settings.model.patch, parts, &mut rng),
                None => purified,
            };
            let mut perceptual = None;
            for network in &self.perceptual {
                let term = network.loss(shown.clone(), clean.clone())?;
                perceptual = Some(perceptual.map_or(term.clone(), |sum: Tensor<1>| sum + term));
            }
            if let Some(sum) = perceptual {
                let mean = sum / self.perceptual.len() as f32;
                values.push(("perceptual", mean.clone().into_scalar::<f32>()));
                loss = loss + mean;
            }
        }
        Ok((loss, values))
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

    /// Held-out photographs, clean and attacked by PGD-10 on the first classifier; made once.
    fn held_out(&mut self) -> Result<&HeldOut, Error> {
        if self.held_out.is_none() {
            let items: Vec<_> = self.validation.items.iter().collect();
            let stride = items.len().div_ceil(VALIDATION_COUNT).max(1);
            let clean: Vec<_> = items
                .par_iter()
                .step_by(stride)
                .map(|item| augment::centre(&item.pixels, self.settings.side))
                .collect();
            let attack: Attack = "pgd:10".parse().map_err(|error| Error::Settings(format!("{error}")))?;
            let adversarial = match self.makers.classifiers.first() {
                Some(classifier) => attack_squares(
                    &attack,
                    classifier,
                    &clean,
                    self.settings.epsilon / 255.0,
                    self.settings.side,
                    self.settings.training.seed,
                    &self.device,
                ),
                None => clean.clone(),
            };
            self.held_out = Some(HeldOut { clean, adversarial });
        }
        let Some(held_out) = &self.held_out else { unreachable!("set above") };
        Ok(held_out)
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
        let HeldOut { clean, adversarial } = self.held_out()?.clone();
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

/// Attacks squares in batches; the classifier's own prediction is the class to leave.
pub fn attack_squares(
    attack: &Attack,
    classifier: &Classifier,
    squares: &[Square],
    epsilon: f32,
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
            let epsilons = vec![epsilon; squares.len()];
            from_tensor(attack.perturb(classifier, image, &labels, &epsilons, seed.wrapping_add(i as u64)))
        })
        .collect()
}

/// L1 in units of the channels' standard deviation, as the paper's loss on normalised pictures.
fn pixel_loss(purified: Tensor<4>, clean: Tensor<4>) -> Tensor<1> {
    let std = Tensor::<1>::from_floats(STD, &clean.device()).reshape([1, 3, 1, 1]);
    ((purified - clean).abs() / std).mean()
}

/// Into how many parts RCM cuts the picture, one of which is put back: none, 2, 3 or 4.
fn regions_put_back(share: f64, rng: &mut impl Rng) -> Option<usize> {
    rng.random_bool(share.clamp(0.0, 1.0)).then(|| rng.random_range(2..=4))
}

/// RCM: in every picture, a random `1 / parts` of the patches is exchanged for the adversarial input's.
fn put_back(purified: Tensor<4>, adversarial: Tensor<4>, patch: usize, parts: usize, rng: &mut impl Rng) -> Tensor<4> {
    let [batch, _, side, _] = purified.dims();
    let grid = side / patch;
    let mut mask = vec![0.0f32; batch * side * side];
    for plane in mask.chunks_exact_mut(side * side) {
        let mut patches: Vec<usize> = (0..grid * grid).collect();
        patches.shuffle(rng);
        for place in &patches[..grid * grid / parts] {
            let (top, left) = (place / grid * patch, place % grid * patch);
            for row in top..top + patch {
                plane[row * side + left..row * side + left + patch].fill(1.0);
            }
        }
    }
    let mask = Tensor::<1>::from_floats(mask.as_slice(), &purified.device()).reshape([batch, 1, side, side]);
    purified * (mask.clone().neg() + 1.0) + adversarial * mask
}

/// Mean over pictures of the peak signal-to-noise ratio in dB.
fn mean_psnr(pictures: &[Square], references: &[Square]) -> f32 {
    let sum: f64 = pictures.iter().zip(references).map(|(picture, reference)| psnr_8_bit(picture, reference)).sum();
    (sum / pictures.len() as f64) as f32
}
