//! What an operator is: parsed once from its node, then computed from its inputs.

use std::any::Any;
use std::fmt::Debug;

use burn::prelude::*;

use super::attributes::{Attributes, ParseError};
use crate::workshop::onnx::read::error::Reason;
use crate::workshop::onnx::read::value::{Floats, Ints, Value};

/// What a node does. A field that is `None` because newer opsets give it as an input is looked for among the inputs.
pub trait Operator: Any + Debug + Send + Sync {
    /// Reads a node's attributes.
    ///
    /// # Errors
    /// An attribute asks for something that is not implemented, or holds a tensor that cannot be read.
    fn parse(attributes: &Attributes) -> Result<Self, ParseError>
    where
        Self: Sized;

    /// How many outputs it computes. A node may list more, for example the mask of a Dropout; these do not exist here.
    fn outputs(&self) -> usize {
        1
    }

    /// Computes the node's outputs, in order.
    ///
    /// # Errors
    /// Says which input does not fit and how. Shapes that contradict each other are refused and never panic.
    fn compute(&self, inputs: Inputs) -> Result<Vec<Value>, Reason>;
}

impl dyn Operator {
    /// This operator, if it is an `O`.
    pub fn downcast<O: Operator>(&self) -> Option<&O> {
        let any: &dyn Any = self;
        any.downcast_ref()
    }

    /// Whether this operator is an `O`.
    pub fn is<O: Operator>(&self) -> bool {
        self.downcast::<O>().is_some()
    }
}

/// The outputs of an operator that has one.
pub fn one(value: impl Into<Value>) -> Result<Vec<Value>, Reason> {
    Ok(vec![value.into()])
}

/// The inputs of a node by position; an optional one may be absent. Each is taken once.
pub struct Inputs<'a> {
    pub values: Vec<Option<Value>>,
    /// The device on which constants become tensors.
    pub device: &'a Device,
}

impl Inputs<'_> {
    /// How many inputs the node lists, absent ones included.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    fn has(&self, position: usize) -> bool {
        matches!(self.values.get(position), Some(Some(_)))
    }

    /// Whether there are inputs and all of them are integers.
    pub fn all_ints(&self) -> bool {
        !self.values.is_empty() && self.values.iter().flatten().all(|value| matches!(value, Value::Int(_)))
    }

    /// An input as it is.
    pub fn value(&mut self, position: usize) -> Result<Value, Reason> {
        let value = self.values.get_mut(position).and_then(Option::take);
        value.ok_or_else(|| format!("input {position} is missing").into())
    }

    /// An input as a tensor on the device.
    pub fn floats(&mut self, position: usize) -> Result<Floats, Reason> {
        self.value(position)?.into_floats(self.device)
    }

    /// The same; `None` if the input is absent.
    pub fn floats_if(&mut self, position: usize) -> Result<Option<Floats>, Reason> {
        if self.has(position) { self.floats(position).map(Some) } else { Ok(None) }
    }

    /// An input as integers on the host.
    pub fn ints(&mut self, position: usize) -> Result<Ints, Reason> {
        match self.value(position)? {
            Value::Int(ints) => Ok(ints),
            _ => Err(format!("input {position} is not a tensor of integers known on the host").into()),
        }
    }

    /// Integers that newer opsets give as an input and older ones as an attribute.
    pub fn ints_or(&mut self, position: usize, attribute: &Option<Vec<i64>>) -> Result<Option<Vec<i64>>, Reason> {
        if self.has(position) { Ok(Some(self.ints(position)?.values)) } else { Ok(attribute.clone()) }
    }

    /// A single number; reading one that is on the device is slow and is not done for constants.
    pub fn number(&mut self, position: usize) -> Result<f32, Reason> {
        match self.value(position)? {
            Value::Number(number) => Ok(number),
            Value::Int(ints) if ints.values.len() == 1 => Ok(ints.values[0] as f32),
            Value::Float(floats) if floats.shape().iter().product::<usize>() == 1 => Ok(floats.to_vec()?[0]),
            other => Err(format!("input {position} must be one number, found shape {:?}", other.shape()).into()),
        }
    }

    /// A number that newer opsets give as an input and older ones as an attribute.
    pub fn number_or(&mut self, position: usize, attribute: Option<f32>) -> Result<Option<f32>, Reason> {
        if self.has(position) { self.number(position).map(Some) } else { Ok(attribute) }
    }
}
