//! Small classifiers of three families with the same plan: a 4x4 patchify stem, four stages at strides 4, 8, 16 and 32,
//! the mean over the picture, one linear layer.
//!
//! The stem has no padding, so that normalisation folds into it exactly at export. There is no pooling and, except in
//! [`Family::Inverted`] and [`Family::ConvNext`], no depth-wise convolution: on small CPUs both take several times as
//! long as their arithmetic suggests.

mod block;
pub mod export;

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::prelude::*;
use serde::{Deserialize, Serialize};

use crate::workshop::pictures::{IMAGENET_MEAN, IMAGENET_STD};
use block::{Block, conv};
pub use block::{Family, UnknownFamily};

/// The stride of the last stage in pixels. The side of a picture must be a multiple of it.
pub const STRIDE: usize = 32;

/// Everything that determines the shape of a classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierConfig {
    /// The kind of its blocks.
    pub family: Family,
    /// Channels of the first stage; each later stage has twice as many as the one before.
    pub width: usize,
    /// Blocks in each stage.
    pub depths: [usize; 4],
    /// Number of logits.
    pub classes: usize,
}

impl ClassifierConfig {
    /// A classifier with the family's usual number of blocks; `width` is the number of channels of the first stage.
    pub fn new(family: Family, width: usize, classes: usize) -> Self {
        let depths = match family {
            Family::Residual => [1, 1, 1, 1],
            Family::Inverted => [1, 2, 3, 2],
            Family::ConvNext => [1, 1, 2, 1],
        };
        Self { family, width, depths, classes }
    }

    /// A network whose initial weights the device's generator draws.
    pub fn init(&self, device: &Device) -> Classifier {
        let stage = |i: usize| {
            let channels = self.width << i;
            let block = |j: usize| match (i, j) {
                (1.., 0) => Block::new(self.family, channels / 2, channels, 2, device),
                _ => Block::new(self.family, channels, channels, 1, device),
            };
            Stage { blocks: (0..self.depths[i]).map(block).collect() }
        };
        Classifier {
            stem: conv(3, self.width, 4, 4, 0, 1, device),
            stem_norm: BatchNormConfig::new(self.width).init(device),
            stages: (0..4).map(stage).collect(),
            head: LinearConfig::new(self.width << 3, self.classes).init(device),
        }
    }

    /// The cost of one picture of `side` x `side` pixels in GFLOP (10^9 multiplications and additions).
    pub fn gflop(&self, side: usize) -> f64 {
        let stem = (side / 4).pow(2) * 48 * self.width;
        let stages = (0..4).map(|i| {
            let (pixels, channels) = ((side >> (2 + i)).pow(2), self.width << i);
            let first = if i == 0 { channels } else { channels / 2 };
            let cost =
                |j| block::multiply_adds(self.family, if j == 0 { first } else { channels }, channels, i > 0 && j == 0);
            pixels * (0..self.depths[i]).map(cost).sum::<usize>()
        });
        2.0 * (stem + stages.sum::<usize>() + (self.width << 3) * self.classes) as f64 / 1e9
    }
}

/// The blocks at one resolution.
#[derive(Module, Debug)]
pub struct Stage {
    blocks: Vec<Block>,
}

/// A classifier as a burn module. [`ClassifierConfig::init`] makes one.
#[derive(Module, Debug)]
pub struct Classifier {
    stem: Conv2d,
    stem_norm: BatchNorm,
    stages: Vec<Stage>,
    head: Linear,
}

impl Classifier {
    /// Classifies a batch.
    ///
    /// # Shapes
    /// image [batch, 3, side, side], RGB in 0..1, side a multiple of [`STRIDE`] -> logits [batch, classes]
    pub fn forward(&self, image: Tensor<4>) -> Tensor<2> {
        let device = image.device();
        let channel = |values: [f32; 3]| Tensor::<1>::from_floats(values, &device).reshape([1, 3, 1, 1]);
        let x = (image - channel(IMAGENET_MEAN)) / channel(IMAGENET_STD);
        let x = self.stem_norm.forward(self.stem.forward(x));
        let x = self.stages.iter().flat_map(|stage| &stage.blocks).fold(x, |x, block| block.forward(x));
        let [batch, channels, height, width] = x.dims();
        let mean = x.reshape([batch, channels, height * width]).mean_dim(2).reshape([batch, channels]);
        self.head.forward(mean)
    }
}
