//! The perceptual loss: the distance of the purified picture from the clean one in a fixed classifier's activations.

use std::path::PathBuf;
use std::str::FromStr;

use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::workshop::onnx::read::Classifier;

/// Which tensors of which network are compared, and how much each counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PerceptualSettings {
    /// File name and SHA-256 of the network.
    pub network: (String, String),
    /// Names of tensors, each with its weight.
    pub layers: Vec<(String, f32)>,
}

/// A perceptual network as the command line has it: `FILE:TENSOR=WEIGHT[,TENSOR=WEIGHT...]`, `FILE`, or `none`.
#[derive(Clone, Debug, PartialEq)]
pub enum PerceptualSpec {
    /// No perceptual loss.
    None,
    /// A network.
    Network {
        /// The ONNX file.
        file: PathBuf,
        /// Names of tensors, each with its weight; `None` for the stages of the network.
        layers: Option<Vec<(String, f32)>>,
    },
}

/// The weight of a layer is not a number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a weight; expected FILE:TENSOR=WEIGHT[,TENSOR=WEIGHT...], or none")]
pub struct ParsePerceptualError(String);

impl FromStr for PerceptualSpec {
    type Err = ParsePerceptualError;

    fn from_str(text: &str) -> Result<Self, ParsePerceptualError> {
        if text == "none" {
            return Ok(Self::None);
        }
        let (file, layers) = match text.rsplit_once(':') {
            Some((file, layers)) => (file, Some(layers.split(',').map(layer).collect::<Result<_, _>>()?)),
            None => (text, None),
        };
        Ok(Self::Network { file: file.into(), layers })
    }
}

/// `name=weight`, or `name` with weight 1.
fn layer(text: &str) -> Result<(String, f32), ParsePerceptualError> {
    let (name, weight) = text.rsplit_once('=').unwrap_or((text, "1"));
    let weight = weight.parse().map_err(|_| ParsePerceptualError(weight.to_owned()))?;
    Ok((name.to_owned(), weight))
}

/// A fixed network and its layers.
pub struct Perceptual {
    /// The network.
    pub classifier: Classifier,
    /// Names of its tensors, each with its weight.
    pub layers: Vec<(String, f32)>,
}

impl Perceptual {
    /// The weighted sum over the layers of the mean absolute difference, each in units of the clean activations' mean
    /// absolute value, so that one weight means the same for every network.
    ///
    /// # Shapes
    /// shown, clean \[batch, 3, side, side\] in 0..1 -> \[1\]
    ///
    /// # Errors
    /// A network without a layer, or without one of the layers.
    pub fn loss(&self, shown: Tensor<4>, clean: Tensor<4>) -> Result<Tensor<1>, Error> {
        let names: Vec<String> = self.layers.iter().map(|(name, _)| name.clone()).collect();
        let wanted = self.features(clean.detach(), &names)?;
        let found = self.features(shown, &names)?;
        let terms = found.into_iter().zip(wanted).zip(&self.layers).map(|((found, wanted), (_, weight))| {
            let wanted = wanted.detach();
            let scale = wanted.clone().abs().mean() + 1e-6;
            (found - wanted).abs().mean() / scale * *weight
        });
        terms.reduce(|sum, term| sum + term).ok_or(Error::NoLayer)
    }

    fn features(&self, image: Tensor<4>, names: &[String]) -> Result<Vec<Tensor<4>>, Error> {
        Ok(self.classifier.features(image, names)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_named_with_weighted_layers_with_plain_ones_or_with_none() {
        let network = |layers: Option<Vec<(String, f32)>>| PerceptualSpec::Network { file: "a.onnx".into(), layers };
        let layers = vec![("stages.2".to_owned(), 0.5), ("logits".to_owned(), 1.0)];
        assert_eq!("a.onnx:stages.2=0.5,logits".parse(), Ok(network(Some(layers))));
        assert_eq!("a.onnx".parse(), Ok(network(None)));
        assert_eq!("none".parse(), Ok(PerceptualSpec::None));
        let error = "a.onnx:logits=x".parse::<PerceptualSpec>().unwrap_err().to_string();
        assert!(error.contains("'x'") && error.contains("TENSOR=WEIGHT"), "{error}");
    }
}
