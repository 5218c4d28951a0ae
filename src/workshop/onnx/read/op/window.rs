//! Operators that slide a window over rows and columns: convolution and pooling.

use burn::prelude::*;
use burn::tensor::module;
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};

use super::operator::Window;
use super::value::Floats;

/// `image` [B, C, H, W], `weight` [O, C / groups, h, w], `bias` [O] -> [B, O, H', W'].
pub fn convolution(
    image: Floats,
    weight: Floats,
    bias: Option<Floats>,
    window: &Window,
    groups: usize,
) -> Result<Tensor<4>, String> {
    let (image, weight) = (image.into_rank4()?, weight.into_rank4()?);
    let ([_, channels, height, width], [outputs, inputs, rows, columns]) = (image.dims(), weight.dims());
    if inputs * groups != channels || outputs % groups != 0 {
        return Err(format!(
            "a weight of {:?} in {groups} groups does not fit an image of {:?}",
            weight.dims(),
            image.dims()
        ));
    }
    let bias = bias.map(Floats::into_rank1).transpose()?;
    if bias.as_ref().is_some_and(|bias| bias.dims() != [outputs]) {
        return Err(format!("the bias must have {outputs} numbers"));
    }
    let padding = window.border.pixels([height, width], [rows, columns], window);
    check_reach([height, width], [rows, columns], padding, window)?;
    let options = ConvOptions { stride: window.stride, padding, dilation: window.dilation, groups };
    Ok(module::conv2d(image, weight, bias, options))
}

pub fn max_pool(image: Floats, window: &Window) -> Result<Tensor<4>, String> {
    let (image, kernel, padding) = pooling(image, window)?;
    let mut options = MaxPoolOptions::new(kernel).with_stride(window.stride);
    options.padding = padding;
    options.dilation = window.dilation;
    options.ceil_mode = window.ceil;
    Ok(module::max_pool2d(image, options))
}

pub fn average_pool(image: Floats, window: &Window) -> Result<Tensor<4>, String> {
    if window.dilation != [1, 1] {
        return Err("an average pooling with dilation".to_owned());
    }
    let (image, kernel, padding) = pooling(image, window)?;
    let mut options = AvgPoolOptions::new(kernel).with_stride(window.stride);
    options.padding = padding;
    options.count_include_pad = window.count_padding;
    options.ceil_mode = window.ceil;
    Ok(module::avg_pool2d(image, options))
}

/// The mean of each channel: [B, C, H, W] -> [B, C, 1, 1].
pub fn global_average_pool(image: Floats) -> Result<Tensor<4>, String> {
    let image = image.into_rank4()?;
    let [batch, channels, height, width] = image.dims();
    Ok(image.reshape([batch, channels, height * width]).mean_dim(2).reshape([batch, channels, 1, 1]))
}

/// A picture, and the window and border that a pooling moves over it.
type Pooling = (Tensor<4>, [usize; 2], [(usize, usize); 2]);

fn pooling(image: Floats, window: &Window) -> Result<Pooling, String> {
    let image = image.into_rank4()?;
    let [_, _, height, width] = image.dims();
    // The parser refuses a pooling without a kernel.
    let kernel = window.kernel.ok_or("a pooling without kernel_shape")?;
    let padding = window.border.pixels([height, width], kernel, window);
    check_reach([height, width], kernel, padding, window)?;
    Ok((image, kernel, padding))
}

fn check_reach(
    size: [usize; 2],
    kernel: [usize; 2],
    padding: [(usize, usize); 2],
    window: &Window,
) -> Result<(), String> {
    for axis in 0..2 {
        let padded = size[axis] + padding[axis].0 + padding[axis].1;
        if kernel[axis] == 0 || (kernel[axis] - 1) * window.dilation[axis] >= padded {
            return Err(format!("a window of {kernel:?} does not fit into a picture of {size:?}"));
        }
    }
    Ok(())
}
