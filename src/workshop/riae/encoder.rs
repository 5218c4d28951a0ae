//! The encoder: a transformer that sees every group separately, and the fusion of its layers.

use burn::module::Param;
use burn::nn::{Initializer, LayerNorm, Linear};
use burn::prelude::*;
use burn::tensor::activation::softmax;

use super::block::{Block, layer_norm, linear, norm};
use super::config::RiaeConfig;

/// Patch embedding, class token, blocks, and the fusion of tapped blocks.
#[derive(Module, Debug)]
pub struct Encoder {
    /// From a patch's values, in the order channel, row, column, to a token.
    pub patch_embed: Linear,
    /// The class token that joins every group [1, 1, width]. A network without head tokens keeps it unused.
    pub cls_token: Param<Tensor<3>>,
    /// The transformer's blocks.
    pub blocks: Vec<Block>,
    /// One projection per tap.
    pub proj_layers: Vec<Linear>,
    /// Logits of the fusion [taps + 1]: one per tap, then that of the last block.
    pub proj_weights: Param<Tensor<1>>,
    /// Normalises the fused tokens.
    pub norm: LayerNorm,
    taps: Vec<usize>,
    with_class: bool,
}

/// An encoded batch.
pub struct Encoded {
    /// The tokens of the patches [batch * groups, patches / groups, width].
    pub patches: Tensor<3>,
    /// The groups' class tokens [batch * groups, 1, width]; `None` in a network without head tokens.
    pub class: Option<Tensor<3>>,
}

impl Encoder {
    pub(super) fn new(config: &RiaeConfig, device: &Device) -> Self {
        let encoder = &config.encoder;
        let width = encoder.width;
        let mut patch_embed = linear(config.patch_len(), width, device);
        // The bias starts like that of a convolution, which the paper's code uses here.
        let bound = (config.patch_len() as f64).powf(-0.5);
        patch_embed.bias = Some(Initializer::Uniform { min: -bound, max: bound }.init([width], device));
        Self {
            patch_embed,
            cls_token: Initializer::Normal { mean: 0.0, std: 0.02 }.init([1, 1, width], device),
            blocks: (0..encoder.depth).map(|_| Block::new(width, encoder.heads, device)).collect(),
            proj_layers: encoder.taps.iter().map(|_| linear(width, width, device)).collect(),
            proj_weights: Initializer::Ones.init([encoder.taps.len() + 1], device),
            norm: layer_norm(width, device),
            taps: encoder.taps.clone(),
            with_class: config.decoder.head_token,
        }
    }

    /// Encodes embedded patches with their positions added; each entry of the first axis is one group.
    ///
    /// # Shapes
    /// tokens [batch * groups, patches / groups, width] -> [`Encoded`]
    pub fn forward(&self, tokens: Tensor<3>) -> Encoded {
        let [rows, len, width] = tokens.dims();
        if !self.with_class {
            return Encoded { patches: self.fuse(tokens), class: None };
        }
        let class = self.cls_token.val().expand([rows, 1, width]);
        let fused = self.fuse(Tensor::cat(vec![class, tokens], 1));
        Encoded { class: Some(fused.clone().slice([0..rows, 0..1])), patches: fused.slice([0..rows, 1..len + 1]) }
    }

    /// Runs the blocks, and sums the projected taps and the last block with weights from a softmax.
    ///
    /// The weights are folded into the projections, which become one matrix product.
    fn fuse(&self, mut tokens: Tensor<3>) -> Tensor<3> {
        let mut tapped = Vec::with_capacity(self.taps.len());
        for (number, block) in self.blocks.iter().enumerate() {
            tokens = block.forward(tokens);
            if self.taps.contains(&number) {
                tapped.push(tokens.clone());
            }
        }
        if !tapped.is_empty() {
            let (weight, bias, last) = self.folded_fusion();
            let projected = burn::tensor::module::linear(Tensor::cat(tapped, 2), weight, Some(bias));
            tokens = projected + tokens * last.reshape([1, 1, 1]);
        }
        norm(&self.norm, tokens)
    }

    /// The projections stacked and scaled, their summed bias, and the weight of the last block.
    ///
    /// # Shapes
    /// -> (\[taps * width, width\], \[width\], \[1\])
    pub(super) fn folded_fusion(&self) -> (Tensor<2>, Tensor<1>, Tensor<1>) {
        let share = softmax(self.proj_weights.val(), 0);
        let taps = self.taps.len();
        let scaled = self.proj_layers.iter().enumerate().map(|(k, layer)| {
            let share = share.clone().narrow(0, k, 1);
            let weight = layer.weight.val() * share.clone().reshape([1, 1]);
            // `linear` makes every projection with a bias.
            let bias = layer.bias.as_ref().map(|bias| bias.val() * share);
            (weight, bias)
        });
        let (weights, biases): (Vec<_>, Vec<_>) = scaled.unzip();
        let bias = biases.into_iter().flatten().reduce(|sum, bias| sum + bias);
        let bias = bias.unwrap_or_else(|| Tensor::zeros([self.norm.gamma.dims()[0]], &share.device()));
        (Tensor::cat(weights, 0), bias, share.narrow(0, taps, 1))
    }
}
