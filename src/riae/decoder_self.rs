//! The paper's decoder: self-attention over all patches, one pass a group.
//!
//! The passes run as one batch. What they share is computed once: the first block's projections of visible patches.
//! What they would throw away is not computed: the last block updates only the group's own patches. Attention does
//! not know an order, so a pass keeps its tokens as [own stand-ins, patches of the other groups, head token].

use burn::prelude::*;

use super::block::Block;
use super::config::DecoderConfig;
use super::groups::others;

/// What a decoder reconstructs from. Positions are added already.
pub struct Material {
    /// Embedded patches [batch, groups, length, width].
    pub visible: Tensor<4>,
    /// What stands in for them in their own pass [batch or 1, groups, length, width].
    pub stand_ins: Tensor<4>,
    /// A token made of the other groups' class tokens [batch, groups, width].
    pub heads: Option<Tensor<3>>,
}

/// A stack of self-attention blocks.
#[derive(Module, Debug)]
pub struct SelfDecoder {
    pub blocks: Vec<Block>,
}

impl SelfDecoder {
    pub fn new(config: &DecoderConfig, device: &Device) -> Self {
        Self { blocks: (0..config.depth).map(|_| Block::new(config.width, config.heads, device)).collect() }
    }

    /// # Shapes
    /// material -> reconstructed tokens [batch, groups, length, width]
    pub fn forward(&self, material: Material) -> Tensor<4> {
        let shape = material.visible.dims();
        let len = shape[2];
        let passes = Passes::new(&material);
        let last = self.blocks.len() - 1;
        let mut tokens = self.first(&passes, last == 0);
        for (number, block) in self.blocks.iter().enumerate().skip(1) {
            tokens = if number == last { final_block(block, tokens, len) } else { block.forward(tokens) };
        }
        tokens.reshape(shape)
    }

    /// The first block: every distinct token is normalised and projected once, then dealt to the passes.
    fn first(&self, passes: &Passes, only_own: bool) -> Tensor<3> {
        let block = &self.blocks[0];
        let attn = &block.attn;
        let [key, value] =
            [&attn.key, &attn.value].map(|layer| passes.all(|tokens| layer.forward(block.norm1.forward(tokens))));
        let query = |tokens| attn.query.forward(block.norm1.forward(tokens));
        let (tokens, query) = match only_own {
            true => (passes.own(|tokens| tokens), passes.own(query)),
            false => (passes.all(|tokens| tokens), passes.all(query)),
        };
        block.perceive(tokens + attn.mix(query, key, value))
    }
}

/// The last block, for a pass's first `own` tokens only: the others serve as keys and values.
fn final_block(block: &Block, tokens: Tensor<3>, own: usize) -> Tensor<3> {
    let [rows, _, width] = tokens.dims();
    let normed = block.norm1.forward(tokens.clone());
    let attended = block.attn.attend(normed.clone().slice([0..rows, 0..own]), normed);
    block.perceive(tokens.slice([0..rows, 0..own, 0..width]) + attended)
}

/// The distinct tokens of all passes, and which of them a pass consists of.
struct Passes {
    visible: Tensor<3>,
    stand_ins: Tensor<3>,
    heads: Option<Tensor<3>>,
    groups: usize,
    /// Of every pass in turn: rows of [visible, stand-ins, heads].
    rows: Tensor<1, Int>,
}

impl Passes {
    fn new(material: &Material) -> Self {
        let [batch, groups, len, width] = material.visible.dims();
        let all = groups * len;
        let others = others(groups);
        let rows = (0..groups).flat_map(|own| {
            let stand_ins = all + own * len..all + (own + 1) * len;
            let visible =
                others[own * (groups - 1)..(own + 1) * (groups - 1)].iter().flat_map(|g| g * len..(g + 1) * len);
            let head = material.heads.iter().map(move |_| 2 * all + own);
            stand_ins.chain(visible).chain(head).map(|row| row as i64).collect::<Vec<_>>()
        });
        let rows: Vec<i64> = rows.collect();
        let count = rows.len();
        Self {
            visible: material.visible.clone().reshape([batch, all, width]),
            stand_ins: material.stand_ins.clone().reshape([material.stand_ins.dims()[0], all, width]),
            heads: material.heads.clone(),
            groups,
            rows: Tensor::from_data(TensorData::new(rows, [count]), &material.visible.device()),
        }
    }

    /// `function` of every distinct token, dealt to the passes [batch * groups, tokens of a pass, width].
    fn all(&self, function: impl Fn(Tensor<3>) -> Tensor<3>) -> Tensor<3> {
        let visible = function(self.visible.clone());
        let [batch, all, width] = visible.dims();
        let stand_ins = function(self.stand_ins.clone()).expand([batch, all, width]);
        let mut tokens = vec![visible, stand_ins];
        tokens.extend(self.heads.clone().map(&function));
        let dealt = Tensor::cat(tokens, 1).select(1, self.rows.clone());
        let of_pass = self.rows.dims()[0] / self.groups;
        dealt.reshape([batch * self.groups, of_pass, width])
    }

    /// `function` of the passes' own stand-ins [batch * groups, length, width].
    fn own(&self, function: impl Fn(Tensor<3>) -> Tensor<3>) -> Tensor<3> {
        let [batch, all, width] = self.visible.dims();
        let stand_ins = function(self.stand_ins.clone()).expand([batch, all, width]);
        stand_ins.reshape([batch * self.groups, all / self.groups, width])
    }
}
