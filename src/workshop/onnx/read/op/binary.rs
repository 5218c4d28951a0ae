//! Operators that take two numbers at the same place, after broadcasting.

use burn::prelude::*;
use burn::tensor::activation;

use super::attributes::{Attributes, ParseError};
use super::operator::{Inputs, Operator, one};
use crate::workshop::onnx::read::error::Reason;
use crate::workshop::onnx::read::shape;
use crate::workshop::onnx::read::value::{Floats, Ints, Value, with_pair, with_tensor};

/// A function of two numbers. `Option`s are `None` if the function is not defined for what it is given.
pub trait Function: std::fmt::Debug + Default + Send + Sync + 'static {
    /// Whether a number on the left may be computed as one on the right.
    const SWAPS: bool = false;

    /// Of two tensors whose shapes broadcast.
    fn tensors<const D: usize>(&self, _a: Tensor<D>, _b: Tensor<D>) -> Option<Tensor<D>> {
        None
    }

    /// Of a tensor and one number.
    fn tensor_and_number<const D: usize>(&self, _a: Tensor<D>, _b: f32) -> Option<Tensor<D>> {
        None
    }

    /// Of two numbers on the host.
    fn numbers(&self, _a: f32, _b: f32) -> Option<f32> {
        None
    }

    /// Of two integers on the host.
    fn ints(&self, _a: i64, _b: i64) -> Option<i64> {
        None
    }
}

/// The operator that applies a function to two inputs; of more inputs, to the result and the next one.
#[derive(Debug, Default)]
pub struct Arithmetic<F>(F);

impl<F: Function> Operator for Arithmetic<F> {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        // Only Mod has it: the sign of the dividend.
        if attributes.int("fmod", 0) != 0 {
            return Err(ParseError::Unsupported("fmod".to_owned()));
        }
        Ok(Self::default())
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        if inputs.all_ints() {
            let mut result = inputs.ints(0)?;
            for position in 1..inputs.count() {
                result = self.ints(&result, &inputs.ints(position)?)?;
            }
            return one(result);
        }
        let mut result = inputs.value(0)?;
        for position in 1..inputs.count() {
            result = self.values(result, inputs.value(position)?, inputs.device)?;
        }
        one(result)
    }
}

impl<F: Function> Arithmetic<F> {
    /// Two values, broadcast; a number that is known on the host stays there.
    fn values(&self, left: Value, right: Value, device: &Device) -> Result<Value, Reason> {
        let function = &self.0;
        let refuse = || format!("{function:?} is supported for integers known on the host only");
        let result = match (left, right) {
            (Value::Number(a), Value::Number(b)) => function.numbers(a, b).map(Value::Number),
            (Value::Float(floats), Value::Number(b)) => Self::with_number(function, floats, b),
            (Value::Number(a), Value::Float(floats)) if F::SWAPS => Self::with_number(function, floats, a),
            (left, right) => {
                let (left, right) = Floats::broadcastable(left.into_floats(device)?, right.into_floats(device)?)?;
                let result: Option<Floats> =
                    with_pair!(left, right, (a, b) => function.tensors(a, b).map(Floats::from));
                result.map(Value::from)
            }
        };
        result.ok_or_else(|| refuse().into())
    }

    fn with_number(function: &F, floats: Floats, number: f32) -> Option<Value> {
        with_tensor!(floats, tensor => function.tensor_and_number(tensor, number).map(Value::from))
    }

    fn ints(&self, left: &Ints, right: &Ints) -> Result<Ints, Reason> {
        let shape = shape::broadcast(&left.shape, &right.shape)?;
        let (a, b) = (shape::expand(left, &shape)?, shape::expand(right, &shape)?);
        let values = a.into_iter().zip(b).map(|(a, b)| self.0.ints(a, b)).collect::<Option<Vec<_>>>();
        Ok(Ints::new(values.ok_or_else(|| format!("{:?} of these integers has no integer result", self.0))?, shape))
    }
}

/// `a + b`.
#[derive(Debug, Default)]
pub struct Add;

impl Function for Add {
    const SWAPS: bool = true;

    fn tensors<const D: usize>(&self, a: Tensor<D>, b: Tensor<D>) -> Option<Tensor<D>> {
        Some(a + b)
    }

    fn tensor_and_number<const D: usize>(&self, a: Tensor<D>, b: f32) -> Option<Tensor<D>> {
        Some(a + b)
    }

    fn numbers(&self, a: f32, b: f32) -> Option<f32> {
        Some(a + b)
    }

    fn ints(&self, a: i64, b: i64) -> Option<i64> {
        a.checked_add(b)
    }
}

/// `a - b`.
#[derive(Debug, Default)]
pub struct Sub;

impl Function for Sub {
    fn tensors<const D: usize>(&self, a: Tensor<D>, b: Tensor<D>) -> Option<Tensor<D>> {
        Some(a - b)
    }

    fn tensor_and_number<const D: usize>(&self, a: Tensor<D>, b: f32) -> Option<Tensor<D>> {
        Some(a - b)
    }

    fn numbers(&self, a: f32, b: f32) -> Option<f32> {
        Some(a - b)
    }

    fn ints(&self, a: i64, b: i64) -> Option<i64> {
        a.checked_sub(b)
    }
}

/// `a * b`.
#[derive(Debug, Default)]
pub struct Mul;

impl Function for Mul {
    const SWAPS: bool = true;

    fn tensors<const D: usize>(&self, a: Tensor<D>, b: Tensor<D>) -> Option<Tensor<D>> {
        Some(a * b)
    }

    fn tensor_and_number<const D: usize>(&self, a: Tensor<D>, b: f32) -> Option<Tensor<D>> {
        Some(a * b)
    }

    fn numbers(&self, a: f32, b: f32) -> Option<f32> {
        Some(a * b)
    }

    fn ints(&self, a: i64, b: i64) -> Option<i64> {
        a.checked_mul(b)
    }
}

/// `a / b`; integers are cut towards 0.
#[derive(Debug, Default)]
pub struct Div;

impl Function for Div {
    fn tensors<const D: usize>(&self, a: Tensor<D>, b: Tensor<D>) -> Option<Tensor<D>> {
        Some(a / b)
    }

    fn tensor_and_number<const D: usize>(&self, a: Tensor<D>, b: f32) -> Option<Tensor<D>> {
        Some(a / b)
    }

    fn numbers(&self, a: f32, b: f32) -> Option<f32> {
        Some(a / b)
    }

    fn ints(&self, a: i64, b: i64) -> Option<i64> {
        a.checked_div(b)
    }
}

/// `a` to the power of `b`.
#[derive(Debug, Default)]
pub struct Pow;

impl Function for Pow {
    fn tensors<const D: usize>(&self, a: Tensor<D>, b: Tensor<D>) -> Option<Tensor<D>> {
        Some(a.powf(b))
    }

    fn tensor_and_number<const D: usize>(&self, a: Tensor<D>, b: f32) -> Option<Tensor<D>> {
        Some(match b {
            2.0 => a.clone() * a,
            0.5 => a.sqrt(),
            _ => a.powf_scalar(b),
        })
    }

    fn numbers(&self, a: f32, b: f32) -> Option<f32> {
        Some(a.powf(b))
    }

    fn ints(&self, a: i64, b: i64) -> Option<i64> {
        a.checked_pow(u32::try_from(b).ok()?)
    }
}

/// The larger one.
#[derive(Debug, Default)]
pub struct Max;

impl Function for Max {
    fn tensors<const D: usize>(&self, a: Tensor<D>, b: Tensor<D>) -> Option<Tensor<D>> {
        Some(a.max_pair(b))
    }

    fn tensor_and_number<const D: usize>(&self, a: Tensor<D>, b: f32) -> Option<Tensor<D>> {
        Some(a.clamp_min(b))
    }

    fn numbers(&self, a: f32, b: f32) -> Option<f32> {
        Some(a.max(b))
    }

    fn ints(&self, a: i64, b: i64) -> Option<i64> {
        Some(a.max(b))
    }
}

/// The smaller one.
#[derive(Debug, Default)]
pub struct Min;

impl Function for Min {
    fn tensors<const D: usize>(&self, a: Tensor<D>, b: Tensor<D>) -> Option<Tensor<D>> {
        Some(a.min_pair(b))
    }

    fn tensor_and_number<const D: usize>(&self, a: Tensor<D>, b: f32) -> Option<Tensor<D>> {
        Some(a.clamp_max(b))
    }

    fn numbers(&self, a: f32, b: f32) -> Option<f32> {
        Some(a.min(b))
    }

    fn ints(&self, a: i64, b: i64) -> Option<i64> {
        Some(a.min(b))
    }
}

/// `a` above 0, `a * b` below.
#[derive(Debug, Default)]
pub struct PRelu;

impl Function for PRelu {
    fn tensors<const D: usize>(&self, a: Tensor<D>, b: Tensor<D>) -> Option<Tensor<D>> {
        Some(activation::relu(a.clone()) - b * activation::relu(a.neg()))
    }

    fn tensor_and_number<const D: usize>(&self, a: Tensor<D>, b: f32) -> Option<Tensor<D>> {
        Some(activation::leaky_relu(a, f64::from(b)))
    }

    fn numbers(&self, a: f32, b: f32) -> Option<f32> {
        Some(if a < 0.0 { a * b } else { a })
    }
}

/// The remainder of integers, with the sign of the divisor.
#[derive(Debug, Default)]
pub struct Mod;

impl Function for Mod {
    fn ints(&self, a: i64, b: i64) -> Option<i64> {
        let rest = a.checked_rem(b)?;
        Some(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
    }
}

/// 1 if two integers are equal, else 0.
#[derive(Debug, Default)]
pub struct Equal;

impl Function for Equal {
    fn ints(&self, a: i64, b: i64) -> Option<i64> {
        Some(i64::from(a == b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_broadcast_like_numpy() {
        let column = Ints::new(vec![1, 2], vec![2, 1]);
        let row = Ints::vector(vec![10, 20, 30]);
        let sum = Arithmetic(Add).ints(&column, &row).unwrap();
        assert_eq!(sum, Ints::new(vec![11, 21, 31, 12, 22, 32], vec![2, 3]));
    }
}
