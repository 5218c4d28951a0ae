//! A 3x3 convolution of stride 1 by Winograd's minimal filtering F(2x2, 3x3): 16 multiplications for four outputs
//! instead of 36 (Lavin and Gray, arXiv 1509.09308).
//!
//! The picture is taken in tiles of 2 x 2 outputs. A block of tiles is transformed ([`transform`]), multiplied with the
//! transformed filters for each of the 16 places of a tile, and transformed back. A block is small enough to stay in
//! the CPU's second cache.

use std::ops::Range;

use super::bounds::Bounds;
use super::product::{Panels, ROWS, multiply};
use super::scratch::{Scratch, grown};
use super::simd::{Simd, Work};

/// Values of a transformed tile.
const PLACES: usize = 16;
/// Tiles that are transformed at once.
const STEP: usize = 16;
/// The most numbers of a block of transformed tiles: half a megabyte.
const BLOCK: usize = 1 << 17;

/// A 3x3 convolution with a border of one zero on each side, whose output has the size of its input.
#[derive(Clone, Debug, PartialEq)]
pub struct Winograd {
    inputs: usize,
    outputs: usize,
    /// Height and width of the picture.
    size: [usize; 2],
    /// Transformed filters, one matrix [outputs, inputs] for each place of a tile.
    filters: Vec<Panels>,
    bias: Vec<f32>,
    bounds: Bounds,
}

impl Winograd {
    /// From filters [outputs, inputs, 3, 3] and a bias [outputs], for pictures of `size` [height, width]; every output is
    /// limited to `bounds`.
    pub fn new(size: [usize; 2], filters: &[f32], bias: &[f32], bounds: Bounds) -> Self {
        let (outputs, inputs) = (bias.len(), filters.len() / 9 / bias.len());
        let transformed: Vec<[f32; PLACES]> = filters.chunks_exact(9).map(transform_filter).collect();
        let panels = |place| Panels::new(outputs, inputs, |output, input| transformed[output * inputs + input][place]);
        Self { inputs, outputs, size, filters: (0..PLACES).map(panels).collect(), bias: bias.to_vec(), bounds }
    }

    /// Rows of tiles of the whole picture. At an odd side, the last tiles reach over the edge.
    pub fn rows(&self) -> usize {
        self.size[0].div_ceil(2)
    }

    /// The places of a channel of the output that some rows of tiles have.
    pub fn places(&self, rows: &Range<usize>) -> Range<usize> {
        let [height, width] = self.size;
        2 * rows.start * width..height.min(2 * rows.end) * width
    }

    /// Convolves some rows of tiles of one picture.
    ///
    /// # Shapes
    /// x [inputs, height, width] -> out [outputs, places], as [`Winograd::places`] has them
    pub fn run(&self, simd: Simd, x: &[f32], rows: Range<usize>, out: &mut [f32], scratch: &mut Scratch) {
        match simd {
            #[cfg(target_arch = "x86_64")]
            Simd::Avx512 => simd.run(Convolve::<8, 32> { conv: self, x, rows, out, scratch }),
            #[cfg(target_arch = "x86_64")]
            Simd::Avx2 => simd.run(Convolve::<4, 16> { conv: self, x, rows, out, scratch }),
            #[cfg(target_arch = "aarch64")]
            Simd::Neon => simd.run(Convolve::<8, 8> { conv: self, x, rows, out, scratch }),
        }
    }
}

/// `G g G^T` of a 3x3 filter.
fn transform_filter(g: &[f32]) -> [f32; PLACES] {
    let line = |[a, b, c]: [f32; 3]| [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c];
    let columns: [[f32; 4]; 3] = std::array::from_fn(|x| line([g[x], g[3 + x], g[6 + x]]));
    let rows: [[f32; 4]; 4] = std::array::from_fn(|y| line([columns[0][y], columns[1][y], columns[2][y]]));
    std::array::from_fn(|place| rows[place / 4][place % 4])
}

/// The work for some rows of tiles, `M` rows of filters and `N` tiles at a time.
struct Convolve<'a, const M: usize, const N: usize> {
    conv: &'a Winograd,
    x: &'a [f32],
    rows: Range<usize>,
    out: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl<const M: usize, const N: usize> Work for Convolve<'_, M, N> {
    #[inline(always)]
    fn run(self) {
        let Self { conv, x, rows: all, out, scratch } = self;
        let (inputs, [height, width]) = (conv.inputs, conv.size);
        let across = width.div_ceil(2);
        let places = conv.places(&all).len();
        // As many rows of tiles as fit into a block, and at least one; the blocks are alike.
        let most = (BLOCK / (PLACES * inputs * across)).clamp(1, all.len().max(1));
        let rows_of_block = all.len().div_ceil(all.len().div_ceil(most));
        let stride = across + STEP + 1;
        let chunks = (rows_of_block * across).div_ceil(N);
        let split_rows = grown(&mut scratch.pixels, (2 * rows_of_block + 2) * 2 * stride);
        let tiles = grown(&mut scratch.columns, chunks * block(inputs, N));
        for first in all.clone().step_by(rows_of_block) {
            let rows = rows_of_block.min(all.end - first);
            for (input, plane) in x.chunks_exact(height * width).take(inputs).enumerate() {
                split(plane, [height, width], first, rows, split_rows, stride);
                transform::<N>(split_rows, [rows, across, stride], tiles, [input, inputs]);
            }
            let count = rows * across;
            for chunk in 0..count.div_ceil(N) {
                let tiles = &tiles[chunk * block(inputs, N)..][..block(inputs, N)];
                let last = count.min((chunk + 1) * N);
                outputs::<M, N>(conv, tiles, [first - all.start, chunk * N, last], places, out);
            }
        }
    }
}

/// The rows of a plane that `rows` rows of tiles need, each as its even and its odd columns; the border is zeros.
#[inline(always)]
fn split(plane: &[f32], [height, width]: [usize; 2], first: usize, rows: usize, out: &mut [f32], stride: usize) {
    for (row, line) in out.chunks_exact_mut(2 * stride).take(2 * rows + 2).enumerate() {
        let (even, odd) = line.split_at_mut(stride);
        let y = (2 * first + row).wrapping_sub(1);
        if y >= height {
            even.fill(0.0);
            odd.fill(0.0);
            continue;
        }
        let pixels = &plane[y * width..][..width];
        // Column 0 of the picture with its border is the border, column 1 the first pixel.
        even[0] = 0.0;
        let pairs = pixels.chunks_exact(2);
        if let [last] = pairs.remainder() {
            odd[width / 2] = *last;
        } else {
            odd[width / 2] = 0.0;
        }
        even[width.div_ceil(2)] = 0.0;
        for ((even, odd), pair) in even[1..].iter_mut().zip(odd.iter_mut()).zip(pairs) {
            (*odd, *even) = (pair[0], pair[1]);
        }
    }
}

/// `B^T d B` of one input's tiles, written to their chunks. Each step writes whole vectors: what is too much is in the
/// way of nothing that was written before, and is overwritten by what comes next.
#[inline(always)]
fn transform<const N: usize>(
    split: &[f32],
    [rows, across, stride]: [usize; 3],
    tiles: &mut [f32],
    [input, inputs]: [usize; 2],
) {
    let (block, matrix) = (block(inputs, N), matrix(inputs, N));
    for row in 0..rows {
        let lines = &split[row * 4 * stride..];
        let mut tile = 0;
        while tile < across {
            // The tiles up to the end of this row or of this chunk, and at most as many as a step takes.
            let place = row * across + tile;
            let (chunk, column) = (place / N, place % N);
            // Four rows, each its even and its odd columns.
            let mut v = [[[0.0; STEP]; 4]; 4];
            for (x, v) in v.iter_mut().enumerate() {
                let from = x % 2 * stride + tile + x / 2;
                let d0 = vector(&lines[from..]);
                let d1 = vector(&lines[from + 2 * stride..]);
                let d2 = vector(&lines[from + 4 * stride..]);
                let d3 = vector(&lines[from + 6 * stride..]);
                *v = line(d0, d1, d2, d3);
            }
            let target = &mut tiles[chunk * block + input * N + column..];
            for y in 0..4 {
                let done = line(v[0][y], v[1][y], v[2][y], v[3][y]);
                for (x, done) in done.iter().enumerate() {
                    target[(4 * y + x) * matrix..][..STEP].copy_from_slice(done);
                }
            }
            tile += STEP.min(N - column).min(across - tile);
        }
    }
}

/// Numbers of the transformed tiles of a chunk of `columns` for one place, with room for what is too much.
fn matrix(inputs: usize, columns: usize) -> usize {
    inputs * columns + STEP
}

/// Numbers of the transformed tiles of a chunk of `columns`.
fn block(inputs: usize, columns: usize) -> usize {
    PLACES * matrix(inputs, columns)
}

/// The first numbers of a slice.
#[inline(always)]
fn vector(values: &[f32]) -> [f32; STEP] {
    let mut vector = [0.0; STEP];
    vector.copy_from_slice(&values[..STEP]);
    vector
}

/// `B^T` times a column of four.
#[inline(always)]
fn line(a: [f32; STEP], b: [f32; STEP], c: [f32; STEP], d: [f32; STEP]) -> [[f32; STEP]; 4] {
    let mut out = [[0.0; STEP]; 4];
    for n in 0..STEP {
        out[0][n] = a[n] - c[n];
        out[1][n] = b[n] + c[n];
        out[2][n] = c[n] - b[n];
        out[3][n] = b[n] - d[n];
    }
    out
}

/// All outputs of a chunk of tiles, from number `begin` up to `end` of a block that begins `first` rows of
/// tiles below the upper edge of the output, whose channels have `places` each.
#[inline(always)]
fn outputs<const M: usize, const N: usize>(
    conv: &Winograd,
    tiles: &[f32],
    [first, begin, end]: [usize; 3],
    places: usize,
    out: &mut [f32],
) {
    let width = conv.size[1];
    let (across, height) = (width.div_ceil(2), places / width);
    let mut sums = [[[0.0f32; N]; ROWS]; PLACES];
    for panel in 0..conv.outputs.div_ceil(ROWS) {
        for (place, sums) in sums.iter_mut().enumerate() {
            let right = &tiles[place * matrix(conv.inputs, N)..][..conv.inputs * N];
            let filters = conv.filters[place].panel(panel);
            multiply::<M, N>(filters, right, &[0.0; ROWS], sums);
        }
        let planes = out[panel * ROWS * places..].chunks_exact_mut(places);
        for (row, (plane, bias)) in planes.zip(&conv.bias[panel * ROWS..]).take(ROWS).enumerate() {
            // The upper and the lower outputs of the tiles, each left and right.
            let mut lines = [[[0.0f32; 2]; N]; 2];
            for n in 0..N {
                let [mut upper, mut lower] = [[0.0; 4]; 2];
                for x in 0..4 {
                    let m = [sums[x][row][n], sums[4 + x][row][n], sums[8 + x][row][n], sums[12 + x][row][n]];
                    upper[x] = m[0] + m[1] + m[2];
                    lower[x] = m[1] - m[2] - m[3];
                }
                for (line, m) in lines.iter_mut().zip([upper, lower]) {
                    line[n] = [m[0] + m[1] + m[2] + bias, m[1] - m[2] - m[3] + bias];
                }
            }
            let [upper, lower] = &mut lines;
            conv.bounds.apply(upper.as_flattened_mut());
            conv.bounds.apply(lower.as_flattened_mut());
            let mut tile = begin;
            while tile < end {
                let (y, x) = (2 * (first + tile / across), tile % across);
                let count = (across - x).min(end - tile);
                // At an odd side, the last tiles have no second row, or no second column.
                let wide = (2 * count).min(width - 2 * x);
                for (line, y) in [(&*upper, y), (&*lower, y + 1)].into_iter().take(height - y) {
                    let pixels = line[tile - begin..][..count].as_flattened();
                    plane[y * width + 2 * x..][..wide].copy_from_slice(&pixels[..wide]);
                }
                tile += count;
            }
        }
    }
}
