//! Pairs (adversarial, clean) for stage 2: made a generation at a time, kept in memory as 8-bit pictures.
//!
//! A generation is a function of seed, number and data alone. It is made in batches that do not depend on the order in
//! which training takes the pairs, so a resumed run makes the same one.

use burn::prelude::*;
use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::augment::{self, Square};
use super::batch::predictions;
use super::data::Photographs;
use super::riae::{Settings, VIEW};
use super::{Error, generator};
use crate::workshop::attack::Attack;
use crate::workshop::onnx::read::Classifier;
use crate::workshop::pictures::{from_tensor, to_tensor};

/// Pictures attacked together.
const BATCH: usize = 32;
/// The weakest perturbation, as a share of the largest.
const WEAKEST: f32 = 0.3;

/// One generation of pairs; `clean[i]` belongs to `adversarial[i]`.
pub struct Pairs {
    pub generation: u64,
    pub clean: Vec<Square>,
    pub adversarial: Vec<Square>,
}

/// What makes pairs: classifiers to be attacked and attacks to choose from.
pub struct PairMaker {
    pub classifiers: Vec<Classifier>,
    pub attacks: Vec<Attack>,
}

impl PairMaker {
    /// Makes one generation from at most `settings.pairs` photographs. Attack, classifier and strength are drawn for
    /// each pair; the class that an attack leaves is the classifier's own prediction, so photographs need no label.
    pub fn make(
        &self,
        photographs: &Photographs,
        settings: &Settings,
        generation: u64,
        device: &Device,
    ) -> Result<Pairs, Error> {
        let seed = settings.training.seed;
        let mut chosen: Vec<usize> = (0..photographs.items.len()).collect();
        chosen.shuffle(&mut generator(seed, "pairs", &[generation]));
        chosen.truncate(settings.pairs);
        let clean: Vec<Square> = chosen
            .par_iter()
            .map(|i| {
                let mut rng = generator(seed, "pair view", &[generation, *i as u64]);
                augment::random_view(&photographs.items[*i].pixels, settings.side, VIEW, &mut rng)
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
                let epsilons: Vec<f32> =
                    places.iter().map(|_| settings.epsilon / 255.0 * rng.random_range(WEAKEST..=1.0)).collect();
                let batch: Vec<&Square> = places.iter().map(|place| &clean[*place]).collect();
                let image = to_tensor(&batch, [settings.side; 2], device);
                let labels = predictions(classifier.logits(image.clone()));
                let result = attack.perturb(classifier, image, &labels, &epsilons, rng.random());
                for (place, square) in places.iter().zip(from_tensor(result)) {
                    adversarial[*place] = square;
                }
            }
        }
        Ok(Pairs { generation, clean, adversarial })
    }
}
