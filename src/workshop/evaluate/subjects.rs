//! The models under test, each twice: in the engine that ships, which judges, and in burn, where attacks get gradients.

use std::path::Path;

use burn::prelude::*;

use super::report::{Model, Pairing};
use super::{Error, Judge};
use crate::engine::Description;
use crate::workshop::onnx::read::{Classifier, Network, Purifier};

/// A classifier, and the purifier before it if there is one.
pub struct Subjects {
    pub judge: Judge,
    pub classifier: Classifier,
    pub purifier: Option<Purifier>,
    pub classifier_model: Model,
    pub purifier_model: Option<Model>,
    /// Nothing where there is no purifier, or its file does not tell.
    pub pairing: Option<Pairing>,
}

impl Subjects {
    /// Opens the files; `said` describes a foreign classifier, `seed` is that of the purifier's noise.
    ///
    /// # Errors
    /// Files that the device would refuse, or that cannot be read with gradients.
    pub fn open(
        classifier: &Path,
        said: &Description,
        purifier: Option<&Path>,
        device: &Device,
        seed: u64,
    ) -> Result<Self, Error> {
        let judge = Judge::load(classifier, said, purifier, seed)?;
        let (input, labels) = (judge.classifier().input().clone(), judge.classifier().labels().to_vec());
        let network = Network::load(classifier, device)?;
        let classifier_model = Model::new(classifier, judge.classifier().sha256());
        let partners = judge.purifier().and_then(|purifier| purifier.partners());
        Ok(Self {
            pairing: partners.map(|partners| Pairing::of(partners, &classifier_model)),
            classifier: Classifier::new(network, Some(&input))?.with_labels(labels)?,
            purifier: purifier.map(|path| Purifier::load(path, device)).transpose()?,
            classifier_model,
            purifier_model: purifier.zip(judge.purifier()).map(|(path, purifier)| Model::new(path, purifier.sha256())),
            judge,
        })
    }
}
