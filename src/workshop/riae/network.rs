//! The network: its layers, how they start, and a pass through them.

use burn::module::Param;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, LayerNorm, Linear, PaddingConfig2d};
use burn::prelude::*;
use rand_chacha::ChaCha8Rng;

use super::block::{NORM_EPSILON, layer_norm, linear, norm};
use super::config::{DecoderKind, FeatureNorm, FinalConv, FinalConvInit, Masking, RiaeConfig};
use super::decoder_cross::CrossDecoder;
use super::decoder_self::{DecoderInput, SelfDecoder};
use super::draw::Draw;
use super::encoder::{Encoded, Encoder};
use super::groups::{Deal, others};
use super::position;
use super::schedule::{NoiseLevel, schedule};
use crate::workshop::device::draw_weights;
use crate::workshop::pictures::{IMAGENET_MEAN, IMAGENET_STD};

/// A purified batch in the range of its input. It is not clamped: the loss needs the gradients beyond 0 and 1.
#[derive(Clone, Debug)]
pub struct Purified {
    /// [batch, 3, side, side]
    pub image: Tensor<4>,
    /// The picture before the last convolution [batch, 3, side, side]. In mode `mask` no pixel of a group influences
    /// the group's own patches here.
    pub before_conv: Tensor<4>,
}

/// The decoder, one of two kinds.
#[derive(Module, Debug)]
pub enum Decoder {
    /// The paper's, one pass per group.
    SelfAttention(SelfDecoder),
    /// Ours for small boards, one pass for all groups.
    CrossAttention(CrossDecoder),
}

/// The network. [`RiaeConfig::init`] makes one.
#[derive(Module, Debug)]
pub struct Riae {
    /// Embeds and encodes the patches.
    pub encoder: Encoder,
    /// Stands in for every patch in mode `mask` [1, 1, decoder width].
    pub mask_token: Param<Tensor<3>>,
    /// From the class tokens of the other groups to a group's head token; `None` in a network without head tokens.
    pub decoder_head_embed: Option<Linear>,
    /// From the encoder's width to the decoder's.
    pub decoder_embed: Linear,
    /// Normalises the output of [`Riae::decoder_embed`].
    pub decoder_embed_norm: LayerNorm,
    /// Reconstructs the groups.
    pub decoder: Decoder,
    /// Normalises the reconstructed tokens.
    pub decoder_norm: LayerNorm,
    /// From a token to the pixels of its patch, in the order row, column, channel.
    pub decoder_pred: Linear,
    /// The convolution over the assembled picture, if there is one.
    pub final_conv: Option<Conv2d>,
    #[module(skip)]
    config: RiaeConfig,
}

impl RiaeConfig {
    /// A network with fresh weights. Seed the device first to get the same network again: every weight is drawn here,
    /// none at its first use.
    pub fn init(&self, device: &Device) -> Riae {
        let model = self.undrawn(device);
        draw_weights(&model);
        model
    }

    /// The network with weights that are not drawn yet.
    fn undrawn(&self, device: &Device) -> Riae {
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
    /// The configuration that the network was made from.
    pub fn config(&self) -> &RiaeConfig {
        &self.config
    }

    /// The device that holds the weights.
    pub fn device(&self) -> Device {
        self.mask_token.val().device()
    }

    /// Random inputs for training, as [`Draw::training`] makes them.
    pub fn draw_training(&self, batch: usize, side: usize, rng: &mut ChaCha8Rng) -> Draw {
        Draw::training(&self.config, batch, side, rng, &self.device())
    }

    /// Random inputs for evaluation, as [`Draw::evaluation`] makes them.
    pub fn draw_evaluation(&self, batch: usize, side: usize, rng: &mut ChaCha8Rng) -> Draw {
        Draw::evaluation(&self.config, batch, side, rng, &self.device())
    }

    /// Purifies a batch. [`RiaeConfig::validate`] must accept its side, and `draw` must be made for its size.
    ///
    /// # Shapes
    /// image [batch, 3, side, side] in 0..1 -> [`Purified`], both pictures [batch, 3, side, side]
    pub fn forward(&self, image: Tensor<4>, draw: &Draw) -> Purified {
        let (side, device) = (image.dims()[2], image.device());
        let grid = self.config.grid(side);
        let deal = Deal::new(&self.config, grid, draw.permutations.as_deref(), &device);
        let channels = |values: [f32; 3]| Tensor::<1>::from_floats(values, &device).reshape([1, 3, 1, 1]);
        let (mean, std) = (channels(IMAGENET_MEAN), channels(IMAGENET_STD));
        let input = self.decoder_input((image - mean.clone()) / std.clone(), draw, &deal);
        let decoded = match &self.decoder {
            Decoder::SelfAttention(decoder) => decoder.forward(input),
            Decoder::CrossAttention(decoder) => decoder.forward(input),
        };
        let merged = deal.collect(norm(&self.decoder_norm, decoded));
        let picture = unpatchify(self.decoder_pred.forward(merged), grid, self.config.patch);
        let convolved = self.final_conv.as_ref().map(|conv| conv.forward(picture.clone()));
        let before_conv = picture * std.clone() + mean.clone();
        let image = convolved.map_or_else(|| before_conv.clone(), |picture| picture * std + mean);
        Purified { image, before_conv }
    }

    /// Encodes a normalised image [batch, 3, side, side], and its noised copy if the masking mode has one.
    fn decoder_input(&self, normalised: Tensor<4>, draw: &Draw, deal: &Deal) -> DecoderInput {
        let [batch, _, side, _] = normalised.dims();
        let (config, device) = (&self.config, normalised.device());
        let grid = config.grid(side);
        let encoder_positions = position::windows(grid, config.encoder.width, &draw.offsets, &device);
        let clean = self.encode(normalised.clone(), &encoder_positions, deal);
        let features = self.decoder_embed.forward(clean.patches);
        let visible = norm(&self.decoder_embed_norm, features.clone());
        let shape = [batch, config.groups, config.group_len(side), config.decoder.width];
        let positions = position::windows(grid, config.decoder.width, &draw.offsets, &device);
        let positions = deal.deal_positions(positions);

        let stand_ins = match &draw.image_noise {
            Some(noise) => {
                let noised = add_noise(normalised, noise.noise.clone(), &noise.t);
                let features = self.decoder_embed.forward(self.encode(noised, &encoder_positions, deal).patches);
                let normed = norm(&self.decoder_embed_norm, features.clone());
                self.stand_ins(features.reshape(shape), normed.reshape(shape), draw)
            }
            None => self.stand_ins(features.reshape(shape), visible.clone().reshape(shape), draw),
        };
        DecoderInput {
            visible: visible.reshape(shape) + positions.clone(),
            stand_ins: stand_ins + positions,
            head_tokens: self.head_tokens(clean.class, batch),
        }
    }

    /// Embeds the patches of a normalised image, adds positions, deals, and encodes.
    fn encode(&self, normalised: Tensor<4>, positions: &Tensor<3>, deal: &Deal) -> Encoded {
        let tokens = self.encoder.patch_embed.forward(patchify(normalised, self.config.patch));
        let dealt = deal.deal(tokens + positions.clone());
        let [batch, groups, len, width] = dealt.dims();
        self.encoder.forward(dealt.reshape([batch * groups, len, width]))
    }

    /// The stand-ins of every group, before positions are added.
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
                add_noise(flat(signal), flat(noise.noise.clone()), &noise.t).reshape([batch, groups, len, width])
            }
        }
    }

    /// A head token for every group, made of the class tokens of the other groups.
    ///
    /// # Shapes
    /// class [batch * groups, 1, encoder width] -> [batch, groups, decoder width]
    fn head_tokens(&self, class: Option<Tensor<3>>, batch: usize) -> Option<Tensor<3>> {
        let (class, embed) = (class?, self.decoder_head_embed.as_ref()?);
        let groups = self.config.groups;
        let width = class.dims()[2];
        let numbers: Vec<i64> = others(groups).into_iter().map(|group| group as i64).collect();
        let numbers = Tensor::from_data(TensorData::new(numbers, [groups * (groups - 1)]), &class.device());
        let seen = class.reshape([batch, groups, width]).select(1, numbers);
        Some(embed.forward(seen.reshape([batch, groups, (groups - 1) * width])))
    }
}

/// Adds noise to each entry of the first axis, at its step `t` of the schedule.
///
/// # Shapes
/// signal, noise [entries, ..], t: one step per entry -> [entries, ..]
fn add_noise(signal: Tensor<4>, noise: Tensor<4>, t: &[usize]) -> Tensor<4> {
    let schedule = schedule();
    let factors = |of: fn(&NoiseLevel) -> f32| {
        let factors: Vec<f32> = t.iter().map(|t| of(&schedule[*t])).collect();
        Tensor::<4>::from_data(TensorData::new(factors, [t.len(), 1, 1, 1]), &signal.device())
    };
    let (signal_factor, noise_factor) = (factors(|level| level.signal), factors(|level| level.noise));
    signal * signal_factor + noise * noise_factor
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

/// Assembles patches, each a row of (row, column, channel), into a picture.
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
