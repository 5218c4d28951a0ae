//! The perceptual loss: what a fixed classifier makes of the purified picture against the clean one.

use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::Error;
use crate::workshop::onnx::read::Classifier;

/// Which tensors of which network are compared, and how much each counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PerceptualSettings {
    /// File name and SHA-256 of the network.
    pub network: (String, String),
    pub layers: Vec<(String, f32)>,
}

/// A fixed network and its layers.
pub struct Perceptual {
    pub classifier: Classifier,
    pub layers: Vec<(String, f32)>,
}

impl Perceptual {
    /// The weighted sum over the layers of the mean absolute difference, each in units of the clean activations' mean
    /// absolute value, so that one weight means the same for every network.
    ///
    /// # Shapes
    /// shown, clean \[batch, 3, side, side\] in 0..1 -> \[1\]
    pub fn loss(&self, shown: Tensor<4>, clean: Tensor<4>) -> Result<Tensor<1>, Error> {
        let names: Vec<String> = self.layers.iter().map(|(name, _)| name.clone()).collect();
        let wanted = self.features(clean.detach(), &names)?;
        let found = self.features(shown, &names)?;
        let terms = found.into_iter().zip(wanted).zip(&self.layers).map(|((found, wanted), (_, weight))| {
            let wanted = wanted.detach();
            let scale = wanted.clone().abs().mean() + 1e-6;
            (found - wanted).abs().mean() / scale * *weight
        });
        terms.reduce(|sum, term| sum + term).ok_or_else(|| Error::Settings("a perceptual network needs a layer".into()))
    }

    fn features(&self, image: Tensor<4>, names: &[String]) -> Result<Vec<Tensor<4>>, Error> {
        self.classifier.features(image, names).map_err(|error| Error::Model(error.to_string()))
    }
}
