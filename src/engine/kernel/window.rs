//! How a convolution's window moves over its picture.

/// The same in every channel; [down, across].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Sides of the filter.
    pub kernel: [usize; 2],
    /// Pixels between two places of the filter, at least 1.
    pub stride: [usize; 2],
    /// Zeros above and to the left of the picture.
    pub before: [usize; 2],
    /// Sides of the picture.
    pub from: [usize; 2],
    /// Sides of the output.
    pub to: [usize; 2],
}

impl Window {
    /// Pixels of a channel of the picture.
    pub fn pixels(&self) -> usize {
        self.from[0] * self.from[1]
    }

    /// Places of a channel of the output.
    pub fn places(&self) -> usize {
        self.to[0] * self.to[1]
    }
}
