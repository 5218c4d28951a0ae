//! Transformer blocks: pre-norm attention and a GELU MLP, each with a residual.

use burn::module::Param;
use burn::nn::{Initializer, LayerNorm, LayerNormConfig, Linear};
use burn::prelude::*;

use crate::workshop::fused::{self, Seen};

/// The epsilon of every normalisation.
pub(super) const NORM_EPSILON: f64 = 1e-6;

/// A normalisation over the last axis.
pub(super) fn layer_norm(width: usize, device: &Device) -> LayerNorm {
    LayerNormConfig::new(width).with_epsilon(NORM_EPSILON).init(device)
}

/// Applies a normalisation of a RIAE: over the last axis, with the epsilon that all of them have.
pub fn norm<const D: usize>(layer: &LayerNorm, tokens: Tensor<D>) -> Tensor<D> {
    fused::layer_norm(layer, tokens, NORM_EPSILON as f32)
}

/// A linear layer whose weights start uniform after Glorot and whose bias starts at zero.
pub(super) fn linear(from: usize, to: usize, device: &Device) -> Linear {
    linear_of(from, to, to, device)
}

/// Like [`linear`], initialised as a part of a layer with `fan_out` outputs.
fn linear_of(from: usize, to: usize, fan_out: usize, device: &Device) -> Linear {
    let weight = Initializer::XavierUniform { gain: 1.0 }.init_with([from, to], Some(from), Some(fan_out), device);
    let bias: Param<Tensor<1>> = Initializer::Zeros.init([to], device);
    Linear { weight, bias: Some(bias) }
}

/// Multi-head attention with separate projections of queries, keys and values.
#[derive(Module, Debug)]
pub struct Attention {
    /// Projects the attending tokens.
    pub query: Linear,
    /// Projects the tokens that they attend to.
    pub key: Linear,
    /// Projects the tokens that they attend to.
    pub value: Linear,
    /// Projects the joined heads.
    pub proj: Linear,
    heads: usize,
}

impl Attention {
    /// Attention over tokens of `width` channels, a multiple of `heads`.
    ///
    /// The layers of queries, keys and values start like the thirds of one layer, as in the paper's code.
    pub(super) fn new(width: usize, heads: usize, device: &Device) -> Self {
        let third = || linear_of(width, width, 3 * width, device);
        Self { query: third(), key: third(), value: third(), proj: linear(width, width, device), heads }
    }

    /// Self-attention.
    ///
    /// # Shapes
    /// tokens [batch, length, width] -> [batch, length, width]
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        self.attend(tokens.clone(), tokens)
    }

    /// Attention of some tokens to others.
    ///
    /// # Shapes
    /// from [batch, queries, width], to [batch, keys, width] -> [batch, queries, width]
    pub fn attend(&self, from: Tensor<3>, to: Tensor<3>) -> Tensor<3> {
        let query = self.query.forward(from);
        self.attend_projected(query, self.key.forward(to.clone()), self.value.forward(to), &Seen::all())
    }

    /// Attention with projected operands; `seen` holds which keys each group of queries attends to.
    ///
    /// # Shapes
    /// query [batch, groups * queries, width], key and value [batch, keys, width] -> [batch, groups * queries, width]
    pub(super) fn attend_projected(
        &self,
        query: Tensor<3>,
        key: Tensor<3>,
        value: Tensor<3>,
        seen: &Seen,
    ) -> Tensor<3> {
        self.proj.forward(fused::attention(query, key, value, self.heads, seen))
    }
}

/// The two-layer perceptron of a block, four times as wide inside.
#[derive(Module, Debug)]
pub struct Mlp {
    /// From the width to four times as many channels.
    pub fc1: Linear,
    /// Back to the width.
    pub fc2: Linear,
}

impl Mlp {
    pub(super) fn new(width: usize, device: &Device) -> Self {
        Self { fc1: linear(width, 4 * width, device), fc2: linear(4 * width, width, device) }
    }

    /// Transforms each token by itself.
    ///
    /// # Shapes
    /// tokens [batch, length, width] -> [batch, length, width]
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        self.fc2.forward(fused::gelu(self.fc1.forward(tokens)))
    }
}

/// A self-attention block.
#[derive(Module, Debug)]
pub struct Block {
    /// Before the attention.
    pub norm1: LayerNorm,
    /// Attention of every token to all.
    pub attn: Attention,
    /// Before the perceptron.
    pub norm2: LayerNorm,
    /// Transforms each token by itself.
    pub mlp: Mlp,
}

impl Block {
    pub(super) fn new(width: usize, heads: usize, device: &Device) -> Self {
        Self {
            norm1: layer_norm(width, device),
            attn: Attention::new(width, heads, device),
            norm2: layer_norm(width, device),
            mlp: Mlp::new(width, device),
        }
    }

    /// Attention, then the perceptron, each with its residual.
    ///
    /// # Shapes
    /// tokens [batch, length, width] -> [batch, length, width]
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        let attended = self.attn.forward(norm(&self.norm1, tokens.clone()));
        self.transform(tokens + attended)
    }

    /// The second half of the block: the perceptron and its residual.
    pub(super) fn transform(&self, tokens: Tensor<3>) -> Tensor<3> {
        let changed = self.mlp.forward(norm(&self.norm2, tokens.clone()));
        tokens + changed
    }
}
