//! Constants, and what graphs do with shapes and indices: integers that stay on the host.

use super::attributes::{Attributes, ParseError};
use super::operator::{Inputs, Operator, one};
use crate::workshop::onnx::read::error::Reason;
use crate::workshop::onnx::read::shape;
use crate::workshop::onnx::read::value::{Floats, Ints, Value};

/// A value that the node itself holds.
#[derive(Debug)]
pub struct Constant {
    value: Value,
}

impl Operator for Constant {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        let unfit = |found: &str| Reason::from(format!("expected a constant of numbers, found {found}"));
        let attribute = attributes.node.attribute.first().ok_or_else(|| unfit("nothing"))?;
        let value = match attribute.name.as_str() {
            "value" => attributes.tensor("value")?.ok_or_else(|| unfit("nothing"))?,
            "value_float" => Value::Number(attribute.f),
            "value_int" => Ints::new(vec![attribute.i], Vec::new()).into(),
            "value_ints" => Ints::vector(attribute.ints.clone()).into(),
            "value_floats" => {
                let floats = attribute.floats.clone();
                let count = floats.len();
                Floats::from_vec(floats, &[count], attributes.device)?.into()
            }
            other => return Err(unfit(other).into()),
        };
        Ok(Self { value })
    }

    fn compute(&self, _: Inputs) -> Result<Vec<Value>, Reason> {
        one(self.value.clone())
    }
}

/// A tensor of one number, in the shape that the input gives.
#[derive(Debug)]
pub struct ConstantOfShape {
    fill: Value,
}

impl Operator for ConstantOfShape {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self { fill: attributes.tensor("value")?.unwrap_or(Value::Number(0.0)) })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let shape: Vec<usize> = inputs.ints(0)?.values.iter().map(|&length| length.max(0) as usize).collect();
        let size = shape.iter().product();
        match &self.fill {
            Value::Int(ints) => one(Ints::new(vec![ints.values.first().copied().unwrap_or(0); size], shape)),
            Value::Number(number) => one(Floats::from_vec(vec![*number; size], &shape, inputs.device)?),
            Value::Float(_) => Err("the value of a ConstantOfShape has one element".into()),
        }
    }
}

/// Integers from a start up to a limit, in steps: the three inputs.
#[derive(Debug)]
pub struct Range;

impl Operator for Range {
    fn parse(_: &Attributes) -> Result<Self, ParseError> {
        Ok(Self)
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let mut bound = |position: usize| -> Result<i64, Reason> {
            inputs.ints(position)?.values.first().copied().ok_or_else(|| "an empty bound".into())
        };
        let (start, limit, step) = (bound(0)?, bound(1)?, bound(2)?);
        if step <= 0 {
            return Err(format!("a range in steps of {step}").into());
        }
        one(Ints::vector((start..limit).step_by(step as usize).collect()))
    }
}

/// The lengths of the input's axes, from `start` to `end`.
#[derive(Debug)]
pub struct Shape {
    start: i64,
    end: Option<i64>,
}

impl Operator for Shape {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self { start: attributes.int("start", 0), end: attributes.int_if("end") })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let shape = inputs.value(0)?.shape();
        let (first, last) = shape::range(self.start, self.end.unwrap_or(i64::MAX), shape.len());
        one(Ints::vector(shape[first..last].iter().map(|&length| length as i64).collect()))
    }
}

/// Integers to floats, and constant numbers to integers.
#[derive(Debug)]
pub struct Cast {
    to_float: bool,
}

impl Operator for Cast {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        // The types float, float16, double and bfloat16 of TensorProto: all are f32 here.
        Ok(Self { to_float: matches!(attributes.int("to", 1), 1 | 10 | 11 | 16) })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        match (inputs.value(0)?, self.to_float) {
            (Value::Int(ints), true) if ints.values.len() == 1 && ints.shape.len() < 2 => {
                one(Value::Number(ints.values[0] as f32))
            }
            (Value::Int(ints), true) => one(Value::Int(ints).into_floats(inputs.device)?),
            (Value::Number(number), false) => one(Ints::new(vec![number as i64], Vec::new())),
            (Value::Float(_), false) => Err("a cast of floats on the device to integers has no gradient".into()),
            (value, _) => one(value),
        }
    }
}

/// The second input if the first is not 0, else the third; integers only.
#[derive(Debug)]
pub struct Where;

impl Operator for Where {
    fn parse(_: &Attributes) -> Result<Self, ParseError> {
        Ok(Self)
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let (condition, yes, no) = (inputs.ints(0)?, inputs.ints(1)?, inputs.ints(2)?);
        let shape = shape::broadcast(&shape::broadcast(&condition.shape, &yes.shape)?, &no.shape)?;
        let (yes, no) = (shape::expand(&yes, &shape)?, shape::expand(&no, &shape)?);
        let condition = shape::expand(&condition, &shape)?;
        let choices = condition.into_iter().zip(yes.into_iter().zip(no));
        let values = choices.map(|(condition, (yes, no))| if condition != 0 { yes } else { no });
        one(Ints::new(values.collect(), shape))
    }
}
