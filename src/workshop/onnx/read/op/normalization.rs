//! The normalisations: batch, layer, and soft-max.

use burn::prelude::*;
use burn::tensor::activation;

use super::attributes::{Attributes, ParseError};
use super::operator::{Inputs, Operator, one};
use crate::workshop::fused;
use crate::workshop::onnx::read::error::Reason;
use crate::workshop::onnx::read::shape;
use crate::workshop::onnx::read::value::{Floats, Value, with_pair, with_tensor};

/// `(x - mean) / sqrt(variance + epsilon) * scale + bias` per channel, with stored means and variances.
#[derive(Debug)]
pub struct BatchNormalization {
    epsilon: f32,
}

impl Operator for BatchNormalization {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self { epsilon: attributes.float("epsilon", 1e-5) })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let parameters = [inputs.floats(1)?, inputs.floats(2)?, inputs.floats(3)?, inputs.floats(4)?];
        let (scale, shift) = self.scale_and_shift(parameters)?;
        one(scale_and_shift(inputs.floats(0)?, scale, shift)?)
    }
}

impl BatchNormalization {
    /// The scale and shift of each channel that the normalisation amounts to.
    ///
    /// `parameters` are scale, bias, mean and variance, each with one number per channel.
    pub fn scale_and_shift(&self, parameters: [Floats; 4]) -> Result<(Tensor<1>, Tensor<1>), Reason> {
        let [scale, bias, mean, variance] = parameters;
        let (scale, bias) = (scale.into_rank1()?, bias.into_rank1()?);
        let (mean, variance) = (mean.into_rank1()?, variance.into_rank1()?);
        if [bias.dims(), mean.dims(), variance.dims()].iter().any(|dims| *dims != scale.dims()) {
            return Err("scale, bias, mean and variance differ in length".into());
        }
        let scale = scale / (variance + self.epsilon).sqrt();
        let shift = bias - mean * scale.clone();
        Ok((scale, shift))
    }
}

/// `floats * scale + shift` per channel (axis 1).
fn scale_and_shift(floats: Floats, scale: Tensor<1>, shift: Tensor<1>) -> Result<Floats, Reason> {
    let shape = floats.shape();
    let channels = *shape.get(1).ok_or("a normalisation of a tensor without channels")?;
    if scale.dims() != [channels] {
        return Err(format!("{} scales for {channels} channels", scale.dims()[0]).into());
    }
    let mut wide = vec![1; shape.len()];
    wide[1] = channels;
    let (scale, shift) = (Floats::from(scale).reshape(&wide)?, Floats::from(shift).reshape(&wide)?);
    let scaled = with_pair!(floats, scale, (a, b) => Floats::from(a * b));
    Ok(with_pair!(scaled, shift, (a, b) => Floats::from(a + b)))
}

/// `(x - mean) / sqrt(variance + epsilon) * scale + bias` over all axes from `axis` on.
#[derive(Debug)]
pub struct LayerNormalization {
    axis: i64,
    epsilon: f32,
}

impl Operator for LayerNormalization {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self { axis: attributes.int("axis", -1), epsilon: attributes.float("epsilon", 1e-5) })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let bias = inputs.floats_if(2)?;
        one(self.normalise(inputs.floats(0)?, inputs.floats(1)?, bias)?)
    }
}

impl LayerNormalization {
    fn normalise(&self, floats: Floats, scale: Floats, bias: Option<Floats>) -> Result<Floats, Reason> {
        let shape = floats.shape();
        let axis = shape::axis(self.axis, shape.len())?;
        let inner = shape[axis..].iter().product::<usize>();
        let scale = scale.reshape(&[inner])?.into_rank1()?;
        let bias = bias.map(|bias| bias.reshape(&[inner])?.into_rank1()).transpose()?;
        let bias = bias.unwrap_or_else(|| scale.zeros_like());
        let epsilon = self.epsilon;
        if axis + 1 == shape.len() {
            return Ok(with_tensor!(floats, tensor => fused::normalise(tensor, scale, bias, epsilon).into()));
        }
        let outer = shape[..axis].iter().product::<usize>();
        let rows = floats.reshape(&[outer, inner])?.into_rank2()?;
        Floats::from(fused::normalise(rows, scale, bias, epsilon)).reshape(&shape)
    }
}

/// Which numbers are one distribution.
#[derive(Debug)]
struct Distribution {
    axis: i64,
    /// Before opset 13, everything from the axis on is one distribution.
    flatten: bool,
}

impl Distribution {
    fn parse(attributes: &Attributes) -> Self {
        let flatten = attributes.opset < 13;
        Self { axis: attributes.int("axis", if flatten { 1 } else { -1 }), flatten }
    }

    /// Applies `normalise`, which gets the numbers and the axis of the distributions.
    fn apply(&self, floats: Floats, normalise: impl Fn(Floats, usize) -> Floats) -> Result<Floats, Reason> {
        let shape = floats.shape();
        let axis = shape::axis(self.axis, shape.len())?;
        if !self.flatten {
            return Ok(normalise(floats, axis));
        }
        let (rows, columns) = (shape[..axis].iter().product::<usize>(), shape[axis..].iter().product::<usize>());
        normalise(floats.reshape(&[rows, columns])?, 1).reshape(&shape)
    }
}

/// Logits to probabilities.
#[derive(Debug)]
pub struct Softmax(Distribution);

impl Operator for Softmax {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self(Distribution::parse(attributes)))
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let softmax = |floats: Floats, axis: usize| -> Floats {
            with_tensor!(floats, tensor => activation::softmax(tensor, axis).into())
        };
        one(self.0.apply(inputs.floats(0)?, softmax)?)
    }
}

/// Logits to logarithms of probabilities.
#[derive(Debug)]
pub struct LogSoftmax(Distribution);

impl Operator for LogSoftmax {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self(Distribution::parse(attributes)))
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let log_softmax = |floats: Floats, axis: usize| -> Floats {
            with_tensor!(floats, tensor => activation::log_softmax(tensor, axis).into())
        };
        one(self.0.apply(inputs.floats(0)?, log_softmax)?)
    }
}
