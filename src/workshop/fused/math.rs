//! The error function, and the one unsafe call: the matrix product. What the engine's own operators use as well is
//! theirs ([`crate::engine::kernel::math`]).

pub use crate::engine::kernel::math::{exp, max, sum, sum_pairs};

/// The error function to 2e-7: Eigen's rational approximation.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let mut upper = -2.726_142_3e-10;
    for coefficient in [2.770_681_4e-8, -2.101_024e-6, -5.692_506_5e-5, -7.349_906_5e-4, -2.954_6e-3, -1.609_603_3e-2] {
        upper = upper * square + coefficient;
    }
    let mut lower = -1.456_607_2e-5;
    for coefficient in [-2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2] {
        lower = lower * square + coefficient;
    }
    x * upper / lower
}

/// A matrix in a slice: element (row, column) at `row * row_stride + column * column_stride`.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix with rows `row_stride` apart.
    pub fn new(values: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        Self { values, rows, columns, row_stride, column_stride: 1 }
    }

    /// The same elements with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// Whether every element lies in the slice.
    fn fits(&self) -> bool {
        self.rows > 0
            && self.columns > 0
            && (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride < self.values.len()
    }
}

/// Writes `left` x `right` into a row-major matrix with rows `row_stride` apart, on this thread.
///
/// # Panics
/// If the matrices do not fit each other, their slices or `out`.
pub fn product(out: &mut [f32], row_stride: usize, left: Matrix, right: Matrix) {
    let (rows, columns, depth) = (left.rows, right.columns, left.columns);
    assert!(left.fits() && right.fits() && right.rows == depth, "a matrix product of fitting matrices");
    assert!(row_stride >= columns && (rows - 1) * row_stride + columns <= out.len(), "room for a matrix product");
    // SAFETY: the assertions above keep every element of the three matrices inside its slice; `out` is borrowed
    // mutably, so it overlaps neither operand, and its rows do not overlap each other. `read_dst` is false, so the
    // old values of `out` are not read.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            out.as_mut_ptr(),
            1,
            row_stride as isize,
            false,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            0.0_f32,
            1.0_f32,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_is_exact_to_single_precision() {
        for (x, exact) in
            [(0.1_f32, 0.112_462_916), (0.5, 0.520_499_9), (1.0, 0.842_700_8), (2.0, 0.995_322_3), (3.5, 0.999_999_3)]
        {
            assert!((erf(x) - exact).abs() < 3e-7, "erf({x}) is {}", erf(x));
            assert_eq!(erf(-x), -erf(x));
        }
    }
}
