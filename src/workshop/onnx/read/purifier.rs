//! A purifier file as a differentiable function of a picture.

use std::ops::Range;
use std::path::Path;

use burn::prelude::*;

use super::batch::{self, Batching};
use super::error::Error;
use super::network::Network;
use super::value::{Floats, Ints, Value};
use crate::engine::contract::{Draw, Input, Metadata, Noise, Role, Strength};
use crate::engine::{NoiseSource, Setup};

/// A purifier: pictures [B, 3, H, W], RGB in 0..1, to purified pictures of the same shape and range.
///
/// Its noise is drawn here as on the device: sample i of a batch gets the noise that frame i of a stream would get.
#[derive(Debug)]
pub struct Purifier {
    network: Network,
    input: Input,
    /// Height and width of the graph's picture, which may be larger than the purifier's.
    graph_size: [usize; 2],
    noise: Vec<Noise>,
    strength: Option<Strength>,
    output: String,
    batching: Batching,
}

impl Purifier {
    /// Reads a purifier, sets it up but for the seed, and checks with random pictures that it runs, one by one and in batches.
    ///
    /// # Errors
    /// The file cannot be read or run, its metadata does not say that it is a purifier, or the setup does not fit it.
    pub fn load(path: &Path, setup: &Setup, device: &Device) -> Result<Self, Error> {
        Self::new(Network::load(path, device)?, setup)
    }

    /// The same from a graph that is already read.
    ///
    /// # Errors
    /// As [`Purifier::load`].
    pub fn new(network: Network, setup: &Setup) -> Result<Self, Error> {
        let mut metadata = match network.metadata() {
            Some(metadata) if metadata.role == Role::Purifier => metadata.clone(),
            Some(_) => return Err(network.unfit("role", "a purifier", "a classifier")),
            None => {
                let found = "none; this file was not written by purecam";
                return Err(network.unfit("metadata", "purecam.role = purifier", found));
            }
        };
        if let Err(problem) = setup.apply(&mut metadata) {
            return Err(network.unfit("setup", "one that the file allows", &problem.to_string()));
        }
        let graph_size = metadata.graph_size();
        let Metadata { input, noise, strength, .. } = metadata;
        batch::check_input(&network, &Input { size: graph_size, ..input.clone() })?;
        if let Some(noise) = noise.iter().find(|noise| noise.shape.first() != Some(&1)) {
            let (what, found) = (format!("noise '{}'", noise.name), format!("{:?}", noise.shape));
            return Err(network.unfit(&what, "a shape [1, ...]", &found));
        }
        for declared in network.inputs() {
            let told = strength.as_ref().is_some_and(|strength| strength.name == declared.name);
            if declared.name != input.name && !told && !noise.iter().any(|noise| noise.name == declared.name) {
                let what = format!("input '{}'", declared.name);
                return Err(network.unfit(&what, "an entry in purecam.noise", "none"));
            }
        }
        let output = network.outputs().next().unwrap_or_default().to_owned();
        let mut purifier = Self { network, input, graph_size, noise, strength, output, batching: Batching::OneByOne };
        purifier.try_out()?;
        Ok(purifier)
    }

    /// Height and width of its pictures, in pixels.
    pub fn size(&self) -> [usize; 2] {
        self.input.size
    }

    /// Where it computes; pictures must be there too.
    pub fn device(&self) -> &Device {
        &self.network.device
    }

    /// Whether a batch runs at once; a file with a batch of one baked in runs one by one.
    pub fn takes_batches(&self) -> bool {
        self.batching == Batching::Whole
    }

    /// The graph that it runs.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Purifies pictures, which are RGB in 0..1 and on the purifier's device. The noise of sample i depends only on
    /// `seed` and i.
    ///
    /// # Shapes
    /// image [B, 3, H, W] -> [B, 3, H, W]
    ///
    /// # Panics
    /// If the image is not of the purifier's size, like any burn operator; everything else was checked at load.
    pub fn purify(&self, image: Tensor<4>, seed: u64) -> Tensor<4> {
        self.run(image, seed).unwrap_or_else(|error| panic!("{error}"))
    }

    fn run(&self, image: Tensor<4>, seed: u64) -> Result<Tensor<4>, Error> {
        let shape = image.dims();
        let [batch, channels, height, width] = shape;
        if channels != 3 || [height, width] != self.input.size {
            let [rows, columns] = self.input.size;
            return Err(self.network.unfit("picture", &format!("[B, 3, {rows}, {columns}]"), &format!("{shape:?}")));
        }
        let mut values = batch::run(&self.network, self.batching, batch, &[&self.output], |range| {
            let picture = pad(image.clone().narrow(0, range.start, range.len()), self.graph_size);
            let mut inputs = vec![(self.input.name.as_str(), Value::from(picture))];
            inputs.extend(self.draw(seed, range)?);
            if let Some(Strength { name, default, .. }) = &self.strength {
                let strength = Tensor::<1>::from_floats([*default], &self.network.device).reshape([1, 1, 1, 1]);
                inputs.push((name.as_str(), Value::from(strength)));
            }
            Ok(inputs)
        })?;
        let purified = values.remove(0).into_floats(&self.network.device).and_then(Floats::into_rank4);
        let graph_shape = [batch, 3, self.graph_size[0], self.graph_size[1]];
        let expected = format!("{graph_shape:?}");
        let purified = purified.map_err(|reason| self.network.unfit_value("output", &expected, reason))?;
        if purified.dims() != graph_shape {
            return Err(self.network.unfit("output", &expected, &format!("{:?}", purified.dims())));
        }
        Ok(purified.narrow(2, 0, height).narrow(3, 0, width))
    }

    /// The noise inputs for some samples of a batch: each in its declared shape with the batch as first axis.
    fn draw(&self, seed: u64, samples: Range<usize>) -> Result<Vec<(&str, Value)>, Error> {
        let mut source = NoiseSource::new(seed);
        let mut drawn: Vec<(Vec<f32>, Vec<i64>)> = vec![Default::default(); self.noise.len()];
        for sample in samples.clone() {
            source.frame(sample as u64);
            for (noise, (normals, orders)) in self.noise.iter().zip(&mut drawn) {
                let size = noise.shape.iter().product::<usize>();
                match noise.draw {
                    Draw::Normal => {
                        normals.resize(normals.len() + size, 0.0);
                        let start = normals.len() - size;
                        source.normal(&mut normals[start..]);
                    }
                    Draw::Permutation => {
                        orders.resize(orders.len() + size, 0);
                        let start = orders.len() - size;
                        source.permutation(&mut orders[start..]);
                    }
                }
            }
        }
        let mut inputs = Vec::with_capacity(drawn.len());
        for (noise, (normals, orders)) in self.noise.iter().zip(drawn) {
            let mut shape = noise.shape.clone();
            shape[0] *= samples.len();
            let value = match noise.draw {
                Draw::Normal => Floats::from_vec(normals, &shape, &self.network.device).map(Value::Float),
                Draw::Permutation => Ok(Ints::new(orders, shape).into()),
            };
            let value = value.map_err(|reason| {
                self.network.unfit_value(&format!("noise '{}'", noise.name), "a usable shape", reason)
            })?;
            inputs.push((noise.name.as_str(), value));
        }
        Ok(inputs)
    }

    /// Runs random pictures one by one and together, and notes whether batches give the same.
    fn try_out(&mut self) -> Result<(), Error> {
        let [height, width] = self.input.size;
        let pictures = batch::random_pictures(2, height, width, &self.network.device);
        let first = self.run(pictures.clone().narrow(0, 0, 1), 0)?;
        batch::check_finite(&self.network, "purified version", &first)?;
        let alone = self.run(pictures.clone(), 0)?;
        self.batching = Batching::Whole;
        if !self.run(pictures, 0).is_ok_and(|together| batch::same(together, alone)) {
            self.batching = Batching::OneByOne;
        }
        Ok(())
    }
}

/// A larger picture, whose further rows and columns repeat the last.
///
/// # Shapes
/// image [B, 3, h, w] -> [B, 3, H, W], `size` being H and W
fn pad(image: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    let [_, _, height, width] = image.dims();
    let rows = |image: Tensor<4>, axis: usize, side: usize, padded: usize| match padded - side {
        0 => image,
        missing => {
            let last = image.clone().narrow(axis, side - 1, 1).repeat_dim(axis, missing);
            Tensor::cat(vec![image, last], axis)
        }
    };
    rows(rows(image, 2, height, size[0]), 3, width, size[1])
}
