//! Training: photographs to weights, resumable at any moment, the same under the same seed.
//!
//! - [`data`] reads a folder of photographs, [`augment`] cuts training views from them,
//!   [`batch`] turns them into tensors and back.
//! - [`trainer`] is the one loop; [`classifier`] and [`purifier`] are its tasks, [`settings`] what they are run with,
//!   [`recipe`] what they usually are, [`trial`] how long that takes.
//! - [`pairs`] makes the adversarial pictures of a purifier's stage 2, [`pair_cache`] keeps them for a resumed run;
//!   [`perceptual`] is a part of its loss.
//! - [`optimiser`] holds schedule, clipping and averaged weights; [`checkpoint`] puts all of it on disk and back.
//! - [`journal`] reports progress: a bar or lines, metrics as JSON, curves, the time left; [`sheet`] draws before and
//!   after.

pub mod augment;
pub mod batch;
pub mod checkpoint;
pub mod classifier;
pub mod data;
mod error;
pub mod journal;
pub mod optimiser;
mod pace;
pub mod pair_cache;
pub mod pairs;
pub mod perceptual;
pub mod purifier;
mod rcm;
pub mod recipe;
pub mod settings;
pub mod sheet;
pub mod trainer;
pub mod trial;

pub use error::{DataProblem, Error, LoadError, RunProblem, StoreError};

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
