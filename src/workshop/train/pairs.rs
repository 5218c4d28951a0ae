//! Pairs (adversarial, clean) for stage 2: made a generation at a time, kept in memory as 8-bit pictures.
//!
//! A generation depends on seed, number and data alone. Its batches do not depend on the order in which training uses
//! the pairs, so a resumed run makes the same generation.

use burn::prelude::*;
use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::augment::{self, Square};
use super::batch::predictions;
use super::data::Photographs;
use super::generator;
use super::settings::PurifierSettings;
use crate::workshop::attack::{Epsilon, Method};
use crate::workshop::onnx::read::Classifier;
use crate::workshop::pictures::{self, from_tensor, resized, to_tensor};

/// Pictures attacked together.
const BATCH: usize = 32;
/// The qualities of JPEG that an attacked picture may go through.
const QUALITY: std::ops::RangeInclusive<u8> = 50..=95;
/// The smallest picture that a perturbation may go through, as a share of the side.
const SMALLEST: f32 = 0.5;
/// The weakest perturbation, as a share of the largest.
const WEAKEST: f32 = 0.3;

/// One generation of pairs; `clean[i]` belongs to `adversarial[i]`.
pub struct Pairs {
    /// The number of the generation, counted from 0.
    pub generation: u64,
    /// Views as they are.
    pub clean: Vec<Square>,
    /// The same views, attacked.
    pub adversarial: Vec<Square>,
}

/// The source of pairs: classifiers to attack and attacks to choose from.
pub struct PairMaker {
    /// The classifiers to attack.
    pub classifiers: Vec<Classifier>,
    /// The attacks to mix.
    pub attacks: Vec<Method>,
}

impl PairMaker {
    /// Makes one generation from at most `settings.pairs` photographs.
    ///
    /// All combinations of attack and classifier get equal shares; each pair draws a strength of its own. An attack
    /// leads away from the classifier's own prediction, so photographs need no label.
    pub fn make(
        &self,
        photographs: &Photographs,
        settings: &PurifierSettings,
        generation: u64,
        device: &Device,
    ) -> Pairs {
        let seed = settings.training.seed;
        let mut chosen: Vec<usize> = (0..photographs.items.len()).collect();
        chosen.shuffle(&mut generator(seed, "pairs", &[generation]));
        chosen.truncate(settings.pairs);
        let clean: Vec<Square> = chosen
            .par_iter()
            .map(|i| {
                let mut rng = generator(seed, "pair view", &[generation, *i as u64]);
                augment::random_view(&photographs.items[*i].pixels, settings.side, settings.view, &mut rng)
            })
            .collect();
        let mut adversarial = clean.clone();
        let kinds = self.attacks.len() * self.classifiers.len();
        for kind in 0..kinds {
            let places: Vec<usize> = (0..clean.len()).filter(|place| place % kinds == kind).collect();
            let (attack, classifier) =
                (&self.attacks[kind % self.attacks.len()], &self.classifiers[kind / self.attacks.len()]);
            for (number, places) in places.chunks(BATCH).enumerate() {
                let mut rng = generator(seed, "pair attack", &[generation, kind as u64, number as u64]);
                let epsilons: Vec<Epsilon> =
                    places.iter().map(|_| settings.epsilon.scaled(rng.random_range(WEAKEST..=1.0))).collect();
                let batch: Vec<&Square> = places.iter().map(|place| &clean[*place]).collect();
                let image = to_tensor(&batch, [settings.side; 2], device);
                let labels = predictions(classifier.logits(image.clone()));
                let result = attack.perturb(classifier, image, &labels, &epsilons, rng.random());
                for (place, square) in places.iter().zip(from_tensor(result)) {
                    adversarial[*place] = square;
                }
            }
        }
        resample(&clean, &mut adversarial, settings, generation);
        through_jpeg(&mut adversarial, settings, generation);
        Pairs { generation, clean, adversarial }
    }
}

/// Puts a share of the perturbations through a smaller picture and back; what was photographed stays as sharp as it was.
fn resample(clean: &[Square], adversarial: &mut [Square], settings: &PurifierSettings, generation: u64) {
    let side = settings.side;
    adversarial.par_iter_mut().zip(clean).enumerate().for_each(|(place, (adversarial, clean))| {
        let mut rng = generator(settings.training.seed, "pair resample", &[generation, place as u64]);
        if !rng.random_bool(settings.resample.clamp(0.0, 1.0)) {
            return;
        }
        let smaller = (side as f32 * rng.random_range(SMALLEST..1.0)).ceil() as usize;
        let through = |square: &Square| resized(&resized(square, [side; 2], [smaller; 2]), [smaller; 2], [side; 2]);
        let (blurred, ground) = (through(adversarial), through(clean));
        for ((level, clean), (blurred, ground)) in adversarial.iter_mut().zip(clean).zip(blurred.iter().zip(&ground)) {
            let sum = i16::from(*clean) + i16::from(*blurred) - i16::from(*ground);
            *level = sum.clamp(0, 255) as u8;
        }
    });
}

/// Puts a share of the attacked pictures through JPEG, as the way from a scene to the purifier does.
fn through_jpeg(adversarial: &mut [Square], settings: &PurifierSettings, generation: u64) {
    adversarial.par_iter_mut().enumerate().for_each(|(place, square)| {
        let mut rng = generator(settings.training.seed, "pair jpeg", &[generation, place as u64]);
        if rng.random_bool(settings.jpeg.clamp(0.0, 1.0)) {
            *square = pictures::through_jpeg(square, [settings.side; 2], rng.random_range(QUALITY));
        }
    });
}
