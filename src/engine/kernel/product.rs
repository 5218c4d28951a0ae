//! The product of a small matrix with a block of columns: the inner loop of every kernel here.

use super::vector::Vector;

/// Rows of the left matrix in a panel.
pub const ROWS: usize = 8;
/// The most columns that a product takes at once.
pub const MOST_COLUMNS: usize = 32;

/// The left matrix, in panels of [`ROWS`] rows: [panel][k][row]. Rows that are missing in the last panel are zeros.
#[derive(Clone, Debug, PartialEq)]
pub struct Panels {
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix.
    pub depth: usize,
    values: Vec<f32>,
}

impl Panels {
    /// Packs a matrix [rows, depth].
    pub fn new(rows: usize, depth: usize, at: impl Fn(usize, usize) -> f32) -> Self {
        let mut values = vec![0.0; rows.div_ceil(ROWS) * ROWS * depth];
        for row in 0..rows {
            for k in 0..depth {
                values[(row / ROWS * depth + k) * ROWS + row % ROWS] = at(row, k);
            }
        }
        Self { rows, depth, values }
    }

    /// A panel, [depth][ROWS].
    #[inline(always)]
    pub fn panel(&self, number: usize) -> &[f32] {
        &self.values[number * ROWS * self.depth..][..ROWS * self.depth]
    }
}

/// `out[row][column] = begin[row] + sum over k of panel[k][row] * right[k][column]`, for [`ROWS`] rows and as many
/// columns as `C` registers have; `M` rows are done at once, so that their sums fit into the registers. A row of `out` is
/// as long as one of `right`.
#[inline(always)]
pub fn multiply<V: Vector, const M: usize, const C: usize>(
    panel: &[f32],
    right: &[f32],
    begin: &[f32; ROWS],
    out: &mut [f32],
) {
    let width = C * V::LEN;
    for first in (0..ROWS).step_by(M) {
        let mut sums = [[V::splat(0.0); C]; M];
        for row in 0..M {
            sums[row] = [V::splat(begin[first + row]); C];
        }
        for (a, b) in panel.chunks_exact(ROWS).zip(right.chunks_exact(width)) {
            let a: &[f32; M] = first_of(&a[first..]);
            step(&mut sums, a, b);
        }
        write(&sums, &mut out[first * width..]);
    }
}

/// `out[row][column] = begin[column] + sum over k of rows[row][k] * right[k][column]`, otherwise as [`multiply`].
#[inline(always)]
pub fn multiply_rows<V: Vector, const M: usize, const C: usize>(
    rows: &[&[f32]; ROWS],
    right: &[f32],
    begin: &[f32],
    out: &mut [f32],
) {
    /// Values of k between two looks at the lengths of the rows.
    const STEP: usize = 8;
    let width = C * V::LEN;
    let depth = right.len() / width;
    for first in (0..ROWS).step_by(M) {
        let mut sums = [[V::splat(0.0); C]; M];
        for sums in &mut sums {
            for (column, sum) in sums.iter_mut().enumerate() {
                *sum = V::load(&begin[column * V::LEN..]);
            }
        }
        let whole = right.chunks_exact(STEP * width);
        let rest = whole.remainder();
        for (number, block) in whole.enumerate() {
            let mut a = [[0.0f32; M]; STEP];
            for row in 0..M {
                let numbers: &[f32; STEP] = first_of(&rows[first + row][number * STEP..]);
                for k in 0..STEP {
                    a[k][row] = numbers[k];
                }
            }
            for k in 0..STEP {
                step(&mut sums, &a[k], &block[k * width..][..width]);
            }
        }
        for (k, b) in rest.chunks_exact(width).enumerate() {
            let mut a = [0.0f32; M];
            for row in 0..M {
                a[row] = rows[first + row][depth / STEP * STEP + k];
            }
            step(&mut sums, &a, b);
        }
        write(&sums, &mut out[first * width..]);
    }
}

/// Adds the product of a column with a row.
#[inline(always)]
fn step<V: Vector, const M: usize, const C: usize>(sums: &mut [[V; C]; M], a: &[f32; M], b: &[f32]) {
    let mut columns = [V::splat(0.0); C];
    for (column, register) in columns.iter_mut().enumerate() {
        *register = V::load(&b[column * V::LEN..]);
    }
    for row in 0..M {
        let a = V::splat(a[row]);
        for column in 0..C {
            sums[row][column] = a.mul_add(columns[column], sums[row][column]);
        }
    }
}

/// Writes rows one after the other.
#[inline(always)]
fn write<V: Vector, const M: usize, const C: usize>(sums: &[[V; C]; M], out: &mut [f32]) {
    for (out, sums) in out.chunks_exact_mut(C * V::LEN).zip(sums) {
        for (out, sum) in out.chunks_exact_mut(V::LEN).zip(sums) {
            sum.store(out);
        }
    }
}

/// The first numbers of a slice.
///
/// # Panics
/// If it has fewer.
#[inline(always)]
fn first_of<const N: usize>(numbers: &[f32]) -> &[f32; N] {
    // A slice of N numbers is an array of N.
    numbers.first_chunk().expect("as many numbers as are asked for")
}

/// [`ROWS`] rows from number `first` on of a matrix whose rows lie `stride` apart; beyond the last of `count` rows, the
/// last one again.
#[inline(always)]
pub fn rows_of(matrix: &[f32], first: usize, count: usize, stride: usize, depth: usize) -> [&[f32]; ROWS] {
    let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
    for (number, row) in rows.iter_mut().enumerate() {
        *row = &matrix[(first + number).min(count - 1) * stride..][..depth];
    }
    rows
}
