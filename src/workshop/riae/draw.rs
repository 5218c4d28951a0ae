//! The random inputs of a forward pass, drawn from a named, seedable generator.

use burn::prelude::*;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::Riae;
use super::config::Grouping;
use super::position::centre;

/// The random inputs of one forward pass over a batch.
#[derive(Clone, Debug)]
pub struct Draw {
    /// Where each image's window of the position table begins: row, column.
    pub offsets: Vec<[usize; 2]>,
    /// With random groups: each image's patches, as raster numbers, in the order in which they are dealt.
    pub permutations: Option<Vec<Vec<usize>>>,
    pub image_noise: Option<ImageNoise>,
    pub feature_noise: Option<FeatureNoise>,
}

/// What is added to the normalised image.
#[derive(Clone, Debug)]
pub struct ImageNoise {
    /// Each image's step of the schedule.
    pub t: Vec<usize>,
    /// [batch, 3, side, side], variance 1.
    pub noise: Tensor<4>,
}

/// What is added to the stand-in features.
#[derive(Clone, Debug)]
pub struct FeatureNoise {
    /// The step of the schedule of every group of every image, image by image.
    pub t: Vec<usize>,
    /// [batch, groups, patches / groups, decoder width], variance 1.
    pub noise: Tensor<4>,
}

impl Riae {
    /// Draws for training: random steps, random windows of the position table.
    pub fn draw_training(&self, batch: usize, side: usize, rng: &mut ChaCha8Rng) -> Draw {
        let config = self.config();
        let room = config.positions - config.grid(side);
        let offsets = (0..batch).map(|_| [rng.random_range(0..=room), rng.random_range(0..=room)]).collect();
        let [first, end] = config.image_noise_t_training;
        let image_t = config.masking.noises_image().then(|| (0..batch).map(|_| rng.random_range(first..end)).collect());
        let [first, end] = config.feature_noise_t_training;
        let passes = batch * config.groups;
        let feature_t =
            config.masking.noises_features().then(|| (0..passes).map(|_| rng.random_range(first..end)).collect());
        self.draw(offsets, image_t, feature_t, side, rng)
    }

    /// Draws for evaluation: the configured steps, the middle of the position table.
    pub fn draw_evaluation(&self, batch: usize, side: usize, rng: &mut ChaCha8Rng) -> Draw {
        let config = self.config();
        let middle = centre(config.positions, config.grid(side));
        let image_t = config.masking.noises_image().then(|| vec![config.image_noise_t; batch]);
        let feature_t = config.masking.noises_features().then(|| vec![config.feature_noise_t; batch * config.groups]);
        self.draw(vec![[middle; 2]; batch], image_t, feature_t, side, rng)
    }

    fn draw(
        &self,
        offsets: Vec<[usize; 2]>,
        image_t: Option<Vec<usize>>,
        feature_t: Option<Vec<usize>>,
        side: usize,
        rng: &mut ChaCha8Rng,
    ) -> Draw {
        let (config, device) = (self.config(), self.device());
        let batch = offsets.len();
        let permutation = |rng: &mut ChaCha8Rng| {
            let mut order: Vec<usize> = (0..config.grid(side).pow(2)).collect();
            order.shuffle(rng);
            order
        };
        let permutations =
            (config.grouping == Grouping::Random).then(|| (0..batch).map(|_| permutation(rng)).collect());
        let image_noise = image_t.map(|t| ImageNoise { t, noise: normal([batch, 3, side, side], rng, &device) });
        let feature_shape = [batch, config.groups, config.group_len(side), config.decoder.width];
        let feature_noise = feature_t.map(|t| FeatureNoise { t, noise: normal(feature_shape, rng, &device) });
        Draw { offsets, permutations, image_noise, feature_noise }
    }
}

fn normal(shape: [usize; 4], rng: &mut ChaCha8Rng, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = rng.sample_iter(StandardNormal).take(shape.iter().product()).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
