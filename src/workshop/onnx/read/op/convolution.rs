//! Convolution over rows and columns.

use burn::prelude::*;
use burn::tensor::module;
use burn::tensor::ops::ConvOptions;

use super::attributes::{Attributes, ParseError};
use super::operator::{Inputs, Operator, one};
use super::window::Window;
use crate::workshop::onnx::read::error::Reason;
use crate::workshop::onnx::read::value::{Floats, Value};

/// Image [B, C, H, W], weight [O, C / groups, h, w] and perhaps bias [O] -> [B, O, H', W'].
#[derive(Debug)]
pub struct Conv {
    window: Window,
    groups: usize,
}

impl Operator for Conv {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        // The kernel's size is that of the weight; the attribute is read to refuse other than two axes.
        attributes.pair("kernel_shape")?;
        Ok(Self { window: Window::parse(attributes)?, groups: attributes.int("group", 1).max(1) as usize })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let bias = inputs.floats_if(2)?;
        let (image, weight) = (inputs.floats(0)?.into_rank4()?, inputs.floats(1)?.into_rank4()?);
        one(self.convolve(image, weight, bias)?)
    }
}

impl Conv {
    fn convolve(&self, image: Tensor<4>, weight: Tensor<4>, bias: Option<Floats>) -> Result<Tensor<4>, Reason> {
        let ([_, channels, height, width], [outputs, inputs, rows, columns]) = (image.dims(), weight.dims());
        let groups = self.groups;
        if inputs * groups != channels || outputs % groups != 0 {
            let (weight, image) = (weight.dims(), image.dims());
            return Err(format!("a weight of {weight:?} in {groups} groups does not fit an image of {image:?}").into());
        }
        let bias = bias.map(Floats::into_rank1).transpose()?;
        if bias.as_ref().is_some_and(|bias| bias.dims() != [outputs]) {
            return Err(format!("the bias must have {outputs} numbers").into());
        }
        let padding = self.window.padding([height, width], [rows, columns])?;
        let Window { stride, dilation, .. } = self.window;
        Ok(module::conv2d(image, weight, bias, ConvOptions { stride, padding, dilation, groups }))
    }
}
