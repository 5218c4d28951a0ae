//! The best picture found so far, and the worst case of several attacks.

use burn::prelude::*;

use super::ball::Ball;
use super::loss::Loss;
use super::target::{Seen, Target, look};

/// The best iterate of an attack per picture: one that fools the target before one that does not, then by its loss.
#[derive(Default)]
pub(super) struct Best(Option<(Tensor<4>, Seen)>);

impl Best {
    /// Takes the pictures that are better than those so far.
    pub fn offer(&mut self, image: &Tensor<4>, seen: &Seen) {
        let Some((best, known)) = &mut self.0 else {
            self.0 = Some((image.clone(), seen.clone()));
            return;
        };
        let better = |place: &usize| match (known.fooled[*place], seen.fooled[*place]) {
            (before, now) if before == now => seen.loss[*place] > known.loss[*place],
            (_, now) => now,
        };
        let better: Vec<usize> = (0..seen.loss.len()).filter(better).collect();
        for &place in &better {
            (known.loss[place], known.fooled[place]) = (seen.loss[place], seen.fooled[place]);
        }
        *best = mix(best.clone(), image, &better);
    }

    /// The best pictures of all that were offered; `last` if none was.
    pub fn image(self, last: Tensor<4>) -> Tensor<4> {
        self.0.map_or(last, |(image, _)| image)
    }

    /// The last pictures of an attack, which has always been its result; where they fail, one that did fool the target.
    pub fn last_or_fooling(self, last: Tensor<4>, seen: &Seen) -> Tensor<4> {
        let Some((image, known)) = self.0 else { return last };
        let lost = |place: &usize| known.fooled[*place] && !seen.fooled[*place];
        let lost: Vec<usize> = (0..seen.fooled.len()).filter(lost).collect();
        mix(last, &image, &lost)
    }
}

/// `image` with the pictures in these `places` taken from `other`; both [B, ...].
pub(super) fn mix(image: Tensor<4>, other: &Tensor<4>, places: &[usize]) -> Tensor<4> {
    if places.is_empty() {
        return image;
    }
    let batch = image.dims()[0];
    let pictures = (0..batch).map(|place| {
        let from = if places.contains(&place) { other } else { &image };
        from.clone().narrow(0, place, 1)
    });
    Tensor::cat(pictures.collect(), 0)
}

/// The worst case per picture of a number of runs, each an attack of its own: `run(number, ball, label)`.
///
/// A run gets the pictures that no run before it fooled the target with. A run's result is judged after rounding to 8
/// bits. A picture that fools the target comes first, then the one with the largest cross-entropy.
pub(super) fn worst_of(
    target: &dyn Target,
    ball: &Ball,
    label: &[usize],
    seed: u64,
    runs: usize,
    run: impl Fn(usize, &Ball, &[usize]) -> Tensor<4>,
) -> Tensor<4> {
    if runs == 1 {
        return run(0, ball, label);
    }
    let clean = ball.clean();
    let mut worst: Vec<Tensor<4>> = (0..label.len()).map(|place| clean.clone().narrow(0, place, 1)).collect();
    let mut loss = vec![f32::NEG_INFINITY; label.len()];
    let mut left: Vec<usize> = (0..label.len()).collect();
    for number in 0..runs {
        if left.is_empty() {
            break;
        }
        let labels: Vec<usize> = left.iter().map(|&place| label[place]).collect();
        let ball = ball.select(&left);
        let found = ball.round_to_8_bit(run(number, &ball, &labels));
        let seen = look(target, found.clone(), &Loss::CrossEntropy, &labels, seed);
        for (index, &place) in left.iter().enumerate() {
            if seen.fooled[index] || seen.loss[index] > loss[place] {
                worst[place] = found.clone().narrow(0, index, 1);
                loss[place] = seen.loss[index];
            }
        }
        let mut fooled = seen.fooled.into_iter();
        left.retain(|_| !fooled.next().unwrap_or_default());
    }
    Tensor::cat(worst, 0)
}

/// The seed of a restart; that of the first is `seed` itself.
pub(super) fn seed_of_restart(seed: u64, restart: usize) -> u64 {
    seed ^ (restart as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::super::loss::numbers;
    use super::*;

    fn pictures(levels: [f32; 3]) -> Tensor<4> {
        Tensor::from_data(TensorData::new(levels.to_vec(), [3, 1, 1, 1]), &Device::flex())
    }

    fn seen(loss: [f32; 3], fooled: [bool; 3]) -> Seen {
        Seen { loss: loss.to_vec(), fooled: fooled.to_vec() }
    }

    #[test]
    fn a_picture_that_fools_is_kept_before_one_with_a_larger_loss() {
        let mut best = Best::default();
        best.offer(&pictures([1.0; 3]), &seen([1.0, 5.0, 1.0], [true, false, false]));
        best.offer(&pictures([2.0; 3]), &seen([9.0, 2.0, 0.5], [false, true, false]));
        best.offer(&pictures([3.0; 3]), &seen([2.0, 1.0, 0.6], [true, true, false]));
        assert_eq!(numbers(best.image(pictures([0.0; 3]))), [3.0, 2.0, 1.0]);
    }

    #[test]
    fn the_last_picture_stays_unless_it_fails_where_another_did_not() {
        let mut best = Best::default();
        best.offer(&pictures([1.0; 3]), &seen([9.0; 3], [true, true, false]));
        let last = best.last_or_fooling(pictures([2.0; 3]), &seen([1.0; 3], [true, false, false]));
        assert_eq!(numbers(last), [2.0, 1.0, 2.0]);
    }
}
