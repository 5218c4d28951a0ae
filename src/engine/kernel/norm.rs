//! Layer normalisation (Ba et al., arXiv 1607.06450) of rows.

use tract_core::internal::TractResult;
use tract_core::tract_linalg::multithread::par_chunks_mut;

use super::math::sum;
use super::operator::Kernel;
use super::simd::{Simd, Work};
use super::vector::Vector;

/// Each row less its mean, by its standard deviation, times a gain, plus a bias.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm {
    /// One number for each place of a row.
    pub gain: Vec<f32>,
    /// The same.
    pub bias: Vec<f32>,
    /// Added to the variance.
    pub epsilon: f32,
}

impl LayerNorm {
    /// Normalises some rows.
    ///
    /// # Shapes
    /// x [rows, width] -> out [rows, width]
    pub fn rows(&self, simd: Simd, x: &[f32], out: &mut [f32]) {
        simd.run(Normalise { norm: self, x, out });
    }
}

impl Kernel for LayerNorm {
    fn name(&self) -> &'static str {
        "purecam.LayerNorm"
    }

    fn run(&self, simd: Simd, inputs: &[&[f32]], out: &mut [f32]) -> TractResult<()> {
        let (len, width) = (out.len(), self.gain.len());
        par_chunks_mut(out, width, len, |first, out| {
            self.rows(simd, &inputs[0][first * width..], out);
            Ok(())
        })
    }
}

struct Normalise<'a> {
    norm: &'a LayerNorm,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl Work for Normalise<'_> {
    #[inline(always)]
    fn run<V: Vector, const M: usize, const C: usize>(self) {
        let Self { norm: LayerNorm { gain, bias, epsilon }, x, out } = self;
        let width = gain.len();
        for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            let mean = sum(x, |x| x) / width as f32;
            let variance = sum(x, |x| (x - mean) * (x - mean)) / width as f32;
            let scale = 1.0 / (variance + epsilon).sqrt();
            for (((out, x), gain), bias) in out.iter_mut().zip(x).zip(gain).zip(bias) {
                *out = ((x - mean) * scale).mul_add(*gain, *bias);
            }
        }
    }
}
