//! Pooling: the largest or the mean value under a window.

use burn::prelude::*;
use burn::tensor::module;
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};

use super::attributes::{Attributes, ParseError};
use super::operator::{Inputs, Operator, one};
use super::window::Window;
use crate::workshop::onnx::read::error::Reason;
use crate::workshop::onnx::read::value::{Floats, Value};

/// What both poolings have in common.
#[derive(Debug)]
struct Pooling {
    kernel: [usize; 2],
    window: Window,
    /// Whether a window that reaches over the end gives an output too.
    ceil: bool,
}

/// A picture, and the border that a pooling adds to it.
type Padded = (Tensor<4>, [(usize, usize); 2]);

impl Pooling {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        let window = Window::parse(attributes)?;
        let kernel = attributes.pair("kernel_shape")?;
        let kernel = kernel.ok_or_else(|| ParseError::Unsupported("a pooling without kernel_shape".to_owned()))?;
        Ok(Self { kernel, window, ceil: attributes.int("ceil_mode", 0) != 0 })
    }

    fn pad(&self, image: Floats) -> Result<Padded, Reason> {
        let image = image.into_rank4()?;
        let [_, _, height, width] = image.dims();
        let padding = self.window.padding([height, width], self.kernel)?;
        Ok((image, padding))
    }
}

/// The largest value under each place of the window.
#[derive(Debug)]
pub struct MaxPool(Pooling);

impl Operator for MaxPool {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Pooling::parse(attributes).map(Self)
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let Self(pooling) = self;
        let (image, padding) = pooling.pad(inputs.floats(0)?)?;
        let mut options = MaxPoolOptions::new(pooling.kernel).with_stride(pooling.window.stride);
        options.padding = padding;
        options.dilation = pooling.window.dilation;
        options.ceil_mode = pooling.ceil;
        one(module::max_pool2d(image, options))
    }
}

/// The mean value under each place of the window.
#[derive(Debug)]
pub struct AveragePool {
    pooling: Pooling,
    /// Whether the border counts as zeros in the mean.
    count_padding: bool,
}

impl Operator for AveragePool {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        let count_padding = attributes.int("count_include_pad", 0) != 0;
        Ok(Self { pooling: Pooling::parse(attributes)?, count_padding })
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let pooling = &self.pooling;
        if pooling.window.dilation != [1, 1] {
            return Err("an average pooling with dilation".into());
        }
        let (image, padding) = pooling.pad(inputs.floats(0)?)?;
        let mut options = AvgPoolOptions::new(pooling.kernel).with_stride(pooling.window.stride);
        options.padding = padding;
        options.count_include_pad = self.count_padding;
        options.ceil_mode = pooling.ceil;
        one(module::avg_pool2d(image, options))
    }
}

/// The mean of each channel: [B, C, H, W] -> [B, C, 1, 1].
#[derive(Debug)]
pub struct GlobalAveragePool;

impl Operator for GlobalAveragePool {
    fn parse(_: &Attributes) -> Result<Self, ParseError> {
        Ok(Self)
    }

    fn compute(&self, mut inputs: Inputs) -> Result<Vec<Value>, Reason> {
        let image = inputs.floats(0)?;
        if image.rank() != 4 {
            return Err(format!("an input of {} axes, expected 4", image.rank()).into());
        }
        let image = image.into_rank4()?;
        let [batch, channels, height, width] = image.dims();
        one(image.reshape([batch, channels, height * width]).mean_dim(2).reshape([batch, channels, 1, 1]))
    }
}
