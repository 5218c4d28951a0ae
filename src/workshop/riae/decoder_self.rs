//! The paper's decoder: self-attention over all patches, one pass per group.
//!
//! The passes run as one batch. The first block's projections of visible patches, which all passes share, are computed
//! once. The last block updates only the group's own patches, because nothing else is used. Attention ignores the
//! order of tokens, so a pass keeps them as [own stand-ins, patches of the other groups, head token].

use burn::prelude::*;

use super::block::{Block, norm};
use super::config::DecoderConfig;
use super::groups::others;
use crate::workshop::fused::Seen;

/// The tokens that a decoder reconstructs from, positions added. `length` is the number of patches in a group.
pub struct DecoderInput {
    /// Encoded patches [batch, groups, length, width].
    pub visible: Tensor<4>,
    /// The stand-ins that replace them in their own pass [batch or 1, groups, length, width].
    pub stand_ins: Tensor<4>,
    /// One token per group, made of the other groups' class tokens [batch, groups, width].
    pub head_tokens: Option<Tensor<3>>,
}

/// A stack of self-attention blocks.
#[derive(Module, Debug)]
pub struct SelfDecoder {
    /// At least one.
    pub blocks: Vec<Block>,
}

impl SelfDecoder {
    pub(super) fn new(config: &DecoderConfig, device: &Device) -> Self {
        Self { blocks: (0..config.depth).map(|_| Block::new(config.width, config.heads, device)).collect() }
    }

    /// Reconstructs all groups.
    ///
    /// # Shapes
    /// input -> reconstructed tokens [batch, groups, length, width]
    pub fn forward(&self, input: DecoderInput) -> Tensor<4> {
        let shape = input.visible.dims();
        let len = shape[2];
        let passes = Passes::new(&input);
        let last = self.blocks.len() - 1;
        let mut tokens = self.first(&passes, last == 0);
        for (number, block) in self.blocks.iter().enumerate().skip(1) {
            tokens = if number == last { final_block(block, tokens, len) } else { block.forward(tokens) };
        }
        tokens.reshape(shape)
    }

    /// The first block: every distinct token is normalised and projected once; a pass attends to its own selection.
    fn first(&self, passes: &Passes, only_own: bool) -> Tensor<3> {
        let block = &self.blocks[0];
        let attn = &block.attn;
        let [key, value] =
            [&attn.key, &attn.value].map(|layer| passes.distinct(|tokens| layer.forward(norm(&block.norm1, tokens))));
        let query = |tokens| attn.query.forward(norm(&block.norm1, tokens));
        let (tokens, query) = match only_own {
            true => (passes.own(|tokens| tokens), passes.own(query)),
            false => (passes.gathered(|tokens| tokens), passes.gathered(query)),
        };
        let [batch, _, width] = key.dims();
        let shape = tokens.dims();
        let query = query.reshape([batch, passes.groups * shape[1], width]);
        let attended = attn.attend_projected(query, key, value, &Seen::rows(passes.groups, passes.rows.clone()));
        block.transform(tokens + attended.reshape(shape))
    }
}

/// The last block, for a pass's first `own` tokens only: the others serve as keys and values.
fn final_block(block: &Block, tokens: Tensor<3>, own: usize) -> Tensor<3> {
    let [rows, _, width] = tokens.dims();
    let normed = norm(&block.norm1, tokens.clone());
    let attended = block.attn.attend(normed.clone().slice([0..rows, 0..own]), normed);
    block.transform(tokens.slice([0..rows, 0..own, 0..width]) + attended)
}

/// The distinct tokens of all passes, and which of them each pass consists of.
struct Passes {
    visible: Tensor<3>,
    stand_ins: Tensor<3>,
    head_tokens: Option<Tensor<3>>,
    groups: usize,
    /// For every pass in turn: rows of [visible, stand-ins, head tokens].
    rows: Vec<usize>,
}

impl Passes {
    fn new(input: &DecoderInput) -> Self {
        let [batch, groups, len, width] = input.visible.dims();
        let all = groups * len;
        Self {
            visible: input.visible.clone().reshape([batch, all, width]),
            stand_ins: input.stand_ins.clone().reshape([input.stand_ins.dims()[0], all, width]),
            head_tokens: input.head_tokens.clone(),
            groups,
            rows: pass_rows(groups, len, input.head_tokens.is_some()),
        }
    }

    /// `function` of every distinct token: [visible, stand-ins, head tokens].
    fn distinct(&self, function: impl Fn(Tensor<3>) -> Tensor<3>) -> Tensor<3> {
        let visible = function(self.visible.clone());
        let [batch, all, width] = visible.dims();
        let stand_ins = function(self.stand_ins.clone()).expand([batch, all, width]);
        let mut tokens = vec![visible, stand_ins];
        tokens.extend(self.head_tokens.clone().map(&function));
        Tensor::cat(tokens, 1)
    }

    /// `function` of every distinct token, gathered into passes [batch * groups, tokens of a pass, width].
    fn gathered(&self, function: impl Fn(Tensor<3>) -> Tensor<3>) -> Tensor<3> {
        let tokens = self.distinct(function);
        let [batch, _, width] = tokens.dims();
        let rows: Vec<i64> = self.rows.iter().map(|row| *row as i64).collect();
        let rows = Tensor::from_data(TensorData::new(rows, [self.rows.len()]), &tokens.device());
        tokens.select(1, rows).reshape([batch * self.groups, self.rows.len() / self.groups, width])
    }

    /// `function` of the passes' own stand-ins [batch * groups, length, width].
    fn own(&self, function: impl Fn(Tensor<3>) -> Tensor<3>) -> Tensor<3> {
        let [batch, all, width] = self.visible.dims();
        let stand_ins = function(self.stand_ins.clone()).expand([batch, all, width]);
        stand_ins.reshape([batch * self.groups, all / self.groups, width])
    }
}

/// For every pass in turn, the rows of [patches, stand-ins, head tokens], each sorted by group, that it consists of.
pub(super) fn pass_rows(groups: usize, len: usize, head_tokens: bool) -> Vec<usize> {
    let (all, others) = (groups * len, others(groups));
    let rows = |own: usize| {
        let stand_ins = all + own * len..all + (own + 1) * len;
        let visible = others[own * (groups - 1)..(own + 1) * (groups - 1)].iter().flat_map(|g| g * len..(g + 1) * len);
        let head = head_tokens.then_some(2 * all + own);
        stand_ins.chain(visible).chain(head).collect::<Vec<_>>()
    };
    (0..groups).flat_map(rows).collect()
}
