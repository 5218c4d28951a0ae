//! A RIAE as an ONNX graph: one picture in, its purified picture out, every random number an explicit input.
//!
//! What does not depend on the picture is computed here and stored: positions, the mask token's projections in the
//! first decoder block, the fusion's weights; the channels' normalisation disappears into the first and the last layer.
//! Tokens are kept as rows of one matrix, so that every linear layer is one matrix product.

mod decoder;
mod transformer;

use std::collections::BTreeMap;

use burn::module::Param;
use burn::nn::Linear;
use burn::prelude::*;

use super::config::{FeatureNorm, Grouping, Masking};
use super::groups::{fixed_order, inverse, others};
use super::noise::schedule;
use super::position::{centre, window};
use super::{Error, MEAN, Riae, RiaeConfig, STD};
use crate::engine::contract::{Draw, Noise};
use crate::workshop::onnx::write::{Attribute, Graph, Value, Window};

/// An exported network, ready to be given metadata and written.
#[derive(Clone, Debug)]
pub struct Exported {
    pub graph: Graph,
    /// Its inputs besides `image`, in graph order.
    pub noise: Vec<Noise>,
}

/// Builds the graph for square images of `side` pixels: `image` [1, 3, side, side] in 0..1 -> `purified`, the same.
///
/// With `before_conv`, the picture before the last convolution is a second output of that name. Positions and noise
/// steps are those of [`Riae::draw_evaluation`].
///
/// # Errors
/// The network cannot purify images of that side.
pub fn export(model: &Riae, side: usize, before_conv: bool) -> Result<Exported, Error> {
    model.config().validate(side)?;
    let mut exporter = Exporter { graph: Graph::new(), noise: Vec::new(), model, config: model.config(), side };
    exporter.build(before_conv);
    Ok(Exported { graph: exporter.graph, noise: exporter.noise })
}

/// The graph so far. Token matrices hold, image by image and group by group, one token a row.
struct Exporter<'a> {
    graph: Graph,
    noise: Vec<Noise>,
    model: &'a Riae,
    config: &'a RiaeConfig,
    side: usize,
}

/// How the graph deals patches into groups.
enum Dealing {
    /// Reshaping for the 2 x 2 lattice.
    Lattice,
    /// A fixed order and its inverse.
    Order(Vec<usize>),
    /// The matrix [batch, patches, patches] whose row k picks the patch that is dealt to place k.
    Matrix(Value),
}

impl Exporter<'_> {
    fn build(&mut self, before_conv: bool) {
        let shape = [1, 3, self.side, self.side];
        let image = self.graph.input("image", &shape);
        let image_noise = self.config.masking.noises_image().then(|| self.normal("image_noise", &shape));
        let features = [1, self.config.groups, self.length(), self.config.decoder.width];
        let feature_noise = self.config.masking.noises_features().then(|| self.normal("feature_noise", &features));
        let dealing = self.dealing();

        let clean = self.embed("patch_embed", &image, None, &dealing);
        let rows = match &image_noise {
            // Both pictures pass through the encoder as one batch, so that its weights are stored and read once.
            Some(noise) => {
                let noised = self.embed("noised.patch_embed", &image, Some(noise), &dealing);
                self.graph.concat("both", &[&clean, &noised], 0)
            }
            None => clean,
        };
        let (patches, class) = self.encode("encoder", &rows);
        let source = self.linear("decoder_embed", &patches, &self.model.decoder_embed);
        let normed = self.norm("decoder_embed_norm", &source, &self.model.decoder_embed_norm);
        let (d, e) = (self.config.encoder.width, self.config.decoder.width);
        let (visible, class, source, normed) = match &image_noise {
            Some(_) => (
                self.half("clean.normed", &normed, e, 0),
                class.map(|class| self.half("clean.class", &class, d, 0)),
                self.half("noised.source", &source, e, 1),
                self.half("noised.normed", &normed, e, 1),
            ),
            None => (normed.clone(), class, source, normed),
        };
        let masked = self.config.masking == Masking::Mask;
        let stand_ins = (!masked).then(|| self.stand_ins(&source, &normed, feature_noise.as_ref()));
        let heads = class.map(|class| self.heads(&class));
        let decoded = self.decode(&visible, stand_ins, heads, &dealing);
        self.picture(&decoded, &dealing, before_conv);
    }

    /// The rows of the clean (0) or of the noised (1) pictures.
    fn half(&mut self, name: &str, rows: &Value, width: usize, which: i64) -> Value {
        let width = width as i64;
        let halves = self.graph.reshape(&format!("{name}.halves"), rows, &[2, -1, width]);
        let half = self.graph.slice(&format!("{name}.half"), &halves, 0, which, which + 1);
        self.graph.reshape(&format!("{name}.rows"), &half, &[-1, width])
    }

    /// Patches of a group.
    fn length(&self) -> usize {
        self.config.group_len(self.side)
    }

    /// Side of the patch grid.
    fn grid(&self) -> usize {
        self.config.grid(self.side)
    }

    /// Declares an input of normal noise.
    fn normal(&mut self, name: &str, shape: &[usize]) -> Value {
        self.noise.push(Noise { name: name.to_owned(), shape: shape.to_vec(), draw: Draw::Normal });
        self.graph.input(name, shape)
    }

    fn dealing(&mut self) -> Dealing {
        let patches = self.grid() * self.grid();
        match (self.config.grouping, self.config.groups) {
            (Grouping::Fixed, 4) => Dealing::Lattice,
            (Grouping::Fixed, groups) => Dealing::Order(fixed_order(groups, self.grid())),
            (Grouping::Random, _) => {
                self.noise.push(Noise { name: "permutation".into(), shape: vec![1, patches], draw: Draw::Permutation });
                let permutation = self.graph.integer_input("permutation", &[1, patches]);
                let column = self.graph.reshape("permutation.column", &permutation, &[-1, patches as i64, 1]);
                let numbers: Vec<i64> = (0..patches as i64).collect();
                let numbers = self.graph.integers("permutation.numbers", &numbers);
                let equal = self.graph.node("Equal", "permutation.equal", &[&column, &numbers], &[]);
                Dealing::Matrix(self.graph.node("Cast", "permutation.matrix", &[&equal], &[("to", Attribute::Int(1))]))
            }
        }
    }

    /// The positions of the evaluation's window, dealt unless groups are random [1, groups, length, width].
    fn positions(&mut self, name: &str, width: usize, dealing: &Dealing) -> Value {
        let values = self.position_values(width, dealing);
        let shape = match dealing {
            Dealing::Matrix(_) => vec![1, self.grid() * self.grid(), width],
            _ => vec![1, self.config.groups, self.length(), width],
        };
        self.graph.weight(name, &shape, &values)
    }

    fn position_values(&self, width: usize, dealing: &Dealing) -> Vec<f32> {
        let middle = centre(self.config.positions, self.grid());
        let raster = window(self.grid(), width, [middle; 2]);
        let order = match dealing {
            Dealing::Matrix(_) => return raster,
            _ => fixed_order(self.config.groups, self.grid()),
        };
        order.iter().flat_map(|patch| &raster[patch * width..(patch + 1) * width]).copied().collect()
    }

    /// Embeds the patches of the image, or of a noised copy, adds positions and deals: rows [patches, encoder width].
    fn embed(&mut self, name: &str, image: &Value, noise: Option<&Value>, dealing: &Dealing) -> Value {
        let (patch, width, grid) = (self.config.patch, self.config.encoder.width, self.grid());
        let embed = &self.model.encoder.patch_embed;
        let (weight, mut bias) = (values(embed.weight.val()), bias(embed));
        let mut kernel = vec![0.0; weight.len()];
        let area = patch * patch;
        let share = schedule()[self.config.image_noise_t];
        for (input, row) in weight.chunks_exact(width).enumerate() {
            let channel = input / area;
            for (output, value) in row.iter().enumerate() {
                // With noise, the kernel sees the normalised picture; without, the normalisation is part of it.
                let folded = if noise.is_some() { *value } else { value / STD[channel] };
                kernel[output * 3 * area + input] = folded;
                bias[output] -= if noise.is_some() { 0.0 } else { folded * MEAN[channel] };
            }
        }
        let seen = match noise {
            Some(noise) => {
                let scale: Vec<f32> = STD.iter().map(|std| share.signal / std).collect();
                let shift: Vec<f32> = MEAN.iter().zip(&scale).map(|(mean, scale)| -mean * scale).collect();
                let signal = self.scale_shift(&format!("{name}.signal"), image, &scale, &shift);
                let noise = self.scale(&format!("{name}.noise"), noise, share.noise);
                self.graph.node("Add", &format!("{name}.noised"), &[&signal, &noise], &[])
            }
            None => image.clone(),
        };
        let window = Window { stride: patch, padding: 0, groups: 1 };
        let embedded = self.graph.conv(name, &seen, (&[width, 3, patch, patch], &kernel), &bias, window);
        let positions = self.positions(&format!("{name}.positions"), width, dealing);
        let (g, width) = (grid as i64, width as i64);
        match dealing {
            Dealing::Lattice => {
                let split = self.graph.reshape(&format!("{name}.split"), &embedded, &[0, width, g / 2, 2, g / 2, 2]);
                let dealt = self.graph.transpose(&format!("{name}.deal"), &split, &[0, 3, 5, 2, 4, 1]);
                let dealt = self.graph.reshape(&format!("{name}.groups"), &dealt, &[0, 4, -1, width]);
                let placed = self.graph.node("Add", &format!("{name}.placed"), &[&dealt, &positions], &[]);
                self.graph.reshape(&format!("{name}.rows"), &placed, &[-1, width])
            }
            Dealing::Order(_) | Dealing::Matrix(_) => {
                let raster = self.graph.reshape(&format!("{name}.raster"), &embedded, &[0, width, -1]);
                let raster = self.graph.transpose(&format!("{name}.tokens"), &raster, &[0, 2, 1]);
                self.place_and_deal(name, &raster, &positions, width, dealing)
            }
        }
    }

    /// Adds positions to tokens in raster order [batch, patches, width] and deals them: rows.
    fn place_and_deal(
        &mut self,
        name: &str,
        raster: &Value,
        positions: &Value,
        width: i64,
        dealing: &Dealing,
    ) -> Value {
        let placed = match dealing {
            Dealing::Matrix(matrix) => {
                let placed = self.graph.node("Add", &format!("{name}.placed"), &[raster, positions], &[]);
                self.graph.node("MatMul", &format!("{name}.deal"), &[matrix, &placed], &[])
            }
            _ => {
                let dealt = self.gather(&format!("{name}.deal"), raster, &fixed_order(self.config.groups, self.grid()));
                let shape = [0, self.config.groups as i64, -1, width];
                let dealt = self.graph.reshape(&format!("{name}.groups"), &dealt, &shape);
                self.graph.node("Add", &format!("{name}.placed"), &[&dealt, positions], &[])
            }
        };
        self.graph.reshape(&format!("{name}.rows"), &placed, &[-1, width])
    }

    /// What stands in for every group in the modes with noise, positions not added: rows.
    fn stand_ins(&mut self, source: &Value, normed: &Value, noise: Option<&Value>) -> Value {
        let Some(noise) = noise else { return normed.clone() };
        let width = self.config.decoder.width;
        let share = schedule()[self.config.feature_noise_t];
        let signal = match self.config.feature_norm {
            FeatureNorm::Paper => self.scale("stand_ins.signal", normed, share.signal),
            FeatureNorm::Plain => {
                let (gain, bias) = (vec![share.signal; width], vec![0.0; width]);
                self.graph.layer_norm("stand_ins.signal", source, &gain, &bias, super::NORM_EPSILON as f32)
            }
        };
        let noise = self.scale("stand_ins.noise", noise, share.noise);
        let noise = self.graph.reshape("stand_ins.noise.rows", &noise, &[-1, width as i64]);
        self.graph.node("Add", "stand_ins", &[&signal, &noise], &[])
    }

    /// A token for every pass from the class tokens of the other groups: rows.
    fn heads(&mut self, class: &Value) -> Value {
        let (groups, width) = (self.config.groups, self.config.encoder.width);
        let class = self.graph.reshape("heads.class", class, &[-1, groups as i64, width as i64]);
        let seen = self.gather("heads.seen", &class, &others(groups));
        let seen = self.graph.reshape("heads.rows", &seen, &[-1, ((groups - 1) * width) as i64]);
        match &self.model.decoder_head_embed {
            Some(embed) => self.linear("heads", &seen, embed),
            // A network without this layer has no class tokens either.
            None => seen,
        }
    }

    /// From decoded rows to the outputs.
    fn picture(&mut self, decoded: &Value, dealing: &Dealing, before_conv: bool) {
        let (grid, patch, width) = (self.grid() as i64, self.config.patch as i64, self.config.decoder.width as i64);
        let normed = self.norm("decoder_norm", decoded, &self.model.decoder_norm);
        let predict = &self.model.decoder_pred;
        let (mut weight, mut bias) = (values(predict.weight.val()), bias(predict));
        let has_conv = self.model.final_conv.is_some();
        if !has_conv {
            weight.iter_mut().enumerate().for_each(|(at, value)| *value *= STD[at % 3]);
            bias.iter_mut().enumerate().for_each(|(at, value)| *value = *value * STD[at % 3] + MEAN[at % 3]);
        }
        let shape = [self.config.decoder.width, self.config.patch_len()];
        let values_of =
            |exporter: &mut Self, rows: &Value| exporter.graph.linear("decoder_pred", rows, (&shape, &weight), &bias);
        let raster = match dealing {
            Dealing::Lattice => {
                let predicted = values_of(self, &normed);
                let split = [-1, 2, 2, grid / 2, grid / 2, 3 * patch * patch];
                let dealt = self.graph.reshape("picture.groups", &predicted, &split);
                self.graph.transpose("picture.raster", &dealt, &[0, 3, 1, 4, 2, 5])
            }
            Dealing::Order(order) => {
                let dealt = self.graph.reshape("picture.groups", &normed, &[-1, grid * grid, width]);
                let raster = self.gather("picture.raster", &dealt, &inverse(order));
                let rows = self.graph.reshape("picture.rows", &raster, &[-1, width]);
                values_of(self, &rows)
            }
            Dealing::Matrix(matrix) => {
                let dealt = self.graph.reshape("picture.groups", &normed, &[-1, grid * grid, width]);
                let back = self.graph.transpose("permutation.back", matrix, &[0, 2, 1]);
                let raster = self.graph.node("MatMul", "picture.raster", &[&back, &dealt], &[]);
                let rows = self.graph.reshape("picture.rows", &raster, &[-1, width]);
                values_of(self, &rows)
            }
        };
        let patches = self.graph.reshape("picture.patches", &raster, &[-1, grid, grid, patch, patch, 3]);
        let planes = self.graph.transpose("picture.planes", &patches, &[0, 5, 1, 3, 2, 4]);
        let side = self.side as i64;
        let name = if has_conv || !before_conv { "picture" } else { "before_conv" };
        let assembled = self.graph.reshape(name, &planes, &[-1, 3, side, side]);
        let (picture, before) = self.convolve(assembled, before_conv);
        let purified = match self.config.clamp {
            true => self.graph.clip("purified", &picture, 0.0, 1.0),
            false => self.graph.node("Identity", "purified", &[&picture], &[]),
        };
        let shape = [1, 3, self.side, self.side];
        self.graph.output(&purified, &shape);
        if let Some(before) = before {
            self.graph.output(&before, &shape);
        }
    }

    /// The final convolution, which also leaves the normalised space; and the picture before it if it is wanted.
    fn convolve(&mut self, assembled: Value, before_conv: bool) -> (Value, Option<Value>) {
        let Some(conv) = &self.model.final_conv else {
            let before = before_conv.then(|| assembled.clone());
            return (assembled, before);
        };
        let [_, _, kernel, _] = conv.weight.dims();
        let mut weight = values(conv.weight.val());
        // Made with a bias.
        let mut bias = conv.bias.as_ref().map_or(vec![0.0; 3], |bias| values(bias.val()));
        for (output, taps) in weight.chunks_exact_mut(3 * kernel * kernel).enumerate() {
            taps.iter_mut().for_each(|tap| *tap *= STD[output]);
            bias[output] = bias[output] * STD[output] + MEAN[output];
        }
        let window = Window { stride: 1, padding: kernel / 2, groups: 1 };
        let convolved = self.graph.conv("final_conv", &assembled, (&[3, 3, kernel, kernel], &weight), &bias, window);
        let before = before_conv.then(|| self.scale_shift("before_conv", &assembled, &STD, &MEAN));
        (convolved, before)
    }

    /// `x` times a number for every channel, plus another.
    fn scale_shift(&mut self, name: &str, x: &Value, scale: &[f32], shift: &[f32]) -> Value {
        let scale = self.graph.weight(&format!("{name}.scale"), &[1, scale.len(), 1, 1], scale);
        let shift = self.graph.weight(&format!("{name}.shift"), &[1, shift.len(), 1, 1], shift);
        let scaled = self.graph.node("Mul", &format!("{name}.scaled"), &[x, &scale], &[]);
        self.graph.node("Add", name, &[&scaled, &shift], &[])
    }

    /// `x` times a number.
    fn scale(&mut self, name: &str, x: &Value, scale: f32) -> Value {
        let scale = self.graph.weight(&format!("{name}.scale"), &[1], &[scale]);
        self.graph.node("Mul", name, &[x, &scale], &[])
    }

    /// Some entries of axis 1, in a fixed order.
    ///
    /// Entries that mostly follow each other are cut out and joined: tract copies slices many times faster than it
    /// gathers.
    fn gather(&mut self, name: &str, x: &Value, entries: &[usize]) -> Value {
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

    fn linear(&mut self, name: &str, x: &Value, layer: &Linear) -> Value {
        self.graph.linear(name, x, (&layer.weight.dims(), &values(layer.weight.val())), &bias(layer))
    }
}

/// A tensor's values in row-major order.
fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    // f32 is the only float type that this crate creates.
    tensor.inner().into_data().try_to_vec().unwrap_or_default()
}

/// A layer's bias, zeros where it has none.
fn bias(layer: &Linear) -> Vec<f32> {
    let zeros = || vec![0.0; layer.weight.dims()[1]];
    layer.bias.as_ref().map_or_else(zeros, |bias: &Param<Tensor<1>>| values(bias.val()))
}
