//! Sums, means and extrema along axes.

use burn::prelude::*;

use super::attributes::{Attributes, ParseError};
use super::operator::{Inputs, Operator, one};
use crate::workshop::onnx::read::error::Reason;
use crate::workshop::onnx::read::shape;
use crate::workshop::onnx::read::value::{Floats, Value, with_tensor};

/// What becomes of the numbers along one axis, which keeps the length 1.
pub trait Reduction: std::fmt::Debug + Default + Send + Sync + 'static {
    /// Reduces one axis.
    fn along<const D: usize>(&self, x: Tensor<D>, axis: usize) -> Tensor<D>;
}

/// The reductions: each one's name, and how burn does it along an axis.
macro_rules! reductions {
    ($($name:ident: $method:ident;)*) => {
        $(
            #[derive(Debug, Default)]
            pub struct $name;

            impl Reduction for $name {
                fn along<const D: usize>(&self, x: Tensor<D>, axis: usize) -> Tensor<D> {
                    x.$method(axis)
                }
            }
        )*
    };
}

reductions! {
    Largest: max_dim;
    Mean: mean_dim;
    Smallest: min_dim;
    Sum: sum_dim;
}

/// A reduction along axes, or along all of them if none are named. Opset 13 or 18 made the axes an input.
#[derive(Debug)]
pub struct Reduce<R> {
    reduction: R,
    axes: Option<Vec<i64>>,
    keep: bool,
}

impl<R: Reduction> Operator for Reduce<R> {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        let keep = attributes.int("keepdims", 1) != 0;
        if attributes.int("noop_with_empty_axes", 0) != 0 {
            return Err(ParseError::Unsupported("noop_with_empty_axes".to_owned()));
        }
        Ok(Self { reduction: R::default(), axes: attributes.ints("axes"), keep })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let axes = inputs.ints_or(1, &self.axes)?;
        let floats = inputs.floats(0)?;
        let shape = floats.shape();
        let axes = match axes {
            Some(axes) if !axes.is_empty() => shape::axes(&axes, shape.len())?,
            _ => (0..shape.len()).collect(),
        };
        let reduced = with_tensor!(floats, tensor => Floats::from(self.along(tensor, &axes)));
        if self.keep {
            return one(reduced);
        }
        one(reduced.reshape(&shape::without(&shape, &axes))?)
    }
}

impl<R: Reduction> Reduce<R> {
    fn along<const D: usize>(&self, tensor: Tensor<D>, axes: &[usize]) -> Tensor<D> {
        axes.iter().fold(tensor, |tensor, &axis| self.reduction.along(tensor, axis))
    }
}
