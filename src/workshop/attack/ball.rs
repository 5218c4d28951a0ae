//! The ball of a maximum-norm attack: random starts, projection, and rounding to the 8 bits of a camera.

use burn::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::epsilon::Epsilon;

/// A thousandth of an 8-bit step: a level on the ball's rim counts as inside despite rounding errors.
const SLACK: f32 = 1e-3;

/// The pictures within epsilon of the clean ones, in the maximum norm, and within 0..1.
pub struct Ball {
    clean: Tensor<4>,
    size: Tensor<4>,
    /// The place of each picture in the batch that it comes from: what is drawn for it depends on that and the seed.
    places: Vec<usize>,
}

impl Ball {
    /// The ball around `clean`, [B, 3, H, W] without gradients, with an `epsilon` per picture.
    ///
    /// # Panics
    /// If `epsilon` does not have one entry per picture.
    pub fn new(clean: Tensor<4>, epsilon: &[Epsilon]) -> Self {
        let batch = clean.dims()[0];
        assert!(epsilon.len() == batch, "{batch} pictures need as many epsilons, not {}", epsilon.len());
        let sizes: Vec<f32> = epsilon.iter().map(|epsilon| epsilon.value()).collect();
        let size = Tensor::from_data(TensorData::new(sizes, [batch, 1, 1, 1]), &clean.device());
        Self { clean, size, places: (0..batch).collect() }
    }

    /// The balls of a few pictures; what is drawn for a picture stays the same.
    pub fn select(&self, chosen: &[usize]) -> Self {
        let indices: Vec<i64> = chosen.iter().map(|&place| place as i64).collect();
        let indices = Tensor::<1, Int>::from_data(TensorData::new(indices, [chosen.len()]), &self.clean.device());
        Self {
            clean: self.clean().select(0, indices.clone()),
            size: self.size().select(0, indices),
            places: chosen.iter().map(|&place| self.places[place]).collect(),
        }
    }

    /// A generator of random numbers per picture, which depends on the seed and the picture's place alone.
    pub fn generators(&self, seed: u64) -> Vec<ChaCha8Rng> {
        let generator = |&place: &usize| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(place as u64);
            random
        };
        self.places.iter().map(generator).collect()
    }

    /// The clean pictures, [B, 3, H, W].
    pub fn clean(&self) -> Tensor<4> {
        self.clean.clone()
    }

    /// The size of each picture's ball, [B, 1, 1, 1] in 0..1.
    pub fn size(&self) -> Tensor<4> {
        self.size.clone()
    }

    /// The nearest pictures in the ball.
    pub fn project(&self, image: Tensor<4>) -> Tensor<4> {
        image.max_pair(self.clean() - self.size()).min_pair(self.clean() + self.size()).clamp(0.0, 1.0)
    }

    /// Uniformly random pictures in the ball. They are drawn on the host, so they are equal on every device; sample i
    /// depends on the seed and i alone.
    pub fn random(&self, seed: u64) -> Tensor<4> {
        let dims @ [batch, channels, height, width] = self.clean.dims();
        let numbers = channels * height * width;
        let mut values = Vec::with_capacity(batch * numbers);
        for mut random in self.generators(seed) {
            values.extend((0..numbers).map(|_| random.random_range(-1.0f32..=1.0)));
        }
        let direction = Tensor::from_data(TensorData::new(values, dims), &self.clean.device());
        self.project(self.clean() + direction * self.size())
    }

    /// The 8-bit pictures in the ball that are nearest to `image`.
    ///
    /// The clean pictures must be 8-bit (multiples of 1/255), so that there always is one.
    pub fn round_to_8_bit(&self, image: Tensor<4>) -> Tensor<4> {
        let low = ((self.clean() - self.size()) * 255.0 - SLACK).ceil();
        let high = ((self.clean() + self.size()) * 255.0 + SLACK).floor();
        let level = (image * 255.0).round();
        level.max_pair(low).min_pair(high).clamp(0.0, 255.0) / 255.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(levels: &[f32]) -> Tensor<4> {
        let values: Vec<f32> = levels.iter().map(|level| level / 255.0).collect();
        Tensor::from_data(TensorData::new(values, [1, 1, 1, levels.len()]), &Device::flex())
    }

    /// The levels of `image` after rounding inside the ball around `clean`.
    fn rounded(clean: &[f32], epsilon: &str, image: &[f32]) -> Vec<f32> {
        let ball = Ball::new(row(clean), &[epsilon.parse().unwrap()]);
        (ball.round_to_8_bit(row(image)) * 255.0).into_data().try_into_vec().unwrap()
    }

    #[test]
    fn a_picture_draws_the_same_start_alone_and_among_others() {
        let clean = row(&[100.0; 8]).reshape([4, 1, 1, 2]);
        let ball = Ball::new(clean, &[Epsilon::steps(16), Epsilon::steps(4), Epsilon::steps(8), Epsilon::steps(2)]);
        let numbers = |start: Tensor<4>| start.into_data().try_into_vec::<f32>().unwrap();
        let (all, few) = (numbers(ball.random(7)), numbers(ball.select(&[3, 1]).random(7)));
        assert_eq!(few, [&all[6..8], &all[2..4]].concat());
    }

    #[test]
    fn rounding_stays_inside_the_ball_and_inside_the_range() {
        let levels = rounded(&[0.0, 100.0, 100.0, 100.0, 255.0], "3.5/255", &[-3.0, 103.6, 96.4, 101.4, 300.0]);
        let expected = [0.0, 103.0, 97.0, 101.0, 255.0];
        assert!(levels.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-3), "{levels:?}");
    }

    #[test]
    fn every_level_on_the_rim_of_the_ball_can_be_reached() {
        let levels: Vec<f32> = (16..240).map(|level| level as f32).collect();
        let rims: Vec<f32> = levels.iter().map(|level| level + 16.0).collect();
        let found = rounded(&levels, "16/255", &rims);
        assert!(found.iter().zip(&rims).all(|(found, rim)| (found - rim).abs() < 1e-3), "{found:?}");
    }
}
