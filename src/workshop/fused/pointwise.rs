//! Layer normalisation, GELU and limits with their gradients.

use rayon::prelude::*;

use super::kernel::Kernel;
use super::math::{erf, exp, sum, sum_pairs};
use crate::engine::kernel::vectorised;

/// Values per task: enough to be worth a task, few enough to stay in a core's cache.
const TASK: usize = 16 * 1024;

/// The exact GELU: `x / 2 * (1 + erf(x / sqrt(2)))`.
#[derive(Clone, Debug)]
pub struct Gelu;

impl Kernel<1> for Gelu {
    fn forward(&self, [input]: [&[f32]; 1]) -> Vec<f32> {
        map(input, input, |x, _| 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2)))
    }

    fn backward(&self, [input]: [&[f32]; 1], gradient: &[f32]) -> [Vec<f32>; 1] {
        let slope = |x: f32, gradient: f32| {
            let below = 0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
            // The normal density: 1 / sqrt(2 pi) * e^(-x^2 / 2).
            let density = 0.398_942_3 * exp(-0.5 * x * x);
            gradient * (below + x * density)
        };
        [map(input, gradient, slope)]
    }
}

/// Limits to `min..=max`. The gradient is that of the input inside, and 0 outside.
#[derive(Clone, Debug)]
pub struct Clamp {
    /// The least value.
    pub min: f32,
    /// The greatest value.
    pub max: f32,
}

impl Kernel<1> for Clamp {
    fn forward(&self, [input]: [&[f32]; 1]) -> Vec<f32> {
        let (min, max) = (self.min, self.max);
        // The limits of a file may be the wrong way round; ONNX then gives the greatest value. A NaN stays one.
        map(input, input, |x, _| {
            let x = if x < min { min } else { x };
            if x > max { max } else { x }
        })
    }

    fn backward(&self, [input]: [&[f32]; 1], gradient: &[f32]) -> [Vec<f32>; 1] {
        let (min, max) = (self.min, self.max);
        [map(input, gradient, |x, gradient| if x < min || x > max { 0.0 } else { gradient })]
    }
}

/// `function` of every pair of two slices of one length.
fn map(a: &[f32], b: &[f32], function: impl Fn(f32, f32) -> f32 + Sync) -> Vec<f32> {
    let mut out = vec![0.0; a.len()];
    let tasks = out.par_chunks_mut(TASK).zip(a.par_chunks(TASK)).zip(b.par_chunks(TASK));
    tasks.for_each(|((out, a), b)| {
        vectorised(
            #[inline(always)]
            || {
                for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                    *out = function(*a, *b);
                }
            },
        );
    });
    out
}

/// Layer normalisation (Ba et al. 2016) of rows with a learnt gain and bias.
#[derive(Clone, Debug)]
pub struct Norm {
    /// Values in a row.
    pub width: usize,
    /// Added to the variance.
    pub epsilon: f32,
}

/// What normalises a row: its mean and the inverse of its standard deviation.
#[inline(always)]
fn moments(row: &[f32], epsilon: f32) -> (f32, f32) {
    let width = row.len() as f32;
    let mean = sum(row, |x| x) / width;
    let variance = sum(row, |x| (x - mean) * (x - mean)) / width;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

impl Norm {
    /// Values in a task: whole rows.
    fn task(&self) -> usize {
        (TASK / self.width).max(1) * self.width
    }

    /// Gradients of a task's rows; adds those of gain and bias to `shared`.
    #[inline(always)]
    fn backward_rows(&self, rows: &[f32], gain: &[f32], gradient: &[f32], out: &mut [f32], shared: &mut [f32]) {
        let width = self.width;
        let (gain_gradient, bias_gradient) = shared.split_at_mut(width);
        let rows = rows.chunks_exact(width).zip(gradient.chunks_exact(width)).zip(out.chunks_exact_mut(width));
        for ((row, gradient), out) in rows {
            let (mean, scale) = moments(row, self.epsilon);
            for ((out, gradient), gain) in out.iter_mut().zip(gradient).zip(gain) {
                *out = gradient * gain;
            }
            let plain = sum(out, |x| x) / width as f32;
            let along = sum_pairs(out, row, |out, x| out * (x - mean)) * scale / width as f32;
            for at in 0..width {
                let normed = (row[at] - mean) * scale;
                out[at] = scale * (out[at] - plain - normed * along);
                gain_gradient[at] += gradient[at] * normed;
                bias_gradient[at] += gradient[at];
            }
        }
    }
}

impl Kernel<3> for Norm {
    fn forward(&self, [input, gain, bias]: [&[f32]; 3]) -> Vec<f32> {
        let mut out = vec![0.0; input.len()];
        let tasks = out.par_chunks_mut(self.task()).zip(input.par_chunks(self.task()));
        tasks.for_each(|(out, input)| {
            vectorised(
                #[inline(always)]
                || {
                    for (out, row) in out.chunks_exact_mut(self.width).zip(input.chunks_exact(self.width)) {
                        let (mean, scale) = moments(row, self.epsilon);
                        for (((out, x), gain), bias) in out.iter_mut().zip(row).zip(gain).zip(bias) {
                            *out = (x - mean) * scale * gain + bias;
                        }
                    }
                },
            );
        });
        out
    }

    fn backward(&self, [input, gain, _]: [&[f32]; 3], gradient: &[f32]) -> [Vec<f32>; 3] {
        let (width, task) = (self.width, self.task());
        let mut out = vec![0.0; input.len()];
        let tasks = out.par_chunks_mut(task).zip(input.par_chunks(task)).zip(gradient.par_chunks(task));
        let shares: Vec<Vec<f32>> = tasks
            .map(|((out, input), gradient)| {
                let mut shared = vec![0.0; 2 * width];
                vectorised(
                    #[inline(always)]
                    || self.backward_rows(input, gain, gradient, out, &mut shared),
                );
                shared
            })
            .collect();
        // Summed in the order of the rows, so that the number of threads does not matter.
        let mut gain_gradient = vec![0.0; 2 * width];
        for share in shares {
            gain_gradient.iter_mut().zip(share).for_each(|(sum, share)| *sum += share);
        }
        let bias_gradient = gain_gradient.split_off(width);
        [out, gain_gradient, bias_gradient]
    }
}
