//! The Square attack, which asks for logits and needs no gradient (Andriushchenko et al. 2019, arXiv 1912.00049,
//! algorithms 1 and 2, with the schedule of AutoAttack).

use burn::prelude::*;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::ball::Ball;
use super::best::{seed_of_restart, worst_of};
use super::loss::{Loss, numbers};
use super::target::{Target, look};

/// The share of the picture that the first square covers.
const FIRST_AREA: f32 = 0.8;
/// The area is halved after each of these queries, of 10000; fewer queries shorten the schedule.
const HALVED_AFTER: [usize; 9] = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];
/// The queries of that schedule.
const SCHEDULE: usize = 10_000;

/// From vertical stripes of plus and minus epsilon, repeats: a square at a random place gets a random sign of epsilon
/// in each channel; the picture is kept if its margin shrinks. A picture is finished when it fools the target. Every
/// restart attacks the pictures that none before it fooled the target with.
pub fn square(
    target: &dyn Target,
    ball: &Ball,
    label: &[usize],
    queries: usize,
    restarts: usize,
    seed: u64,
) -> Tensor<4> {
    worst_of(target, ball, label, seed, restarts, |restart, ball, label| {
        search(target, ball, label, queries, seed_of_restart(seed, restart))
    })
}

fn search(target: &dyn Target, ball: &Ball, label: &[usize], queries: usize, seed: u64) -> Tensor<4> {
    let dims @ [_, channels, height, width] = ball.clean().dims();
    let shape = [channels, height, width];
    let mut pictures = Picture::all(ball, seed);
    let mut left: Vec<usize> = (0..pictures.len()).collect();
    for query in 0..queries {
        if left.is_empty() {
            break;
        }
        let side = side_of_square(query, queries, [height, width]);
        let tried: Vec<Vec<f32>> = left
            .iter()
            .map(|&place| match query {
                0 => pictures[place].stripes(shape),
                _ => pictures[place].with_square(shape, side),
            })
            .collect();
        let image = TensorData::new(tried.concat(), [left.len(), channels, height, width]);
        let image = Tensor::from_data(image, &ball.clean().device());
        let labels: Vec<usize> = left.iter().map(|&place| label[place]).collect();
        let seen = look(target, image, &Loss::Margin, &labels, seed.wrapping_add(query as u64));
        for ((&place, tried), (&loss, &fooled)) in left.iter().zip(tried).zip(seen.loss.iter().zip(&seen.fooled)) {
            if query == 0 || fooled || loss > pictures[place].loss {
                (pictures[place].best, pictures[place].loss) = (tried, loss);
            }
        }
        let mut fooled = seen.fooled.into_iter();
        left.retain(|_| !fooled.next().unwrap_or_default());
    }
    let best: Vec<f32> = pictures.into_iter().flat_map(|picture| picture.best).collect();
    Tensor::from_data(TensorData::new(best, dims), &ball.clean().device())
}

/// A picture under attack, [3, H, W] in 0..1, on the host.
struct Picture {
    clean: Vec<f32>,
    epsilon: f32,
    best: Vec<f32>,
    loss: f32,
    random: ChaCha8Rng,
}

impl Picture {
    fn all(ball: &Ball, seed: u64) -> Vec<Self> {
        let (clean, sizes) = (numbers(ball.clean()), numbers(ball.size()));
        let pictures = clean.chunks(clean.len() / sizes.len()).zip(sizes).zip(ball.generators(seed));
        pictures
            .map(|((clean, epsilon), random)| Self {
                clean: clean.to_vec(),
                epsilon,
                best: clean.to_vec(),
                loss: f32::NEG_INFINITY,
                random,
            })
            .collect()
    }

    /// Plus or minus epsilon for each column of each channel.
    fn stripes(&mut self, [channels, _, width]: [usize; 3]) -> Vec<f32> {
        let signs: Vec<f32> = (0..channels * width).map(|_| sign(&mut self.random)).collect();
        let height = self.clean.len() / (channels * width);
        let change = |place: usize| signs[place / (height * width) * width + place % width] * self.epsilon;
        self.clean.iter().enumerate().map(|(place, clean)| (clean + change(place)).clamp(0.0, 1.0)).collect()
    }

    /// The best picture with a square of plus or minus epsilon at a random place.
    fn with_square(&mut self, [channels, height, width]: [usize; 3], side: usize) -> Vec<f32> {
        let [top, left] = [height, width].map(|length| self.random.random_range(0..=length - side));
        let mut tried = self.best.clone();
        for channel in 0..channels {
            let change = sign(&mut self.random) * self.epsilon;
            for row in top..top + side {
                let start = (channel * height + row) * width + left;
                let clean = &self.clean[start..][..side];
                let row = tried[start..][..side].iter_mut().zip(clean);
                row.for_each(|(tried, clean)| *tried = (clean + change).clamp(0.0, 1.0));
            }
        }
        tried
    }
}

fn sign(random: &mut ChaCha8Rng) -> f32 {
    if random.random_bool(0.5) { 1.0 } else { -1.0 }
}

/// The side in pixels of the square of a query, at least 1 and at most the shorter side of the picture.
fn side_of_square(query: usize, queries: usize, [height, width]: [usize; 2]) -> usize {
    let place = query * SCHEDULE / queries;
    let halvings = HALVED_AFTER.iter().filter(|&&after| place > after).count();
    let area = FIRST_AREA / 2f32.powi(halvings as i32) * (height * width) as f32;
    (area.sqrt().round() as usize).clamp(1, height.min(width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_shrink_as_in_the_schedule_of_autoattack() {
        let sides: Vec<usize> =
            [0, 5, 6, 25, 26, 250, 251, 4999].map(|query| side_of_square(query, 5000, [100, 100])).to_vec();
        // 0.8 of the area, halved after 10, 50 and 500 of 10000, and last after 8000.
        assert_eq!(sides, [89, 89, 63, 63, 45, 32, 22, 4]);
        assert_eq!(side_of_square(4999, 5000, [10, 10]), 1);
        assert_eq!(side_of_square(0, 1, [10, 4]), 4);
    }
}
