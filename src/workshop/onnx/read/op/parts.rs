//! Operators that join tensors, and that take parts of one.

use burn::prelude::*;

use super::attributes::{Attributes, ParseError};
use super::operator::{Inputs, Operator, one};
use crate::workshop::onnx::read::error::Reason;
use crate::workshop::onnx::read::shape;
use crate::workshop::onnx::read::value::{Floats, Ints, Value, with_tensor};

/// Tensors joined along an axis.
#[derive(Debug)]
pub struct Concat {
    axis: i64,
}

impl Operator for Concat {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self { axis: attributes.int("axis", 1) })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        if inputs.all_ints() {
            let parts = (0..inputs.count()).map(|position| inputs.ints(position)).collect::<Result<Vec<_>, _>>()?;
            return one(Ints::vector(parts.into_iter().flat_map(|ints| ints.values).collect()));
        }
        let parts = (0..inputs.count()).map(|position| inputs.floats(position)).collect::<Result<Vec<_>, _>>()?;
        let first = parts.first().map(Floats::shape).ok_or("a Concat of nothing")?;
        let axis = shape::axis(self.axis, first.len())?;
        for shape in parts.iter().map(Floats::shape) {
            if shape.len() != first.len() || (0..first.len()).any(|at| at != axis && shape[at] != first[at]) {
                return Err(format!("{shape:?} cannot be joined to {first:?} along axis {axis}").into());
            }
        }
        one(Floats::cat(parts, axis)?)
    }
}

/// The entries of an axis at the indices that the second input gives.
#[derive(Debug)]
pub struct Gather {
    axis: i64,
}

impl Operator for Gather {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self { axis: attributes.int("axis", 0) })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let (value, index) = (inputs.value(0)?, inputs.ints(1)?);
        let mut shape = value.shape();
        let axis = shape::axis(self.axis, shape.len())?;
        let places = shape::indices(&index.values, shape[axis])?;
        shape.splice(axis..=axis, index.shape.iter().copied());
        let floats = match value {
            Value::Int(ints) if ints.shape.len() == 1 => {
                return one(Ints::new(places.iter().map(|&place| ints.values[place]).collect(), shape));
            }
            Value::Float(floats) => floats,
            other => return Err(format!("a Gather from integers of shape {:?}", other.shape()).into()),
        };
        let gathered = match places[..] {
            // A narrow's gradient is a pad, a select's a scatter.
            [place] => with_tensor!(floats, tensor => Floats::from(tensor.narrow(axis, place, 1))),
            _ => select(floats, axis, &places, inputs.device),
        };
        one(gathered.reshape(&shape)?)
    }
}

/// `x[start..end]` along some axes. Opset 10 made everything inputs and added steps, also backwards.
#[derive(Debug)]
pub struct Slice {
    starts: Option<Vec<i64>>,
    ends: Option<Vec<i64>>,
    axes: Option<Vec<i64>>,
}

impl Operator for Slice {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self { starts: attributes.ints("starts"), ends: attributes.ints("ends"), axes: attributes.ints("axes") })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let starts = inputs.ints_or(1, &self.starts)?.unwrap_or_default();
        let ends = inputs.ints_or(2, &self.ends)?.unwrap_or_default();
        let axes = inputs.ints_or(3, &self.axes)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = inputs.ints_or(4, &None)?.unwrap_or_else(|| vec![1; starts.len()]);
        if steps.contains(&0) || [ends.len(), axes.len(), steps.len()].iter().any(|&count| count != starts.len()) {
            let found = format!("starts {starts:?}, ends {ends:?}, axes {axes:?}, steps {steps:?}");
            return Err(format!("{found}; expected as many of each, and no step of 0").into());
        }
        let mut value = inputs.value(0)?;
        for (((&start, &end), &axis), &step) in starts.iter().zip(&ends).zip(&axes).zip(&steps) {
            value = slice(value, axis, [start, end, step], inputs.device)?;
        }
        one(value)
    }
}

fn slice(value: Value, axis: i64, [start, end, step]: [i64; 3], device: &Device) -> Result<Value, Reason> {
    let shape = value.shape();
    let axis = shape::axis(axis, shape.len())?;
    let places = shape::places(start, end, step, shape[axis]);
    match (value, &places[..]) {
        (Value::Int(ints), _) => Ok(ints.select(axis, &places).into()),
        (Value::Float(floats), &[first, ..]) if step == 1 => {
            Ok(with_tensor!(floats, tensor => Value::from(tensor.narrow(axis, first, places.len()))))
        }
        (Value::Float(floats), &[_, ..]) => Ok(select(floats, axis, &places, device).into()),
        _ => Err(format!("a slice {start}..{end} in steps of {step} of shape {shape:?}").into()),
    }
}

/// The entries at some places of an axis.
fn select(floats: Floats, axis: usize, places: &[usize], device: &Device) -> Floats {
    let places: Vec<i64> = places.iter().map(|&place| place as i64).collect();
    let count = places.len();
    let places = Tensor::<1, Int>::from_data(TensorData::new(places, [count]), device);
    with_tensor!(floats, tensor => Floats::from(tensor.select(axis, places)))
}

/// A tensor cut along an axis into parts of the given sizes, or of equal ones. Opset 13 made the sizes an input.
#[derive(Debug)]
pub struct Split {
    axis: i64,
    sizes: Option<Vec<i64>>,
    outputs: usize,
}

impl Operator for Split {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        let outputs = attributes.node.output.len();
        Ok(Self { axis: attributes.int("axis", 0), sizes: attributes.ints("split"), outputs })
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let sizes = inputs.ints_or(1, &self.sizes)?;
        let floats = inputs.floats(0)?;
        let shape = floats.shape();
        let axis = shape::axis(self.axis, shape.len())?;
        let sizes: Vec<usize> = match sizes {
            Some(sizes) => sizes.iter().map(|&size| size.max(0) as usize).collect(),
            None => {
                // The last part is the smaller one if they do not divide evenly (opset 18).
                let size = shape[axis].div_ceil(self.outputs.max(1));
                (0..self.outputs).map(|part| size.min(shape[axis].saturating_sub(part * size))).collect()
            }
        };
        if sizes.iter().sum::<usize>() != shape[axis] || sizes.contains(&0) {
            return Err(format!("parts of {sizes:?} along axis {axis} of {shape:?}").into());
        }
        let mut start = 0;
        let part = |size: usize| {
            let part = with_tensor!(floats.clone(), tensor => Value::from(tensor.narrow(axis, start, size)));
            start += size;
            part
        };
        Ok(sizes.into_iter().map(part).collect())
    }
}
