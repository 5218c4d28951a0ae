//! The network: its layers, how they start, and a pass through them.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::activation::relu;

use super::config::UnetConfig;
use crate::workshop::device::draw_weights;

/// The value that pixels are centred around.
pub(super) const CENTRE: f32 = 0.5;
/// The usual gain of initial weights: uniform up to the inverse square root of the fan-in.
const USUAL: f64 = 0.577_350_269_189_625_8;
/// How much smaller than usual the last weights of a branch start.
const START: f64 = 0.1;

/// The network. [`UnetConfig::init`] makes one.
#[derive(Module, Debug)]
pub struct Unet {
    /// Takes whole patches of pixels. Starts as their cosine transform, the lowest frequencies if it has fewer channels
    /// than a patch has values.
    pub stem: Conv2d,
    /// Added after the stem, times the strength in 0..1 [1, width, 1, 1]: how the network is told the strength.
    pub told: Param<Tensor<4>>,
    /// The scales, finest first, on the way down.
    pub down: Vec<Scale>,
    /// From each scale but the last to the next coarser one.
    pub coarser: Vec<Conv2d>,
    /// From each coarser scale to the one before: four places of its channels, finest first.
    pub finer: Vec<Conv2d>,
    /// The scales on the way up, finest first; the coarsest has no second half.
    pub up: Vec<Scale>,
    /// Makes patches of pixels of the finest scale. Starts as the inverse of the stem.
    pub head: Conv2d,
    #[module(skip)]
    config: UnetConfig,
}

/// The blocks of one scale.
#[derive(Module, Debug)]
pub struct Scale {
    /// At least one.
    pub blocks: Vec<Block>,
}

/// Two 3x3 convolutions and a shortcut (He et al., arXiv 1512.03385), without normalisation.
#[derive(Module, Debug)]
pub struct Block {
    /// Comes first.
    pub conv1: Conv2d,
    /// Starts small, so that an untrained block changes little.
    pub conv2: Conv2d,
}

impl UnetConfig {
    /// A network that does little but add the noise, until it is trained. Seed the device first to get the same network
    /// again.
    pub fn init(&self, device: &Device) -> Unet {
        let scale = |(width, depth): (&usize, &usize)| Scale {
            blocks: (0..*depth).map(|_| Block::new(*width, device)).collect(),
        };
        let (first, patch, last) = (self.widths[0], self.patch, self.widths.len() - 1);
        let basis = cosines(patch, first);
        let filters: Vec<f32> = basis.concat();
        // The head's outputs are spread over a patch in the order row, column, channel.
        let pixels = (0..patch * patch).flat_map(|place| (0..3).map(move |channel| channel * patch * patch + place));
        let inverse: Vec<f32> = pixels.flat_map(|value| basis.iter().map(move |filter| filter[value])).collect();
        let pairs = || self.widths.iter().zip(&self.widths[1..]);
        let model = Unet {
            stem: set(conv([3, first], patch, patch, USUAL, device), &filters),
            told: Initializer::Zeros.init([1, first, 1, 1], device),
            down: self.widths.iter().zip(&self.depths).map(scale).collect(),
            coarser: pairs().map(|(fine, coarse)| conv([*fine, *coarse], 2, 2, USUAL, device)).collect(),
            finer: pairs().map(|(fine, coarse)| conv([*coarse, 4 * fine], 1, 1, START * USUAL, device)).collect(),
            up: self.widths[..last].iter().zip(&self.depths).map(scale).collect(),
            head: set(conv([first, 3 * patch * patch], 1, 1, USUAL, device), &inverse),
            config: self.clone(),
        };
        draw_weights(&model);
        model
    }
}

/// A convolution `[from, to]` that keeps the picture's size before its stride.
fn conv(channels: [usize; 2], kernel: usize, stride: usize, gain: f64, device: &Device) -> Conv2d {
    let pad = if stride == 1 { kernel / 2 } else { 0 };
    Conv2dConfig::new(channels, [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
        .with_initializer(Initializer::KaimingUniform { gain, fan_out_only: false })
        .init(device)
}

/// The convolution with these weights and no bias yet.
fn set(mut conv: Conv2d, weights: &[f32]) -> Conv2d {
    let (shape, device) = (conv.weight.dims(), conv.weight.val().device());
    conv.weight = Param::from_data(TensorData::new(weights.to_vec(), shape), &device);
    conv.bias = Some(Param::from_data(TensorData::new(vec![0.0f32; shape[0]], [shape[0]]), &device));
    conv
}

/// `count` filters [3, patch, patch] of the orthonormal cosine transform, the lowest frequencies first; beyond the
/// `3 patch^2` that there are, zeros.
fn cosines(patch: usize, count: usize) -> Vec<Vec<f32>> {
    let wave = |frequency: usize, place: usize| {
        let scale = if frequency == 0 { 1.0 } else { 2.0f32 };
        let angle = std::f32::consts::PI * (place as f32 + 0.5) * frequency as f32 / patch as f32;
        (scale / patch as f32).sqrt() * angle.cos()
    };
    let mut frequencies: Vec<[usize; 2]> = (0..patch).flat_map(|y| (0..patch).map(move |x| [y, x])).collect();
    frequencies.sort_by_key(|[y, x]| (y + x, *y));
    let filter = |[down, across]: [usize; 2], channel: usize| {
        let mut filter = vec![0.0; 3 * patch * patch];
        for place in 0..patch * patch {
            filter[channel * patch * patch + place] = wave(down, place / patch) * wave(across, place % patch);
        }
        filter
    };
    let filters = frequencies.into_iter().flat_map(|frequency| (0..3).map(move |channel| (frequency, channel)));
    let filters = filters.map(|(frequency, channel)| filter(frequency, channel));
    filters.chain(std::iter::repeat_with(|| vec![0.0; 3 * patch * patch])).take(count).collect()
}

impl Unet {
    /// The configuration that the network was made from.
    pub fn config(&self) -> &UnetConfig {
        &self.config
    }

    /// Purifies a batch. It is not clamped: the loss needs the gradients beyond 0 and 1.
    ///
    /// # Shapes
    /// image [batch, 3, height, width] in 0..1, both sides multiples of [`UnetConfig::stride`]; noise of the same shape,
    /// variance 1; strength [batch, 1, 1, 1], standard deviation of the noise in 8-bit levels
    /// -> [batch, 3, height, width]
    pub fn forward(&self, image: Tensor<4>, noise: Tensor<4>, strength: Tensor<4>) -> Tensor<4> {
        let strength = strength / 255.0;
        let noised = image + noise * strength.clone();
        let mut x = self.stem.forward(noised - CENTRE) + self.told.val() * strength;
        let mut skipped = Vec::with_capacity(self.coarser.len());
        for (scale, coarser) in self.down.iter().zip(&self.coarser) {
            x = scale.forward(x);
            skipped.push(x.clone());
            x = coarser.forward(x);
        }
        x = self.down.iter().skip(self.coarser.len()).fold(x, |x, scale| scale.forward(x));
        for ((finer, up), skip) in self.finer.iter().zip(&self.up).zip(skipped).rev() {
            x = up.forward(depth_to_space(finer.forward(x), 2) + skip);
        }
        depth_to_space(self.head.forward(x), self.config.patch) + CENTRE
    }
}

impl Scale {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.blocks.iter().fold(x, |x, block| block.forward(x))
    }
}

impl Block {
    fn new(width: usize, device: &Device) -> Self {
        Self {
            conv1: conv([width, width], 3, 1, USUAL, device),
            conv2: conv([width, width], 3, 1, START * USUAL, device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = self.conv2.forward(relu(self.conv1.forward(x.clone())));
        x + y
    }
}

/// Spreads channels over squares of `side` x `side` places, as ONNX's `DepthToSpace` does in mode DCR.
///
/// # Shapes
/// x [batch, side * side * channels, height, width] -> [batch, channels, side * height, side * width]
fn depth_to_space(x: Tensor<4>, side: usize) -> Tensor<4> {
    let [batch, depth, height, width] = x.dims();
    let channels = depth / (side * side);
    x.reshape([batch, side, side, channels, height, width]).permute([0, 3, 4, 1, 5, 2]).reshape([
        batch,
        channels,
        side * height,
        side * width,
    ])
}
