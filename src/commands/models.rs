//! Which models a command runs: the configured ones, or the ones that ship.

use std::path::PathBuf;

use super::{Failure, because};
use crate::config::Config;
use crate::engine::{self, Classifier, InferenceError, Purifier, Setup, Shipped};

/// The models of a command, checked and warmed up.
pub struct Loaded {
    /// `None` if pictures are classified without purification.
    pub purifier: Option<Purifier>,
    /// The classifier, of the purifier's size.
    pub classifier: Classifier,
}

/// Finds, loads and warms up the models. They use the threads that [`share_threads`] has set up.
///
/// # Errors
/// A model is refused: as hopeless, because the same start would fail again, unless the machine is only short of memory
/// or the like, or the file is not there.
pub fn load(config: &Config) -> Result<Loaded, Failure> {
    let (_, mut classifier) = classifier(config)?;
    let mut purifier = purifier(config, Some(classifier.size()))?.map(|(_, purifier)| purifier);
    match_up(purifier.as_mut(), &mut classifier, config)?;
    Ok(Loaded { purifier, classifier })
}

/// Sets up the threads that the models share.
///
/// # Errors
/// The system gives fewer, this time.
pub fn share_threads(config: &Config) -> Result<(), Failure> {
    engine::share_among(config.run.threads as usize).map_err(Failure::failed)
}

/// Loads the classifier, and returns it with its file.
pub fn classifier(config: &Config) -> Result<(PathBuf, Classifier), Failure> {
    let path = classifier_path(config)?;
    let classifier = Classifier::load(&path, &config.classifier).map_err(Failure::of_file)?;
    Ok((path, classifier))
}

/// Loads the purifier for pictures of the classifier's `size`, and returns it with its file. `None` if pictures are
/// classified without purification.
pub fn purifier(config: &Config, size: Option<[usize; 2]>) -> Result<Option<(PathBuf, Purifier)>, Failure> {
    let Some(path) = purifier_path(config)? else { return Ok(None) };
    let setup = Setup { seed: seed(config)?, size, strength: config.purifier.strength };
    let purifier = Purifier::load(&path, setup).map_err(Failure::of_file)?;
    warn_of_general(config, &purifier);
    Ok(Some((path, purifier)))
}

/// Warns if the general purifier was chosen because the classifier is the user's own.
fn warn_of_general(config: &Config, purifier: &Purifier) {
    if let (None, Some(classifier)) = (&config.purifier.model, &config.classifier.model)
        && shipped().is_ok_and(|shipped| purifier.path() != shipped.purifier())
    {
        log::warn!(
            "no shipped purifier was trained for {}: {} purifies; its card says what that is worth, and the guide to \
             training how to make one that is worth more",
            classifier.display(),
            purifier.path().display()
        );
    }
}

/// Checks that both models have one size, and warms them up.
pub fn match_up(
    mut purifier: Option<&mut Purifier>,
    classifier: &mut Classifier,
    config: &Config,
) -> Result<(), Failure> {
    if let Some(purifier) = &purifier {
        classifier.expect_size_of(purifier).map_err(Failure::hopeless)?;
    }
    // Loading has already computed one picture with each.
    for _ in 1..config.run.warm_up {
        warm_up(purifier.as_deref_mut(), classifier).map_err(Failure::hopeless)?;
    }
    Ok(())
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

/// The classifier's file: the configured one, or the one that ships.
pub fn classifier_path(config: &Config) -> Result<PathBuf, Failure> {
    match &config.classifier.model {
        Some(path) => Ok(path.clone()),
        None => Ok(shipped()?.classifier()),
    }
}

/// The purifier's file: the configured one, or the one that ships. `None` if pictures are classified without
/// purification.
pub fn purifier_path(config: &Config) -> Result<Option<PathBuf>, Failure> {
    match &config.purifier.model {
        _ if !config.purifier.enabled => Ok(None),
        Some(path) => Ok(Some(path.clone())),
        None => Ok(Some(shipped()?.purifier_for(&classifier_path(config)?))),
    }
}

fn shipped() -> Result<Shipped, Failure> {
    Shipped::find().map_err(Failure::hopeless)
}

/// The configured seed. Without one, a number from the operating system's generator, which an attacker cannot predict.
///
/// # Errors
/// That generator fails: there is no safe replacement.
fn seed(config: &Config) -> Result<u64, Failure> {
    match config.purifier.seed {
        Some(seed) => Ok(seed),
        None => getrandom::u64().map_err(|error| {
            Failure::failed(because("the purifier's seed cannot be drawn: the system's random generator failed", error))
        }),
    }
}

/// Warns if the user set a seed that the purifier does not use.
pub fn warn_of_idle_seed(config: &Config, purifier: &Purifier) {
    if config.purifier.seed.is_some() && purifier.is_deterministic() {
        log::warn!("purifier.seed has no effect: {} has no random inputs", purifier.path().display());
    }
}
