//! The transformers' parts as ONNX nodes, and the encoder made of them.

use burn::nn::{LayerNorm, Linear};

use super::super::block::{Attention, Block, Mlp, NORM_EPSILON};
use super::{Exporter, bias, values};
use crate::workshop::onnx::write::Value;

/// Where the operands of an attention come from: rows of projected tokens, `queries` and `keys` of them at a time.
#[derive(Clone, Copy)]
pub struct Heads {
    pub count: usize,
    pub width: usize,
    pub queries: usize,
    pub keys: usize,
}

impl Exporter<'_> {
    /// Encodes embedded rows: encoded patches as rows, and the class tokens [batch * groups, 1, width], if any.
    pub fn encode(&mut self, name: &str, tokens: &Value) -> (Value, Option<Value>) {
        let encoder = &self.model.encoder;
        let (len, width) = (self.length() as i64, self.config.encoder.width as i64);
        if !self.config.decoder.head_token {
            return (self.fuse(name, tokens.clone(), self.length()), None);
        }
        let grouped = self.graph.reshape(&format!("{name}.groups"), tokens, &[-1, len, width]);
        let class =
            self.graph.weight(&format!("{name}.cls_token"), &[1, 1, width as usize], &values(encoder.cls_token.val()));
        let class = self.repeat(&format!("{name}.class"), &class, &grouped, &[1, width]);
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
        let heads = Heads { count: config.heads, width: config.width, queries: len, keys: len };
        let mut tapped = Vec::new();
        for (number, block) in encoder.blocks.iter().enumerate() {
            tokens = self.block(&format!("{name}.blocks.{number}"), block, &tokens, &heads);
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
    pub fn block(&mut self, name: &str, block: &Block, tokens: &Value, heads: &Heads) -> Value {
        let normed = self.norm(&format!("{name}.norm1"), tokens, &block.norm1);
        let attended = self.attend(&format!("{name}.attn"), &block.attn, &normed, &normed, heads);
        let tokens = self.graph.node("Add", &format!("{name}.attended"), &[tokens, &attended], &[]);
        self.perceive(name, &block.norm2, &block.mlp, &tokens)
    }

    /// The second half of a block.
    pub fn perceive(&mut self, name: &str, norm: &LayerNorm, mlp: &Mlp, tokens: &Value) -> Value {
        let normed = self.norm(&format!("{name}.norm2"), tokens, norm);
        let wide = self.linear(&format!("{name}.mlp.fc1"), &normed, &mlp.fc1);
        let active = self.graph.gelu(&format!("{name}.mlp.gelu"), &wide);
        let changed = self.linear(&format!("{name}.mlp.fc2"), &active, &mlp.fc2);
        self.graph.node("Add", name, &[tokens, &changed], &[])
    }

    /// Attention of some rows to others.
    pub fn attend(&mut self, name: &str, attn: &Attention, from: &Value, to: &Value, heads: &Heads) -> Value {
        let query = self.query(&format!("{name}.query"), from, &attn.query, heads);
        let key = self.linear(&format!("{name}.key"), to, &attn.key);
        let value = self.linear(&format!("{name}.value"), to, &attn.value);
        self.mix(name, attn, [&query, &key, &value], heads)
    }

    /// Projects queries, the attention's scale folded in.
    pub fn query(&mut self, name: &str, from: &Value, layer: &Linear, heads: &Heads) -> Value {
        let scale = heads.scale();
        let scaled = |values: Vec<f32>| values.into_iter().map(|value| value * scale).collect::<Vec<_>>();
        let weight = scaled(values(layer.weight.val()));
        self.graph.linear(name, from, (&layer.weight.dims(), &weight), &scaled(bias(layer)))
    }

    /// Attention with projected operands [rows of tokens, width] (or any shape that holds the same), queries scaled.
    pub fn mix(&mut self, name: &str, attn: &Attention, operands: [&Value; 3], heads: &Heads) -> Value {
        let (count, head_width) = (heads.count as i64, (heads.width / heads.count) as i64);
        let split = |exporter: &mut Self, part: &str, x: &Value, len: usize, order: &[i64]| {
            let split =
                exporter.graph.reshape(&format!("{name}.{part}.split"), x, &[-1, len as i64, count, head_width]);
            exporter.graph.transpose(&format!("{name}.{part}.heads"), &split, order)
        };
        let query = split(self, "query", operands[0], heads.queries, &[0, 2, 1, 3]);
        let key = split(self, "key", operands[1], heads.keys, &[0, 2, 3, 1]);
        let value = split(self, "value", operands[2], heads.keys, &[0, 2, 1, 3]);
        let scores = self.graph.node("MatMul", &format!("{name}.scores"), &[&query, &key], &[]);
        let weights = self.graph.softmax(&format!("{name}.weights"), &scores, -1);
        let mixed = self.graph.node("MatMul", &format!("{name}.mixed"), &[&weights, &value], &[]);
        let mixed = self.graph.transpose(&format!("{name}.tokens"), &mixed, &[0, 2, 1, 3]);
        let rows = self.graph.reshape(&format!("{name}.rows"), &mixed, &[-1, heads.width as i64]);
        self.linear(&format!("{name}.proj"), &rows, &attn.proj)
    }

    pub fn norm(&mut self, name: &str, x: &Value, norm: &LayerNorm) -> Value {
        let gain = values(norm.gamma.val());
        // Every normalisation is made with a bias.
        let bias = norm.beta.as_ref().map_or_else(|| vec![0.0; gain.len()], |beta| values(beta.val()));
        self.graph.layer_norm(name, x, &gain, &bias, NORM_EPSILON as f32)
    }

    /// A constant [1, ..shape], once for every entry of `like`'s first axis, whatever the batch.
    pub fn repeat(&mut self, name: &str, constant: &Value, like: &Value, shape: &[i64]) -> Value {
        let like = self.graph.node("Shape", &format!("{name}.like"), &[like], &[]);
        let count = self.graph.slice(&format!("{name}.count"), &like, 0, 0, 1);
        let shape = self.graph.integers(&format!("{name}.one"), shape);
        let shape = self.graph.concat(&format!("{name}.shape"), &[&count, &shape], 0);
        self.graph.node("Expand", name, &[constant, &shape], &[])
    }
}

impl Heads {
    /// What scores are multiplied with: the inverse square root of a head's width.
    pub fn scale(&self) -> f32 {
        ((self.width / self.count) as f32).powf(-0.5)
    }
}
