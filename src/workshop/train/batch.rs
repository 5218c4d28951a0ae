//! From photographs to tensors and back.

use burn::prelude::*;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::augment::{self, Square};
use super::data::Photograph;
use super::generator;

/// Random views of the photographs of step `step`, squares of `side` pixels; each has a generator of its own.
pub fn random_views(items: &[&Photograph], side: usize, view: [f64; 2], seed: u64, step: u64) -> Vec<Square> {
    let cut = |(i, item): (usize, &&Photograph)| {
        augment::random_view(&item.pixels, side, view, &mut generator(seed, "view", &[step, i as u64]))
    };
    items.par_iter().enumerate().map(cut).collect()
}

/// The photographs of step `step`: every epoch visits all of them in an order of its own.
pub fn epoch_batch(items: &[Photograph], seed: u64, step: u64, steps_per_epoch: u64, batch: usize) -> Vec<&Photograph> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.shuffle(&mut generator(seed, "order", &[step / steps_per_epoch]));
    let start = (step % steps_per_epoch) as usize * batch;
    order[start..(start + batch).min(items.len())].iter().map(|i| &items[*i]).collect()
}

/// Classes as burn's loss expects them, `[batch]`.
pub fn targets(classes: &[usize], device: &Device) -> Tensor<1, Int> {
    let classes: Vec<i32> = classes.iter().map(|class| *class as i32).collect();
    Tensor::from_ints(classes.as_slice(), device)
}

/// The class with the largest logit of every sample; `logits` [batch, classes].
pub fn predictions(logits: Tensor<2>) -> Vec<usize> {
    let [batch, _] = logits.dims();
    let data = logits.argmax(1).reshape([batch]).into_data();
    data.iter::<i64>().map(|class| class as usize).collect()
}
