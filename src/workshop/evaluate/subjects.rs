//! The models under test, each twice: in the engine that ships, which judges, and in burn, where attacks get gradients.

use std::path::Path;

use burn::prelude::*;

use super::engine::EngineUnderTest;
use super::error::Error;
use super::report::{Model, Pairing};
use crate::engine::{Description, Setup};
use crate::workshop::attack::{Among, Attack, Defended, Target};
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
    /// Opens the files; `said` describes a foreign classifier. The purifier is set up as `setup` says, at the classifier's
    /// size.
    ///
    /// # Errors
    /// Files that the device would refuse, or that cannot be read with gradients.
    pub fn open(
        classifier: &Path,
        said: &Description,
        purifier: Option<&Path>,
        device: &Device,
        setup: &Setup,
    ) -> Result<Self, Error> {
        let engine = EngineUnderTest::load(classifier, said, purifier, setup)?;
        let setup = Setup { size: Some(engine.classifier().size()), ..*setup };
        let (input, labels) = (engine.classifier().input().clone(), engine.classifier().labels().to_vec());
        let network = Network::load_for(classifier, Some(&input), device)?;
        let classifier_model = Model::new(classifier, engine.classifier().sha256());
        let mut with_gradients = Classifier::new(network, Some(&input))?.with_labels(labels)?;
        if engine.classifier().gives_probabilities() {
            with_gradients = with_gradients.of_probabilities();
        }
        let partners = engine.purifier().and_then(|purifier| purifier.partners());
        Ok(Self {
            pairing: partners.map(|partners| Pairing::of(partners, &classifier_model)),
            classifier: with_gradients,
            purifier: purifier.map(|path| Purifier::load(path, &setup, device)).transpose()?,
            classifier_model,
            purifier_model: purifier.zip(engine.purifier()).map(|(path, purifier)| Model::new(path, purifier.sha256())),
            engine,
        })
    }

    /// Adversarial versions of `clean` pictures with the right class of each; shapes as in
    /// [`Method::perturb`](crate::workshop::attack::Method::perturb). Only the classes `among` compete, if there are any.
    ///
    /// # Panics
    /// If `labels` does not have one entry per picture.
    pub fn perturb(
        &self,
        attack: &Attack,
        attacker: Attacker,
        clean: Tensor<4>,
        labels: &[usize],
        among: Option<&[usize]>,
        seed: u64,
    ) -> Tensor<4> {
        let classifier = &self.classifier;
        match (attacker, &self.purifier) {
            (Attacker::Adaptive { eot }, Some(purifier)) => {
                let target = Defended { purifier, classifier, eot, seed };
                perturb_among(attack, &target, clean, labels, among, seed)
            }
            _ => perturb_among(attack, classifier, clean, labels, among, seed),
        }
    }
}

/// Attacks `target`, of whose classes only those `among` compete; each label is one of them.
fn perturb_among(
    attack: &Attack,
    target: &dyn Target,
    clean: Tensor<4>,
    labels: &[usize],
    among: Option<&[usize]>,
    seed: u64,
) -> Tensor<4> {
    let Some(classes) = among else { return attack.perturb(target, clean, labels, seed) };
    let place = |label: &usize| classes.iter().position(|class| class == label).unwrap_or_default();
    let labels: Vec<usize> = labels.iter().map(place).collect();
    attack.perturb(&Among { target, classes }, clean, &labels, seed)
}
