//! The product of a small packed matrix with a block of columns: the inner loop of every convolution here.

/// Rows of the left matrix in a panel.
pub const ROWS: usize = 8;

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

/// `out[row][column] = begin[row] + sum over k of panel[k][row] * right[k][column]`, for [`ROWS`] rows and `N` columns;
/// `M` rows are done at once, so that their sums fit into the registers.
#[inline(always)]
pub fn multiply<const M: usize, const N: usize>(
    panel: &[f32],
    right: &[f32],
    begin: &[f32; ROWS],
    out: &mut [[f32; N]; ROWS],
) {
    for first in (0..ROWS).step_by(M) {
        let mut sums = [[0.0f32; N]; M];
        for (sums, begin) in sums.iter_mut().zip(&begin[first..]) {
            *sums = [*begin; N];
        }
        for (a, b) in panel.chunks_exact(ROWS).zip(right.chunks_exact(N)) {
            for (row, sums) in sums.iter_mut().enumerate() {
                let a = a[first + row];
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = a.mul_add(*b, *sum);
                }
            }
        }
        out[first..first + M].copy_from_slice(&sums);
    }
}

/// `out[row][column] = begin[column] + sum over k of rows[row][k] * right[k][column]`, for [`ROWS`] rows and `N`
/// columns; `M` rows are done at once.
#[inline(always)]
pub fn multiply_rows<const M: usize, const N: usize>(
    rows: &[&[f32]; ROWS],
    right: &[f32],
    begin: &[f32; N],
    out: &mut [[f32; N]; ROWS],
) {
    /// Values of k between two looks at the lengths of the rows.
    const STEP: usize = 8;
    let depth = right.len() / N;
    for first in (0..ROWS).step_by(M) {
        let mut sums = [*begin; M];
        let whole = right.chunks_exact(STEP * N);
        let rest = whole.remainder();
        for (number, block) in whole.enumerate() {
            let mut a = [[0.0f32; STEP]; M];
            for (row, a) in a.iter_mut().enumerate() {
                a.copy_from_slice(&rows[first + row][number * STEP..][..STEP]);
            }
            for (k, b) in block.chunks_exact(N).enumerate() {
                for (row, sums) in sums.iter_mut().enumerate() {
                    let a = a[row][k];
                    for (sum, b) in sums.iter_mut().zip(b) {
                        *sum = a.mul_add(*b, *sum);
                    }
                }
            }
        }
        for (k, b) in rest.chunks_exact(N).enumerate() {
            for (row, sums) in sums.iter_mut().enumerate() {
                let a = rows[first + row][depth / STEP * STEP + k];
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = a.mul_add(*b, *sum);
                }
            }
        }
        out[first..first + M].copy_from_slice(&sums);
    }
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
