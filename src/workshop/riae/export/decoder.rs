//! The two decoders as ONNX nodes, all groups in one batch.

use burn::nn::{LayerNorm, Linear};
use burn::prelude::*;

use super::super::block::{Attention, Block, norm};
use super::super::decoder_cross::{CrossBlock, CrossDecoder, OwnAttention, memory_rows};
use super::super::decoder_self::{SelfDecoder, pass_rows};
use super::super::network::Decoder;
use super::exporter::{Dealing, Exporter};
use super::transformer::AttentionSize;
use crate::workshop::onnx::write::Value;
use crate::workshop::pictures::values;

/// The stand-ins of all patches, positions added.
enum StandIns {
    /// Mask tokens, the same for every picture [1, patches, width].
    Constant(Box<Tensor<3>>),
    /// Rows that depend on the picture.
    Rows(Value),
}

impl Exporter<'_> {
    /// From visible rows, stand-ins (`None`: mask tokens) and head tokens to reconstructed rows.
    pub(super) fn decode(
        &mut self,
        visible: &Value,
        stand_ins: Option<Value>,
        head_tokens: Option<Value>,
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
        let groups = self.config.groups as i64;
        let head_tokens =
            head_tokens.map(|rows| self.graph.reshape("heads.images", &rows, &[-1, groups, width as i64]));
        match &self.model.decoder {
            Decoder::SelfAttention(decoder) => self.decode_self(decoder, &visible, &stand_ins, head_tokens),
            Decoder::CrossAttention(decoder) => self.decode_cross(decoder, &visible, &stand_ins, head_tokens),
        }
    }

    /// Positions sorted by group [1 or batch, patches, width]: one set per image if groups are random.
    fn decoder_positions(&mut self, dealing: &Dealing) -> Value {
        let (all, width) = (self.config.groups * self.length(), self.config.decoder.width);
        let values = self.position_values(width, dealing);
        let positions = self.graph.weight("decoder.positions", &[1, all, width], &values);
        match dealing {
            Dealing::Matrix(matrix) => self.graph.node("MatMul", "decoder.positions.deal", &[matrix, &positions], &[]),
            _ => positions,
        }
    }

    /// Mask tokens with the positions of their patches.
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

    /// A function of the stand-ins [batch, patches, width]: stored if it is constant, else made of nodes. The batch is
    /// that of `like`.
    fn of_stand_ins(
        &mut self,
        name: &str,
        stand_ins: &StandIns,
        like: &Value,
        constant: impl Fn(Tensor<3>) -> Tensor<3>,
        nodes: impl Fn(&mut Self, &Value) -> Value,
    ) -> Value {
        let shape = [self.config.groups * self.length(), self.config.decoder.width];
        match stand_ins {
            StandIns::Constant(tensor) => {
                let stored = values(constant(*tensor.clone()));
                self.repeat(name, &stored, like, 1, &shape)
            }
            StandIns::Rows(rows) => {
                let computed = nodes(self, rows);
                self.graph.reshape(name, &computed, &[-1, shape[0] as i64, shape[1] as i64])
            }
        }
    }

    /// The stand-ins' scaled queries in the first block [batch, patches, width].
    fn first_query(
        &mut self,
        name: &str,
        block: (&LayerNorm, &Attention),
        stand_ins: &StandIns,
        like: &Value,
        size: &AttentionSize,
    ) -> Value {
        let (norm1, attn) = block;
        let constant = |tokens| plain(&attn.query, norm1, tokens) * size.scale();
        self.of_stand_ins(&format!("{name}.own"), stand_ins, like, constant, |exporter, rows| {
            let normed = exporter.norm(&format!("{name}.own.norm"), rows, norm1);
            exporter.query(&format!("{name}.own.linear"), &normed, &attn.query, size)
        })
    }

    /// The cross-attention decoder, from images of rows to reconstructed rows.
    fn decode_cross(
        &mut self,
        decoder: &CrossDecoder,
        visible: &Value,
        stand_ins: &StandIns,
        head_tokens: Option<Value>,
    ) -> Value {
        let (config, groups, len) = (&self.config.decoder, self.config.groups, self.length());
        let width = config.width as i64;
        let memory_len = groups * (len + usize::from(head_tokens.is_some()));
        let seen = memory_rows(groups, len, head_tokens.is_some());
        let size = AttentionSize { heads: config.heads, width: config.width, queries: len, keys: seen.len() / groups };
        let mut parts = vec![visible];
        parts.extend(&head_tokens);
        let memory = self.graph.concat("decoder.memory", &parts, 1);
        let memory = self.graph.reshape("decoder.memory.rows", &memory, &[-1, width]);
        let tokens = self.of_stand_ins("decoder.tokens", stand_ins, visible, |tokens| tokens, |_, rows| rows.clone());
        let mut tokens = self.graph.reshape("decoder.tokens.rows", &tokens, &[-1, width]);
        for (number, block) in decoder.blocks.iter().enumerate() {
            let name = format!("decoder.blocks.{number}");
            let query = if number == 0 {
                self.first_query(&format!("{name}.attn.query"), (&block.norm1, &block.attn), stand_ins, visible, &size)
            } else {
                let normed = self.norm(&format!("{name}.norm1"), &tokens, &block.norm1);
                self.query(&format!("{name}.attn.query"), &normed, &block.attn.query, &size)
            };
            let [key, value] = [("key", &block.attn.key), ("value", &block.attn.value)].map(|(part, layer)| {
                let name = format!("{name}.attn.{part}");
                let rows = self.linear(&name, &memory, layer);
                let images = self.graph.reshape(&format!("{name}.images"), &rows, &[-1, memory_len as i64, width]);
                self.gather(&format!("{name}.seen"), &images, &seen)
            });
            tokens = self.cross_block(&name, block, &tokens, [&query, &key, &value], &size);
        }
        tokens
    }

    /// A cross-attention block with projected operands [query, key, value].
    fn cross_block(
        &mut self,
        name: &str,
        block: &CrossBlock,
        tokens: &Value,
        operands: [&Value; 3],
        size: &AttentionSize,
    ) -> Value {
        let attended = self.attend_projected(&format!("{name}.attn"), &block.attn, operands, size);
        let mut tokens = self.graph.node("Add", &format!("{name}.attended"), &[tokens, &attended], &[]);
        if let Some(own) = &block.own {
            tokens = self.own_attention(&format!("{name}.own"), own, &tokens, size);
        }
        self.transform(name, &block.norm2, &block.mlp, &tokens)
    }

    /// Attention within one group's stand-ins.
    fn own_attention(&mut self, name: &str, own: &OwnAttention, tokens: &Value, size: &AttentionSize) -> Value {
        let size = AttentionSize { keys: size.queries, ..*size };
        let normed = self.norm(&format!("{name}.norm"), tokens, &own.norm);
        let attended = self.attend(&format!("{name}.attn"), &own.attn, &normed, &normed, &size);
        self.graph.node("Add", name, &[tokens, &attended], &[])
    }

    /// The self-attention decoder, from images of rows to reconstructed rows.
    fn decode_self(
        &mut self,
        decoder: &SelfDecoder,
        visible: &Value,
        stand_ins: &StandIns,
        head_tokens: Option<Value>,
    ) -> Value {
        let last = decoder.blocks.len() - 1;
        let config = &self.config.decoder;
        let count = self.config.groups * self.length() + usize::from(head_tokens.is_some());
        let size = AttentionSize { heads: config.heads, width: config.width, queries: count, keys: count };
        let mut tokens = self.first_self_block(&decoder.blocks[0], visible, stand_ins, head_tokens, &size, last == 0);
        for (number, block) in decoder.blocks.iter().enumerate().skip(1) {
            let name = format!("decoder.blocks.{number}");
            tokens = match number == last {
                true => self.last_self_block(&name, block, &tokens, &size),
                false => self.block(&name, block, &tokens, &size),
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
        head_tokens: Option<Value>,
        size: &AttentionSize,
        only_own: bool,
    ) -> Value {
        let name = "decoder.blocks.0";
        let (groups, len, width) = (self.config.groups, self.length(), size.width as i64);
        let rows = pass_rows(groups, len, head_tokens.is_some());
        let seen_len = (groups * len + if head_tokens.is_some() { groups } else { 0 }) as i64;
        let mut parts = vec![visible];
        parts.extend(&head_tokens);
        let seen = self.graph.concat("decoder.seen", &parts, 1);
        let seen_rows = self.graph.reshape("decoder.seen.rows", &seen, &[-1, width]);
        let normed = self.norm(&format!("{name}.norm1"), &seen_rows, &block.norm1);
        let own = self.of_stand_ins("decoder.own", stand_ins, visible, |tokens| tokens, |_, rows| rows.clone());
        let own_query =
            self.first_query(&format!("{name}.attn.query"), (&block.norm1, &block.attn), stand_ins, visible, size);
        let [key, value] = [("key", &block.attn.key), ("value", &block.attn.value)].map(|(part, layer)| {
            let name = format!("{name}.attn.{part}");
            let own = self.first_projection(&name, (&block.norm1, layer), stand_ins, visible);
            let seen = self.linear(&name, &normed, layer);
            let seen = self.graph.reshape(&format!("{name}.images"), &seen, &[-1, seen_len, width]);
            self.passes(&name, &seen, &own, &rows)
        });
        let (tokens, query, size) = if only_own {
            (own, own_query, AttentionSize { queries: len, ..*size })
        } else {
            let query = self.query(&format!("{name}.attn.query"), &normed, &block.attn.query, size);
            let query = self.graph.reshape(&format!("{name}.attn.query.images"), &query, &[-1, seen_len, width]);
            let query = self.passes(&format!("{name}.attn.query"), &query, &own_query, &rows);
            (self.passes("decoder.tokens", &seen, &own, &rows), query, *size)
        };
        let tokens = self.graph.reshape("decoder.tokens.rows", &tokens, &[-1, width]);
        let attended = self.attend_projected(&format!("{name}.attn"), &block.attn, [&query, &key, &value], &size);
        let tokens = self.graph.node("Add", &format!("{name}.attended"), &[&tokens, &attended], &[]);
        self.transform(name, &block.norm2, &block.mlp, &tokens)
    }

    /// The stand-ins' keys or values in the first block [batch, patches, width].
    fn first_projection(
        &mut self,
        name: &str,
        layers: (&LayerNorm, &Linear),
        stand_ins: &StandIns,
        like: &Value,
    ) -> Value {
        let (norm1, layer) = layers;
        let constant = |tokens| plain(layer, norm1, tokens);
        self.of_stand_ins(&format!("{name}.own"), stand_ins, like, constant, |exporter, rows| {
            let normed = exporter.norm(&format!("{name}.own.norm"), rows, norm1);
            exporter.linear(&format!("{name}.own.linear"), &normed, layer)
        })
    }

    /// Gathers [visible, head tokens] and stand-ins, both [batch, .., width], into passes; `rows` as from
    /// [`pass_rows`].
    fn passes(&mut self, name: &str, seen: &Value, own: &Value, rows: &[usize]) -> Value {
        let all = self.config.groups * self.length();
        let distinct = self.graph.concat(&format!("{name}.distinct"), &[own, seen], 1);
        // Here stand-ins come first: [stand-ins, visible, head tokens].
        let swap = |row: &usize| match *row {
            visible if visible < all => visible + all,
            stand_in if stand_in < 2 * all => stand_in - all,
            head => head,
        };
        let rows: Vec<usize> = rows.iter().map(swap).collect();
        self.gather(&format!("{name}.passes"), &distinct, &rows)
    }

    /// The last block: every pass updates only its own stand-ins, which come first.
    fn last_self_block(&mut self, name: &str, block: &Block, tokens: &Value, size: &AttentionSize) -> Value {
        let (len, width) = (self.length(), size.width as i64);
        let normed = self.norm(&format!("{name}.norm1"), tokens, &block.norm1);
        let own = |exporter: &mut Self, part: &str, x: &Value| {
            let passes = exporter.graph.reshape(&format!("{name}.{part}.passes"), x, &[-1, size.keys as i64, width]);
            let own = exporter.graph.slice(&format!("{name}.{part}.own"), &passes, 1, 0, len as i64);
            exporter.graph.reshape(&format!("{name}.{part}.rows"), &own, &[-1, width])
        };
        let (kept, queries) = (own(self, "kept", tokens), own(self, "asking", &normed));
        let size = AttentionSize { queries: len, ..*size };
        let attended = self.attend(&format!("{name}.attn"), &block.attn, &queries, &normed, &size);
        let tokens = self.graph.node("Add", &format!("{name}.attended"), &[&kept, &attended], &[]);
        self.transform(name, &block.norm2, &block.mlp, &tokens)
    }
}

/// A normalisation and a linear layer, computed during export.
fn plain(layer: &Linear, norm1: &LayerNorm, tokens: Tensor<3>) -> Tensor<3> {
    layer.forward(norm(norm1, tokens))
}
