//! Operators that give the same numbers, in the same order, another shape.

use super::attributes::{Attributes, ParseError};
use super::operator::{Inputs, Operator, one};
use crate::workshop::onnx::read::error::Reason;
use crate::workshop::onnx::read::shape;
use crate::workshop::onnx::read::value::Value;

/// The input itself. `Dropout` is one too: nothing is dropped at inference.
#[derive(Debug)]
pub struct Identity;

impl Operator for Identity {
    fn parse(_: &Attributes) -> Result<Self, ParseError> {
        Ok(Self)
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        one(inputs.value(0)?)
    }
}

/// A matrix: the axes before `axis` as rows, those from it on as columns.
#[derive(Debug)]
pub struct Flatten {
    axis: i64,
}

impl Operator for Flatten {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self { axis: attributes.int("axis", 1) })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let value = inputs.value(0)?;
        let shape = value.shape();
        let rank = shape.len();
        let axis = if self.axis == rank as i64 { rank } else { shape::axis(self.axis, rank)? };
        one(value.reshape(&[shape[..axis].iter().product(), shape[axis..].iter().product()])?)
    }
}

/// The shape that the second input gives; 0 keeps an axis and -1 takes what is left.
#[derive(Debug)]
pub struct Reshape {
    /// Whether 0 is a length of 0 instead.
    allow_zero: bool,
}

impl Operator for Reshape {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self { allow_zero: attributes.int("allowzero", 0) != 0 })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let (value, wanted) = (inputs.value(0)?, inputs.ints(1)?.values);
        let shape = shape::reshape(&value.shape(), &wanted, self.allow_zero)?;
        one(value.reshape(&shape)?)
    }
}

/// Without some axes of length 1, or without all of them. Opset 13 made the axes an input.
#[derive(Debug)]
pub struct Squeeze {
    axes: Option<Vec<i64>>,
}

impl Operator for Squeeze {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self { axes: attributes.ints("axes") })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let axes = inputs.ints_or(1, &self.axes)?;
        let value = inputs.value(0)?;
        let shape = value.shape();
        let dropped = match axes {
            Some(axes) => shape::axes(&axes, shape.len())?,
            None => (0..shape.len()).filter(|&axis| shape[axis] == 1).collect(),
        };
        one(value.reshape(&shape::without(&shape, &dropped))?)
    }
}

/// With new axes of length 1. Opset 13 made the axes an input.
#[derive(Debug)]
pub struct Unsqueeze {
    axes: Option<Vec<i64>>,
}

impl Operator for Unsqueeze {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self { axes: attributes.ints("axes") })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let axes = inputs.ints_or(1, &self.axes)?.ok_or("an Unsqueeze without axes")?;
        let value = inputs.value(0)?;
        let shape = value.shape();
        let rank = shape.len() + axes.len();
        let new = shape::axes(&axes, rank)?;
        let mut old = shape.into_iter();
        let lengths = (0..rank).map(|axis| if new.contains(&axis) { 1 } else { old.next().unwrap_or(1) });
        one(value.reshape(&lengths.collect::<Vec<_>>())?)
    }
}
