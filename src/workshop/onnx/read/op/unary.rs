//! Operators that take each number by itself, or two numbers at the same place.

use burn::prelude::*;
use burn::tensor::activation;

use super::operator::{Binary, Unary};
use super::value::{Floats, Value, with_pair, with_tensor};
use crate::workshop::fused;

pub fn unary(operator: Unary, floats: Floats) -> Floats {
    with_tensor!(floats, tensor => apply(operator, tensor).into())
}

fn apply<const D: usize>(operator: Unary, tensor: Tensor<D>) -> Tensor<D> {
    match operator {
        Unary::Relu => activation::relu(tensor),
        Unary::Sigmoid => activation::sigmoid(tensor),
        Unary::Tanh => tensor.tanh(),
        Unary::Exp => tensor.exp(),
        Unary::Log => tensor.log(),
        Unary::Sqrt => tensor.sqrt(),
        Unary::Erf => tensor.erf(),
        Unary::Neg => tensor.neg(),
        Unary::Abs => tensor.abs(),
        Unary::Reciprocal => tensor.recip(),
        Unary::LeakyRelu { slope } => activation::leaky_relu(tensor, f64::from(slope)),
        Unary::Elu { alpha } => activation::elu(tensor, f64::from(alpha)),
        Unary::Softplus => activation::softplus(tensor, 1.0),
        Unary::HardSigmoid { alpha, beta } => (tensor * alpha + beta).clamp(0.0, 1.0),
        Unary::HardSwish => tensor.clone() * (tensor / 6.0 + 0.5).clamp(0.0, 1.0),
        Unary::Gelu { tanh: false } => fused::gelu(tensor),
        Unary::Gelu { tanh: true } => activation::gelu_approximate(tensor),
    }
}

/// Limits to `min..=max`; the gradient is 1 inside and 0 outside.
pub fn clip(floats: Floats, min: Option<f32>, max: Option<f32>) -> Floats {
    // ReLU6 and the clamp of a purifier's output start at 0, and relu keeps only its output for the backward pass.
    let (floats, min) = if min == Some(0.0) { (unary(Unary::Relu, floats), None) } else { (floats, min) };
    with_tensor!(floats, tensor => match (min, max) {
        (Some(min), Some(max)) => tensor.clamp(min, max),
        (Some(min), None) => tensor.clamp_min(min),
        (None, Some(max)) => tensor.clamp_max(max),
        (None, None) => tensor,
    }.into())
}

/// Two values, broadcast; a number that is known on the host stays there.
pub fn binary(operator: Binary, left: Value, right: Value, device: &Device) -> Result<Value, String> {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => Ok(Value::Number(number(operator, a, b)?)),
        (Value::Float(floats), Value::Number(b)) if scalar_is_simple(operator) => {
            Ok(with_tensor!(floats, tensor => Floats::from(with_scalar(operator, tensor, b))).into())
        }
        (Value::Number(a), Value::Float(floats)) if matches!(operator, Binary::Add | Binary::Mul) => {
            Ok(with_tensor!(floats, tensor => Floats::from(with_scalar(operator, tensor, a))).into())
        }
        (left, right) => {
            let (left, right) = (left.into_floats(device)?, right.into_floats(device)?);
            if matches!(operator, Binary::Mod | Binary::Equal) {
                return Err(format!("{operator:?} is supported for integers known on the host only"));
            }
            let (left, right) = Floats::broadcastable(left, right)?;
            Ok(with_pair!(left, right, (a, b) => pair(operator, a, b)).into())
        }
    }
}

fn number(operator: Binary, a: f32, b: f32) -> Result<f32, String> {
    Ok(match operator {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Pow => a.powf(b),
        Binary::Max => a.max(b),
        Binary::Min => a.min(b),
        Binary::PRelu => {
            if a < 0.0 {
                a * b
            } else {
                a
            }
        }
        Binary::Mod | Binary::Equal => return Err(format!("{operator:?} is supported for integers only")),
    })
}

fn scalar_is_simple(operator: Binary) -> bool {
    !matches!(operator, Binary::Mod | Binary::Equal)
}

fn with_scalar<const D: usize>(operator: Binary, tensor: Tensor<D>, number: f32) -> Tensor<D> {
    match operator {
        Binary::Add => tensor + number,
        Binary::Sub => tensor - number,
        Binary::Mul => tensor * number,
        Binary::Div => tensor / number,
        Binary::Pow if number == 2.0 => tensor.clone() * tensor,
        Binary::Pow if number == 0.5 => tensor.sqrt(),
        Binary::Pow => tensor.powf_scalar(number),
        Binary::Max => tensor.clamp_min(number),
        Binary::Min => tensor.clamp_max(number),
        Binary::PRelu => activation::leaky_relu(tensor, f64::from(number)),
        Binary::Mod | Binary::Equal => unreachable!("scalar_is_simple excludes these"),
    }
}

fn pair<const D: usize>(operator: Binary, a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    match operator {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Pow => a.powf(b),
        Binary::Max => a.max_pair(b),
        Binary::Min => a.min_pair(b),
        Binary::PRelu => activation::relu(a.clone()) - b * activation::relu(a.neg()),
        Binary::Mod | Binary::Equal => unreachable!("binary refuses these before"),
    }
}
