//! The randomness of a purifier: drawn afresh for every frame, and the same again under the same seed.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Draws what frame `n` of a stream gets as a function of the seed and of `n` alone.
///
/// ChaCha has 2^64 independent streams a key: the key is made of the seed, the stream is the frame's number. So a frame
/// that was skipped changes nothing for those after it, and a run can be repeated from any frame.
#[derive(Clone, Debug)]
pub struct NoiseSource {
    generator: ChaCha8Rng,
}

impl NoiseSource {
    pub fn new(seed: u64) -> Self {
        Self { generator: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Begins the draws of frame `number`; its inputs are then drawn in the order of the purifier's metadata.
    pub fn frame(&mut self, number: u64) {
        self.generator.set_stream(number);
        self.generator.set_word_pos(0);
    }

    /// Independent normal numbers of mean 0 and variance 1.
    pub fn normal(&mut self, out: &mut [f32]) {
        out.fill_with(|| self.generator.sample(StandardNormal));
    }

    /// A uniformly random permutation of `0..out.len()`.
    pub fn permutation(&mut self, out: &mut [i64]) {
        out.iter_mut().zip(0..).for_each(|(place, index)| *place = index);
        out.shuffle(&mut self.generator);
    }
}
