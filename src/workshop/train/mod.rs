//! Training: photographs to weights, resumable at any moment, the same under the same seed.
//!
//! - [`data`] reads a folder of photographs, [`augment`] cuts training views from them,
//!   [`batch`] turns them into tensors and back.
//! - [`trainer`] is the one loop; [`classifier`] and [`riae`] are what it may train.
//! - [`optimiser`] holds schedule, clipping and averaged weights; [`checkpoint`] puts all of it on disk and back.
//! - [`journal`] tells progress: a bar or lines, metrics as JSON, curves; [`sheet`] draws before and after.

pub mod augment;
pub mod batch;
pub mod checkpoint;
pub mod classifier;
pub mod data;
pub mod journal;
pub mod optimiser;
pub mod pairs;
pub mod perceptual;
pub mod riae;
pub mod sheet;
pub mod trainer;

use std::path::PathBuf;

/// Why a training run, or a step on its way, cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {reason}", path.display())]
    Data { path: PathBuf, reason: String },
    #[error("{0}")]
    Settings(String),
    #[error("device '{asked}': {reason}")]
    Device { asked: String, reason: String },
    #[error("{}: {reason}", path.display())]
    Run { path: PathBuf, reason: String },
    #[error("step {step}: the loss is {loss}; a lower --learning-rate usually cures it")]
    Diverged { step: u64, loss: f32 },
    #[error("{0}")]
    Model(String),
}

impl Error {
    pub fn data(path: impl Into<PathBuf>, reason: impl ToString) -> Self {
        Self::Data { path: path.into(), reason: reason.to_string() }
    }

    pub fn run(path: impl Into<PathBuf>, reason: impl ToString) -> Self {
        Self::Run { path: path.into(), reason: reason.to_string() }
    }
}

/// An independent generator for one purpose: the same names and numbers give the same stream.
pub fn generator(seed: u64, purpose: &str, numbers: &[u64]) -> rand_chacha::ChaCha8Rng {
    use rand::SeedableRng;
    use sha2::{Digest, Sha256};

    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(purpose.as_bytes());
    numbers.iter().for_each(|number| hash.update(number.to_le_bytes()));
    rand_chacha::ChaCha8Rng::from_seed(hash.finalize().into())
}
