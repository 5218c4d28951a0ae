//! Operators that take each number by itself.

use burn::prelude::*;
use burn::tensor::activation;

use super::attributes::{Attributes, ParseError};
use super::operator::{Inputs, Operator, one};
use crate::workshop::fused;
use crate::workshop::onnx::read::error::Reason;
use crate::workshop::onnx::read::value::{Floats, Ints, Value, with_tensor};

/// A function of one number, with its attributes.
pub trait Function: std::fmt::Debug + Send + Sync + 'static {
    /// Reads its attributes.
    fn parse(attributes: &Attributes) -> Self;

    /// The function of every number of a tensor; the shape stays.
    fn of<const D: usize>(&self, x: Tensor<D>) -> Tensor<D>;

    /// The function of an integer, if the result is an integer for each; else integers become floats first.
    fn of_int(&self, _x: i64) -> Option<i64> {
        None
    }
}

/// The operator that applies a function to every number of its input.
#[derive(Debug)]
pub struct Elementwise<F>(F);

impl<F: Function> Elementwise<F> {
    fn floats(&self, floats: Floats) -> Floats {
        with_tensor!(floats, tensor => self.0.of(tensor).into())
    }
}

impl<F: Function> Operator for Elementwise<F> {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self(F::parse(attributes)))
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        match inputs.value(0)? {
            Value::Number(number) => {
                // Through the same code as a tensor, so that a number and a tensor of one element cannot differ.
                let result = self.floats(Floats::from_vec(vec![number], &[1], inputs.device)?);
                one(Value::Number(result.to_vec()?[0]))
            }
            Value::Int(ints) => match ints.values.iter().map(|&x| self.0.of_int(x)).collect() {
                Some(values) => one(Ints::new(values, ints.shape)),
                None => one(self.floats(Value::Int(ints).into_floats(inputs.device)?)),
            },
            Value::Float(floats) => one(self.floats(floats)),
        }
    }
}

/// Functions without attributes: each one's name in ONNX, and what it makes of a tensor.
macro_rules! functions {
    ($($name:ident: $x:ident => $result:expr;)*) => {
        $(
            #[derive(Debug)]
            pub struct $name;

            impl Function for $name {
                fn parse(_: &Attributes) -> Self {
                    Self
                }

                fn of<const D: usize>(&self, $x: Tensor<D>) -> Tensor<D> {
                    $result
                }
            }
        )*
    };
}

functions! {
    Abs: x => x.abs();
    Erf: x => x.erf();
    Exp: x => x.exp();
    HardSwish: x => x.clone() * (x / 6.0 + 0.5).clamp(0.0, 1.0);
    Log: x => x.log();
    Reciprocal: x => x.recip();
    Relu: x => activation::relu(x);
    Sigmoid: x => activation::sigmoid(x);
    Softplus: x => activation::softplus(x, 1.0);
    Sqrt: x => x.sqrt();
    Tanh: x => x.tanh();
}

/// `-x`, of integers too.
#[derive(Debug)]
pub struct Neg;

impl Function for Neg {
    fn parse(_: &Attributes) -> Self {
        Self
    }

    fn of<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        x.neg()
    }

    fn of_int(&self, x: i64) -> Option<i64> {
        Some(x.wrapping_neg())
    }
}

/// `x` above 0, `alpha * x` below.
#[derive(Debug)]
pub struct LeakyRelu {
    alpha: f32,
}

impl Function for LeakyRelu {
    fn parse(attributes: &Attributes) -> Self {
        Self { alpha: attributes.float("alpha", 0.01) }
    }

    fn of<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        activation::leaky_relu(x, f64::from(self.alpha))
    }
}

/// `x` above 0, `alpha * (e^x - 1)` below.
#[derive(Debug)]
pub struct Elu {
    alpha: f32,
}

impl Function for Elu {
    fn parse(attributes: &Attributes) -> Self {
        Self { alpha: attributes.float("alpha", 1.0) }
    }

    fn of<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        activation::elu(x, f64::from(self.alpha))
    }
}

/// `alpha * x + beta`, limited to 0..1.
#[derive(Debug)]
pub struct HardSigmoid {
    alpha: f32,
    beta: f32,
}

impl Function for HardSigmoid {
    fn parse(attributes: &Attributes) -> Self {
        Self { alpha: attributes.float("alpha", 0.2), beta: attributes.float("beta", 0.5) }
    }

    fn of<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        (x * self.alpha + self.beta).clamp(0.0, 1.0)
    }
}

/// `x` times the normal distribution function of `x`, exact or through a hyperbolic tangent.
#[derive(Debug)]
pub struct Gelu {
    tanh: bool,
}

impl Function for Gelu {
    fn parse(attributes: &Attributes) -> Self {
        Self { tanh: attributes.text("approximate", "none") == "tanh" }
    }

    fn of<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if self.tanh { activation::gelu_approximate(x) } else { fused::gelu(x) }
    }
}

/// Limits to `min..=max`; the gradient is 1 inside and 0 outside. Opset 11 made the limits inputs.
#[derive(Debug)]
pub struct Clip {
    min: Option<f32>,
    max: Option<f32>,
}

impl Operator for Clip {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self { min: attributes.float_if("min"), max: attributes.float_if("max") })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let (min, max) = (inputs.number_or(1, self.min)?, inputs.number_or(2, self.max)?);
        one(with_tensor!(inputs.floats(0)?, tensor => Floats::from(clip(tensor, min, max))))
    }
}

fn clip<const D: usize>(x: Tensor<D>, min: Option<f32>, max: Option<f32>) -> Tensor<D> {
    match (min, max) {
        (Some(min), Some(max)) => fused::clamp(x, min, max),
        (Some(0.0), None) => activation::relu(x),
        (Some(min), None) => x.clamp_min(min),
        (None, Some(max)) => x.clamp_max(max),
        (None, None) => x,
    }
}
