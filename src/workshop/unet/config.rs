//! The configuration of a U-Net: what a TOML file may contain, what is refused, and the cost of a pass.

use serde::{Deserialize, Serialize};

/// The most scales; a picture of 4096 pixels would be a single place on the last one.
const MOST_SCALES: usize = 8;

/// Everything that determines a U-Net's shape and behaviour. Defaults are in brackets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnetConfig {
    /// Side of the patches that the first layer takes, in pixels: the stride of the finest scale.
    pub patch: usize,
    /// Channels of each scale, finest first. Each scale has half the resolution of the one before.
    pub widths: Vec<usize>,
    /// Residual blocks of each scale, finest first: on the way down, and for all but the coarsest again on the way up.
    pub depths: Vec<usize>,
    /// Standard deviation of the noise outside training, in 8-bit levels, unless the user sets another \[28\].
    #[serde(default = "strength")]
    pub strength: f32,
    /// The least and the greatest strength: training draws between them, and a user may choose between them [8, 64].
    #[serde(default = "strengths")]
    pub strengths: [f32; 2],
}

fn strength() -> f32 {
    28.0
}

fn strengths() -> [f32; 2] {
    [8.0, 64.0]
}

/// Why a configuration cannot be used, or not for a picture.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A value that no network can have.
    #[error("U-Net configuration: {key} is {found}, expected {expected}")]
    Config {
        /// The key.
        key: &'static str,
        /// The value.
        found: String,
        /// The values that are possible.
        expected: &'static str,
    },
    /// The scales do not fit into the picture a whole number of times.
    #[error("this U-Net cannot purify pictures of {side} x {side} pixels: the side must be a multiple of {stride}")]
    Side {
        /// Side of the picture in pixels.
        side: usize,
        /// Pixels that one place of the coarsest scale covers.
        stride: usize,
    },
}

impl UnetConfig {
    /// Pixels that one place of the coarsest scale covers; a picture's sides are multiples of it.
    pub fn stride(&self) -> usize {
        self.patch << self.widths.len().saturating_sub(1)
    }

    /// Checks the configuration, and that it can purify square pictures of `side` pixels.
    ///
    /// # Errors
    /// It describes no possible network, or one that cannot purify such pictures.
    pub fn validate(&self, side: usize) -> Result<(), Error> {
        self.check()?;
        let stride = self.stride();
        if side == 0 || !side.is_multiple_of(stride) {
            return Err(Error::Side { side, stride });
        }
        Ok(())
    }

    /// Checks everything that does not depend on the picture.
    ///
    /// # Errors
    /// The first value that no network can have.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |key, found: String, expected| Err(Error::Config { key, found, expected });
        if !(1..=16).contains(&self.patch) {
            return refuse("patch", self.patch.to_string(), "1 to 16 pixels");
        }
        let widths = &self.widths;
        if widths.is_empty() || widths.len() > MOST_SCALES || widths.iter().any(|width| !(1..=4096).contains(width)) {
            return refuse("widths", format!("{widths:?}"), "1 to 8 numbers from 1 to 4096");
        }
        let depths = &self.depths;
        if depths.len() != widths.len() || depths.iter().any(|depth| !(1..=64).contains(depth)) {
            return refuse("depths", format!("{depths:?}"), "1 to 64 blocks for each of `widths`");
        }
        let [least, most] = self.strengths;
        // A comparison with NaN is false, and refused.
        if !(0.0 <= least && least <= most && most <= 255.0) {
            return refuse("strengths", format!("{:?}", self.strengths), "[least, greatest] from 0 to 255");
        }
        if !(least..=most).contains(&self.strength) {
            return refuse("strength", self.strength.to_string(), "a number within `strengths`");
        }
        Ok(())
    }

    /// The cost of purifying one picture of `side` x `side` pixels in GFLOP (10^9 multiplications and additions), of all
    /// convolutions.
    pub fn gflop(&self, side: usize) -> f64 {
        let places = |scale: usize| (side / (self.patch << scale)).pow(2);
        let (first, patch) = (self.widths[0], 3 * self.patch * self.patch);
        let mut macs = 2 * places(0) * patch * first;
        for (scale, width) in self.widths.iter().enumerate() {
            // The deepest scale has no second half: what comes up from it are its own blocks.
            let halves = if scale + 1 == self.widths.len() { 1 } else { 2 };
            macs += halves * self.depths[scale] * 2 * 9 * width * width * places(scale);
            if let Some(next) = self.widths.get(scale + 1) {
                // Down by a convolution of 2 x 2, up by one of 1 x 1 to four places each.
                macs += 2 * 4 * width * next * places(scale + 1);
            }
        }
        2e-9 * macs as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> UnetConfig {
        UnetConfig { patch: 4, widths: vec![8, 16], depths: vec![1, 2], strength: 28.0, strengths: [8.0, 64.0] }
    }

    #[test]
    fn the_cost_is_that_of_all_convolutions() {
        // 16 x 16 pixels: 4 x 4 places and 2 x 2 places.
        let stem_and_head = 2 * 16 * 48 * 8;
        let blocks = 16 * 4 * 9 * 8 * 8 + 4 * 4 * 9 * 16 * 16;
        let between = 2 * 4 * 4 * 8 * 16;
        let expected = 2e-9 * f64::from(stem_and_head + blocks + between);
        assert!((config().gflop(16) - expected).abs() < 1e-12);
    }

    #[test]
    fn what_no_network_can_have_is_refused_by_name() {
        let refused = |change: fn(&mut UnetConfig), word: &str| {
            let mut config = config();
            change(&mut config);
            let message = config.check().unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        };
        refused(|config| config.patch = 0, "patch is 0");
        refused(|config| config.widths = vec![], "widths is []");
        refused(|config| config.widths = vec![8, 0], "widths is [8, 0]");
        refused(|config| config.depths = vec![1], "depths is [1]");
        refused(|config| config.depths = vec![1, 0], "depths is [1, 0]");
        refused(|config| config.strengths = [64.0, 8.0], "strengths is [64.0, 8.0]");
        refused(|config| config.strengths = [f32::NAN, 8.0], "strengths");
        refused(|config| config.strength = 65.0, "strength is 65");
        assert_eq!(config().validate(20), Err(Error::Side { side: 20, stride: 8 }));
        assert_eq!(config().validate(24), Ok(()));
    }
}
