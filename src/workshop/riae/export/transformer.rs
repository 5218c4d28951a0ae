//! The transformers' parts as ONNX nodes, and the encoder made of them.

use burn::nn::{LayerNorm, Linear};

use super::super::block::{Attention, Block, Mlp};
use super::exporter::{Exporter, bias};
use crate::workshop::onnx::write::Value;
use crate::workshop::pictures::values;

/// The sizes of an attention over rows of projected tokens.
#[derive(Clone, Copy)]
pub(super) struct AttentionSize {
    /// Attention heads.
    pub(super) heads: usize,
    /// Channels of a token.
    pub(super) width: usize,
    /// Rows that attend together.
    pub(super) queries: usize,
    /// Rows that they attend to.
    pub(super) keys: usize,
}

impl Exporter<'_> {
    /// Encodes embedded rows: the patches as rows, and the class tokens [batch * groups, 1, width] if there are head
    /// tokens.
    pub(super) fn encode(&mut self, name: &str, tokens: &Value) -> (Value, Option<Value>) {
        let encoder = &self.model.encoder;
        let (len, width) = (self.length() as i64, self.config.encoder.width as i64);
        if !self.config.decoder.head_token {
            return (self.fuse(name, tokens.clone(), self.length()), None);
        }
        let grouped = self.graph.reshape(&format!("{name}.groups"), tokens, &[-1, len, width]);
        let pictures = if self.config.masking.noises_image() { 2 } else { 1 };
        let class = values(encoder.cls_token.val());
        let count = pictures * self.config.groups;
        let class = self.repeat(&format!("{name}.class"), &class, &grouped, count, &[1, width as usize]);
        let joined = self.graph.concat(&format!("{name}.joined"), &[&class, &grouped], 1);
        let rows = self.graph.reshape(&format!("{name}.rows"), &joined, &[-1, width]);
        let fused = self.fuse(name, rows, self.length() + 1);
        let fused = self.graph.reshape(&format!("{name}.encoded"), &fused, &[-1, len + 1, width]);
        let class = self.graph.slice(&format!("{name}.encoded.class"), &fused, 1, 0, 1);
        let patches = self.graph.slice(&format!("{name}.encoded.patches"), &fused, 1, 1, len + 1);
        (self.graph.reshape(&format!("{name}.patches"), &patches, &[-1, width]), Some(class))
    }

    /// All blocks, the fusion of their taps, and the final normalisation.
    fn fuse(&mut self, name: &str, mut tokens: Value, len: usize) -> Value {
        let (encoder, config) = (&self.model.encoder, &self.config.encoder);
        let size = AttentionSize { heads: config.heads, width: config.width, queries: len, keys: len };
        let mut tapped = Vec::new();
        for (number, block) in encoder.blocks.iter().enumerate() {
            tokens = self.block(&format!("{name}.blocks.{number}"), block, &tokens, &size);
            if config.taps.contains(&number) {
                tapped.push(tokens.clone());
            }
        }
        if !tapped.is_empty() {
            let (weight, bias, last) = encoder.folded_fusion();
            let taps: Vec<&Value> = tapped.iter().collect();
            let joined = self.graph.concat(&format!("{name}.taps"), &taps, 1);
            let shape = weight.dims();
            let fusion = format!("{name}.fusion");
            let projected = self.graph.linear(&fusion, &joined, (&shape, &values(weight)), &values(bias));
            let share = values(last).first().copied().unwrap_or(1.0);
            let last = self.scale(&format!("{name}.fusion.last"), &tokens, share);
            tokens = self.graph.node("Add", &format!("{name}.fused"), &[&projected, &last], &[]);
        }
        self.norm(&format!("{name}.norm"), &tokens, &encoder.norm)
    }

    /// A self-attention block over rows.
    pub(super) fn block(&mut self, name: &str, block: &Block, tokens: &Value, size: &AttentionSize) -> Value {
        let normed = self.norm(&format!("{name}.norm1"), tokens, &block.norm1);
        let attended = self.attend(&format!("{name}.attn"), &block.attn, &normed, &normed, size);
        let tokens = self.graph.node("Add", &format!("{name}.attended"), &[tokens, &attended], &[]);
        self.transform(name, &block.norm2, &block.mlp, &tokens)
    }

    /// The second half of a block: the perceptron and its residual.
    pub(super) fn transform(&mut self, name: &str, norm: &LayerNorm, mlp: &Mlp, tokens: &Value) -> Value {
        let normed = self.norm(&format!("{name}.norm2"), tokens, norm);
        let wide = self.linear(&format!("{name}.mlp.fc1"), &normed, &mlp.fc1);
        let active = self.graph.gelu(&format!("{name}.mlp.gelu"), &wide);
        let changed = self.linear(&format!("{name}.mlp.fc2"), &active, &mlp.fc2);
        self.graph.node("Add", name, &[tokens, &changed], &[])
    }

    /// Attention of some rows to others.
    pub(super) fn attend(
        &mut self,
        name: &str,
        attn: &Attention,
        from: &Value,
        to: &Value,
        size: &AttentionSize,
    ) -> Value {
        let query = self.query(&format!("{name}.query"), from, &attn.query, size);
        let key = self.linear(&format!("{name}.key"), to, &attn.key);
        let value = self.linear(&format!("{name}.value"), to, &attn.value);
        self.attend_projected(name, attn, [&query, &key, &value], size)
    }

    /// Projects queries; the attention's scale is folded into the layer.
    pub(super) fn query(&mut self, name: &str, from: &Value, layer: &Linear, size: &AttentionSize) -> Value {
        let scale = size.scale();
        let scaled = |values: Vec<f32>| values.into_iter().map(|value| value * scale).collect::<Vec<_>>();
        let weight = scaled(values(layer.weight.val()));
        self.graph.linear(name, from, (&layer.weight.dims(), &weight), &scaled(bias(layer)))
    }

    /// Attention with projected operands [query, key, value], queries scaled. Each operand is rows of tokens, or the
    /// same values under another shape.
    pub(super) fn attend_projected(
        &mut self,
        name: &str,
        attn: &Attention,
        operands: [&Value; 3],
        size: &AttentionSize,
    ) -> Value {
        let (count, head_width) = (size.heads as i64, (size.width / size.heads) as i64);
        let split = |exporter: &mut Self, part: &str, x: &Value, len: usize, order: &[i64]| {
            let split =
                exporter.graph.reshape(&format!("{name}.{part}.split"), x, &[-1, len as i64, count, head_width]);
            exporter.graph.transpose(&format!("{name}.{part}.heads"), &split, order)
        };
        let query = split(self, "query", operands[0], size.queries, &[0, 2, 1, 3]);
        let key = split(self, "key", operands[1], size.keys, &[0, 2, 3, 1]);
        let value = split(self, "value", operands[2], size.keys, &[0, 2, 1, 3]);
        let scores = self.graph.node("MatMul", &format!("{name}.scores"), &[&query, &key], &[]);
        let weights = self.graph.softmax(&format!("{name}.weights"), &scores, -1);
        let mixed = self.graph.node("MatMul", &format!("{name}.mixed"), &[&weights, &value], &[]);
        let mixed = self.graph.transpose(&format!("{name}.tokens"), &mixed, &[0, 2, 1, 3]);
        let rows = self.graph.reshape(&format!("{name}.rows"), &mixed, &[-1, size.width as i64]);
        self.linear(&format!("{name}.proj"), &rows, &attn.proj)
    }
}

impl AttentionSize {
    /// The factor of the scores: the inverse square root of a head's width.
    pub(super) fn scale(&self) -> f32 {
        ((self.width / self.heads) as f32).powf(-0.5)
    }
}
