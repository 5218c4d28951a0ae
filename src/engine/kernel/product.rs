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
