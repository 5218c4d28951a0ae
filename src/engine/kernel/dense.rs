//! Any convolution over all channels, as a product of its filters with the pixels under them (im2col).
//!
//! The pixels under the filter are laid out for as many places of the output as fit into the CPU's second cache, and
//! each panel of filters is multiplied with all of them while it lies in the first.

use std::ops::Range;

use super::bounds::Bounds;
use super::product::{MOST_COLUMNS, Panels, ROWS, multiply};
use super::scratch::{Scratch, grown};
use super::simd::{Simd, Work};
use super::vector::Vector;
use super::window::Window;

/// The most numbers that are laid out at once: half a megabyte.
const BLOCK: usize = 1 << 17;

/// A convolution with its bias; every output is limited to `bounds`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    window: Window,
    filters: Panels,
    /// By panel; zeros for rows that are missing in the last.
    bias: Vec<[f32; ROWS]>,
    bounds: Bounds,
}

impl Dense {
    /// From filters [outputs, inputs, kernel, kernel] and a bias [outputs].
    pub fn new(window: Window, filters: &[f32], bias: &[f32], bounds: Bounds) -> Self {
        let depth = filters.len() / bias.len();
        let panels = Panels::new(bias.len(), depth, |row, k| filters[row * depth + k]);
        let mut window = window;
        let plain = window.kernel == [1, 1] && window.stride == [1, 1] && window.before == [0, 0];
        if plain && window.from == window.to {
            // Every place stands for itself: the rows may follow each other without a seam.
            (window.from, window.to) = ([1, window.pixels()], [1, window.places()]);
        }
        let rows = |rows: &[f32]| std::array::from_fn(|row| rows.get(row).copied().unwrap_or_default());
        Self { window, filters: panels, bias: bias.chunks(ROWS).map(rows).collect(), bounds }
    }

    /// Places of the whole output.
    pub fn places(&self) -> usize {
        self.window.places()
    }

    /// Convolves one picture for some places of the output, in raster order.
    ///
    /// # Shapes
    /// x [inputs, height, width] -> out [outputs, places]
    pub fn run(&self, simd: Simd, x: &[f32], places: Range<usize>, out: &mut [f32], scratch: &mut Scratch) {
        simd.run(Convolve { conv: self, x, places, out, scratch });
    }
}

/// The work for some places.
struct Convolve<'a> {
    conv: &'a Dense,
    x: &'a [f32],
    places: Range<usize>,
    out: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl Work for Convolve<'_> {
    #[inline(always)]
    fn run<V: Vector, const M: usize, const C: usize>(self) {
        let n = C * V::LEN;
        let Self { conv, x, places: all, out, scratch } = self;
        let (depth, places) = (conv.filters.depth, all.len());
        let chunk = depth * n;
        let chunks = (BLOCK / chunk).clamp(1, places.div_ceil(n).max(1));
        let columns = grown(&mut scratch.columns, chunk * chunks);
        let mut sums = [0.0f32; ROWS * MOST_COLUMNS];
        let sums = &mut sums[..ROWS * n];
        for first in (0..places).step_by(chunks * n) {
            let count = chunks.min((places - first).div_ceil(n));
            for (number, chunk) in columns.chunks_exact_mut(chunk).take(count).enumerate() {
                let begin = first + number * n;
                lay_out(x, &conv.window, [all.start + begin, n.min(places - begin), n], chunk);
            }
            for panel in 0..conv.filters.rows.div_ceil(ROWS) {
                for (number, chunk) in columns.chunks_exact(chunk).take(count).enumerate() {
                    let begin = first + number * n;
                    let width = n.min(places - begin);
                    let planes = &mut out[panel * ROWS * places..];
                    multiply::<V, M, C>(conv.filters.panel(panel), chunk, &conv.bias[panel], sums);
                    // The last panel may have rows too many.
                    for (plane, sums) in planes.chunks_exact_mut(places).zip(sums.chunks_exact_mut(n)) {
                        conv.bounds.apply(sums);
                        if width == n {
                            plane[begin..][..n].copy_from_slice(sums);
                        } else {
                            plane[begin..][..width].copy_from_slice(&sums[..width]);
                        }
                    }
                }
            }
        }
    }
}

/// The pixels under the filter for `count` places from number `begin` on: [inputs, kernel, kernel][n]; zeros outside of
/// the picture and beyond the last of the places.
#[inline(always)]
fn lay_out(x: &[f32], window: &Window, [begin, count, n]: [usize; 3], out: &mut [f32]) {
    let Window { kernel, stride, before, from: [height, width], to, .. } = *window;
    let mut lines = out.chunks_exact_mut(n);
    for plane in x.chunks_exact(window.pixels()) {
        if kernel == [1, 1] && to == [1, width] && count == n {
            // A run of pixels.
            if let Some(line) = lines.next() {
                line.copy_from_slice(&plane[begin..begin + n]);
            }
            continue;
        }
        for down in 0..kernel[0] {
            for (across, line) in (&mut lines).take(kernel[1]).enumerate() {
                let mut done = 0;
                while done < count {
                    // The places up to the end of this row of the output.
                    let (row, column) = ((begin + done) / to[1], (begin + done) % to[1]);
                    let run = (to[1] - column).min(count - done);
                    let target = &mut line[done..done + run];
                    let y = (row * stride[0] + down).wrapping_sub(before[0]);
                    if y < height {
                        let pixels = &plane[y * width..][..width];
                        row_of(pixels, column * stride[1] + across, before[1], stride[1], target);
                    } else {
                        target.fill(0.0);
                    }
                    done += run;
                }
                line[count..].fill(0.0);
            }
        }
    }
}

/// Every `stride`-th pixel from place `from` on, counted with `left` zeros before the first; zeros beyond the last.
#[inline(always)]
fn row_of(pixels: &[f32], from: usize, left: usize, stride: usize, out: &mut [f32]) {
    let zeros = left.saturating_sub(from).div_ceil(stride).min(out.len());
    let (border, out) = out.split_at_mut(zeros);
    border.fill(0.0);
    let pixels = pixels.get(from + zeros * stride - left..).unwrap_or_default();
    let count = pixels.len().div_ceil(stride).min(out.len());
    let (inside, border) = out.split_at_mut(count);
    match stride {
        1 => inside.copy_from_slice(&pixels[..count]),
        2 => every::<2>(pixels, inside),
        4 => every::<4>(pixels, inside),
        _ => inside.iter_mut().zip(pixels.iter().step_by(stride)).for_each(|(out, pixel)| *out = *pixel),
    }
    border.fill(0.0);
}

/// Every `S`-th pixel, as many as `out` takes.
#[inline(always)]
fn every<const S: usize>(pixels: &[f32], out: &mut [f32]) {
    let whole = out.len().min(pixels.len() / S);
    let (head, tail) = out.split_at_mut(whole);
    for (out, group) in head.iter_mut().zip(pixels.chunks_exact(S)) {
        *out = group[0];
    }
    for (out, pixel) in tail.iter_mut().zip(pixels[whole * S..].iter().step_by(S)) {
        *out = *pixel;
    }
}
