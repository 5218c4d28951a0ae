//! From the image to embedded, positioned and dealt patches.

use super::super::config::Grouping;
use super::super::groups::fixed_order;
use super::super::position::{centre, window};
use super::super::schedule::schedule;
use super::exporter::{Dealing, Exporter, bias};
use crate::engine::contract::{Draw, Noise};
use crate::workshop::onnx::write::{Attribute, Value, Window};
use crate::workshop::pictures::{IMAGENET_MEAN, IMAGENET_STD, values};

impl Exporter<'_> {
    /// How patches are dealt; random groups add the input `permutation` [1, patches].
    pub(super) fn dealing(&mut self) -> Dealing {
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

    /// The same as numbers: position after position, `width` numbers each.
    pub(super) fn position_values(&self, width: usize, dealing: &Dealing) -> Vec<f32> {
        let middle = centre(self.config.positions, self.grid());
        let raster = window(self.grid(), width, [middle; 2]);
        let order = match dealing {
            Dealing::Matrix(_) => return raster,
            _ => fixed_order(self.config.groups, self.grid()),
        };
        order.iter().flat_map(|patch| &raster[patch * width..(patch + 1) * width]).copied().collect()
    }

    /// Embeds the patches of the image, or of a noised copy, adds positions and deals: rows [patches, encoder width].
    pub(super) fn embed(&mut self, name: &str, image: &Value, noise: Option<&Value>, dealing: &Dealing) -> Value {
        let (patch, width, grid) = (self.config.patch, self.config.encoder.width, self.grid());
        let (kernel, bias) = self.embedding(noise.is_some());
        let seen = match noise {
            Some(noise) => self.noised(name, image, noise),
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

    /// Kernel [width, 3, patch, patch] and bias of the embedding as a convolution.
    ///
    /// The convolution of a noised picture sees it normalised; in that of the image the normalisation is folded.
    fn embedding(&self, noised: bool) -> (Vec<f32>, Vec<f32>) {
        let embed = &self.model.encoder.patch_embed;
        let (weight, mut bias) = (values(embed.weight.val()), bias(embed));
        let mut kernel = vec![0.0; weight.len()];
        let (width, area) = (self.config.encoder.width, self.config.patch * self.config.patch);
        for (input, row) in weight.chunks_exact(width).enumerate() {
            let channel = input / area;
            for (output, value) in row.iter().enumerate() {
                let folded = if noised { *value } else { value / IMAGENET_STD[channel] };
                kernel[output * 3 * area + input] = folded;
                bias[output] -= if noised { 0.0 } else { folded * IMAGENET_MEAN[channel] };
            }
        }
        (kernel, bias)
    }

    /// The normalised image with noise at the configured step of the schedule.
    fn noised(&mut self, name: &str, image: &Value, noise: &Value) -> Value {
        let level = schedule()[self.config.image_noise_t];
        let scale = IMAGENET_STD.map(|std| level.signal / std);
        let shift: Vec<f32> = IMAGENET_MEAN.iter().zip(&scale).map(|(mean, scale)| -mean * scale).collect();
        let signal = self.scale_shift(&format!("{name}.signal"), image, &scale, &shift);
        let noise = self.scale(&format!("{name}.noise"), noise, level.noise);
        self.graph.node("Add", &format!("{name}.noised"), &[&signal, &noise], &[])
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
}
