//! The three families of classifiers, and their blocks.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::activation::{gelu, relu, silu};
use serde::{Deserialize, Serialize};

/// The kind of block that a network consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Two 3x3 convolutions with batch normalisation and a shortcut (He et al., arXiv 1512.03385, figure 5 left).
    Residual,
    /// 1x1 expansion, 3x3 depth-wise convolution, 1x1 projection (Sandler et al., arXiv 1801.04381), with SiLU.
    Inverted,
    /// 7x7 depth-wise convolution, layer normalisation, two-layer perceptron (Liu et al., arXiv 2201.03545).
    ConvNext,
}

/// A name that no family has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no family '{name}': expected residual, inverted or convnext")]
pub struct UnknownFamily {
    /// The name that was given.
    pub name: String,
}

impl std::str::FromStr for Family {
    type Err = UnknownFamily;

    fn from_str(name: &str) -> Result<Self, UnknownFamily> {
        match name {
            "residual" => Ok(Self::Residual),
            "inverted" => Ok(Self::Inverted),
            "convnext" => Ok(Self::ConvNext),
            other => Err(UnknownFamily { name: other.to_owned() }),
        }
    }
}

/// Ratio of the inner width of an inverted residual or a ConvNeXt block to its outer width.
const EXPANSION: usize = 4;
/// The epsilon of ConvNeXt's layer normalisation.
pub const NORM_EPSILON: f64 = 1e-6;

/// One block of any family.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "all blocks of a network are of one variant")]
pub enum Block {
    /// Of [`Family::Residual`].
    Residual(Residual),
    /// Of [`Family::Inverted`].
    Inverted(Inverted),
    /// Of [`Family::ConvNext`].
    ConvNext(ConvNext),
}

impl Block {
    /// A block from `from` to `to` channels. A stride of 2 halves the picture's sides; with a stride of 1, `from` and
    /// `to` must be equal.
    pub fn new(family: Family, from: usize, to: usize, stride: usize, device: &Device) -> Self {
        match family {
            Family::Residual => Self::Residual(Residual::new(from, to, stride, device)),
            Family::Inverted => Self::Inverted(Inverted::new(from, to, stride, device)),
            Family::ConvNext => Self::ConvNext(ConvNext::new(from, to, stride, device)),
        }
    }

    /// Applies the block.
    ///
    /// # Shapes
    /// x [batch, from, height, width] -> [batch, to, height / stride, width / stride]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Residual(block) => block.forward(x),
            Self::Inverted(block) => block.forward(x),
            Self::ConvNext(block) => block.forward(x),
        }
    }
}

/// Multiply-adds of a block per output pixel; `strided` is a stride of 2.
pub fn multiply_adds(family: Family, from: usize, to: usize, strided: bool) -> usize {
    let inner = EXPANSION * from;
    match family {
        Family::Residual => 9 * from * to + 9 * to * to + if strided { from * to } else { 0 },
        // The expansion runs before the stride, so on four times as many pixels.
        Family::Inverted => (if strided { 4 } else { 1 }) * from * inner + 9 * inner + inner * to,
        Family::ConvNext => (if strided { 4 * from * to } else { 0 }) + 49 * to + 2 * EXPANSION * to * to,
    }
}

/// A convolution without bias: a kernel of `kernel` x `kernel`, `pad` zeros on each side, `groups` groups of channels.
pub fn conv(
    from: usize,
    to: usize,
    kernel: usize,
    stride: usize,
    pad: usize,
    groups: usize,
    device: &Device,
) -> Conv2d {
    Conv2dConfig::new([from, to], [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
        .with_groups(groups)
        .with_bias(false)
        .init(device)
}

/// Two 3x3 convolutions and a shortcut, which is a 1x1 convolution if the block has a stride.
#[derive(Module, Debug)]
pub struct Residual {
    pub conv1: Conv2d,
    pub norm1: BatchNorm,
    pub conv2: Conv2d,
    pub norm2: BatchNorm,
    pub shortcut: Option<Conv2d>,
}

impl Residual {
    fn new(from: usize, to: usize, stride: usize, device: &Device) -> Self {
        Self {
            conv1: conv(from, to, 3, stride, 1, 1, device),
            norm1: BatchNormConfig::new(to).init(device),
            conv2: conv(to, to, 3, 1, 1, 1, device),
            norm2: BatchNormConfig::new(to).init(device),
            shortcut: (stride != 1).then(|| conv(from, to, 1, stride, 0, 1, device)),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = relu(self.norm1.forward(self.conv1.forward(x.clone())));
        let y = self.norm2.forward(self.conv2.forward(y));
        let x = match &self.shortcut {
            Some(shortcut) => shortcut.forward(x),
            None => x,
        };
        relu(x + y)
    }
}

/// Expansion, depth-wise 3x3 convolution and projection, with a shortcut unless the block has a stride.
#[derive(Module, Debug)]
pub struct Inverted {
    pub expand: Conv2d,
    pub norm1: BatchNorm,
    pub depthwise: Conv2d,
    pub norm2: BatchNorm,
    pub project: Conv2d,
    pub norm3: BatchNorm,
    #[module(skip)]
    pub shortcut: bool,
}

impl Inverted {
    fn new(from: usize, to: usize, stride: usize, device: &Device) -> Self {
        let inner = EXPANSION * from;
        Self {
            expand: conv(from, inner, 1, 1, 0, 1, device),
            norm1: BatchNormConfig::new(inner).init(device),
            depthwise: conv(inner, inner, 3, stride, 1, inner, device),
            norm2: BatchNormConfig::new(inner).init(device),
            project: conv(inner, to, 1, 1, 0, 1, device),
            norm3: BatchNormConfig::new(to).init(device),
            shortcut: stride == 1,
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = silu(self.norm1.forward(self.expand.forward(x.clone())));
        let y = silu(self.norm2.forward(self.depthwise.forward(y)));
        let y = self.norm3.forward(self.project.forward(y));
        if self.shortcut { x + y } else { y }
    }
}

/// A strided convolution if the block has a stride, then a residual branch: depth-wise 7x7 convolution, layer
/// normalisation over the channels, and a perceptron per pixel.
#[derive(Module, Debug)]
pub struct ConvNext {
    pub down: Option<Conv2d>,
    pub depthwise: Conv2d,
    pub norm: LayerNorm,
    pub expand: Linear,
    pub project: Linear,
}

impl ConvNext {
    fn new(from: usize, to: usize, stride: usize, device: &Device) -> Self {
        Self {
            down: (stride != 1).then(|| conv(from, to, stride, stride, 0, 1, device)),
            depthwise: conv(to, to, 7, 1, 3, to, device),
            norm: LayerNormConfig::new(to).with_epsilon(NORM_EPSILON).init(device),
            expand: LinearConfig::new(to, EXPANSION * to).init(device),
            project: LinearConfig::new(EXPANSION * to, to).init(device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = match &self.down {
            Some(down) => down.forward(x),
            None => x,
        };
        let y = self.depthwise.forward(x.clone()).permute([0, 2, 3, 1]);
        let y = self.project.forward(gelu(self.expand.forward(self.norm.forward(y))));
        x + y.permute([0, 3, 1, 2])
    }
}
