//! One node at a time: an operator and its inputs to its outputs.

use burn::prelude::*;

use super::operator::{Binary, Operator, Unary};
use super::value::{Floats, Ints, Value};
use super::{elementwise, host, layout, linear, window};

/// The inputs of a node by position; an optional one may be absent.
pub struct Inputs<'a> {
    pub values: Vec<Option<Value>>,
    pub device: &'a Device,
}

impl Inputs<'_> {
    pub fn has(&self, position: usize) -> bool {
        matches!(self.values.get(position), Some(Some(_)))
    }

    pub fn value(&mut self, position: usize) -> Result<Value, String> {
        self.values.get_mut(position).and_then(Option::take).ok_or_else(|| format!("input {position} is missing"))
    }

    pub fn floats(&mut self, position: usize) -> Result<Floats, String> {
        self.value(position)?.into_floats(self.device)
    }

    pub fn ints(&mut self, position: usize) -> Result<Ints, String> {
        match self.value(position)? {
            Value::Int(ints) => Ok(ints),
            _ => Err(format!("input {position} is not a tensor of integers known on the host")),
        }
    }

    /// Integers that newer opsets give as an input and older ones as an attribute.
    pub fn ints_or(&mut self, position: usize, attribute: &Option<Vec<i64>>) -> Result<Option<Vec<i64>>, String> {
        if self.has(position) { Ok(Some(self.ints(position)?.values)) } else { Ok(attribute.clone()) }
    }

    /// A single number; reading one that is on the device is slow and is not done for constants.
    pub fn number(&mut self, position: usize) -> Result<f32, String> {
        match self.value(position)? {
            Value::Number(number) => Ok(number),
            Value::Int(ints) if ints.values.len() == 1 => Ok(ints.values[0] as f32),
            Value::Float(floats) if floats.shape().iter().product::<usize>() == 1 => Ok(floats.to_vec()?[0]),
            other => Err(format!("input {position} must be one number, found shape {:?}", other.shape())),
        }
    }

    fn all_ints(&self) -> bool {
        !self.values.is_empty() && self.values.iter().flatten().all(|value| matches!(value, Value::Int(_)))
    }

    fn count(&self) -> usize {
        self.values.len()
    }
}

/// Runs one operator.
///
/// # Errors
/// Says which input does not fit and how; never panics on shapes that contradict each other.
pub fn evaluate(operator: &Operator, mut inputs: Inputs) -> Result<Vec<Value>, String> {
    let one = |value: Value| Ok(vec![value]);
    match operator {
        Operator::Constant => Err("a constant without a value".to_owned()),
        Operator::Identity => one(inputs.value(0)?),
        Operator::Unary(unary) => one(unary_value(*unary, inputs.value(0)?, inputs.device)?),
        Operator::Clip { min, max } => {
            let min = if inputs.has(1) { Some(inputs.number(1)?) } else { *min };
            let max = if inputs.has(2) { Some(inputs.number(2)?) } else { *max };
            one(elementwise::clip(inputs.floats(0)?, min, max).into())
        }
        Operator::Binary(binary) => binary_values(*binary, inputs),
        Operator::Conv(window, groups) => {
            let bias = if inputs.has(2) { Some(inputs.floats(2)?) } else { None };
            one(window::convolution(inputs.floats(0)?, inputs.floats(1)?, bias, window, *groups)?.into())
        }
        Operator::BatchNormalization { epsilon } => {
            let (scale, shift) = linear::batch_normalization(
                [inputs.floats(1)?, inputs.floats(2)?, inputs.floats(3)?, inputs.floats(4)?],
                *epsilon,
            )?;
            one(linear::scale_and_shift(inputs.floats(0)?, scale, shift)?.into())
        }
        Operator::MaxPool(window) => one(window::max_pool(inputs.floats(0)?, window)?.into()),
        Operator::AveragePool(window) => one(window::average_pool(inputs.floats(0)?, window)?.into()),
        Operator::GlobalAveragePool => one(window::global_average_pool(inputs.floats(0)?)?.into()),
        Operator::Reduce { kind, axes, keep } => {
            let axes = inputs.ints_or(1, axes)?;
            one(linear::reduce(inputs.floats(0)?, *kind, axes, *keep)?.into())
        }
        Operator::Softmax { axis, log, flatten } => {
            one(linear::softmax(inputs.floats(0)?, *axis, *log, *flatten)?.into())
        }
        Operator::LayerNormalization { axis, epsilon } => {
            let bias = if inputs.has(2) { Some(inputs.floats(2)?) } else { None };
            one(linear::layer_normalization(inputs.floats(0)?, inputs.floats(1)?, bias, *axis, *epsilon)?.into())
        }
        Operator::Gemm { alpha, beta, transpose_a, transpose_b } => {
            let addend = if inputs.has(2) { Some(inputs.floats(2)?) } else { None };
            let flip = |floats: Floats, flip: bool| {
                floats.into_rank2().map(|matrix| if flip { matrix.transpose() } else { matrix })
            };
            let (a, b) = (flip(inputs.floats(0)?, *transpose_a)?, flip(inputs.floats(1)?, *transpose_b)?);
            one(linear::gemm(a, b, addend, *alpha, *beta)?.into())
        }
        Operator::MatMul => one(linear::matmul(inputs.floats(0)?, inputs.floats(1)?)?.into()),
        Operator::Where => {
            let (condition, yes, no) = (inputs.ints(0)?, inputs.ints(1)?, inputs.ints(2)?);
            let shape = host::broadcast(&host::broadcast(&condition.shape, &yes.shape)?, &no.shape)?;
            let (condition, yes, no) =
                (host::expand(&condition, &shape)?, host::expand(&yes, &shape)?, host::expand(&no, &shape)?);
            let values = condition
                .iter()
                .zip(yes.iter().zip(no))
                .map(|(&condition, (&yes, no))| if condition != 0 { yes } else { no });
            one(Ints::new(values.collect(), shape).into())
        }
        shaping => layout::evaluate(shaping, inputs),
    }
}

fn unary_value(unary: Unary, value: Value, device: &Device) -> Result<Value, String> {
    match value {
        Value::Int(ints) if unary == Unary::Neg => {
            Ok(Ints::new(ints.values.into_iter().map(i64::wrapping_neg).collect(), ints.shape).into())
        }
        Value::Number(number) => {
            // Through the same code as a tensor, so that a number and a tensor of one element cannot differ.
            let result = elementwise::unary(unary, Floats::from_vec(vec![number], &[1], device)?);
            Ok(Value::Number(result.to_vec()?[0]))
        }
        value => Ok(elementwise::unary(unary, value.into_floats(device)?).into()),
    }
}

fn binary_values(binary: Binary, mut inputs: Inputs) -> Result<Vec<Value>, String> {
    if inputs.all_ints() {
        let mut result = inputs.ints(0)?;
        for position in 1..inputs.count() {
            result = host::binary(binary, &result, &inputs.ints(position)?)?;
        }
        return Ok(vec![result.into()]);
    }
    let mut result = inputs.value(0)?;
    for position in 1..inputs.count() {
        result = elementwise::binary(binary, result, inputs.value(position)?, inputs.device)?;
    }
    Ok(vec![result])
}
