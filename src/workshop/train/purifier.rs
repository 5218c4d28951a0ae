//! Training a purifier: stage 1 on clean photographs, stage 2 on pairs of adversarial and clean ones.

use std::path::Path;
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::prelude::*;
use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::augment::Square;
use super::batch::{epoch_batch, predictions, random_views};
use super::checkpoint::Trained;
use super::data::Photographs;
use super::error::Error;
use super::pair_cache::PairCache;
use super::pairs::{PairMaker, Pairs};
use super::perceptual::Perceptual;
use super::rcm::{put_back, regions_put_back};
use super::settings::PurifierSettings;
use super::trainer::{self, Loop, Task, Validation, Values};
use super::trial::Trial;
use super::{augment, generator, sheet};
use crate::workshop::attack::{Attack, Method};
use crate::workshop::onnx::read::Classifier;
use crate::workshop::pictures::{IMAGENET_STD, from_tensor, psnr_8_bit, through_jpeg, to_tensor};
use crate::workshop::purifier::Purifier;

/// The most held-out photographs in a validation.
const VALIDATION_COUNT: usize = 256;
/// Pictures in a validation batch.
const VALIDATION_BATCH: usize = 32;
/// Quality of the JPEG that a validation puts between attack and purifier.
const VALIDATION_QUALITY: u8 = 85;
/// Steps of the attack that a validation uses.
const VALIDATION_STEPS: usize = 10;
/// Steps of a trial; the first does not count.
const TRIAL_STEPS: usize = 4;
/// Pairs of each kind in a trial.
const TRIAL_PAIRS: usize = 8;
/// Rows of the before/after sheet.
const SHEET_ROWS: usize = 6;

/// Held-out photographs as squares, and what a judge makes of them; attacked once for the whole run.
struct HeldOut {
    clean: Vec<Square>,
    /// One for each judge.
    attacked: Vec<Attacked>,
}

/// The held-out photographs in the eyes of one judge.
struct Attacked {
    /// The judge's place among the judges.
    judge: usize,
    /// What it says to the clean pictures.
    truth: Vec<usize>,
    /// Attacked by PGD on the judge alone.
    adversarial: Vec<Square>,
    /// The same after JPEG.
    jpeg: Vec<Square>,
}

/// The fixed networks that a training needs.
pub struct Networks {
    /// Makes the pairs of stage 2.
    pub makers: PairMaker,
    /// Whose activations are compared, those of one at a time; without one only pixels are.
    pub perceptual: Vec<Perceptual>,
    /// Who judges the purified pictures in a validation: best such as training never sees.
    pub judges: Vec<Classifier>,
}

/// A purifier's training, as the loop sees it.
pub struct PurifierTask<'a> {
    settings: PurifierSettings,
    training: &'a Photographs,
    validation: &'a Photographs,
    /// Autodiff device.
    device: Device,
    makers: PairMaker,
    perceptual: Vec<Perceptual>,
    /// What validation asks.
    judges: Vec<Classifier>,
    pairs: Option<Pairs>,
    /// Where the newest generation of pairs is kept for a resumed run.
    cache: Option<PairCache>,
    held_out: Option<HeldOut>,
}

impl<'a> PurifierTask<'a> {
    /// A training with `settings` on the `training` photographs, on an autodiff `device`.
    pub fn new(
        settings: PurifierSettings,
        training: &'a Photographs,
        validation: &'a Photographs,
        device: Device,
        networks: Networks,
    ) -> Self {
        let Networks { makers, perceptual, judges } = networks;
        Self {
            settings,
            training,
            validation,
            device,
            makers,
            perceptual,
            judges,
            pairs: None,
            cache: None,
            held_out: None,
        }
    }

    /// What the run is made with.
    pub fn settings(&self) -> &PurifierSettings {
        &self.settings
    }

    /// The same, to be changed before the run.
    pub fn settings_mut(&mut self) -> &mut PurifierSettings {
        &mut self.settings
    }

    /// From now on the newest generation of pairs is kept there.
    pub fn keep_pairs_in(&mut self, cache: PairCache) {
        self.cache = Some(cache);
    }

    /// Takes a few steps with a copy of `model`, and makes a few pairs and a validation, to see how long they take.
    /// What the run will do does not depend on it.
    ///
    /// # Errors
    /// A network that cannot be run, or a loss that is not finite.
    pub fn trial(&mut self, model: &Purifier) -> Result<Trial, Error> {
        let kinds = self.makers.attacks.len() * self.makers.classifiers.len();
        let few = (TRIAL_STEPS * self.settings.training.batch).max(TRIAL_PAIRS * kinds);
        let pairs = std::mem::replace(&mut self.settings.pairs, few.min(self.training.items.len()));
        let cache = self.cache.take();
        let trial = self.timed(model);
        (self.settings.pairs, self.cache, self.pairs) = (pairs, cache, None);
        trial
    }

    fn timed(&mut self, model: &Purifier) -> Result<Trial, Error> {
        let mut trial = Trial::default();
        let average = model.valid();
        // Attacks are made once in a run, not in every validation.
        self.held_out = Some(self.make_held_out());
        let start = Instant::now();
        self.measure(&average);
        trial.validation = start.elapsed();
        if self.settings.clean_epochs > 0 {
            trial.clean_step = self.timed_steps(model, 0, self.clean_steps())?;
        }
        if self.settings.pair_epochs > 0 {
            let first = self.clean_steps();
            let start = Instant::now();
            self.prepare(first)?;
            trial.pair = start.elapsed() / self.settings.pairs.max(1) as u32;
            trial.pair_step = self.timed_steps(model, first, first + self.steps_per_pair_epoch())?;
        }
        Ok(trial)
    }

    /// The mean duration of the first steps from `first` on, without the very first, which also warms up.
    fn timed_steps(&mut self, model: &Purifier, first: u64, end: u64) -> Result<Duration, Error> {
        let mut trained = Trained::new(model.clone(), self.settings.training.weight_decay);
        let settings = self.settings.training.clone();
        let end = end.min(first + TRIAL_STEPS as u64);
        let mut took = Vec::new();
        for step in first..end {
            let start = Instant::now();
            trainer::step(self, &mut trained, &settings, step, settings.learning_rate)?;
            took.push(start.elapsed());
        }
        let warm = took.get(1..).filter(|rest| !rest.is_empty()).unwrap_or(&took);
        Ok(warm.iter().sum::<Duration>() / warm.len().max(1) as u32)
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
    fn clean_loss(&self, model: &Purifier, step: u64) -> (Tensor<1>, Values) {
        let settings = &self.settings;
        let training = &settings.training;
        let per_epoch = self.steps_per_clean_epoch();
        let items = epoch_batch(&self.training.items, training.seed, step, per_epoch, training.batch);
        let views = random_views(&items, settings.side, settings.view, training.seed, step);
        let clean = to_tensor(&views, [settings.side; 2], &self.device);
        let purified = self.purify(model, clean.clone(), step);
        let loss = pixel_loss(purified, clean);
        let value = loss.clone().into_scalar::<f32>();
        (loss, vec![("pixel", value)])
    }

    /// Stage 2: the network sees an adversarial view and must reproduce the clean one.
    fn pair_loss(&mut self, model: &Purifier, step: u64) -> Result<(Tensor<1>, Values), Error> {
        let mut rng = generator(self.settings.training.seed, "pair step", &[step]);
        let [clean, adversarial] = self.pair_batch(step, &mut rng);
        let settings = &self.settings;
        let purified = self.purify(model, adversarial.clone(), step);
        let pixel = pixel_loss(purified.clone(), clean.clone());
        let mut values = vec![("pixel", pixel.clone().into_scalar::<f32>())];
        if self.perceptual.is_empty() {
            return Ok((pixel, values));
        }
        let shown = match regions_put_back(settings.rcm, &mut rng) {
            Some(parts) => put_back(purified, adversarial, settings.model.region(), parts, &mut rng),
            None => purified,
        };
        // One network a step: several cost as much as one.
        let network = &self.perceptual[rng.random_range(0..self.perceptual.len())];
        let distance = network.loss(shown, clean)?;
        values.push(("perceptual", distance.clone().into_scalar::<f32>()));
        Ok((pixel + distance * settings.perceptual_weight, values))
    }

    /// The pairs of one step, clean and adversarial; both views of a pair are flipped half of the time.
    ///
    /// # Shapes
    /// -> two of [batch, 3, side, side] in 0..1
    fn pair_batch(&mut self, step: u64, rng: &mut impl Rng) -> [Tensor<4>; 2] {
        let (side, &Loop { batch, seed, .. }) = (self.settings.side, &self.settings.training);
        let step_of_stage = step - self.clean_steps();
        let per_epoch = self.steps_per_pair_epoch();
        let pairs = self.pairs_of(step).0;
        let mut order: Vec<usize> = (0..pairs.clean.len()).collect();
        order.shuffle(&mut generator(seed, "pair order", &[step_of_stage / per_epoch]));
        let start = (step_of_stage % per_epoch) as usize * batch;
        let chosen = &order[start..(start + batch).min(order.len())];
        let (clean, adversarial): (Vec<_>, Vec<_>) = chosen
            .iter()
            .map(|i| {
                let (mut clean, mut adversarial) = (pairs.clean[*i].clone(), pairs.adversarial[*i].clone());
                if rng.random_bool(0.5) {
                    augment::flip(&mut clean, side);
                    augment::flip(&mut adversarial, side);
                }
                (clean, adversarial)
            })
            .unzip();
        [clean, adversarial].map(|squares| to_tensor(&squares, [side; 2], &self.device))
    }

    /// The generation of pairs that a step of stage 2 learns from.
    fn generation_of(&self, step: u64) -> u64 {
        (step - self.clean_steps()) / self.steps_per_pair_epoch() / self.settings.refresh_every.max(1)
    }

    /// The pairs that a step of stage 2 learns from, and whether they had to be made or read.
    fn pairs_of(&mut self, step: u64) -> (&Pairs, bool) {
        let generation = self.generation_of(step);
        // The old generation is dropped before the new one is made, so that memory holds only one.
        let there = self.pairs.take().filter(|pairs| pairs.generation == generation);
        let is_new = there.is_none();
        let pairs = there.unwrap_or_else(|| self.generation(generation));
        (self.pairs.insert(pairs), is_new)
    }

    /// The pairs of a generation: those of the cache, or new ones.
    fn generation(&self, generation: u64) -> Pairs {
        let side = self.settings.side;
        let cached = |cache: &PairCache| cache.load(generation, self.pairs_per_generation(), side);
        if let Some(pairs) = self.cache.as_ref().and_then(cached) {
            return pairs;
        }
        let pairs = self.makers.make(self.training, &self.settings, generation, &self.device);
        if let Some(cache) = &self.cache {
            cache.store(&pairs, side);
        }
        pairs
    }

    fn purify(&self, model: &Purifier, image: Tensor<4>, step: u64) -> Tensor<4> {
        let mut rng = generator(self.settings.training.seed, "draw", &[step]);
        model.train(image, self.settings.random_windows, &mut rng)
    }

    /// Held-out photographs, clean and attacked by PGD on each judge; made once.
    fn make_held_out(&self) -> HeldOut {
        let settings = &self.settings;
        let items: Vec<_> = self.validation.items.iter().collect();
        let stride = items.len().div_ceil(VALIDATION_COUNT).max(1);
        let clean: Vec<_> =
            items.par_iter().step_by(stride).map(|item| augment::centre(&item.pixels, settings.side)).collect();
        let attack = Attack { method: Method::Pgd { steps: VALIDATION_STEPS, restarts: 1 }, epsilon: settings.epsilon };
        let attacked = self.judges.iter().enumerate().map(|(judge, classifier)| {
            let adversarial =
                attack_squares(&attack, classifier, &clean, settings.side, settings.training.seed, &self.device);
            let jpeg = |square: &Square| through_jpeg(square, [settings.side; 2], VALIDATION_QUALITY);
            let jpeg = adversarial.par_iter().map(jpeg).collect();
            Attacked { judge, truth: self.predict(judge, &clean), adversarial, jpeg }
        });
        let attacked = attacked.collect();
        HeldOut { clean, attacked }
    }

    /// The classes that a judge sees.
    fn predict(&self, judge: usize, squares: &[Square]) -> Vec<usize> {
        let classify = |squares: &[Square]| {
            predictions(self.judges[judge].logits(to_tensor(squares, [self.settings.side; 2], &self.device)))
        };
        squares.chunks(VALIDATION_BATCH).flat_map(classify).collect()
    }

    /// The share of the pictures in which a judge sees the class that it sees in the clean ones.
    fn agreement(&self, attacked: &Attacked, squares: &[Square]) -> f32 {
        let seen = self.predict(attacked.judge, squares);
        let same = seen.iter().zip(&attacked.truth).filter(|(seen, truth)| seen == truth).count();
        same as f32 / attacked.truth.len() as f32
    }
}

impl Task for PurifierTask<'_> {
    type Model = Purifier;

    fn steps(&self) -> u64 {
        self.clean_steps() + self.settings.pair_epochs * self.steps_per_pair_epoch()
    }

    fn validates_at(&self, step: u64) -> bool {
        match step.checked_sub(self.clean_steps()) {
            None | Some(0) => step.is_multiple_of(self.steps_per_clean_epoch()),
            Some(step) => step.is_multiple_of(self.steps_per_pair_epoch()),
        }
    }

    fn prepares_at(&self, step: u64) -> bool {
        let first = self.clean_steps();
        step == first || step > first && self.generation_of(step) != self.generation_of(step - 1)
    }

    fn prepare(&mut self, step: u64) -> Result<bool, Error> {
        Ok(step >= self.clean_steps() && self.pairs_of(step).1)
    }

    fn stage(&self, step: u64) -> (&'static str, u64) {
        if step < self.clean_steps() { ("stage 1", self.clean_steps()) } else { ("stage 2", self.steps()) }
    }

    fn loss(&mut self, model: &Purifier, step: u64) -> Result<(Tensor<1>, Values), Error> {
        if step < self.clean_steps() { Ok(self.clean_loss(model, step)) } else { self.pair_loss(model, step) }
    }

    fn validate(&mut self, model: &Purifier, _step: u64, folder: &Path) -> Result<Validation, Error> {
        let (validation, [clean, adversarial, purified, purified_clean]) = self.measure(model);
        let count = SHEET_ROWS.min(clean.len());
        let rows: Vec<_> = (0..count).map(|i| i * clean.len() / count).collect();
        let columns = rows.iter().map(|i| [&clean[*i], &adversarial[*i], &purified[*i], &purified_clean[*i]]);
        sheet::draw(&columns.collect::<Vec<_>>(), self.settings.side, &folder.join("sheet.png"))?;
        Ok(validation)
    }
}

impl PurifierTask<'_> {
    /// Measures averaged weights on the held-out photographs. With the result: clean, adversarial, purified adversarial
    /// and purified clean pictures.
    fn measure(&mut self, model: &Purifier) -> (Validation, [Vec<Square>; 4]) {
        let (side, seed) = (self.settings.side, self.settings.training.seed);
        let held_out = match self.held_out.take() {
            Some(held_out) => held_out,
            None => self.make_held_out(),
        };
        let device = self.device.clone().inner();
        let purify = |squares: &[Square]| -> Vec<Square> {
            let chunks = squares.chunks(VALIDATION_BATCH).enumerate();
            let purified = chunks.flat_map(|(i, squares)| {
                let mut rng = generator(seed, "validation draw", &[i as u64]);
                from_tensor(model.purify(to_tensor(squares, [side; 2], &device), &mut rng))
            });
            purified.collect()
        };
        let clean = &held_out.clean;
        let purified_clean = purify(clean);
        let psnr = mean_psnr(&purified_clean, clean);
        let mut values = vec![("psnr_clean_dB", psnr)];
        let mut score = f64::from(psnr) / 100.0;
        let mut shown = (clean.clone(), purified_clean.clone());
        let mut sums = [0.0f32; 3];
        for (place, attacked) in held_out.attacked.iter().enumerate() {
            let purified = purify(&attacked.adversarial);
            sums[0] += self.agreement(attacked, &purified_clean);
            sums[1] += self.agreement(attacked, &purified);
            sums[2] += self.agreement(attacked, &purify(&attacked.jpeg));
            if place == 0 {
                values.push(("psnr_adversarial_dB", mean_psnr(&purified, clean)));
                shown = (attacked.adversarial.clone(), purified);
            }
        }
        if !held_out.attacked.is_empty() {
            let means = sums.map(|sum| sum / held_out.attacked.len() as f32);
            let names = ["agreement_clean", "agreement_adversarial", "agreement_jpeg"];
            values.extend(names.into_iter().zip(means));
            score += means.iter().map(|mean| f64::from(*mean)).sum::<f64>();
        }
        let pictures = [clean.clone(), shown.0, shown.1, purified_clean];
        self.held_out = Some(held_out);
        (Validation { score, values }, pictures)
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
    let std = Tensor::<1>::from_floats(IMAGENET_STD, &clean.device()).reshape([1, 3, 1, 1]);
    ((purified - clean).abs() / std).mean()
}

/// Mean over pictures of the peak signal-to-noise ratio in dB.
fn mean_psnr(pictures: &[Square], references: &[Square]) -> f32 {
    let sum: f64 = pictures.iter().zip(references).map(|(picture, reference)| psnr_8_bit(picture, reference)).sum();
    (sum / pictures.len() as f64) as f32
}
