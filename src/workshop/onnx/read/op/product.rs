//! Matrix products.

use burn::prelude::*;

use super::attributes::{Attributes, ParseError};
use super::operator::{Inputs, Operator, one};
use crate::workshop::onnx::read::error::Reason;
use crate::workshop::onnx::read::shape;
use crate::workshop::onnx::read::value::{Floats, Value, with_pair};

/// `alpha * A B + beta * C` of matrices, each of A and B perhaps transposed first.
#[derive(Debug)]
pub struct Gemm {
    alpha: f32,
    beta: f32,
    transpose_a: bool,
    transpose_b: bool,
}

impl Operator for Gemm {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self {
            alpha: attributes.float("alpha", 1.0),
            beta: attributes.float("beta", 1.0),
            transpose_a: attributes.int("transA", 0) != 0,
            transpose_b: attributes.int("transB", 0) != 0,
        })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let addend = inputs.floats_if(2)?;
        let a = matrix(inputs.floats(0)?, self.transpose_a)?;
        let b = matrix(inputs.floats(1)?, self.transpose_b)?;
        if a.dims()[1] != b.dims()[0] {
            return Err(format!("a product of {:?} and {:?}", a.dims(), b.dims()).into());
        }
        let product = a.matmul(b);
        let product = if self.alpha == 1.0 { product } else { product * self.alpha };
        let Some(addend) = addend else { return one(product) };
        let (product, addend) = Floats::broadcastable(product.into(), addend)?;
        let (product, addend) = (product.into_rank2()?, addend.into_rank2()?);
        one(product + if self.beta == 1.0 { addend } else { addend * self.beta })
    }
}

fn matrix(floats: Floats, transpose: bool) -> Result<Tensor<2>, Reason> {
    let matrix = floats.into_rank2()?;
    Ok(if transpose { matrix.transpose() } else { matrix })
}

/// A matrix product, batched and broadcast over the leading axes.
#[derive(Debug)]
pub struct MatMul;

impl Operator for MatMul {
    fn parse(_: &Attributes) -> Result<Self, ParseError> {
        Ok(Self)
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        one(matmul(inputs.floats(0)?, inputs.floats(1)?)?)
    }
}

fn matmul(a: Floats, b: Floats) -> Result<Floats, Reason> {
    let (left, right) = (a.shape(), b.shape());
    if left.len() < 2 || right.len() < 2 || left[left.len() - 1] != right[right.len() - 2] {
        return Err(format!("a product of {left:?} and {right:?}").into());
    }
    if right.len() == 2 && left.len() > 2 {
        // One large product is faster than one per batch element.
        let inner = right[0];
        let rows = left[..left.len() - 1].iter().product::<usize>();
        let product = a.reshape(&[rows, inner])?.into_rank2()?.matmul(b.into_rank2()?);
        let shape = [&left[..left.len() - 1], &right[1..]].concat();
        return Floats::from(product).reshape(&shape);
    }
    let rank = left.len().max(right.len());
    shape::broadcast(&left[..left.len() - 2], &right[..right.len() - 2])?;
    let lead = |shape: &[usize]| [vec![1; rank - shape.len()], shape.to_vec()].concat();
    let (a, b) = (a.reshape(&lead(&left))?, b.reshape(&lead(&right))?);
    Ok(with_pair!(a, b, (a, b) => Floats::from(a.matmul(b))))
}
