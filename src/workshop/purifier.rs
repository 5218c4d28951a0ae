//! The networks that can purify: what training, export and the command line know of them.

use std::path::Path;

use burn::module::Module;
use burn::prelude::*;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::riae::{self, Riae, RiaeConfig};
use super::unet::{self, Unet, UnetConfig};
use crate::text;

/// The configuration of a network that can purify.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PurifierConfig {
    /// A masked auto-encoder.
    Riae(RiaeConfig),
    /// A convolutional network that adds noise to its own input.
    Unet(UnetConfig),
}

/// Why a configuration cannot be used, or not for a picture.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Of a RIAE, or of a file.
    #[error(transparent)]
    Riae(#[from] riae::Error),
    /// Of a U-Net.
    #[error(transparent)]
    Unet(#[from] unet::Error),
}

/// The U-Nets that ship, by name.
const UNETS: [(&str, &str); 1] = [("general", include_str!("unet/presets/general.toml"))];

impl PurifierConfig {
    /// The names that [`PurifierConfig::preset`] accepts.
    pub fn preset_names() -> impl Iterator<Item = &'static str> {
        RiaeConfig::preset_names().chain(UNETS.iter().map(|(name, _)| *name))
    }

    /// A size that ships, or `None` for an unknown name.
    pub fn preset(name: &str) -> Option<Self> {
        let unet = UNETS.iter().find(|(known, _)| *known == name);
        // A test parses every preset, so that `None` only ever means an unknown name.
        let unet = unet.and_then(|(_, text)| toml::from_str(text).ok()).map(Self::Unet);
        unet.or_else(|| RiaeConfig::preset(name).map(Self::Riae))
    }

    /// Reads and checks a configuration from a TOML file: that of a U-Net if it has `widths`, else that of a RIAE.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, has an unknown or a missing key, or describes no possible network.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let text = text::read(path).unwrap_or_default();
        let is_unet = toml::from_str::<toml::Table>(&text).is_ok_and(|table| table.contains_key("widths"));
        if !is_unet {
            // It reads the file itself, and says what is wrong with it.
            return Ok(Self::Riae(RiaeConfig::from_file(path)?));
        }
        let config: UnetConfig = toml::from_str(&text)
            .map_err(|source| riae::Error::Parse { path: path.to_owned(), source: Box::new(source) })?;
        config.check()?;
        Ok(Self::Unet(config))
    }

    /// Checks the configuration, and that it can purify square pictures of `side` pixels.
    ///
    /// # Errors
    /// It describes no possible network, or one that cannot purify such pictures.
    pub fn validate(&self, side: usize) -> Result<(), Error> {
        match self {
            Self::Riae(config) => Ok(config.validate(side)?),
            Self::Unet(config) => Ok(config.validate(side)?),
        }
    }

    /// The cost of purifying one picture of `side` pixels in GFLOP (10^9 multiplications and additions).
    pub fn gflop(&self, side: usize) -> f64 {
        match self {
            Self::Riae(config) => config.gflop(side),
            Self::Unet(config) => config.gflop(side),
        }
    }

    /// Side of the squares in which the network takes a picture apart, in pixels.
    pub fn region(&self) -> usize {
        match self {
            Self::Riae(config) => config.patch,
            Self::Unet(config) => config.stride(),
        }
    }

    /// A network with fresh weights. Seed the device first to get the same network again: every weight is drawn here,
    /// none at its first use.
    pub fn init(&self, device: &Device) -> Purifier {
        match self {
            Self::Riae(config) => Purifier::Riae(config.init(device)),
            Self::Unet(config) => Purifier::Unet(config.init(device)),
        }
    }
}

/// A network that can purify.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one in a process")]
pub enum Purifier {
    /// A masked auto-encoder.
    Riae(Riae),
    /// A convolutional network that adds noise to its own input.
    Unet(Unet),
}

impl Purifier {
    /// Purifies a batch as training needs it: with random steps or strengths of the noise, and with `random_windows`
    /// random windows of a RIAE's position table. The result is not clamped.
    ///
    /// # Shapes
    /// image [batch, 3, side, side] in 0..1 -> the same shape
    pub fn train(&self, image: Tensor<4>, random_windows: bool, rng: &mut ChaCha8Rng) -> Tensor<4> {
        let [batch, _, side, _] = image.dims();
        match self {
            Self::Riae(riae) => {
                let mut draw = riae.draw_training(batch, side, rng);
                if !random_windows {
                    draw.offsets = riae.draw_evaluation(batch, side, rng).offsets;
                }
                riae.forward(image, &draw).image
            }
            Self::Unet(unet) => {
                let [least, most] = unet.config().strengths;
                let strengths: Vec<f32> = (0..batch).map(|_| rng.random_range(least..=most)).collect();
                unet.noised_by(image, &strengths, rng)
            }
        }
    }

    /// Purifies a batch as the device does. The result is not clamped.
    ///
    /// # Shapes
    /// image [batch, 3, side, side] in 0..1 -> the same shape
    pub fn purify(&self, image: Tensor<4>, rng: &mut ChaCha8Rng) -> Tensor<4> {
        let [batch, _, side, _] = image.dims();
        match self {
            Self::Riae(riae) => {
                let draw = riae.draw_evaluation(batch, side, rng);
                riae.forward(image, &draw).image
            }
            Self::Unet(unet) => unet.noised_by(image, &vec![unet.config().strength; batch], rng),
        }
    }
}

impl Unet {
    /// A pass with newly drawn noise; `strengths` has one per picture, in 8-bit levels.
    fn noised_by(&self, image: Tensor<4>, strengths: &[f32], rng: &mut ChaCha8Rng) -> Tensor<4> {
        let (shape, device) = (image.dims(), image.device());
        let noise: Vec<f32> = rng.sample_iter(StandardNormal).take(shape.iter().product()).collect();
        let noise = Tensor::from_data(TensorData::new(noise, shape), &device);
        let strengths = Tensor::<1>::from_floats(strengths, &device).reshape([shape[0], 1, 1, 1]);
        self.forward(image, noise, strengths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_can_be_used() {
        for name in PurifierConfig::preset_names() {
            let config = PurifierConfig::preset(name).unwrap_or_else(|| panic!("preset {name} cannot be read"));
            config.validate(128).unwrap_or_else(|error| panic!("preset {name}: {error}"));
        }
        assert_eq!(PurifierConfig::preset("medium"), None);
    }
}
