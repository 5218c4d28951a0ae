//! The random inputs of a forward pass, drawn from a named, seedable generator.

use burn::prelude::*;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::config::{Grouping, RiaeConfig};
use super::position::centre;

/// The random inputs of one forward pass over a batch.
#[derive(Clone, Debug)]
pub struct Draw {
    /// The row and column at which each image's window of the position table begins.
    pub offsets: Vec<[usize; 2]>,
    /// With random groups: each image's patches, numbered in raster order, in the order in which they are dealt.
    pub permutations: Option<Vec<Vec<usize>>>,
    /// In the masking modes with image noise.
    pub image_noise: Option<ImageNoise>,
    /// In the masking modes with feature noise.
    pub feature_noise: Option<FeatureNoise>,
}

/// The noise that is added to the normalised image.
#[derive(Clone, Debug)]
pub struct ImageNoise {
    /// Each image's step of the noise schedule.
    pub t: Vec<usize>,
    /// [batch, 3, side, side], variance 1.
    pub noise: Tensor<4>,
}

/// The noise that is added to the stand-in features.
#[derive(Clone, Debug)]
pub struct FeatureNoise {
    /// The step of the noise schedule of every group of every image, image by image.
    pub t: Vec<usize>,
    /// [batch, groups, patches / groups, decoder width], variance 1.
    pub noise: Tensor<4>,
}

/// Each image's window of the position table, and the steps of the noise schedule if the mode has noise.
struct Choices {
    offsets: Vec<[usize; 2]>,
    image_t: Option<Vec<usize>>,
    feature_t: Option<Vec<usize>>,
}

impl Draw {
    /// Draws for training: random steps, random windows of the position table.
    ///
    /// `config` must accept images of `side` pixels ([`RiaeConfig::validate`]).
    pub fn training(config: &RiaeConfig, batch: usize, side: usize, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let room = config.positions - config.grid(side);
        let offsets = (0..batch).map(|_| [rng.random_range(0..=room), rng.random_range(0..=room)]).collect();
        let masking = config.masking;
        let mut steps =
            |count: usize, [first, end]: [usize; 2]| (0..count).map(|_| rng.random_range(first..end)).collect();
        let image_t = masking.noises_image().then(|| steps(batch, config.image_noise_t_training));
        let feature_t =
            masking.noises_features().then(|| steps(batch * config.groups, config.feature_noise_t_training));
        Self::new(config, Choices { offsets, image_t, feature_t }, side, rng, device)
    }

    /// Draws for evaluation: the configured steps, the middle of the position table.
    ///
    /// `config` must accept images of `side` pixels ([`RiaeConfig::validate`]).
    pub fn evaluation(config: &RiaeConfig, batch: usize, side: usize, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let middle = centre(config.positions, config.grid(side));
        let masking = config.masking;
        let choices = Choices {
            offsets: vec![[middle; 2]; batch],
            image_t: masking.noises_image().then(|| vec![config.image_noise_t; batch]),
            feature_t: masking.noises_features().then(|| vec![config.feature_noise_t; batch * config.groups]),
        };
        Self::new(config, choices, side, rng, device)
    }

    /// Draws permutations and noise.
    fn new(config: &RiaeConfig, choices: Choices, side: usize, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let Choices { offsets, image_t, feature_t } = choices;
        let batch = offsets.len();
        let permutation = |rng: &mut ChaCha8Rng| {
            let mut order: Vec<usize> = (0..config.grid(side).pow(2)).collect();
            order.shuffle(rng);
            order
        };
        let permutations =
            (config.grouping == Grouping::Random).then(|| (0..batch).map(|_| permutation(rng)).collect());
        let image_noise = image_t.map(|t| ImageNoise { t, noise: normal([batch, 3, side, side], rng, device) });
        let feature_shape = [batch, config.groups, config.group_len(side), config.decoder.width];
        let feature_noise = feature_t.map(|t| FeatureNoise { t, noise: normal(feature_shape, rng, device) });
        Self { offsets, permutations, image_noise, feature_noise }
    }
}

fn normal(shape: [usize; 4], rng: &mut ChaCha8Rng, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = rng.sample_iter(StandardNormal).take(shape.iter().product()).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
