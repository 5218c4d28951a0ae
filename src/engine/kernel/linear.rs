//! A linear layer over rows: the product of a matrix with constant weights.

use tract_core::internal::TractResult;
use tract_core::tract_linalg::multithread::par_chunks_mut;

use super::operator::Kernel;
use super::product::{MOST_COLUMNS, ROWS, multiply_rows, rows_of};
use super::simd::{Simd, Work};
use super::vector::Vector;

/// `x @ weight + bias` with the weight packed for an instruction set.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    depth: usize,
    outputs: usize,
    /// [chunk of outputs][depth][output], zeros beyond the last output.
    weight: Vec<f32>,
    /// As many as the weight has columns.
    bias: Vec<f32>,
}

impl Linear {
    /// From a weight [depth, outputs] and a bias [outputs].
    pub fn new(simd: Simd, weight: &[f32], bias: &[f32]) -> Self {
        let (outputs, depth) = (bias.len(), weight.len() / bias.len());
        let columns = simd.columns();
        let chunks = outputs.div_ceil(columns);
        let mut packed = vec![0.0; chunks * depth * columns];
        for (k, row) in weight.chunks_exact(outputs).enumerate() {
            for (output, weight) in row.iter().enumerate() {
                packed[(output / columns * depth + k) * columns + output % columns] = *weight;
            }
        }
        let mut bias = bias.to_vec();
        bias.resize(chunks * columns, 0.0);
        Self { depth, outputs, weight: packed, bias }
    }

    /// The layer's outputs for some rows.
    ///
    /// # Shapes
    /// x [rows, depth] -> out [rows, outputs]
    pub fn rows(&self, simd: Simd, x: &[f32], out: &mut [f32]) {
        simd.run(Multiply { layer: self, x, out });
    }
}

impl Kernel for Linear {
    fn name(&self) -> &'static str {
        "purecam.Linear"
    }

    fn run(&self, simd: Simd, inputs: &[&[f32]], out: &mut [f32]) -> TractResult<()> {
        let len = out.len();
        // Threads get whole blocks of rows, which are computed as in one piece.
        let block = match (len / self.outputs).is_multiple_of(ROWS) {
            true => ROWS,
            false => 1,
        };
        par_chunks_mut(out, block * self.outputs, len, |first, out| {
            self.rows(simd, &inputs[0][first * block * self.depth..], out);
            Ok(())
        })
    }
}

struct Multiply<'a> {
    layer: &'a Linear,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl Work for Multiply<'_> {
    #[inline(always)]
    fn run<V: Vector, const M: usize, const C: usize>(self) {
        let n = C * V::LEN;
        let Self { layer: Linear { depth, outputs, weight, bias }, x, out } = self;
        let (depth, outputs) = (*depth, *outputs);
        let count = out.len() / outputs;
        let mut sums = [0.0f32; ROWS * MOST_COLUMNS];
        let sums = &mut sums[..ROWS * n];
        for (block, out) in out.chunks_mut(ROWS * outputs).enumerate() {
            let rows = rows_of(x, block * ROWS, count, depth, depth);
            let chunks = weight.chunks_exact(depth * n).zip(bias.chunks_exact(n));
            for (chunk, (weight, bias)) in chunks.enumerate() {
                multiply_rows::<V, M, C>(&rows, weight, bias, sums);
                let first = chunk * n;
                for (out, sums) in out.chunks_exact_mut(outputs).zip(sums.chunks_exact(n)) {
                    if outputs - first >= n {
                        out[first..][..n].copy_from_slice(sums);
                    } else {
                        out[first..].copy_from_slice(&sums[..outputs - first]);
                    }
                }
            }
        }
    }
}
