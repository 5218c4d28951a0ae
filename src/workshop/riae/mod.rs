//! RIAE: the masked auto-encoder that purifies an image, as a burn module.
//!
//! After "Adversarial Purification of Information Masking" (arXiv 2311.15339). Patches are dealt into groups; the
//! encoder sees every group alone; the decoder reconstructs each group from the others and from what the masking mode
//! puts in its place; the reconstructions together are the purified picture.
//!
//! - [`config`]: sizes, modes, presets, what is refused; `cost`: what a pass costs.
//! - [`groups`], [`position`], [`noise`], [`draw`]: dealing, positions, the noise schedule, random inputs.
//! - [`export`]: the network as an ONNX graph; [`state_dict`]: its weights for the published PyTorch class.
//! - [`block`], [`encoder`], [`decoder_self`], [`decoder_cross`]: the transformers; `fused`: their CPU operators.

pub mod block;
pub mod config;
mod cost;
pub mod decoder_cross;
pub mod decoder_self;
pub mod draw;
pub mod encoder;
pub mod export;
pub mod groups;
pub mod noise;
pub mod position;
pub mod state_dict;

use std::path::PathBuf;

use burn::module::{ModuleVisitor, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, LayerNorm, Linear, PaddingConfig2d};
use burn::prelude::*;

use block::{NORM_EPSILON, layer_norm, linear, norm};
pub use config::RiaeConfig;
use config::{DecoderKind, FeatureNorm, FinalConv, FinalConvInit, Masking};
use decoder_cross::CrossDecoder;
use decoder_self::{Material, SelfDecoder};
pub use draw::Draw;
use encoder::{Encoded, Encoder};
use groups::{Deal, others};
use noise::{Mix, schedule};

/// The channels' mean of ImageNet, which the network works around.
pub const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// The channels' standard deviation of ImageNet.
pub const STD: [f32; 3] = [0.229, 0.224, 0.225];

/// Why a RIAE cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{}: {reason}", path.display())]
    StateDict { path: PathBuf, reason: String },
    #[error("{} is not a RIAE configuration: {source}", path.display())]
    Parse { path: PathBuf, source: Box<toml::de::Error> },
    #[error("RIAE configuration: {key} is {found}, expected {expected}")]
    Config { key: &'static str, found: String, expected: String },
    #[error("this RIAE cannot purify images of {side} x {side} pixels: {reason}")]
    Side { side: usize, reason: String },
}

/// A purified batch in the range of its input, not clamped: the loss wants the gradients beyond 0 and 1.
#[derive(Clone, Debug)]
pub struct Purified {
    /// [batch, 3, side, side]
    pub image: Tensor<4>,
    /// The picture before the last convolution, [batch, 3, side, side]. In mode `mask` no pixel of a group reaches its
    /// own patches here.
    pub before_conv: Tensor<4>,
}

/// The decoder, one of two kinds.
#[derive(Module, Debug)]
pub enum Decoder {
    SelfAttention(SelfDecoder),
    CrossAttention(CrossDecoder),
}

/// The network.
#[derive(Module, Debug)]
pub struct Riae {
    pub encoder: Encoder,
    pub mask_token: Param<Tensor<3>>,
    pub decoder_head_embed: Option<Linear>,
    pub decoder_embed: Linear,
    pub decoder_embed_norm: LayerNorm,
    pub decoder: Decoder,
    pub decoder_norm: LayerNorm,
    pub decoder_pred: Linear,
    pub final_conv: Option<Conv2d>,
    #[module(skip)]
    config: RiaeConfig,
}

impl RiaeConfig {
    /// A fresh network. Seed the device first to repeat it: every weight is drawn here, none at its first use.
    pub fn init(&self, device: &Device) -> Riae {
        let model = self.describe(device);
        model.visit(&mut DrawNow);
        model
    }

    /// The network with weights that are yet to be drawn.
    fn describe(&self, device: &Device) -> Riae {
        let (d, e) = (self.encoder.width, self.decoder.width);
        let head = || linear((self.groups - 1) * d, e, device);
        Riae {
            encoder: Encoder::new(self, device),
            mask_token: Initializer::Normal { mean: 0.0, std: 0.02 }.init([1, 1, e], device),
            decoder_head_embed: self.decoder.head_token.then(head),
            decoder_embed: linear(d, e, device),
            decoder_embed_norm: layer_norm(e, device),
            decoder: match self.decoder.kind {
                DecoderKind::SelfAttention => Decoder::SelfAttention(SelfDecoder::new(&self.decoder, device)),
                DecoderKind::CrossAttention => Decoder::CrossAttention(CrossDecoder::new(&self.decoder, device)),
            },
            decoder_norm: layer_norm(e, device),
            decoder_pred: linear(e, self.patch_len(), device),
            final_conv: match self.final_conv {
                FinalConv::Conv3x3 => Some(final_conv(3, self.final_conv_init, device)),
                FinalConv::Conv1x1 => Some(final_conv(1, self.final_conv_init, device)),
                FinalConv::None => None,
            },
            config: self.clone(),
        }
    }
}

/// Makes lazily initialised parameters draw their values.
struct DrawNow;

impl ModuleVisitor for DrawNow {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let _ = param.val();
    }
}

/// The convolution over the assembled picture, `side` x `side`, padded with zeros.
fn final_conv(side: usize, init: FinalConvInit, device: &Device) -> Conv2d {
    let pad = side / 2;
    let bound = ((3 * side * side) as f64).powf(-0.5);
    let mut conv = Conv2dConfig::new([3, 3], [side, side])
        .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
        .with_initializer(Initializer::Uniform { min: -bound, max: bound })
        .init(device);
    if init == FinalConvInit::Identity {
        let mut kernel = vec![0_f32; 9 * side * side];
        for channel in 0..3 {
            kernel[((channel * 3 + channel) * side + pad) * side + pad] = 1.0;
        }
        conv.weight = Param::from_data(TensorData::new(kernel, [3, 3, side, side]), device);
        conv.bias = Some(Param::from_data(TensorData::from([0_f32; 3]), device));
    }
    conv
}

impl Riae {
    /// What the network was made from.
    pub fn config(&self) -> &RiaeConfig {
        &self.config
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.mask_token.val().device()
    }

    /// Purifies a batch. Its side must have passed [`RiaeConfig::validate`], and `draw` be made for it.
    ///
    /// # Shapes
    /// image [batch, 3, side, side] in 0..1 -> [`Purified`], both pictures [batch, 3, side, side]
    pub fn forward(&self, image: Tensor<4>, draw: &Draw) -> Purified {
        let [batch, _, side, _] = image.dims();
        let (config, device) = (&self.config, image.device());
        let grid = config.grid(side);
        let deal = Deal::new(config, grid, draw.permutations.as_deref(), &device);
        let mean = Tensor::<1>::from_floats(MEAN, &device).reshape([1, 3, 1, 1]);
        let std = Tensor::<1>::from_floats(STD, &device).reshape([1, 3, 1, 1]);
        let normalised = (image - mean.clone()) / std.clone();

        let encoder_positions = position::windows(grid, config.encoder.width, &draw.offsets, &device);
        let clean = self.encode(normalised.clone(), &encoder_positions, &deal);
        let features = self.decoder_embed.forward(clean.patches);
        let visible = norm(&self.decoder_embed_norm, features.clone());
        let shape = [batch, config.groups, config.group_len(side), config.decoder.width];
        let positions = position::windows(grid, config.decoder.width, &draw.offsets, &device);
        let positions = deal.deal_positions(positions);

        let stand_ins = match &draw.image_noise {
            Some(noise) => {
                let noised = mix(normalised, noise.noise.clone(), &noise.t);
                let features = self.decoder_embed.forward(self.encode(noised, &encoder_positions, &deal).patches);
                let normed = norm(&self.decoder_embed_norm, features.clone());
                self.stand_ins(features.reshape(shape), normed.reshape(shape), draw)
            }
            None => self.stand_ins(features.reshape(shape), visible.clone().reshape(shape), draw),
        };
        let material = Material {
            visible: visible.reshape(shape) + positions.clone(),
            stand_ins: stand_ins + positions,
            heads: self.heads(clean.class, batch),
        };
        let decoded = match &self.decoder {
            Decoder::SelfAttention(decoder) => decoder.forward(material),
            Decoder::CrossAttention(decoder) => decoder.forward(material),
        };
        let merged = deal.collect(norm(&self.decoder_norm, decoded));
        let picture = unpatchify(self.decoder_pred.forward(merged), grid, config.patch);
        let convolved = self.final_conv.as_ref().map(|conv| conv.forward(picture.clone()));
        let before_conv = picture * std.clone() + mean.clone();
        let image = convolved.map_or_else(|| before_conv.clone(), |picture| picture * std + mean);
        Purified { image, before_conv }
    }

    /// Embeds, positions, deals and encodes a normalised image.
    fn encode(&self, normalised: Tensor<4>, positions: &Tensor<3>, deal: &Deal) -> Encoded {
        let tokens = self.encoder.patch_embed.forward(patchify(normalised, self.config.patch));
        let dealt = deal.deal(tokens + positions.clone());
        let [batch, groups, len, width] = dealt.dims();
        self.encoder.forward(dealt.reshape([batch * groups, len, width]))
    }

    /// What stands in for every group, before positions are added.
    ///
    /// # Shapes
    /// features before and after the learnt normalisation [batch, groups, length, width] -> the same, or
    /// [1, 1, 1, width] for the mask token
    fn stand_ins(&self, features: Tensor<4>, normed: Tensor<4>, draw: &Draw) -> Tensor<4> {
        match (self.config.masking, &draw.feature_noise) {
            (Masking::Mask, _) => self.mask_token.val().unsqueeze_dim(0),
            (_, None) => normed,
            (_, Some(noise)) => {
                let signal = match self.config.feature_norm {
                    FeatureNorm::Paper => normed,
                    FeatureNorm::Plain => {
                        let gain = Tensor::ones([self.config.decoder.width], &features.device());
                        burn::tensor::module::layer_norm(features, gain, None, NORM_EPSILON)
                    }
                };
                let [batch, groups, len, width] = signal.dims();
                let flat = |tensor: Tensor<4>| tensor.reshape([batch * groups, 1, len, width]);
                mix(flat(signal), flat(noise.noise.clone()), &noise.t).reshape([batch, groups, len, width])
            }
        }
    }

    /// A token for every pass, made of the class tokens of the groups that it does not reconstruct.
    ///
    /// # Shapes
    /// class [batch * groups, 1, encoder width] -> [batch, groups, decoder width]
    fn heads(&self, class: Option<Tensor<3>>, batch: usize) -> Option<Tensor<3>> {
        let (class, embed) = (class?, self.decoder_head_embed.as_ref()?);
        let groups = self.config.groups;
        let width = class.dims()[2];
        let numbers: Vec<i64> = others(groups).into_iter().map(|group| group as i64).collect();
        let numbers = Tensor::from_data(TensorData::new(numbers, [groups * (groups - 1)]), &class.device());
        let seen = class.reshape([batch, groups, width]).select(1, numbers);
        Some(embed.forward(seen.reshape([batch, groups, (groups - 1) * width])))
    }
}

/// Mixes each first-axis entry with noise at its step of the schedule.
fn mix(signal: Tensor<4>, noise: Tensor<4>, t: &[usize]) -> Tensor<4> {
    let schedule = schedule();
    let shares = |of: fn(&Mix) -> f32| {
        let shares: Vec<f32> = t.iter().map(|t| of(&schedule[*t])).collect();
        Tensor::<4>::from_data(TensorData::new(shares, [t.len(), 1, 1, 1]), &signal.device())
    };
    let (signal_share, noise_share) = (shares(|mix| mix.signal), shares(|mix| mix.noise));
    signal * signal_share + noise * noise_share
}

/// Cuts a picture into patches in raster order, each a row of (channel, row, column).
///
/// # Shapes
/// [batch, 3, side, side] -> [batch, patches, 3 * patch * patch]
fn patchify(picture: Tensor<4>, patch: usize) -> Tensor<3> {
    let [batch, channels, height, width] = picture.dims();
    picture
        .reshape([batch, channels, height / patch, patch, width / patch, patch])
        .permute([0, 2, 4, 1, 3, 5])
        .reshape([batch, height / patch * (width / patch), channels * patch * patch])
}

/// Assembles patches, each a row of (row, column, channel), to a picture.
///
/// # Shapes
/// [batch, grid * grid, 3 * patch * patch] -> [batch, 3, side, side]
fn unpatchify(patches: Tensor<3>, grid: usize, patch: usize) -> Tensor<4> {
    let batch = patches.dims()[0];
    patches.reshape([batch, grid, grid, patch, patch, 3]).permute([0, 5, 1, 3, 2, 4]).reshape([
        batch,
        3,
        grid * patch,
        grid * patch,
    ])
}
