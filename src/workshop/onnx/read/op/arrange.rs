//! Operators that put the numbers of one tensor into another order, or repeat or surround them.

use burn::prelude::*;
use burn::tensor::ops::PadMode;

use super::attributes::{Attributes, ParseError};
use super::operator::{Inputs, Operator, one};
use crate::workshop::onnx::read::error::Reason;
use crate::workshop::onnx::read::shape;
use crate::workshop::onnx::read::value::{Floats, Ints, Value, with_tensor};

/// The axes in another order; without a permutation, in reverse.
#[derive(Debug)]
pub struct Transpose {
    permutation: Option<Vec<i64>>,
}

impl Operator for Transpose {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self { permutation: attributes.ints("perm") })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let floats = match inputs.value(0)? {
            Value::Float(floats) => floats,
            // Numbers and vectors have one axis at most.
            other if other.shape().len() < 2 => return one(other),
            Value::Int(ints) if ints.shape.len() == 2 => return one(self.transposed(ints)?),
            other => return Err(format!("integers of shape {:?} transposed", other.shape()).into()),
        };
        let rank = floats.rank();
        let order = match &self.permutation {
            Some(order) => shape::axes(order, rank)?,
            None => (0..rank).rev().collect(),
        };
        let mut seen = order.clone();
        seen.sort_unstable();
        if !seen.iter().copied().eq(0..rank) {
            return Err(format!("{order:?} does not permute {rank} axes").into());
        }
        if order.is_sorted() {
            return one(floats);
        }
        one(with_tensor!(floats, tensor => Floats::from(tensor.permute(std::array::from_fn(|at| order[at] as isize)))))
    }
}

impl Transpose {
    /// A matrix of integers, which the counts of a Pad pass through on their way from PyTorch.
    fn transposed(&self, ints: Ints) -> Result<Ints, Reason> {
        let order = self.permutation.as_ref().map_or(Ok(vec![1, 0]), |order| shape::axes(order, 2))?;
        if order == [0, 1] {
            return Ok(ints);
        }
        let [rows, columns] = [ints.shape[0], ints.shape[1]];
        let values = (0..rows * columns).map(|place| ints.values[place % rows * columns + place / rows]);
        Ok(Ints::new(values.collect(), vec![columns, rows]))
    }
}

/// Every pixel's channels become a block of pixels: [B, C * block^2, H, W] -> [B, C, H * block, W * block].
#[derive(Debug)]
pub struct DepthToSpace {
    block: usize,
    /// Whether the channel of the output is the slowest part of the input's channel (mode CRD), or the fastest (DCR).
    channel_first: bool,
}

impl Operator for DepthToSpace {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        let channel_first = attributes.text("mode", "DCR") == "CRD";
        Ok(Self { block: attributes.int("blocksize", 1).max(1) as usize, channel_first })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let block = self.block;
        let image = inputs.floats(0)?.into_rank4()?;
        let [batch, deep, height, width] = image.dims();
        // A block too large for its square to be a number is larger than any count of channels.
        let channels = block.checked_mul(block).map_or(0, |pixels| deep / pixels);
        if channels * block * block != deep {
            return Err(format!("{deep} channels in blocks of {block} x {block}").into());
        }
        let image = if self.channel_first {
            image.reshape([batch, channels, block, block, height, width]).permute([0, 1, 4, 2, 5, 3])
        } else {
            image.reshape([batch, block, block, channels, height, width]).permute([0, 3, 4, 1, 5, 2])
        };
        one(image.reshape([batch, channels, height * block, width * block]))
    }
}

/// Axes of length 1 repeated until the input has the shape that the second input gives.
#[derive(Debug)]
pub struct Expand;

impl Operator for Expand {
    fn parse(_: &Attributes) -> Result<Self, ParseError> {
        Ok(Self)
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let (value, wanted) = (inputs.value(0)?, inputs.ints(1)?.values);
        let lengths = wanted.iter().map(|&length| usize::try_from(length)).collect::<Result<Vec<_>, _>>();
        let lengths = lengths.map_err(|_| format!("expanded to {wanted:?}"))?;
        let shape = shape::broadcast(&value.shape(), &lengths)?;
        if let Value::Int(ints) = value {
            return one(Ints::new(shape::expand(&ints, &shape)?, shape));
        }
        let floats = value.into_floats(inputs.device)?;
        let from = floats.shape();
        if from == shape {
            return one(floats);
        }
        let lead = [vec![1; shape.len().saturating_sub(from.len())], from].concat();
        let floats = floats.reshape(&lead[lead.len() - shape.len().max(1)..])?;
        one(with_tensor!(floats, tensor => Floats::from(expand(tensor, &shape))))
    }
}

fn expand<const D: usize>(tensor: Tensor<D>, shape: &[usize]) -> Tensor<D> {
    let wanted: [usize; D] = std::array::from_fn(|axis| shape.get(axis).copied().unwrap_or(1));
    tensor.expand(wanted)
}

/// The whole tensor repeated along each axis, as often as the second input says.
#[derive(Debug)]
pub struct Tile;

impl Operator for Tile {
    fn parse(_: &Attributes) -> Result<Self, ParseError> {
        Ok(Self)
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let (floats, times) = (inputs.floats(0)?, inputs.ints(1)?.values);
        let times: Vec<usize> = times.iter().map(|&times| times.max(0) as usize).collect();
        if times.len() != floats.rank() {
            return Err(format!("{} repeats for a tensor of rank {}", times.len(), floats.rank()).into());
        }
        one(with_tensor!(floats, tensor => Floats::from(tensor.repeat(&times))))
    }
}

/// Numbers put before and after each axis. Opset 11 made their counts and the constant inputs.
#[derive(Debug)]
pub struct Pad {
    mode: Padding,
    pads: Option<Vec<i64>>,
    value: f32,
}

#[derive(Debug)]
enum Padding {
    Constant,
    Reflect,
    Edge,
}

impl Operator for Pad {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        let mode = match attributes.text("mode", "constant").as_str() {
            "constant" => Padding::Constant,
            "reflect" => Padding::Reflect,
            "edge" => Padding::Edge,
            other => return Err(ParseError::Unsupported(format!("padding mode '{other}'"))),
        };
        Ok(Self { mode, pads: attributes.ints("pads"), value: attributes.float("value", 0.0) })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let pads = inputs.ints_or(1, &self.pads)?.ok_or("a Pad without pads")?;
        let value = inputs.number_or(2, Some(self.value))?.unwrap_or(self.value);
        let floats = inputs.floats(0)?;
        let rank = floats.rank();
        if pads.len() != 2 * rank || pads.iter().any(|&count| count < 0) {
            let expected = format!("expected {} numbers that are not negative", 2 * rank);
            return Err(format!("pads {pads:?} for a tensor of rank {rank}; {expected}").into());
        }
        let mode = match self.mode {
            Padding::Constant => PadMode::Constant(value),
            Padding::Reflect => PadMode::Reflect,
            Padding::Edge => PadMode::Edge,
        };
        let pairs: Vec<_> = (0..rank).map(|axis| (pads[axis] as usize, pads[axis + rank] as usize)).collect();
        one(with_tensor!(floats, tensor => Floats::from(tensor.pad(pairs.as_slice(), mode))))
    }
}
