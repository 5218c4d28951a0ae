//! The random inputs of a purifier: drawn anew for every frame, and repeatable with the same seed.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Draws numbers that depend only on the seed and on the frame's number.
///
/// ChaCha has 2^64 independent streams per key: the key is made from the seed, the stream is the frame's number. So a
/// skipped frame changes nothing for later ones, and a run can be repeated from any frame.
#[derive(Clone, Debug)]
pub struct NoiseSource {
    generator: ChaCha8Rng,
}

impl NoiseSource {
    /// A source for one seed.
    pub fn new(seed: u64) -> Self {
        Self { generator: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Starts the draws of frame `number`. The caller then draws its inputs in the order of the purifier's metadata.
    pub fn frame(&mut self, number: u64) {
        self.generator.set_stream(number);
        self.generator.set_word_pos(0);
    }

    /// Fills `out` with independent normal numbers of mean 0 and variance 1.
    pub fn normal(&mut self, out: &mut [f32]) {
        out.fill_with(|| self.generator.sample(StandardNormal));
    }

    /// Fills `out` with a uniformly random permutation of `0..out.len()`.
    pub fn permutation(&mut self, out: &mut [i64]) {
        out.iter_mut().zip(0..).for_each(|(place, index)| *place = index);
        out.shuffle(&mut self.generator);
    }
}
