//! What limits an output: the activation that follows a convolution, done while the numbers are at hand.

/// The least and the greatest output; infinite where there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// No output is less.
    pub least: f32,
    /// No output is greater.
    pub most: f32,
}

impl Bounds {
    /// No bounds.
    pub const NONE: Self = Self { least: f32::NEG_INFINITY, most: f32::INFINITY };

    /// Limits all numbers. A NaN stays one, so that what went wrong is seen.
    #[inline(always)]
    pub fn apply(self, numbers: &mut [f32]) {
        if self == Self::NONE {
            return;
        }
        for number in numbers {
            let raised = if *number < self.least { self.least } else { *number };
            *number = if raised > self.most { self.most } else { raised };
        }
    }
}
