//! Our decoder for small boards: stand-ins attend to the encoded patches of the other groups.
//!
//! One pass reconstructs all groups. Keys and values come from the encoder only and are not updated from block to
//! block, so that nothing of a group can travel through another group back to itself.

use burn::nn::LayerNorm;
use burn::prelude::*;

use super::block::{Attention, Mlp, layer_norm, norm};
use super::config::DecoderConfig;
use super::decoder_self::DecoderInput;
use super::groups::others;
use crate::workshop::fused::Seen;

/// A stack of cross-attention blocks.
#[derive(Module, Debug)]
pub struct CrossDecoder {
    /// At least one.
    pub blocks: Vec<CrossBlock>,
}

/// Attention to the other groups, optionally attention within the own group's stand-ins, and an MLP.
#[derive(Module, Debug)]
pub struct CrossBlock {
    /// Before the attention to the other groups.
    pub norm1: LayerNorm,
    /// Attention of the stand-ins to the encoded patches of the other groups.
    pub attn: Attention,
    /// Attention within the own group, if the configuration has it.
    pub own: Option<OwnAttention>,
    /// Before the perceptron.
    pub norm2: LayerNorm,
    /// Transforms each token by itself.
    pub mlp: Mlp,
}

/// Self-attention of one group's stand-ins.
#[derive(Module, Debug)]
pub struct OwnAttention {
    /// Before the attention.
    pub norm: LayerNorm,
    /// Attention of every stand-in to those of its own group.
    pub attn: Attention,
}

impl CrossDecoder {
    pub(super) fn new(config: &DecoderConfig, device: &Device) -> Self {
        Self { blocks: (0..config.depth).map(|_| CrossBlock::new(config, device)).collect() }
    }

    /// Reconstructs all groups.
    ///
    /// # Shapes
    /// input -> reconstructed tokens [batch, groups, length, width]
    pub fn forward(&self, input: DecoderInput) -> Tensor<4> {
        let [batch, groups, len, width] = input.visible.dims();
        let seen = Seen::rows(groups, memory_rows(groups, len, input.head_tokens.is_some()));
        let mut memory = vec![input.visible.reshape([batch, groups * len, width])];
        memory.extend(input.head_tokens);
        let memory = Tensor::cat(memory, 1);
        let mut tokens = input.stand_ins.expand([batch, groups, len, width]).reshape([batch, groups * len, width]);
        for block in &self.blocks {
            tokens = block.forward(tokens, groups, &memory, &seen);
        }
        tokens.reshape([batch, groups, len, width])
    }
}

impl CrossBlock {
    fn new(config: &DecoderConfig, device: &Device) -> Self {
        let (width, heads) = (config.width, config.heads);
        let own = || OwnAttention { norm: layer_norm(width, device), attn: Attention::new(width, heads, device) };
        Self {
            norm1: layer_norm(width, device),
            attn: Attention::new(width, heads, device),
            own: config.own_group_attention.then(own),
            norm2: layer_norm(width, device),
            mlp: Mlp::new(width, device),
        }
    }

    /// # Shapes
    /// tokens [batch, groups * length, width], memory [batch, patches and head tokens, width]
    /// -> [batch, groups * length, width]
    fn forward(&self, tokens: Tensor<3>, groups: usize, memory: &Tensor<3>, seen: &Seen) -> Tensor<3> {
        let query = self.attn.query.forward(norm(&self.norm1, tokens.clone()));
        let (key, value) = (self.attn.key.forward(memory.clone()), self.attn.value.forward(memory.clone()));
        let mut tokens = tokens + self.attn.attend_projected(query, key, value, seen);
        if let Some(own) = &self.own {
            let [batch, all, width] = tokens.dims();
            let alone = tokens.clone().reshape([batch * groups, all / groups, width]);
            let attended = own.attn.forward(norm(&own.norm, alone));
            tokens = tokens + attended.reshape([batch, all, width]);
        }
        let changed = self.mlp.forward(norm(&self.norm2, tokens.clone()));
        tokens + changed
    }
}

/// For every group in turn, the rows of [patches sorted by group, head tokens] that it may see: all patches except its
/// own, and its head token.
pub(super) fn memory_rows(groups: usize, len: usize, head_tokens: bool) -> Vec<usize> {
    let others = others(groups);
    let rows = |own: usize| {
        let patches = others[own * (groups - 1)..(own + 1) * (groups - 1)].iter().flat_map(|g| g * len..(g + 1) * len);
        let head = head_tokens.then_some(groups * len + own);
        patches.chain(head).collect::<Vec<_>>()
    };
    (0..groups).flat_map(rows).collect()
}
