//! The models under test: opened, checked against each other, and known by the hashes of their files.

use std::path::{Path, PathBuf};

use burn::prelude::*;
use sha2::{Digest, Sha256};

use super::Error;
use super::report::Model;
use crate::engine::contract::{Input, Label};
use crate::onnx::read::{Classifier, Network, Purifier};

/// A classifier, and the purifier before it if there is one.
pub struct Subjects {
    pub classifier: Classifier,
    pub purifier: Option<Purifier>,
    pub classifier_model: Model,
    pub purifier_model: Option<Model>,
}

/// How to open a classifier: its file, and what a foreign one does not say of itself.
#[derive(Clone, Debug)]
pub struct ClassifierFile {
    pub path: PathBuf,
    pub input: Option<Input>,
    pub labels: Vec<Label>,
}

impl Subjects {
    /// # Errors
    /// Files that cannot be read with gradients, roles confused, sizes that differ, labels too many or too few.
    pub fn open(classifier: &ClassifierFile, purifier: Option<&Path>, device: &Device) -> Result<Self, Error> {
        let (network, classifier_model) = read(&classifier.path, device)?;
        let mut opened = Classifier::new(network, classifier.input.as_ref())?;
        if !classifier.labels.is_empty() {
            opened = opened.with_labels(classifier.labels.clone())?;
        }
        let (purifier, purifier_model) = match purifier {
            Some(path) => {
                let (network, model) = read(path, device)?;
                (Some(Purifier::new(network)?), Some(model))
            }
            None => (None, None),
        };
        if let Some(purifier) = purifier.as_ref().filter(|purifier| purifier.size() != opened.size()) {
            return Err(Error::Sizes { purifier: purifier.size(), classifier: opened.size() });
        }
        Ok(Self { classifier: opened, purifier, classifier_model, purifier_model })
    }
}

fn read(path: &Path, device: &Device) -> Result<(Network, Model), Error> {
    let file = path.display().to_string();
    let bytes =
        std::fs::read(path).map_err(|error| Error::Data { path: path.to_owned(), reason: error.to_string() })?;
    let network = Network::from_bytes(&file, &bytes, device)?;
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let name = path.file_name().map_or(file, |name| name.to_string_lossy().into_owned());
    Ok((network, Model { file: name, sha256 }))
}
