//! The graph under construction, and the small nodes that all its parts use.

use std::collections::BTreeMap;

use burn::module::Param;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;

use super::super::block::NORM_EPSILON;
use super::super::config::RiaeConfig;
use super::super::network::Riae;
use crate::engine::contract::{Draw, Noise};
use crate::workshop::onnx::write::{Attribute, Graph, Value};
use crate::workshop::pictures::values;

/// The graph so far. A matrix of tokens has one token per row, image by image and group by group.
pub(super) struct Exporter<'a> {
    pub(super) graph: Graph,
    /// The inputs besides `image`, in graph order.
    pub(super) noise: Vec<Noise>,
    pub(super) model: &'a Riae,
    pub(super) config: &'a RiaeConfig,
    /// Side of the image in pixels.
    pub(super) side: usize,
    /// Whether the graph takes exactly one picture.
    fixed: bool,
}

/// How the graph deals patches into groups.
pub(super) enum Dealing {
    /// Reshaping for the 2 x 2 lattice.
    Lattice,
    /// A fixed order: patches, numbered in raster order, sorted by group.
    Order(Vec<usize>),
    /// The matrix [batch, patches, patches] whose row k picks the patch that is dealt to place k.
    Matrix(Value),
}

impl<'a> Exporter<'a> {
    /// An empty graph for a network and square images of `side` pixels.
    pub(super) fn new(model: &'a Riae, side: usize, fixed: bool) -> Self {
        Self { graph: Graph::new(), noise: Vec::new(), model, config: model.config(), side, fixed }
    }

    /// Patches in a group.
    pub(super) fn length(&self) -> usize {
        self.config.group_len(self.side)
    }

    /// Side of the patch grid.
    pub(super) fn grid(&self) -> usize {
        self.config.grid(self.side)
    }

    /// Declares an input of normal noise.
    pub(super) fn normal(&mut self, name: &str, shape: &[usize]) -> Value {
        self.noise.push(Noise { name: name.to_owned(), shape: shape.to_vec(), draw: Draw::Normal });
        self.graph.input(name, shape)
    }

    /// `x` [batch, channels, ..] times one number per channel, plus another.
    pub(super) fn scale_shift(&mut self, name: &str, x: &Value, scale: &[f32], shift: &[f32]) -> Value {
        let scale = self.graph.weight(&format!("{name}.scale"), &[1, scale.len(), 1, 1], scale);
        let shift = self.graph.weight(&format!("{name}.shift"), &[1, shift.len(), 1, 1], shift);
        let scaled = self.graph.node("Mul", &format!("{name}.scaled"), &[x, &scale], &[]);
        self.graph.node("Add", name, &[&scaled, &shift], &[])
    }

    /// `x` times a number.
    pub(super) fn scale(&mut self, name: &str, x: &Value, scale: f32) -> Value {
        let scale = self.graph.weight(&format!("{name}.scale"), &[1], &[scale]);
        self.graph.node("Mul", name, &[x, &scale], &[])
    }

    /// Some entries of axis 1, in a fixed order.
    ///
    /// If most entries follow each other, they are sliced and concatenated: tract copies slices many times faster than
    /// it gathers.
    pub(super) fn gather(&mut self, name: &str, x: &Value, entries: &[usize]) -> Value {
        let runs: Vec<&[usize]> = entries.chunk_by(|entry, next| entry + 1 == *next).collect();
        if runs.len() * 4 > entries.len() {
            let entries: Vec<i64> = entries.iter().map(|entry| *entry as i64).collect();
            let entries = self.graph.integers(&format!("{name}.entries"), &entries);
            return self.graph.node("Gather", name, &[x, &entries], &[("axis", Attribute::Int(1))]);
        }
        let mut slices: BTreeMap<(usize, usize), Value> = BTreeMap::new();
        for run in &runs {
            let (start, end) = (run[0], run[0] + run.len());
            let slice = || self.graph.slice(&format!("{name}.{start}.{end}"), x, 1, start as i64, end as i64);
            slices.entry((start, end)).or_insert_with(slice);
        }
        let parts: Vec<&Value> = runs.iter().map(|run| &slices[&(run[0], run[0] + run.len())]).collect();
        self.graph.concat(name, &parts, 1)
    }

    /// A linear layer over rows.
    pub(super) fn linear(&mut self, name: &str, x: &Value, layer: &Linear) -> Value {
        self.graph.linear(name, x, (&layer.weight.dims(), &values(layer.weight.val())), &bias(layer))
    }

    /// A normalisation over the last axis.
    pub(super) fn norm(&mut self, name: &str, x: &Value, norm: &LayerNorm) -> Value {
        let gain = values(norm.gamma.val());
        // Every normalisation is made with a bias.
        let bias = norm.beta.as_ref().map_or_else(|| vec![0.0; gain.len()], |beta| values(beta.val()));
        self.graph.layer_norm(name, x, &gain, &bias, NORM_EPSILON as f32)
    }

    /// A constant [1, ..shape], once for every entry of the first axis of `like`, whatever the batch; for one picture
    /// it has `count` entries.
    pub(super) fn repeat(
        &mut self,
        name: &str,
        constant: &[f32],
        like: &Value,
        count: usize,
        shape: &[usize],
    ) -> Value {
        let whole = |count: usize| [&[count], shape].concat();
        if self.fixed {
            return self.graph.weight(name, &whole(count), &constant.repeat(count));
        }
        let constant = self.graph.weight(&format!("{name}.constant"), &whole(1), constant);
        let like = self.graph.node("Shape", &format!("{name}.like"), &[like], &[]);
        let count = self.graph.slice(&format!("{name}.count"), &like, 0, 0, 1);
        let shape: Vec<i64> = shape.iter().map(|length| *length as i64).collect();
        let shape = self.graph.integers(&format!("{name}.one"), &shape);
        let shape = self.graph.concat(&format!("{name}.shape"), &[&count, &shape], 0);
        self.graph.node("Expand", name, &[&constant, &shape], &[])
    }
}

/// A layer's bias, or zeros if it has none.
pub(super) fn bias(layer: &Linear) -> Vec<f32> {
    let zeros = || vec![0.0; layer.weight.dims()[1]];
    layer.bias.as_ref().map_or_else(zeros, |bias: &Param<Tensor<1>>| values(bias.val()))
}
