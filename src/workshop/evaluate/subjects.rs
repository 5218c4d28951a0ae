//! The models under test, each twice: in the engine that ships, which judges, and in burn, where attacks get gradients.

use std::path::Path;

use burn::prelude::*;

use super::engine::EngineUnderTest;
use super::error::Error;
use super::report::{Model, Pairing};
use crate::engine::Description;
use crate::workshop::attack::{Attack, Defended};
use crate::workshop::onnx::read::{Classifier, Network, Purifier};

/// A classifier, and the purifier before it if there is one.
pub struct Subjects {
    /// Both in the engine that ships.
    pub engine: EngineUnderTest,
    /// The classifier with gradients.
    pub classifier: Classifier,
    /// The purifier with gradients.
    pub purifier: Option<Purifier>,
    /// The classifier's file.
    pub classifier_model: Model,
    /// The purifier's file.
    pub purifier_model: Option<Model>,
    /// `None` if there is no purifier, or its file does not say.
    pub pairing: Option<Pairing>,
}

/// What an attacker knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attacker {
    /// The classifier alone.
    Transfer,
    /// Purifier and classifier; of a defence without a purifier, the classifier.
    Adaptive {
        /// Draws of the purifier's noise that a gradient is averaged over; at least 1.
        eot: usize,
    },
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
        let engine = EngineUnderTest::load(classifier, said, purifier, seed)?;
        let (input, labels) = (engine.classifier().input().clone(), engine.classifier().labels().to_vec());
        let network = Network::load_for(classifier, Some(&input), device)?;
        let classifier_model = Model::new(classifier, engine.classifier().sha256());
        let partners = engine.purifier().and_then(|purifier| purifier.partners());
        Ok(Self {
            pairing: partners.map(|partners| Pairing::of(partners, &classifier_model)),
            classifier: Classifier::new(network, Some(&input))?.with_labels(labels)?,
            purifier: purifier.map(|path| Purifier::load(path, device)).transpose()?,
            classifier_model,
            purifier_model: purifier.zip(engine.purifier()).map(|(path, purifier)| Model::new(path, purifier.sha256())),
            engine,
        })
    }

    /// Adversarial versions of `clean` pictures with the right class of each; shapes as in
    /// [`Method::perturb`](crate::workshop::attack::Method::perturb).
    ///
    /// # Panics
    /// If `labels` does not have one entry per picture.
    pub fn perturb(
        &self,
        attack: &Attack,
        attacker: Attacker,
        clean: Tensor<4>,
        labels: &[usize],
        seed: u64,
    ) -> Tensor<4> {
        let classifier = &self.classifier;
        match (attacker, &self.purifier) {
            (Attacker::Adaptive { eot }, Some(purifier)) => {
                attack.perturb(&Defended { purifier, classifier, eot, seed }, clean, labels, seed)
            }
            _ => attack.perturb(classifier, clean, labels, seed),
        }
    }
}
