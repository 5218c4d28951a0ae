//! A classifier file as a differentiable function of a picture.

use std::path::Path;

use burn::prelude::*;

use super::batch::{self, Batching};
use super::error::Error;
use super::network::{Network, Node};
use super::op::binary::{Add, Arithmetic};
use super::op::normalization::{LogSoftmax, Softmax};
use super::op::reshape::{Flatten, Identity, Reshape, Squeeze};
use super::value::{Floats, Value};
use crate::engine::contract::{Colour, Input, Label, Layout, Role};

/// A classifier: pictures [B, 3, H, W], RGB in 0..1, to logits [B, C].
///
/// The preprocessing that a foreign file needs (range, mean, standard deviation, order of channels and axes) is done
/// here, inside the gradient. A soft-max at the end of the graph is left out: its input is the logits.
#[derive(Debug)]
pub struct Classifier {
    network: Network,
    input: Input,
    logits: String,
    /// Whether that tensor holds probabilities, whose logarithm is the logits.
    are_probabilities: bool,
    labels: Vec<Label>,
    batching: Batching,
    mean: Tensor<4>,
    std: Tensor<4>,
}

impl Classifier {
    /// Reads a classifier and checks with random pictures that it runs, one by one and in batches.
    ///
    /// `description` says how a picture becomes the file's input; it may be `None` if the file says so itself.
    ///
    /// # Errors
    /// The file cannot be read or run, is a purifier, or does not fit the description.
    pub fn load(path: &Path, description: Option<&Input>, device: &Device) -> Result<Self, Error> {
        Self::new(Network::load(path, device)?, description)
    }

    /// The same from a graph that is already read.
    ///
    /// # Errors
    /// As [`Classifier::load`].
    pub fn new(network: Network, description: Option<&Input>) -> Result<Self, Error> {
        if network.metadata().is_some_and(|metadata| metadata.role != Role::Classifier) {
            return Err(network.unfit("role", "a classifier", "a purifier"));
        }
        let own = network.metadata().map(|metadata| &metadata.input);
        let Some(input) = description.or(own).cloned() else {
            let expected =
                "a description (layout, size, range, colour, mean, std), in the file's metadata or the configuration";
            return Err(network.unfit("input", expected, "none"));
        };
        batch::check_input(&network, &input)?;
        Self::build(network, input)
    }

    /// The same for pictures of another `size` [height, width] than the file declares, as far as its layers allow that:
    /// convolutions do.
    ///
    /// # Errors
    /// As [`Classifier::new`]; a graph that cannot run at that size.
    pub fn resized(network: Network, description: &Input, size: [usize; 2]) -> Result<Self, Error> {
        batch::check_input(&network, description)?;
        Self::build(network, Input { size, ..description.clone() })
    }

    fn build(network: Network, input: Input) -> Result<Self, Error> {
        let constant = |values: [f32; 3]| Tensor::<1>::from_floats(values, &network.device).reshape([1, 3, 1, 1]);
        let mut classifier = Self {
            logits: logits_before_softmax(&network),
            are_probabilities: false,
            mean: constant(input.mean),
            std: constant(input.std),
            labels: network.metadata().map(|metadata| metadata.labels.clone()).unwrap_or_default(),
            batching: Batching::OneByOne,
            input,
            network,
        };
        let classes = classifier.try_out()?;
        classifier.check_labels(classes)?;
        Ok(classifier)
    }

    /// Takes the file's output for probabilities: unless they come from a soft-max that is left out, the logits are their
    /// logarithm.
    pub fn of_probabilities(mut self) -> Self {
        let output = self.network.outputs.first().map(|&output| &self.network.names[output]);
        self.are_probabilities = output == Some(&self.logits);
        self
    }

    /// Names the classes of a file that does not name them itself.
    ///
    /// # Errors
    /// The numbers of labels and classes differ.
    pub fn with_labels(mut self, labels: Vec<Label>) -> Result<Self, Error> {
        let classes = self.labels.len();
        self.labels = labels;
        self.check_labels(classes)?;
        Ok(self)
    }

    /// The classes in the order of the logits; `class 0`, `class 1`, ... if the file does not name them.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// Height and width of its pictures, in pixels.
    pub fn size(&self) -> [usize; 2] {
        self.input.size
    }

    /// The name of the tensor that holds the logits.
    pub fn logits_name(&self) -> &str {
        &self.logits
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

    /// The logits of pictures, which are RGB in 0..1 and on the classifier's device.
    ///
    /// # Shapes
    /// image [B, 3, H, W] -> [B, C]
    ///
    /// # Panics
    /// If the image is not of the classifier's size, like any burn operator; everything else was checked at load.
    pub fn logits(&self, image: Tensor<4>) -> Tensor<2> {
        let batch = image.dims()[0];
        let logits = self.run(image, &[&self.logits]).and_then(|mut values| self.matrix(values.remove(0), batch));
        let logits = logits.unwrap_or_else(|error| panic!("{error}"));
        if self.are_probabilities { logits.clamp_min(f32::MIN_POSITIVE).log() } else { logits }
    }

    /// The activations of named tensors, each [B, ...] with axes of length 1 added at the end to make rank 4.
    ///
    /// # Errors
    /// There is no such tensor, or it is not a tensor of floats with the batch first.
    pub fn features(&self, image: Tensor<4>, layers: &[String]) -> Result<Vec<Tensor<4>>, Error> {
        let batch = image.dims()[0];
        let names: Vec<&str> = layers.iter().map(String::as_str).collect();
        let values = self.run(image, &names)?;
        values.into_iter().zip(layers).map(|(value, layer)| self.feature(value, layer, batch)).collect()
    }

    fn feature(&self, value: Value, layer: &str, batch: usize) -> Result<Tensor<4>, Error> {
        let mut shape = value.shape();
        let (what, expected) = (format!("layer '{layer}'"), "an activation [batch, ...] of rank 1 to 4");
        let refuse = |found: &str| self.network.unfit(&what, expected, found);
        let Value::Float(floats) = value else { return Err(refuse("a constant")) };
        if shape.len() > 4 || shape[0] != batch {
            return Err(refuse(&format!("shape {shape:?}")));
        }
        shape.resize(4, 1);
        let activation = floats.reshape(&shape).and_then(Floats::into_rank4);
        activation.map_err(|reason| self.network.unfit_value(&what, expected, reason))
    }

    /// Tensors worth comparing in a perceptual loss: the last one at each resolution, coarsest last, at most four.
    /// For a network with one resolution (a transformer): sums at regular depths.
    ///
    /// # Errors
    /// The graph cannot run.
    pub fn stages(&self) -> Result<Vec<String>, Error> {
        let names: Vec<&str> = self.network.node_outputs().collect();
        let [height, width] = self.input.size;
        let values = self.run(Tensor::zeros([1, 3, height, width], &self.network.device), &names)?;
        let mut stages: Vec<(usize, String)> = Vec::new();
        for (name, value) in names.iter().zip(&values) {
            let (Value::Float(_), [1, _, rows, columns]) = (value, &value.shape()[..]) else { continue };
            let smaller = stages.last().is_none_or(|(pixels, _)| rows * columns < *pixels);
            if smaller && rows * columns > 1 {
                stages.push((rows * columns, (*name).to_owned()));
            } else if let Some(last) = stages.last_mut().filter(|(pixels, _)| *pixels == rows * columns) {
                last.1 = (*name).to_owned();
            }
        }
        // The first resolution is the picture itself, normalised; it is not a feature.
        stages.retain(|(pixels, _)| *pixels < height * width);
        if stages.len() < 2 {
            return Ok(self.regular_sums(&values));
        }
        Ok(stages.split_off(stages.len().saturating_sub(4)).into_iter().map(|(_, name)| name).collect())
    }

    /// The sums of tokens [B, N, C] at up to four regular depths; `values` are those of all node outputs.
    fn regular_sums(&self, values: &[Value]) -> Vec<String> {
        let sums = self.network.nodes.iter().filter(|node| node.operator.is::<Arithmetic<Add>>());
        let outputs: Vec<&str> = self.network.node_outputs().collect();
        let wide = |name: &&str| {
            let shape = outputs.iter().position(|known| known == name).map(|place| values[place].shape());
            shape.is_some_and(|shape| shape.len() == 3 && shape[1] > 1 && shape[2] > 1)
        };
        let sums: Vec<&str> = sums
            .filter_map(|node| node.outputs.first())
            .map(|&slot| self.network.names[slot].as_str())
            .filter(wide)
            .collect();
        let count = sums.len().min(4);
        (1..=count).map(|stage| sums[stage * sums.len() / count - 1].to_owned()).collect()
    }

    fn run(&self, image: Tensor<4>, outputs: &[&str]) -> Result<Vec<Value>, Error> {
        let [_, channels, height, width] = image.dims();
        if channels != 3 || [height, width] != self.input.size {
            let [rows, columns] = self.input.size;
            let (expected, found) = (format!("[B, 3, {rows}, {columns}]"), format!("{:?}", image.dims()));
            return Err(self.network.unfit("picture", &expected, &found));
        }
        let prepared = self.prepare(image);
        batch::run(&self.network, self.batching, prepared.dims()[0], outputs, |range| {
            Ok(vec![(self.input.name.as_str(), prepared.clone().narrow(0, range.start, range.len()).into())])
        })
    }

    /// `(pixel * range - mean) / std`, in the order of channels and axes that the file wants.
    fn prepare(&self, image: Tensor<4>) -> Tensor<4> {
        let Input { layout, range, colour, mean, std, .. } = &self.input;
        let image = if *colour == Colour::Bgr { image.flip([1]) } else { image };
        let image = if *range == 1.0 { image } else { image * *range };
        let image = if *mean == [0.0; 3] { image } else { image - self.mean.clone() };
        let image = if *std == [1.0; 3] { image } else { image / self.std.clone() };
        if *layout == Layout::Nhwc { image.permute([0, 2, 3, 1]) } else { image }
    }

    /// An output as logits [batch, classes].
    fn matrix(&self, value: Value, batch: usize) -> Result<Tensor<2>, Error> {
        let shape = value.shape();
        let classes = shape.iter().skip(1).product::<usize>();
        let expected = "logits [batch, classes]";
        match value {
            Value::Float(floats) if shape[0] == batch => {
                let logits = floats.reshape(&[batch, classes]).and_then(Floats::into_rank2);
                logits.map_err(|reason| self.network.unfit_value("output", expected, reason))
            }
            _ => Err(self.network.unfit("output", expected, &format!("shape {shape:?}"))),
        }
    }

    /// Runs random pictures alone and together; returns the number of classes.
    fn try_out(&mut self) -> Result<usize, Error> {
        let [height, width] = self.input.size;
        let pictures = batch::random_pictures(2, height, width, &self.network.device);
        let single = |index: usize| {
            let value = self.run(pictures.clone().narrow(0, index, 1), &[&self.logits])?.remove(0);
            self.matrix(value, 1)
        };
        let alone = Tensor::cat(vec![single(0)?, single(1)?], 0);
        let classes = alone.dims()[1];
        batch::check_finite(&self.network, "logits", &alone)?;
        self.batching = Batching::Whole;
        let together = self.run(pictures, &[&self.logits]).and_then(|mut values| self.matrix(values.remove(0), 2));
        if !together.is_ok_and(|together| together.dims() == alone.dims() && batch::same(together, alone)) {
            self.batching = Batching::OneByOne;
        }
        Ok(classes)
    }

    fn check_labels(&mut self, classes: usize) -> Result<(), Error> {
        if self.labels.is_empty() {
            self.labels = (0..classes).map(|class| Label { label: format!("class {class}"), wnid: None }).collect();
        }
        if self.labels.len() != classes {
            let (expected, found) = (format!("{classes}, one per class"), self.labels.len().to_string());
            return Err(self.network.unfit("labels", &expected, &found));
        }
        Ok(())
    }
}

/// The tensor that a soft-max at the end of the graph takes, or the output itself if there is no soft-max.
fn logits_before_softmax(network: &Network) -> String {
    let Some(&output) = network.outputs.first() else { return String::new() };
    let mut slot = output;
    while let Some(node) = network.nodes.iter().find(|node| node.outputs.contains(&slot)) {
        let Some(before) = node.inputs.first().copied().flatten() else { break };
        if is_softmax(node) {
            return network.names[before].clone();
        }
        if !keeps_numbers(node) {
            break;
        }
        slot = before;
    }
    network.names[output].clone()
}

fn is_softmax(node: &Node) -> bool {
    node.operator.is::<Softmax>() || node.operator.is::<LogSoftmax>()
}

/// Whether a node gives the numbers of its first input, perhaps in another shape.
fn keeps_numbers(node: &Node) -> bool {
    let operator = &node.operator;
    operator.is::<Identity>() || operator.is::<Reshape>() || operator.is::<Flatten>() || operator.is::<Squeeze>()
}
