//! From decoded tokens to the graph's outputs.

use super::super::groups::inverse;
use super::exporter::{Dealing, Exporter, bias};
use crate::workshop::onnx::write::{Value, Window};
use crate::workshop::pictures::{IMAGENET_MEAN, IMAGENET_STD, values};

impl Exporter<'_> {
    /// From decoded rows to the outputs: `purified`, and `before_conv` if it is wanted.
    pub(super) fn picture(&mut self, decoded: &Value, dealing: &Dealing, before_conv: bool) {
        let (grid, patch) = (self.grid() as i64, self.config.patch as i64);
        let normed = self.norm("decoder_norm", decoded, &self.model.decoder_norm);
        let raster = self.predicted(&normed, dealing);
        let patches = self.graph.reshape("picture.patches", &raster, &[-1, grid, grid, patch, patch, 3]);
        let planes = self.graph.transpose("picture.planes", &patches, &[0, 5, 1, 3, 2, 4]);
        let side = self.side as i64;
        let name = if self.model.final_conv.is_some() || !before_conv { "picture" } else { "before_conv" };
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

    /// The pixels of all patches in raster order, from normalised rows.
    fn predicted(&mut self, normed: &Value, dealing: &Dealing) -> Value {
        let (grid, width) = (self.grid() as i64, self.config.decoder.width as i64);
        match dealing {
            Dealing::Lattice => {
                let predicted = self.pixels(normed);
                let split = [-1, 2, 2, grid / 2, grid / 2, self.config.patch_len() as i64];
                let dealt = self.graph.reshape("picture.groups", &predicted, &split);
                self.graph.transpose("picture.raster", &dealt, &[0, 3, 1, 4, 2, 5])
            }
            Dealing::Order(order) => {
                let dealt = self.graph.reshape("picture.groups", normed, &[-1, grid * grid, width]);
                let raster = self.gather("picture.raster", &dealt, &inverse(order));
                let rows = self.graph.reshape("picture.rows", &raster, &[-1, width]);
                self.pixels(&rows)
            }
            Dealing::Matrix(matrix) => {
                let dealt = self.graph.reshape("picture.groups", normed, &[-1, grid * grid, width]);
                let back = self.graph.transpose("permutation.back", matrix, &[0, 2, 1]);
                let raster = self.graph.node("MatMul", "picture.raster", &[&back, &dealt], &[]);
                let rows = self.graph.reshape("picture.rows", &raster, &[-1, width]);
                self.pixels(&rows)
            }
        }
    }

    /// The pixels of patches, one patch per row. Without a final convolution, this layer also undoes the normalisation.
    fn pixels(&mut self, rows: &Value) -> Value {
        let predict = &self.model.decoder_pred;
        let (mut weight, mut bias) = (values(predict.weight.val()), bias(predict));
        if self.model.final_conv.is_none() {
            // Of a patch's values, the channel is the last axis.
            weight.iter_mut().enumerate().for_each(|(at, value)| *value *= IMAGENET_STD[at % 3]);
            bias.iter_mut()
                .enumerate()
                .for_each(|(at, value)| *value = *value * IMAGENET_STD[at % 3] + IMAGENET_MEAN[at % 3]);
        }
        let shape = [self.config.decoder.width, self.config.patch_len()];
        self.graph.linear("decoder_pred", rows, (&shape, &weight), &bias)
    }

    /// The final convolution, which also undoes the normalisation; and the picture before it if it is wanted.
    fn convolve(&mut self, assembled: Value, before_conv: bool) -> (Value, Option<Value>) {
        let Some(conv) = &self.model.final_conv else {
            let before = before_conv.then(|| assembled.clone());
            return (assembled, before);
        };
        let [_, _, kernel, _] = conv.weight.dims();
        let mut weight = values(conv.weight.val());
        // `final_conv` makes it with a bias.
        let mut bias = conv.bias.as_ref().map_or(vec![0.0; 3], |bias| values(bias.val()));
        for (output, taps) in weight.chunks_exact_mut(3 * kernel * kernel).enumerate() {
            taps.iter_mut().for_each(|tap| *tap *= IMAGENET_STD[output]);
            bias[output] = bias[output] * IMAGENET_STD[output] + IMAGENET_MEAN[output];
        }
        let window = Window { stride: 1, padding: kernel / 2, groups: 1 };
        let convolved = self.graph.conv("final_conv", &assembled, (&[3, 3, kernel, kernel], &weight), &bias, window);
        let before = before_conv.then(|| self.scale_shift("before_conv", &assembled, &IMAGENET_STD, &IMAGENET_MEAN));
        (convolved, before)
    }
}
