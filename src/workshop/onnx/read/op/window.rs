//! The window that a convolution or a pooling slides over rows and columns.

use super::attributes::{Attributes, ParseError};
use crate::workshop::onnx::read::error::Reason;

/// Steps and reach of a sliding window; each pair is for rows and columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Pixels between two places of the window.
    pub stride: [usize; 2],
    /// Pixels between two taps of the window.
    pub dilation: [usize; 2],
    border: Border,
}

/// How far a window reaches over the picture's edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Border {
    /// Pixels before and after, for rows and columns.
    Fixed([(usize, usize); 2]),
    /// As many as give the output `ceil(input / stride)` pixels; an odd one goes to the end or to the start.
    Same { odd_at_end: bool },
}

impl Window {
    /// Reads `strides`, `dilations`, `auto_pad` and `pads`.
    ///
    /// # Errors
    /// Windows over one or three axes, and negative padding.
    pub fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        Ok(Self {
            stride: attributes.pair("strides")?.unwrap_or([1, 1]),
            dilation: attributes.pair("dilations")?.unwrap_or([1, 1]),
            border: Border::parse(attributes)?,
        })
    }

    /// Pixels that are added before and after the rows and columns of a picture of this size.
    ///
    /// # Errors
    /// The window is larger than the padded picture.
    pub fn padding(&self, size: [usize; 2], kernel: [usize; 2]) -> Result<[(usize, usize); 2], Reason> {
        let padding = match self.border {
            Border::Fixed(pixels) => pixels,
            Border::Same { odd_at_end } => std::array::from_fn(|axis| {
                let outputs = size[axis].div_ceil(self.stride[axis]);
                let reach = outputs.saturating_sub(1) * self.stride[axis]
                    + kernel[axis].saturating_sub(1) * self.dilation[axis]
                    + 1;
                let missing = reach.saturating_sub(size[axis]);
                let (small, large) = (missing / 2, missing - missing / 2);
                if odd_at_end { (small, large) } else { (large, small) }
            }),
        };
        for axis in 0..2 {
            let padded = size[axis] + padding[axis].0 + padding[axis].1;
            if kernel[axis] == 0 || (kernel[axis] - 1) * self.dilation[axis] >= padded {
                return Err(format!("a window of {kernel:?} does not fit into a picture of {size:?}").into());
            }
        }
        Ok(padding)
    }
}

impl Border {
    fn parse(attributes: &Attributes) -> Result<Self, ParseError> {
        match attributes.text("auto_pad", "NOTSET").as_str() {
            "SAME_UPPER" => return Ok(Self::Same { odd_at_end: true }),
            "SAME_LOWER" => return Ok(Self::Same { odd_at_end: false }),
            _ => {}
        }
        match attributes.ints("pads").as_deref() {
            None | Some([]) => Ok(Self::Fixed([(0, 0); 2])),
            Some(&[top, left, bottom, right]) if top.min(left).min(bottom).min(right) >= 0 => {
                Ok(Self::Fixed([(top as usize, bottom as usize), (left as usize, right as usize)]))
            }
            Some(other) => {
                let found = format!("pads {other:?}; expected four numbers that are not negative");
                Err(ParseError::Unsupported(found))
            }
        }
    }
}
