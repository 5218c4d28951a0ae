//! A depth-wise convolution: every channel has a filter of its own.
//!
//! A channel is copied into a buffer with its border of zeros, as `stride x stride` planes: plane (i, j) has every
//! `stride`-th pixel from row i and column j on. In these planes all pixels that one value of the filter meets lie side
//! by side, whatever the stride, so that the outputs of the whole channel are one run of vectors. The few between the
//! end of one row and the beginning of the next mean nothing and are left out at the end.

use std::ops::Range;

use super::bounds::Bounds;
use super::scratch::{Scratch, grown};
use super::simd::{Simd, Work};
use super::vector::Vector;
use super::window::Window;

/// The most values of a filter.
pub const MOST_TAPS: usize = 64;
/// Outputs that are computed at once.
const STEP: usize = 32;

/// A depth-wise convolution with its bias; every output is limited to `bounds`.
#[derive(Clone, Debug, PartialEq)]
pub struct Depthwise {
    /// Where the filter moves.
    pub window: Window,
    /// Filters [channels, kernel, kernel].
    pub filters: Vec<f32>,
    /// One number for each channel.
    pub bias: Vec<f32>,
    /// Limits of every output.
    pub bounds: Bounds,
}

impl Depthwise {
    /// Convolves some channels of one picture.
    ///
    /// # Shapes
    /// x [all channels, height, width] -> out [channels, height, width], as the window says
    pub fn run(&self, simd: Simd, x: &[f32], channels: Range<usize>, out: &mut [f32], scratch: &mut Scratch) {
        match self.window.kernel {
            [3, 3] => simd.run(Convolve::<9> { conv: self, x, channels, out, scratch }),
            [5, 5] => simd.run(Convolve::<25> { conv: self, x, channels, out, scratch }),
            [7, 7] => simd.run(Convolve::<49> { conv: self, x, channels, out, scratch }),
            _ => simd.run(Convolve::<0> { conv: self, x, channels, out, scratch }),
        }
    }
}

/// The work for some channels, with `TAPS` values of a filter; 0 if they are counted at run time.
struct Convolve<'a, const TAPS: usize> {
    conv: &'a Depthwise,
    x: &'a [f32],
    channels: Range<usize>,
    out: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl<const TAPS: usize> Work for Convolve<'_, TAPS> {
    #[inline(always)]
    fn run<V: Vector, const M: usize, const C: usize>(self) {
        let Self { conv, x, channels, out, scratch } = self;
        let window = &conv.window;
        let Window { kernel: [_, columns], stride: [down, across], to: [height, width], .. } = *window;
        let taps = if TAPS == 0 { window.kernel[0] * columns } else { TAPS };
        // A row of a plane has the outputs of a row and what its filters reach beyond them.
        let line = width + (columns - 1) / across;
        let plane = (height + (window.kernel[0] - 1) / down) * line;
        let run = (height * line).next_multiple_of(STEP);
        let planes = grown(&mut scratch.pixels, down * across * plane + STEP + plane);
        planes.fill(0.0);
        let sums = grown(&mut scratch.columns, run);
        let mut offsets = [0; MOST_TAPS];
        for (tap, offset) in offsets.iter_mut().enumerate().take(taps) {
            let (y, x) = (tap / columns, tap % columns);
            *offset = (y % down * across + x % across) * plane + y / down * line + x / across;
        }
        let offsets = &offsets[..taps];
        for (channel, out) in channels.zip(out.chunks_exact_mut(window.places())) {
            let (filter, bias) = (&conv.filters[channel * taps..][..taps], conv.bias[channel]);
            let x = &x[channel * window.pixels()..][..window.pixels()];
            spread(x, window, [plane, line], planes);
            for (step, sums) in sums.chunks_exact_mut(STEP).enumerate() {
                for (part, sums) in sums.chunks_exact_mut(2 * V::LEN).enumerate() {
                    let begin = step * STEP + part * 2 * V::LEN;
                    let (mut left, mut right) = (V::splat(bias), V::splat(bias));
                    for (offset, weight) in offsets.iter().zip(filter) {
                        let (pixels, weight) = (&planes[offset + begin..][..2 * V::LEN], V::splat(*weight));
                        left = weight.mul_add(V::load(pixels), left);
                        right = weight.mul_add(V::load(&pixels[V::LEN..]), right);
                    }
                    left.store(sums);
                    right.store(&mut sums[V::LEN..]);
                }
            }
            for (out, sums) in out.chunks_exact_mut(width).zip(sums.chunks_exact(line)) {
                out.copy_from_slice(&sums[..width]);
                conv.bounds.apply(out);
            }
        }
    }
}

/// Copies a channel into its planes; their borders are zeros already.
#[inline(always)]
fn spread(x: &[f32], window: &Window, [plane, line]: [usize; 2], planes: &mut [f32]) {
    let Window { stride: [down, across], before: [top, left], from: [height, width], .. } = *window;
    let rows = plane / line;
    for (y, pixels) in x.chunks_exact(width).enumerate().take(height) {
        let (row, y) = ((y + top) / down, (y + top) % down);
        // What no filter reaches.
        if row >= rows {
            break;
        }
        let target = &mut planes[y * across * plane + row * line..];
        match across {
            1 => {
                let count = width.min(line - left);
                target[left..left + count].copy_from_slice(&pixels[..count]);
            }
            2 => {
                // The first pixel of the even plane may belong to the border, then the pairs begin with an odd one.
                let (even, odd) = target.split_at_mut(plane);
                let skipped = left % 2;
                let (head, pairs) = pixels.split_at(skipped);
                if let Some(pixel) = head.first() {
                    odd[left / 2] = *pixel;
                }
                let first = left.div_ceil(2);
                let count = (pairs.len() / 2).min(line - first);
                let both = even[first..][..count].iter_mut().zip(&mut odd[first..][..count]);
                for ((even, odd), pair) in both.zip(pairs.chunks_exact(2)) {
                    (*even, *odd) = (pair[0], pair[1]);
                }
                if pairs.len() % 2 == 1 && first + count < line {
                    even[first + count] = pairs[pairs.len() - 1];
                }
            }
            _ => {
                for (x, pixel) in pixels.iter().enumerate() {
                    let (column, x) = ((x + left) / across, (x + left) % across);
                    if column < line {
                        target[x * plane + column] = *pixel;
                    }
                }
            }
        }
    }
}
