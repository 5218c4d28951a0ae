//! The models that a command runs: the configuration's, or the ones that ship.

use std::path::PathBuf;

use super::Failure;
use crate::config::Config;
use crate::engine::{self, Classifier, InferenceError, Purifier, Shipped};

/// The models of a command, checked and warmed up.
pub struct Loaded {
    /// `None` if the configuration switches purification off.
    pub purifier: Option<Purifier>,
    /// Takes pictures of the purifier's size.
    pub classifier: Classifier,
}

/// Finds and loads the models.
///
/// # Errors
/// A refused model is [`Failure::Hopeless`]: the same start would fail again.
pub fn load(config: &Config) -> Result<Loaded, Failure> {
    let hopeless = |error: &dyn std::fmt::Display| Failure::Hopeless(error.to_string());
    engine::share_among(config.run.threads as usize).map_err(|error| hopeless(&error))?;
    let classifier = classifier_path(config)?;
    let mut classifier = Classifier::load(&classifier, &config.classifier).map_err(|error| hopeless(&error))?;
    let mut purifier = match purifier_path(config)? {
        Some(path) => Some(Purifier::load(&path, seed(config)?).map_err(|error| hopeless(&error))?),
        None => None,
    };
    if let Some(purifier) = &purifier {
        classifier.expect_size_of(purifier).map_err(|error| hopeless(&error))?;
    }
    // Each model has computed a picture while it was loaded.
    for _ in 1..config.run.warm_up {
        warm_up(purifier.as_mut(), &mut classifier).map_err(|error| hopeless(&error))?;
    }
    Ok(Loaded { purifier, classifier })
}

/// Computes a grey picture with each model.
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

/// The purifier's file: the configuration's, or the one that ships. `None` if the configuration switches
/// purification off.
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

/// The configured seed. Without one, a number from the operating system's generator, which an attacker cannot predict.
///
/// # Errors
/// That generator fails: there is no safe replacement.
fn seed(config: &Config) -> Result<u64, Failure> {
    match config.purifier.seed {
        Some(seed) => Ok(seed),
        None => getrandom::u64().map_err(|error| {
            Failure::Failed(format!(
                "the purifier's seed cannot be drawn: the system's random generator failed: {error}"
            ))
        }),
    }
}

/// Warns if the user set a seed that the purifier does not use.
pub fn warn_of_idle_seed(config: &Config, purifier: &Purifier) {
    if config.purifier.seed.is_some() && purifier.is_deterministic() {
        log::warn!("purifier.seed has no effect: {} has no random inputs", purifier.path().display());
    }
}
