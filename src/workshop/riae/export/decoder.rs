//! The two decoders as ONNX nodes, all groups in one batch.

use burn::nn::LayerNorm;
use burn::prelude::*;

use super::super::Decoder;
use super::super::block::{Attention, Block, norm};
use super::super::decoder_cross::{CrossDecoder, OwnAttention, memory_rows};
use super::super::decoder_self::{SelfDecoder, pass_rows};
use super::transformer::Heads;
use super::{Dealing, Exporter, values};
use crate::workshop::onnx::write::Value;

/// What stands in for the patches, positions added.
enum StandIns {
    /// Mask tokens, the same for every picture: a number for every value of [1, patches, width].
    Constant(Box<Tensor<3>>),
    /// Rows that depend on the picture.
    Rows(Value),
}

impl Exporter<'_> {
    /// From visible rows, stand-ins (none: mask tokens) and head tokens to reconstructed rows.
    pub fn decode(
        &mut self,
        visible: &Value,
        stand_ins: Option<Value>,
        heads: Option<Value>,
        dealing: &Dealing,
    ) -> Value {
        let (all, width) = (self.config.groups * self.length(), self.config.decoder.width);
        let positions = self.decoder_positions(dealing);
        let place = |exporter: &mut Self, name: &str, rows: &Value| {
            let images = exporter.graph.reshape(&format!("{name}.images"), rows, &[-1, all as i64, width as i64]);
            exporter.graph.node("Add", &format!("{name}.placed"), &[&images, &positions], &[])
        };
        let visible = place(self, "visible", visible);
        let stand_ins = match stand_ins {
            Some(rows) => {
                let placed = place(self, "stand_ins", &rows);
                StandIns::Rows(self.graph.reshape("stand_ins.rows", &placed, &[-1, width as i64]))
            }
            None => self.mask_tokens(&positions, dealing),
        };
        let heads =
            heads.map(|rows| self.graph.reshape("heads.images", &rows, &[-1, self.config.groups as i64, width as i64]));
        match &self.model.decoder {
            Decoder::SelfAttention(decoder) => self.decode_self(decoder, &visible, &stand_ins, heads),
            Decoder::CrossAttention(decoder) => self.decode_cross(decoder, &visible, &stand_ins, heads),
        }
    }

    /// Positions sorted by group, one set an image if groups are random [1 or batch, patches, width].
    fn decoder_positions(&mut self, dealing: &Dealing) -> Value {
        let (all, width) = (self.config.groups * self.length(), self.config.decoder.width);
        let values = self.position_values(width, dealing);
        let positions = self.graph.weight("decoder.positions", &[1, all, width], &values);
        match dealing {
            Dealing::Matrix(matrix) => self.graph.node("MatMul", "decoder.positions.deal", &[matrix, &positions], &[]),
            _ => positions,
        }
    }

    fn mask_tokens(&mut self, positions: &Value, dealing: &Dealing) -> StandIns {
        let (all, width) = (self.config.groups * self.length(), self.config.decoder.width);
        let mask = self.model.mask_token.val().inner();
        if let Dealing::Matrix(_) = dealing {
            let mask = self.graph.weight("mask_token", &[1, 1, width], &values(mask));
            let placed = self.graph.node("Add", "stand_ins.placed", &[positions, &mask], &[]);
            return StandIns::Rows(self.graph.reshape("stand_ins.rows", &placed, &[-1, width as i64]));
        }
        let positions = TensorData::new(self.position_values(width, dealing), [1, all, width]);
        StandIns::Constant(Box::new(Tensor::from_data(positions, &mask.device()) + mask))
    }

    /// A function of the stand-ins, [batch, patches, width]: stored where it is constant, else made of nodes.
    fn of_stand_ins(
        &mut self,
        name: &str,
        stand_ins: &StandIns,
        like: &Value,
        constant: impl Fn(Tensor<3>) -> Tensor<3>,
        nodes: impl Fn(&mut Self, &Value) -> Value,
    ) -> Value {
        let shape = [(self.config.groups * self.length()) as i64, self.config.decoder.width as i64];
        match stand_ins {
            StandIns::Constant(tensor) => {
                let stored = constant(*tensor.clone());
                let stored = self.graph.weight(&format!("{name}.constant"), &stored.dims(), &values(stored));
                self.repeat(name, &stored, like, &shape)
            }
            StandIns::Rows(rows) => {
                let computed = nodes(self, rows);
                self.graph.reshape(name, &computed, &[-1, shape[0], shape[1]])
            }
        }
    }

    /// The stand-ins' queries in a first block, scaled [batch, patches, width].
    fn first_query(
        &mut self,
        name: &str,
        block: (&LayerNorm, &Attention),
        stand_ins: &StandIns,
        like: &Value,
        heads: &Heads,
    ) -> Value {
        let (norm1, attn) = block;
        let constant = |tokens| plain(&attn.query, norm1, tokens) * heads.scale();
        self.of_stand_ins(&format!("{name}.own"), stand_ins, like, constant, |exporter, rows| {
            let normed = exporter.norm(&format!("{name}.own.norm"), rows, norm1);
            exporter.query(&format!("{name}.own.linear"), &normed, &attn.query, heads)
        })
    }

    fn decode_cross(
        &mut self,
        decoder: &CrossDecoder,
        visible: &Value,
        stand_ins: &StandIns,
        heads: Option<Value>,
    ) -> Value {
        let (config, groups, len) = (&self.config.decoder, self.config.groups, self.length());
        let width = config.width as i64;
        let seen = memory_rows(groups, len, heads.is_some());
        let sizes = Heads { count: config.heads, width: config.width, queries: len, keys: seen.len() / groups };
        let mut parts = vec![visible];
        parts.extend(&heads);
        let memory = self.graph.concat("decoder.memory", &parts, 1);
        let memory_len = groups * (len + usize::from(heads.is_some()));
        let memory = self.graph.reshape("decoder.memory.rows", &memory, &[-1, width]);
        let tokens = self.of_stand_ins("decoder.tokens", stand_ins, visible, |tokens| tokens, |_, rows| rows.clone());
        let mut tokens = self.graph.reshape("decoder.tokens.rows", &tokens, &[-1, width]);
        for (number, block) in decoder.blocks.iter().enumerate() {
            let name = format!("decoder.blocks.{number}");
            let query = if number == 0 {
                self.first_query(&format!("{name}.attn.query"), (&block.norm1, &block.attn), stand_ins, visible, &sizes)
            } else {
                let normed = self.norm(&format!("{name}.norm1"), &tokens, &block.norm1);
                self.query(&format!("{name}.attn.query"), &normed, &block.attn.query, &sizes)
            };
            let [key, value] = [("key", &block.attn.key), ("value", &block.attn.value)].map(|(part, layer)| {
                let name = format!("{name}.attn.{part}");
                let rows = self.linear(&name, &memory, layer);
                let images = self.graph.reshape(&format!("{name}.images"), &rows, &[-1, memory_len as i64, width]);
                self.gather(&format!("{name}.seen"), &images, &seen)
            });
            let attended = self.mix(&format!("{name}.attn"), &block.attn, [&query, &key, &value], &sizes);
            tokens = self.graph.node("Add", &format!("{name}.attended"), &[&tokens, &attended], &[]);
            if let Some(own) = &block.own {
                tokens = self.own_attention(&format!("{name}.own"), own, &tokens, &sizes);
            }
            tokens = self.perceive(&name, &block.norm2, &block.mlp, &tokens);
        }
        tokens
    }

    /// Attention within one group's stand-ins.
    fn own_attention(&mut self, name: &str, own: &OwnAttention, tokens: &Value, sizes: &Heads) -> Value {
        let sizes = Heads { keys: sizes.queries, ..*sizes };
        let normed = self.norm(&format!("{name}.norm"), tokens, &own.norm);
        let attended = self.attend(&format!("{name}.attn"), &own.attn, &normed, &normed, &sizes);
        self.graph.node("Add", name, &[tokens, &attended], &[])
    }

    fn decode_self(
        &mut self,
        decoder: &SelfDecoder,
        visible: &Value,
        stand_ins: &StandIns,
        heads: Option<Value>,
    ) -> Value {
        let last = decoder.blocks.len() - 1;
        let config = &self.config.decoder;
        let tokens = self.config.groups * self.length() + usize::from(heads.is_some());
        let sizes = Heads { count: config.heads, width: config.width, queries: tokens, keys: tokens };
        let mut tokens = self.first_self_block(&decoder.blocks[0], visible, stand_ins, heads, &sizes, last == 0);
        for (number, block) in decoder.blocks.iter().enumerate().skip(1) {
            let name = format!("decoder.blocks.{number}");
            tokens = match number == last {
                true => self.last_self_block(&name, block, &tokens, &sizes),
                false => self.block(&name, block, &tokens, &sizes),
            };
        }
        tokens
    }

    /// The first block: distinct tokens are projected once and gathered into passes.
    fn first_self_block(
        &mut self,
        block: &Block,
        visible: &Value,
        stand_ins: &StandIns,
        heads: Option<Value>,
        sizes: &Heads,
        only_own: bool,
    ) -> Value {
        let name = "decoder.blocks.0";
        let (groups, len, width) = (self.config.groups, self.length(), sizes.width as i64);
        let rows = pass_rows(groups, len, heads.is_some());
        let mut parts = vec![visible];
        parts.extend(&heads);
        let seen_len = (groups * len + if heads.is_some() { groups } else { 0 }) as i64;
        let seen = self.graph.concat("decoder.seen", &parts, 1);
        let seen_rows = self.graph.reshape("decoder.seen.rows", &seen, &[-1, width]);
        let normed = self.norm(&format!("{name}.norm1"), &seen_rows, &block.norm1);
        let own = self.of_stand_ins("decoder.own", stand_ins, visible, |tokens| tokens, |_, rows| rows.clone());
        let own_query =
            self.first_query(&format!("{name}.attn.query"), (&block.norm1, &block.attn), stand_ins, visible, sizes);
        let [key, value] = [("key", &block.attn.key), ("value", &block.attn.value)].map(|(part, layer)| {
            let name = format!("{name}.attn.{part}");
            let own = self.of_stand_ins(
                &format!("{name}.own"),
                stand_ins,
                visible,
                |tokens| plain(layer, &block.norm1, tokens),
                |exporter, rows| {
                    let normed = exporter.norm(&format!("{name}.own.norm"), rows, &block.norm1);
                    exporter.linear(&format!("{name}.own.linear"), &normed, layer)
                },
            );
            let seen = self.linear(&name, &normed, layer);
            let seen = self.graph.reshape(&format!("{name}.images"), &seen, &[-1, seen_len, width]);
            self.passes(&name, &seen, &own, &rows)
        });
        let (tokens, query, sizes) = if only_own {
            (own, own_query, Heads { queries: len, ..*sizes })
        } else {
            let query = self.query(&format!("{name}.attn.query"), &normed, &block.attn.query, sizes);
            let query = self.graph.reshape(&format!("{name}.attn.query.images"), &query, &[-1, seen_len, width]);
            let query = self.passes(&format!("{name}.attn.query"), &query, &own_query, &rows);
            (self.passes("decoder.tokens", &seen, &own, &rows), query, *sizes)
        };
        let tokens = self.graph.reshape("decoder.tokens.rows", &tokens, &[-1, width]);
        let attended = self.mix(&format!("{name}.attn"), &block.attn, [&query, &key, &value], &sizes);
        let tokens = self.graph.node("Add", &format!("{name}.attended"), &[&tokens, &attended], &[]);
        self.perceive(name, &block.norm2, &block.mlp, &tokens)
    }

    /// Gathers [visible and heads] and stand-ins [batch, .., width] into passes; `rows` as [`pass_rows`] counts them.
    fn passes(&mut self, name: &str, seen: &Value, own: &Value, rows: &[usize]) -> Value {
        let all = self.config.groups * self.length();
        let distinct = self.graph.concat(&format!("{name}.distinct"), &[own, seen], 1);
        // Here stand-ins come first: [stand-ins, visible, heads].
        let swap = |row: &usize| match *row {
            visible if visible < all => visible + all,
            stand_in if stand_in < 2 * all => stand_in - all,
            head => head,
        };
        let rows: Vec<usize> = rows.iter().map(swap).collect();
        self.gather(&format!("{name}.passes"), &distinct, &rows)
    }

    /// The last block: every pass updates only its own patches, which come first.
    fn last_self_block(&mut self, name: &str, block: &Block, tokens: &Value, sizes: &Heads) -> Value {
        let (len, width) = (self.length(), sizes.width as i64);
        let normed = self.norm(&format!("{name}.norm1"), tokens, &block.norm1);
        let own = |exporter: &mut Self, part: &str, x: &Value| {
            let passes = exporter.graph.reshape(&format!("{name}.{part}.passes"), x, &[-1, sizes.keys as i64, width]);
            let own = exporter.graph.slice(&format!("{name}.{part}.own"), &passes, 1, 0, len as i64);
            exporter.graph.reshape(&format!("{name}.{part}.rows"), &own, &[-1, width])
        };
        let (kept, asking) = (own(self, "kept", tokens), own(self, "asking", &normed));
        let sizes = Heads { queries: len, ..*sizes };
        let attended = self.attend(&format!("{name}.attn"), &block.attn, &asking, &normed, &sizes);
        let tokens = self.graph.node("Add", &format!("{name}.attended"), &[&kept, &attended], &[]);
        self.perceive(name, &block.norm2, &block.mlp, &tokens)
    }
}

/// A normalisation and a linear layer, computed now.
fn plain(layer: &burn::nn::Linear, norm1: &LayerNorm, tokens: Tensor<3>) -> Tensor<3> {
    layer.forward(norm(norm1, tokens))
}
