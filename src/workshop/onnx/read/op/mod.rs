//! The operators that can be read, one file per family.
//!
//! An operator is a struct with its attributes and an implementation of [`Operator`]: how it is parsed, and what it
//! computes. To add one, write the struct in the file of its family and add a line to [`OPERATORS`].

mod arrange;
mod attributes;
pub mod binary;
mod constant;
pub mod convolution;
pub mod normalization;
mod operator;
mod parts;
mod pooling;
mod product;
mod reduce;
pub mod reshape;
mod unary;
mod window;

use std::sync::Arc;

pub use attributes::{Attributes, ParseError};
pub use operator::{Inputs, Operator};

use arrange::{DepthToSpace, Expand, Pad, Tile, Transpose};
use binary::{Add, Arithmetic, Div, Equal, Max, Min, Mod, Mul, PRelu, Pow, Sub};
use constant::{Cast, Constant, ConstantOfShape, Range, Shape, Where};
use convolution::Conv;
use normalization::{BatchNormalization, LayerNormalization, LogSoftmax, Softmax};
use parts::{Concat, Gather, Slice, Split};
use pooling::{AveragePool, GlobalAveragePool, MaxPool};
use product::{Gemm, MatMul};
use reduce::{Largest, Mean, Reduce, Smallest, Sum};
use reshape::{Flatten, Identity, Reshape, Squeeze, Unsqueeze};
use unary::{
    Abs, Clip, Elementwise, Elu, Erf, Exp, Gelu, HardSigmoid, HardSwish, LeakyRelu, Log, Neg, Reciprocal, Relu,
    Sigmoid, Softplus, Sqrt, Tanh,
};

/// Makes an operator of a node's attributes.
pub type Parse = fn(&Attributes) -> Result<Arc<dyn Operator>, ParseError>;

/// Every operator by its name in ONNX (`op_type`).
const OPERATORS: &[(&str, Parse)] = &[
    ("Abs", parse::<Elementwise<Abs>>),
    ("Add", parse::<Arithmetic<Add>>),
    ("AveragePool", parse::<AveragePool>),
    ("BatchNormalization", parse::<BatchNormalization>),
    ("Cast", parse::<Cast>),
    ("Clip", parse::<Clip>),
    ("Concat", parse::<Concat>),
    ("Constant", parse::<Constant>),
    ("ConstantOfShape", parse::<ConstantOfShape>),
    ("Conv", parse::<Conv>),
    ("DepthToSpace", parse::<DepthToSpace>),
    ("Div", parse::<Arithmetic<Div>>),
    ("Dropout", parse::<Identity>),
    ("Elu", parse::<Elementwise<Elu>>),
    ("Equal", parse::<Arithmetic<Equal>>),
    ("Erf", parse::<Elementwise<Erf>>),
    ("Exp", parse::<Elementwise<Exp>>),
    ("Expand", parse::<Expand>),
    ("Flatten", parse::<Flatten>),
    ("Gather", parse::<Gather>),
    ("Gelu", parse::<Elementwise<Gelu>>),
    ("Gemm", parse::<Gemm>),
    ("GlobalAveragePool", parse::<GlobalAveragePool>),
    ("HardSigmoid", parse::<Elementwise<HardSigmoid>>),
    ("HardSwish", parse::<Elementwise<HardSwish>>),
    ("Identity", parse::<Identity>),
    ("LayerNormalization", parse::<LayerNormalization>),
    ("LeakyRelu", parse::<Elementwise<LeakyRelu>>),
    ("Log", parse::<Elementwise<Log>>),
    ("LogSoftmax", parse::<LogSoftmax>),
    ("MatMul", parse::<MatMul>),
    ("Max", parse::<Arithmetic<Max>>),
    ("MaxPool", parse::<MaxPool>),
    ("Min", parse::<Arithmetic<Min>>),
    ("Mod", parse::<Arithmetic<Mod>>),
    ("Mul", parse::<Arithmetic<Mul>>),
    ("Neg", parse::<Elementwise<Neg>>),
    ("PRelu", parse::<Arithmetic<PRelu>>),
    ("Pad", parse::<Pad>),
    ("Pow", parse::<Arithmetic<Pow>>),
    ("Range", parse::<Range>),
    ("Reciprocal", parse::<Elementwise<Reciprocal>>),
    ("ReduceMax", parse::<Reduce<Largest>>),
    ("ReduceMean", parse::<Reduce<Mean>>),
    ("ReduceMin", parse::<Reduce<Smallest>>),
    ("ReduceSum", parse::<Reduce<Sum>>),
    ("Relu", parse::<Elementwise<Relu>>),
    ("Reshape", parse::<Reshape>),
    ("Shape", parse::<Shape>),
    ("Sigmoid", parse::<Elementwise<Sigmoid>>),
    ("Slice", parse::<Slice>),
    ("Softmax", parse::<Softmax>),
    ("Softplus", parse::<Elementwise<Softplus>>),
    ("Split", parse::<Split>),
    ("Sqrt", parse::<Elementwise<Sqrt>>),
    ("Squeeze", parse::<Squeeze>),
    ("Sub", parse::<Arithmetic<Sub>>),
    ("Sum", parse::<Arithmetic<Add>>),
    ("Tanh", parse::<Elementwise<Tanh>>),
    ("Tile", parse::<Tile>),
    ("Transpose", parse::<Transpose>),
    ("Unsqueeze", parse::<Unsqueeze>),
    ("Where", parse::<Where>),
];

fn parse<O: Operator>(attributes: &Attributes) -> Result<Arc<dyn Operator>, ParseError> {
    Ok(Arc::new(O::parse(attributes)?))
}

/// How an operator of ONNX's own set is parsed; `None` if it is not known here.
pub fn find(domain: &str, op_type: &str) -> Option<Parse> {
    let own = matches!(domain, "" | "ai.onnx");
    let known = OPERATORS.iter().find(|(name, _)| *name == op_type);
    known.filter(|_| own).map(|(_, parse)| *parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_stands_in_the_table_once_and_in_order() {
        assert!(OPERATORS.is_sorted_by(|(one, _), (next, _)| one < next));
    }

    #[test]
    fn an_operator_of_another_domain_is_unknown() {
        assert!(find("", "Relu").is_some() && find("com.microsoft", "Relu").is_none());
    }
}
