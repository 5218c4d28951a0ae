//! Multi-head attention with its gradients, one group and one head at a time, so that scores never leave the cache.

use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;

use super::kernel::Kernel;
use super::math::{Matrix, exp, max, product, sum, sum_pairs};
use crate::engine::kernel::vectorised;

/// Groups of queries, each of which attends to some of the keys.
#[derive(Clone, Debug)]
pub struct Attention {
    pub groups: usize,
    /// Queries in each group.
    pub queries: usize,
    /// Keys of an image, for all groups.
    pub keys: usize,
    /// Values of a query, a key or a value vector, for all heads.
    pub width: usize,
    /// Heads, which share the width equally.
    pub heads: usize,
    /// For each group in turn, the keys that it sees; `None` if each group sees all.
    pub rows: Option<Arc<Vec<usize>>>,
}

/// One group's operands in one image.
struct Group<'a> {
    query: &'a [f32],
    key: Cow<'a, [f32]>,
    value: Cow<'a, [f32]>,
    /// The number of keys that it sees.
    seen: usize,
}

impl Attention {
    fn head_width(&self) -> usize {
        self.width / self.heads
    }

    /// The keys that a group sees.
    fn rows_of(&self, group: usize) -> Option<&[usize]> {
        let rows = self.rows.as_ref()?;
        let seen = rows.len() / self.groups;
        Some(&rows[group * seen..(group + 1) * seen])
    }

    /// How many values the queries, and the keys, of an image have.
    fn image_lens(&self) -> (usize, usize) {
        (self.groups * self.queries * self.width, self.keys * self.width)
    }

    /// A group's operands. If it does not see all keys, those that it sees are copied together.
    fn group<'a>(&self, group: usize, [query, key, value]: [&'a [f32]; 3]) -> Group<'a> {
        let width = self.width;
        let (key, value, seen) = match self.rows_of(group) {
            Some(rows) => {
                let gather = |values: &[f32]| {
                    rows.iter().flat_map(|row| &values[row * width..(row + 1) * width]).copied().collect::<Vec<_>>()
                };
                (Cow::Owned(gather(key)), Cow::Owned(gather(value)), rows.len())
            }
            None => (Cow::Borrowed(key), Cow::Borrowed(value), self.keys),
        };
        let len = self.queries * width;
        Group { query: &query[group * len..(group + 1) * len], key, value, seen }
    }

    /// One head's columns of `values`.
    fn head<'a>(&self, values: &'a [f32], rows: usize, head: usize) -> Matrix<'a> {
        Matrix::new(&values[head * self.head_width()..], rows, self.head_width(), self.width)
    }

    /// The attention weights of one head [queries, seen].
    fn weights(&self, group: &Group, head: usize, weights: &mut [f32]) {
        let (query, key) = (self.head(group.query, self.queries, head), self.head(&group.key, group.seen, head));
        product(weights, group.seen, query, key.transposed());
        let scale = (self.head_width() as f32).powf(-0.5);
        vectorised(
            #[inline(always)]
            || {
                for row in weights.chunks_exact_mut(group.seen) {
                    let most = max(row);
                    row.iter_mut().for_each(|score| *score = exp((*score - most) * scale));
                    let share = 1.0 / sum(row, |weight| weight);
                    row.iter_mut().for_each(|weight| *weight *= share);
                }
            },
        );
    }

    /// Writes the output of one image into `out`.
    fn forward_image(&self, image: [&[f32]; 3], out: &mut [f32], weights: &mut Vec<f32>) {
        for (number, out) in out.chunks_exact_mut(self.queries * self.width).enumerate() {
            let group = self.group(number, image);
            weights.resize(self.queries * group.seen, 0.0);
            for head in 0..self.heads {
                self.weights(&group, head, weights);
                let weights = Matrix::new(weights, self.queries, group.seen, group.seen);
                let value = self.head(&group.value, group.seen, head);
                product(&mut out[head * self.head_width()..], self.width, weights, value);
            }
        }
    }

    /// Adds to `out` the gradients of query, key and value of one image.
    fn backward_image(&self, image: [&[f32]; 3], gradient: &[f32], out: [&mut [f32]; 3], scratch: &mut Scratch) {
        let [query_out, key_out, value_out] = out;
        let len = self.queries * self.width;
        let groups = query_out.chunks_exact_mut(len).zip(gradient.chunks_exact(len)).enumerate();
        for (number, (query_out, gradient)) in groups {
            let group = self.group(number, image);
            scratch.fit(self.queries * group.seen, group.seen * self.width);
            for head in 0..self.heads {
                self.backward_head(&group, head, gradient, query_out, scratch);
            }
            self.scatter(number, &scratch.key, key_out);
            self.scatter(number, &scratch.value, value_out);
        }
    }

    /// One head's gradients: into its columns of `query_out` and of the scratch's keys and values.
    fn backward_head(
        &self,
        group: &Group,
        head: usize,
        gradient: &[f32],
        query_out: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let (queries, seen, width) = (self.queries, group.seen, self.width);
        let column = head * self.head_width();
        let gradient = self.head(gradient, queries, head);
        self.weights(group, head, &mut scratch.weights);
        let weights = Matrix::new(&scratch.weights, queries, seen, seen);
        product(&mut scratch.value[column..], width, weights.transposed(), gradient);
        product(&mut scratch.scores, seen, gradient, self.head(&group.value, seen, head).transposed());
        let scale = (self.head_width() as f32).powf(-0.5);
        vectorised(
            #[inline(always)]
            || {
                let rows = scratch.scores.chunks_exact_mut(seen).zip(scratch.weights.chunks_exact(seen));
                for (scores, weights) in rows {
                    let mean = sum_pairs(scores, weights, |score, weight| score * weight);
                    for (score, weight) in scores.iter_mut().zip(weights) {
                        *score = (*score - mean) * weight * scale;
                    }
                }
            },
        );
        let scores = Matrix::new(&scratch.scores, queries, seen, seen);
        product(&mut query_out[column..], width, scores, self.head(&group.key, seen, head));
        product(&mut scratch.key[column..], width, scores.transposed(), self.head(group.query, queries, head));
    }

    /// Adds a group's gradients of what it sees to those of all keys.
    fn scatter(&self, group: usize, from: &[f32], to: &mut [f32]) {
        let add = |to: &mut [f32], from: &[f32]| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        match self.rows_of(group) {
            Some(rows) => {
                for (row, from) in rows.iter().zip(from.chunks_exact(self.width)) {
                    add(&mut to[row * self.width..(row + 1) * self.width], from);
                }
            }
            None => add(to, from),
        }
    }
}

/// One thread's working memory.
#[derive(Default)]
struct Scratch {
    weights: Vec<f32>,
    scores: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
}

impl Scratch {
    fn fit(&mut self, scores: usize, keys: usize) {
        self.weights.resize(scores, 0.0);
        self.scores.resize(scores, 0.0);
        self.key.resize(keys, 0.0);
        self.value.resize(keys, 0.0);
    }
}

impl Kernel<3> for Attention {
    fn forward(&self, [query, key, value]: [&[f32]; 3]) -> Vec<f32> {
        let (queries, keys) = self.image_lens();
        let mut out = vec![0.0; query.len()];
        let images = out.par_chunks_mut(queries).zip(query.par_chunks(queries));
        let images = images.zip(key.par_chunks(keys)).zip(value.par_chunks(keys));
        images.for_each_init(Vec::new, |weights, (((out, query), key), value)| {
            self.forward_image([query, key, value], out, weights);
        });
        out
    }

    fn backward(&self, [query, key, value]: [&[f32]; 3], gradient: &[f32]) -> [Vec<f32>; 3] {
        let (queries, keys) = self.image_lens();
        let mut out = [query, key, value].map(|input| vec![0.0; input.len()]);
        let [query_out, key_out, value_out] = &mut out;
        let outs =
            query_out.par_chunks_mut(queries).zip(key_out.par_chunks_mut(keys)).zip(value_out.par_chunks_mut(keys));
        let inputs = query.par_chunks(queries).zip(key.par_chunks(keys)).zip(value.par_chunks(keys));
        let images = outs.zip(inputs).zip(gradient.par_chunks(queries));
        images.for_each_init(Scratch::default, |scratch, ((((q, k), v), ((query, key), value)), gradient)| {
            self.backward_image([query, key, value], gradient, [q, k, v], scratch);
        });
        out
    }
}
