//! A 3x3 convolution of stride 1 by Winograd's minimal filtering F(2x2, 3x3): 16 multiplications for four outputs
//! instead of 36 (Lavin and Gray, arXiv 1509.09308).
//!
//! The picture is taken in tiles of 2 x 2 outputs. A block of tiles is transformed ([`transform`]), multiplied with the
//! transformed filters for each of the 16 places of a tile, and transformed back. A block is small enough to stay in
//! the CPU's second cache.

use std::ops::Range;

use super::bounds::Bounds;
use super::product::{MOST_COLUMNS, Panels, ROWS, multiply};
use super::scratch::{Scratch, grown};
use super::simd::{Simd, Work};
use super::vector::Vector;

/// Values of a transformed tile.
const PLACES: usize = 16;
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
        simd.run(Convolve { conv: self, x, rows, out, scratch });
    }
}

/// `G g G^T` of a 3x3 filter.
fn transform_filter(g: &[f32]) -> [f32; PLACES] {
    let line = |[a, b, c]: [f32; 3]| [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c];
    let columns: [[f32; 4]; 3] = std::array::from_fn(|x| line([g[x], g[3 + x], g[6 + x]]));
    let rows: [[f32; 4]; 4] = std::array::from_fn(|y| line([columns[0][y], columns[1][y], columns[2][y]]));
    std::array::from_fn(|place| rows[place / 4][place % 4])
}

/// The work for some rows of tiles.
struct Convolve<'a> {
    conv: &'a Winograd,
    x: &'a [f32],
    rows: Range<usize>,
    out: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl Work for Convolve<'_> {
    #[inline(always)]
    fn run<V: Vector, const M: usize, const C: usize>(self) {
        let n = C * V::LEN;
        let Self { conv, x, rows: all, out, scratch } = self;
        let (inputs, [height, width]) = (conv.inputs, conv.size);
        let across = width.div_ceil(2);
        let places = conv.places(&all).len();
        // As many rows of tiles as fit into a block, and at least one; the blocks are alike.
        let most = (BLOCK / (PLACES * inputs * across)).clamp(1, all.len().max(1));
        let rows_of_block = all.len().div_ceil(all.len().div_ceil(most));
        let stride = across + V::LEN + 1;
        let chunks = (rows_of_block * across).div_ceil(n);
        let split_rows = grown(&mut scratch.pixels, (2 * rows_of_block + 2) * 2 * stride);
        let tiles = grown(&mut scratch.columns, chunks * block::<V>(inputs, n));
        for first in all.clone().step_by(rows_of_block) {
            let rows = rows_of_block.min(all.end - first);
            for (input, plane) in x.chunks_exact(height * width).take(inputs).enumerate() {
                split(plane, [height, width], first, rows, split_rows, stride);
                transform::<V>(split_rows, [rows, across, stride], tiles, [input, inputs, n]);
            }
            let count = rows * across;
            for chunk in 0..count.div_ceil(n) {
                let tiles = &tiles[chunk * block::<V>(inputs, n)..][..block::<V>(inputs, n)];
                let last = count.min((chunk + 1) * n);
                outputs::<V, M, C>(conv, tiles, [first - all.start, chunk * n, last], places, out);
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

/// `B^T d B` of one input's tiles, written to their chunks of `n` columns. Each step writes a whole register: what is too
/// much is in the way of nothing that was written before, and is overwritten by what comes next.
#[inline(always)]
fn transform<V: Vector>(
    split: &[f32],
    [rows, across, stride]: [usize; 3],
    tiles: &mut [f32],
    [input, inputs, n]: [usize; 3],
) {
    let (block, matrix) = (block::<V>(inputs, n), matrix::<V>(inputs, n));
    for row in 0..rows {
        let lines = &split[row * 4 * stride..];
        let mut tile = 0;
        while tile < across {
            // The tiles up to the end of this row or of this chunk, and at most as many as a register has.
            let place = row * across + tile;
            let (chunk, column) = (place / n, place % n);
            // Four rows, each its even and its odd columns.
            let mut v = [[V::splat(0.0); 4]; 4];
            for (x, v) in v.iter_mut().enumerate() {
                let from = x % 2 * stride + tile + x / 2;
                let at = |y: usize| V::load(&lines[from + 2 * y * stride..]);
                *v = line(at(0), at(1), at(2), at(3));
            }
            let target = &mut tiles[chunk * block + input * n + column..];
            for y in 0..4 {
                let done = line(v[0][y], v[1][y], v[2][y], v[3][y]);
                for (x, done) in done.into_iter().enumerate() {
                    done.store(&mut target[(4 * y + x) * matrix..]);
                }
            }
            tile += V::LEN.min(n - column).min(across - tile);
        }
    }
}

/// Numbers of the transformed tiles of a chunk of `columns` for one place, with room for what is too much.
fn matrix<V: Vector>(inputs: usize, columns: usize) -> usize {
    inputs * columns + V::LEN
}

/// Numbers of the transformed tiles of a chunk of `columns`.
fn block<V: Vector>(inputs: usize, columns: usize) -> usize {
    PLACES * matrix::<V>(inputs, columns)
}

/// `B^T` times a column of four.
#[inline(always)]
fn line<V: Vector>(a: V, b: V, c: V, d: V) -> [V; 4] {
    [a.minus(c), b.plus(c), c.minus(b), b.minus(d)]
}

/// All outputs of a chunk of tiles, from number `begin` up to `end` of a block that begins `first` rows of
/// tiles below the upper edge of the output, whose channels have `places` each.
#[expect(clippy::needless_range_loop, reason = "one index for the rows of a tile before and after")]
#[inline(always)]
fn outputs<V: Vector, const M: usize, const C: usize>(
    conv: &Winograd,
    tiles: &[f32],
    [first, begin, end]: [usize; 3],
    places: usize,
    out: &mut [f32],
) {
    let n = C * V::LEN;
    let width = conv.size[1];
    let (across, height) = (width.div_ceil(2), places / width);
    let mut sums = [0.0f32; PLACES * ROWS * MOST_COLUMNS];
    for panel in 0..conv.outputs.div_ceil(ROWS) {
        for (place, sums) in sums[..PLACES * ROWS * n].chunks_exact_mut(ROWS * n).enumerate() {
            let right = &tiles[place * matrix::<V>(conv.inputs, n)..][..conv.inputs * n];
            multiply::<V, M, C>(conv.filters[place].panel(panel), right, &[0.0; ROWS], sums);
        }
        let planes = out[panel * ROWS * places..].chunks_exact_mut(places);
        for (row, (plane, bias)) in planes.zip(&conv.bias[panel * ROWS..]).take(ROWS).enumerate() {
            // The outputs of the tiles: upper left, upper right, lower left, lower right.
            let mut corners = [[0.0f32; MOST_COLUMNS]; 4];
            let bias = V::splat(*bias);
            for part in 0..C {
                let m = |place: usize| V::load(&sums[(place * ROWS + row) * n + part * V::LEN..]);
                let mut halves = [[V::splat(0.0); 4]; 2];
                for x in 0..4 {
                    let (a, b, c, d) = (m(x), m(4 + x), m(8 + x), m(12 + x));
                    halves[0][x] = a.plus(b).plus(c);
                    halves[1][x] = b.minus(c).minus(d);
                }
                for (half, [a, b, c, d]) in halves.into_iter().enumerate() {
                    a.plus(b).plus(c).plus(bias).store(&mut corners[2 * half][part * V::LEN..]);
                    b.minus(c).minus(d).plus(bias).store(&mut corners[2 * half + 1][part * V::LEN..]);
                }
            }
            let mut lines = [[[0.0f32; 2]; MOST_COLUMNS]; 2];
            for (line, corners) in lines.iter_mut().zip(corners.chunks_exact(2)) {
                for ((pair, left), right) in line.iter_mut().zip(&corners[0]).zip(&corners[1]) {
                    *pair = [*left, *right];
                }
                conv.bounds.apply(line.as_flattened_mut());
            }
            let mut tile = begin;
            while tile < end {
                let (y, x) = (2 * (first + tile / across), tile % across);
                let count = (across - x).min(end - tile);
                // At an odd side, the last tiles have no second row, or no second column.
                let wide = (2 * count).min(width - 2 * x);
                for (line, y) in lines.iter().zip([y, y + 1]).take(height - y) {
                    let pixels = line[tile - begin..][..count].as_flattened();
                    plane[y * width + 2 * x..][..wide].copy_from_slice(&pixels[..wide]);
                }
                tile += count;
            }
        }
    }
}
