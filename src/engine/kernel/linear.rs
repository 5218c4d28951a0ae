//! A linear layer over rows: the product of a matrix with constant weights.

use tract_core::internal::TractResult;
use tract_core::tract_linalg::multithread::par_chunks_mut;

use super::operator::Kernel;
use super::product::{ROWS, multiply_rows, rows_of};
use super::simd::{Simd, Work};

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
        match simd {
            #[cfg(target_arch = "x86_64")]
            Simd::Avx512 => simd.run(Multiply::<8, 32> { layer: self, x, out }),
            #[cfg(target_arch = "x86_64")]
            Simd::Avx2 => simd.run(Multiply::<4, 16> { layer: self, x, out }),
            #[cfg(target_arch = "aarch64")]
            Simd::Neon => simd.run(Multiply::<8, 8> { layer: self, x, out }),
        }
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

struct Multiply<'a, const M: usize, const N: usize> {
    layer: &'a Linear,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl<const M: usize, const N: usize> Work for Multiply<'_, M, N> {
    #[inline(always)]
    fn run(self) {
        let Self { layer: Linear { depth, outputs, weight, bias }, x, out } = self;
        let (depth, outputs) = (*depth, *outputs);
        let count = out.len() / outputs;
        let mut sums = [[0.0f32; N]; ROWS];
        for (block, out) in out.chunks_mut(ROWS * outputs).enumerate() {
            let rows = rows_of(x, block * ROWS, count, depth, depth);
            let chunks = weight.chunks_exact(depth * N).zip(bias.chunks_exact(N));
            for (chunk, (weight, bias)) in chunks.enumerate() {
                let mut begin = [0.0; N];
                begin.copy_from_slice(bias);
                multiply_rows::<M, N>(&rows, weight, &begin, &mut sums);
                let first = chunk * N;
                for (out, sums) in out.chunks_exact_mut(outputs).zip(&sums) {
                    match out[first..].first_chunk_mut() {
                        Some(out) => *out = *sums,
                        None => out[first..].copy_from_slice(&sums[..outputs - first]),
                    }
                }
            }
        }
    }
}
