//! Whole batches through graphs that were exported for one picture.
//!
//! Our own files take any batch. Others may have the length of their batch baked into a Reshape. At load, two pictures
//! are run together and then one by one; a file that gives different results runs all its batches one by one.

use std::ops::Range;

use burn::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::error::Error;
use super::network::Network;
use super::value::{Floats, Value};
use crate::engine::contract::{Input, Layout};

/// How a graph takes a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batching {
    /// All pictures at once.
    Whole,
    /// Each picture by itself.
    OneByOne,
}

/// Runs a batch; `inputs` gives the graph's inputs for a range of the samples.
///
/// # Errors
/// Those of [`Network::run`]; an output that is not a tensor of floats with one sample as its first axis.
pub fn run<'a>(
    network: &Network,
    batching: Batching,
    batch: usize,
    outputs: &[&str],
    inputs: impl Fn(Range<usize>) -> Result<Vec<(&'a str, Value)>, Error>,
) -> Result<Vec<Value>, Error> {
    if batching == Batching::Whole || batch == 1 {
        return network.run(&inputs(0..batch)?, outputs);
    }
    let mut parts: Vec<Vec<Floats>> = vec![Vec::with_capacity(batch); outputs.len()];
    for sample in 0..batch {
        for (part, value) in parts.iter_mut().zip(network.run(&inputs(sample..sample + 1)?, outputs)?) {
            let floats = value.into_floats(&network.device);
            part.push(floats.map_err(|reason| network.unfit_value("output", "floats", reason))?);
        }
    }
    parts
        .into_iter()
        .map(|samples| Floats::stack_batch(samples).map(Value::Float))
        .collect::<Result<_, _>>()
        .map_err(|reason| network.unfit_value("output of one sample", "a batch of one", reason))
}

/// Checks that a graph has the input that a description names, in the described shape.
pub fn check_input(network: &Network, input: &Input) -> Result<(), Error> {
    let Some(declared) = network.inputs().iter().find(|declared| declared.name == input.name) else {
        let found: Vec<&str> = network.inputs().iter().map(|declared| declared.name.as_str()).collect();
        let found = format!("'{}'", found.join("', '"));
        return Err(network.unfit("input", &format!("one named '{}'", input.name), &found));
    };
    let [height, width] = input.size;
    let wanted = match input.layout {
        Layout::Nchw => [3, height, width],
        Layout::Nhwc => [height, width, 3],
    };
    let fits = declared.shape.is_empty()
        || declared.shape.len() == 4
            && declared.shape[1..].iter().zip(wanted).all(|(found, wanted)| found.is_none_or(|found| found == wanted));
    if height == 0 || width == 0 || !fits {
        let found = declared.shape.iter().map(|length| length.map_or("?".to_owned(), |length| length.to_string()));
        let what = format!("shape of input '{}'", input.name);
        let expected = format!("[batch, {}, {}, {}] ({:?})", wanted[0], wanted[1], wanted[2], input.layout);
        let found = format!("[{}]", found.collect::<Vec<_>>().join(", "));
        return Err(network.unfit(&what, &expected, &found));
    }
    Ok(())
}

/// Pictures [count, 3, height, width] to try a model with: uniform noise in 0..1 from a fixed seed.
pub fn random_pictures(count: usize, height: usize, width: usize, device: &Device) -> Tensor<4> {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let values: Vec<f32> = (0..count * 3 * height * width).map(|_| random.random::<f32>()).collect();
    Tensor::from_data(TensorData::new(values, [count, 3, height, width]), device)
}

/// Checks that what the weights make of a picture is finite.
pub fn check_finite<const D: usize>(network: &Network, what: &str, tensor: &Tensor<D>) -> Result<(), Error> {
    if tensor.clone().is_finite().all().into_scalar::<bool>() {
        return Ok(());
    }
    Err(network.unfit(&format!("{what} of a random picture"), "finite numbers", "NaN or infinity"))
}

/// Whether two results differ by no more than another order of summation explains: 1e-3 of the largest value.
pub fn same<const D: usize>(left: Tensor<D>, right: Tensor<D>) -> bool {
    let scale = right.clone().abs().max().into_scalar::<f32>().max(1e-6);
    (left - right).abs().max().into_scalar::<f32>() <= 1e-3 * scale
}
