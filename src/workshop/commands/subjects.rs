//! The models that `attack` and `evaluate` open, and the defaults that they share.

use crate::commands::{Failure, models};
use crate::config::flags::ModelFlags;
use crate::engine::Setup;
use crate::workshop::attack::{Attack, AttackSpec, Epsilon};
use crate::workshop::device::{DeviceRequest, OpenError};
use crate::workshop::evaluate::{self, Subjects};

/// Seed of random starts and noise without `--seed`: the same files give the same numbers.
pub(super) const SEED: u64 = 1;

/// The size of an attack in a list without `@EPSILON`.
const EPSILON: Epsilon = Epsilon::steps(16);

/// The attacks of a list, each with its size.
pub(super) fn attacks(specs: &[Option<AttackSpec>]) -> Vec<Attack> {
    specs.iter().flatten().map(|spec| spec.or(EPSILON)).collect()
}

/// Refuses attacks whose loss compares the logits of more classes than compete: all of the classifier's, or those
/// `among` them.
pub(super) fn expect_classes(subjects: &Subjects, among: Option<&[usize]>, attacks: &[Attack]) -> Result<(), Failure> {
    let classes = among.map_or(subjects.classifier.labels().len(), <[usize]>::len);
    attacks.iter().try_for_each(|attack| attack.method.expect_classes(classes)).map_err(Failure::usage)
}

/// Opens the models that flags or configuration name, or the ones that ship.
pub(super) fn open(
    args: &ModelFlags,
    with_purifier: bool,
    device: DeviceRequest,
    seed: u64,
) -> Result<Subjects, Failure> {
    let config = args.config()?;
    let classifier = models::classifier_path(&config)?;
    let purifier = if with_purifier { models::purifier_path(&config)? } else { None };
    let setup = Setup { seed, size: None, strength: config.purifier.strength };
    Ok(Subjects::open(&classifier, &config.classifier, purifier.as_deref(), &device.open()?, &setup)?)
}

impl From<evaluate::Error> for Failure {
    fn from(error: evaluate::Error) -> Self {
        match error {
            evaluate::Error::Data { .. } | evaluate::Error::Unlisted(_) | evaluate::Error::Labels(_) => {
                Self::usage(error)
            }
            evaluate::Error::Refused(_) | evaluate::Error::Gradients(_) => Self::hopeless(error),
            error => Self::failed(error),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::usage(error)
    }
}
