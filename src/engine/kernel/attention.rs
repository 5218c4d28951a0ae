//! Attention of several heads (Vaswani et al., arXiv 1706.03762): products of queries and keys, their soft-max, and the
//! values weighted with it, eight queries at a time, so that no matrix of weights is ever written to memory.

use tract_core::internal::TractResult;
use tract_core::tract_linalg::multithread::par_chunks_mut;

use super::math::{exp, max, sum};
use super::operator::{Kernel, with_scratch};
use super::product::{MOST_COLUMNS, ROWS, multiply_rows, rows_of};
use super::scratch::{Scratch, grown};
use super::simd::{Simd, Work};
use super::vector::Vector;

/// Where the tokens of one operand lie: the distances between two groups, two heads and two tokens, in numbers. The
/// numbers of a token lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strides {
    /// Between two groups.
    pub group: usize,
    /// Between two heads.
    pub head: usize,
    /// Between two tokens.
    pub token: usize,
}

/// The sizes of an attention. Queries are scaled already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention {
    /// Groups of tokens that attend to their own keys.
    pub groups: usize,
    /// Heads.
    pub heads: usize,
    /// Tokens that ask, in each group.
    pub queries: usize,
    /// Tokens that are asked, in each group.
    pub keys: usize,
    /// Numbers of a query and of a key, for each head.
    pub depth: usize,
    /// Numbers of a value, for each head.
    pub width: usize,
    /// Of the queries, the keys, the values and the output.
    pub strides: [Strides; 4],
}

impl Attention {
    /// The output of one group; `out` begins with it.
    ///
    /// # Shapes
    /// queries, keys, values and output as their strides say
    pub fn group(&self, simd: Simd, inputs: [&[f32]; 3], group: usize, out: &mut [f32], scratch: &mut Scratch) {
        simd.run(Attend { attention: self, inputs, group, out, scratch });
    }
}

impl Kernel for Attention {
    fn name(&self) -> &'static str {
        "purecam.Attention"
    }

    fn run(&self, simd: Simd, inputs: &[&[f32]], out: &mut [f32]) -> TractResult<()> {
        let (len, inputs) = (out.len(), [inputs[0], inputs[1], inputs[2]]);
        par_chunks_mut(out, len / self.groups, len, |first, out| {
            for (group, out) in out.chunks_exact_mut(len / self.groups).enumerate() {
                with_scratch(|scratch| self.group(simd, inputs, first + group, out, scratch));
            }
            Ok(())
        })
    }
}

struct Attend<'a> {
    attention: &'a Attention,
    inputs: [&'a [f32]; 3],
    group: usize,
    out: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl Work for Attend<'_> {
    #[inline(always)]
    fn run<V: Vector, const M: usize, const C: usize>(self) {
        let n = C * V::LEN;
        let Self { attention, inputs, group, out, scratch } = self;
        let Attention { heads, queries, keys, depth, width, strides, .. } = *attention;
        let [of_queries, of_keys, of_values, of_out] = strides;
        let (chunks, wide) = (keys.div_ceil(n), width.div_ceil(n));
        let row = chunks * n;
        let packed = grown(&mut scratch.columns, (chunks * depth + wide * keys) * n);
        let (right, values) = packed.split_at_mut(chunks * depth * n);
        let weights = grown(&mut scratch.pixels, ROWS * row);
        let zeros = [0.0f32; MOST_COLUMNS];
        let mut sums = [0.0f32; ROWS * MOST_COLUMNS];
        let sums = &mut sums[..ROWS * n];
        for head in 0..heads {
            let begin = |strides: Strides| group * strides.group + head * strides.head;
            let (q, k, v) =
                (&inputs[0][begin(of_queries)..], &inputs[1][begin(of_keys)..], &inputs[2][begin(of_values)..]);
            for key in 0..keys {
                let numbers = &k[key * of_keys.token..][..depth];
                let chunk = &mut right[key / n * depth * n..][..depth * n];
                for (column, number) in chunk.chunks_exact_mut(n).zip(numbers) {
                    column[key % n] = *number;
                }
                let numbers = &v[key * of_values.token..][..width];
                for (chunk, numbers) in numbers.chunks(n).enumerate() {
                    values[(chunk * keys + key) * n..][..numbers.len()].copy_from_slice(numbers);
                }
            }
            for first in (0..queries).step_by(ROWS) {
                let rows = rows_of(q, first, queries, of_queries.token, depth);
                for (chunk, right) in right.chunks_exact(depth * n).enumerate() {
                    multiply_rows::<V, M, C>(&rows, right, &zeros, sums);
                    for (weights, sums) in weights.chunks_exact_mut(row).zip(sums.chunks_exact(n)) {
                        weights[chunk * n..][..n].copy_from_slice(sums);
                    }
                }
                let mut shares = [0.0f32; ROWS];
                for (weights, share) in weights.chunks_exact_mut(row).zip(&mut shares) {
                    let weights = &mut weights[..keys];
                    let most = max(weights);
                    for weight in weights.iter_mut() {
                        *weight = exp(*weight - most);
                    }
                    *share = 1.0 / sum(weights, |weight| weight);
                }
                let rows = rows_of(weights, 0, ROWS, row, keys);
                for (chunk, values) in values.chunks_exact(keys * n).enumerate() {
                    multiply_rows::<V, M, C>(&rows, values, &zeros, sums);
                    let count = n.min(width - chunk * n);
                    for (number, (sums, share)) in sums.chunks_exact(n).zip(shares).enumerate().take(queries - first) {
                        let place = head * of_out.head + (first + number) * of_out.token + chunk * n;
                        for (out, sum) in out[place..][..count].iter_mut().zip(sums) {
                            *out = sum * share;
                        }
                    }
                }
            }
        }
    }
}
