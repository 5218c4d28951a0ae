//! Which models a command runs: the configuration's, or the ones that ship.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;

use super::Failure;
use crate::config::Config;
use crate::engine::{self, Classifier, InferenceError, Purifier, Shipped};

/// The models of a command, checked and warmed up.
pub struct Loaded {
    /// Nothing where pictures are classified as they are.
    pub purifier: Option<Purifier>,
    pub classifier: Classifier,
}

/// Finds and loads the models. Any that is refused is hopeless: the same start will fail again.
pub fn load(config: &Config) -> Result<Loaded, Failure> {
    let hopeless = |error: &dyn std::fmt::Display| Failure::Hopeless(error.to_string());
    engine::share_among(config.run.threads as usize).map_err(|error| hopeless(&error))?;
    let classifier = classifier_path(config)?;
    let mut classifier = Classifier::load(&classifier, &config.classifier).map_err(|error| hopeless(&error))?;
    let seed = config.purifier.seed.unwrap_or_else(fresh_seed);
    let purifier = purifier_path(config)?.map(|path| Purifier::load(&path, seed));
    let mut purifier = purifier.transpose().map_err(|error| hopeless(&error))?;
    if let Some(purifier) = &purifier {
        classifier.expect_size_of(purifier).map_err(|error| hopeless(&error))?;
    }
    // Loading has computed a picture with each already.
    for _ in 1..config.run.warm_up {
        warm_up(purifier.as_mut(), &mut classifier).map_err(|error| hopeless(&error))?;
    }
    Ok(Loaded { purifier, classifier })
}

/// Computes a grey picture with each.
fn warm_up(purifier: Option<&mut Purifier>, classifier: &mut Classifier) -> Result<(), InferenceError> {
    let [height, width] = classifier.size();
    let mut picture = vec![0.5; 3 * height * width];
    if let Some(purifier) = purifier {
        purifier.purify(&picture.clone(), 0, &mut picture)?;
    }
    classifier.classify(&picture)?;
    Ok(())
}

/// The classifier's file: the configuration's, or the one that ships.
pub fn classifier_path(config: &Config) -> Result<PathBuf, Failure> {
    match &config.classifier.model {
        Some(path) => Ok(path.clone()),
        None => Ok(shipped()?.classifier()),
    }
}

/// The purifier's file: the configuration's, or the one that ships. Nothing where pictures are classified as they are.
pub fn purifier_path(config: &Config) -> Result<Option<PathBuf>, Failure> {
    match &config.purifier.model {
        _ if !config.purifier.enabled => Ok(None),
        Some(path) => Ok(Some(path.clone())),
        None => Ok(Some(shipped()?.purifier())),
    }
}

fn shipped() -> Result<Shipped, Failure> {
    Shipped::find().map_err(|error| Failure::Hopeless(error.to_string()))
}

/// A seed that nobody can predict: the standard library keys its hashers with the system's randomness.
fn fresh_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
