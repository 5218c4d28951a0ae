//! The targeted fast adaptive boundary attack, FAB-T, in the maximum norm (Croce and Hein 2019, arXiv 1907.02044,
//! algorithm 1; towards single classes as in arXiv 2003.01690, appendix A).

use burn::prelude::*;
use rayon::prelude::*;

use super::apgd::{TARGETS, wrong_classes};
use super::ball::Ball;
use super::best::{mix, seed_of_restart, worst_of};
use super::loss::{Loss, numbers};
use super::rounding::survive_rounding;
use super::target::{Target, differentiate, look};

/// How far a step goes, in steps to the border.
const ETA: f32 = 1.05;
/// The largest share of the step from the clean picture in the mean with the step from the iterate.
const MOST_ALPHA: f32 = 0.1;
/// A picture that fools the target is drawn back to this share of its change.
const BETA: f32 = 0.9;

/// The smallest change (maximum norm) towards each of the likeliest wrong classes of the clean picture, at most nine,
/// from the clean picture, and in further restarts from random ones half as far away. Every run attacks the pictures
/// that none before it fooled the target with inside the ball.
pub fn fab_targeted(
    target: &dyn Target,
    ball: &Ball,
    label: &[usize],
    steps: usize,
    restarts: usize,
    seed: u64,
) -> Tensor<4> {
    let classes = target.logits(ball.clean().narrow(0, 0, 1)).dims()[1];
    let targets = TARGETS.min(classes.saturating_sub(1)).max(1);
    worst_of(target, ball, label, seed, restarts * targets, |run, ball, label| {
        let aim = wrong_classes(target, ball, label, run / restarts, seed);
        let seed = seed_of_restart(seed, run);
        let start = match run % restarts {
            0 => ball.clean(),
            _ => (ball.clean() + ball.random(seed)) * 0.5,
        };
        search(target, ball, label, aim, start, steps, seed)
    })
}

/// Repeats: the mean of the steps from the iterate and from the clean picture to the border, as the gradient at the
/// iterate has it; then, where the target is fooled, a part of the way back.
fn search(
    target: &dyn Target,
    ball: &Ball,
    label: &[usize],
    aim: Vec<usize>,
    start: Tensor<4>,
    steps: usize,
    seed: u64,
) -> Tensor<4> {
    let (clean, loss) = (ball.clean(), Loss::Towards(aim));
    let mut iterate = start;
    let mut nearest = clean.clone();
    let mut distance = vec![f32::INFINITY; label.len()];
    for number in 0..steps {
        let seed = seed.wrapping_add(number as u64);
        let (gradient, seen) = differentiate(target, iterate.clone(), &loss, label, seed);
        iterate = step(&iterate, &clean, &gradient, &seen.loss);
        let fooled = look(target, iterate.clone(), &loss, label, seed).fooled;
        let far = numbers(longest(iterate.clone() - clean.clone()));
        let nearer: Vec<usize> =
            (0..far.len()).filter(|&place| fooled[place] && far[place] < distance[place]).collect();
        nearer.iter().for_each(|&place| distance[place] = far[place]);
        nearest = mix(nearest, &iterate, &nearer);
        let back = clean.clone() + (iterate.clone() - clean.clone()) * BETA;
        let fooled: Vec<usize> = (0..fooled.len()).filter(|&place| fooled[place]).collect();
        iterate = mix(iterate, &back, &fooled);
    }
    survive_rounding(target, ball, ball.project(nearest), label, seed)
}

/// The next iterate: `iterate` and `clean` are projected onto the plane on which the difference of logits, linear with
/// this gradient and `difference` at the iterate, is 0.
fn step(iterate: &Tensor<4>, clean: &Tensor<4>, gradient: &Tensor<4>, difference: &[f32]) -> Tensor<4> {
    let between = numbers(((iterate.clone() - clean.clone()) * gradient.clone()).sum_dims(&[1, 2, 3]));
    let gaps: Vec<f32> = difference.iter().map(|difference| -difference).collect();
    let gaps_of_clean: Vec<f32> =
        difference.iter().zip(between).map(|(difference, between)| between - difference).collect();
    let from_iterate = to_planes(iterate, gradient, &gaps);
    let from_clean = to_planes(clean, gradient, &gaps_of_clean);
    let [a, b] = [&from_iterate, &from_clean].map(|change| longest(change.clone()).clamp_min(1e-8));
    let alpha = (a.clone() / (a + b)).clamp_max(MOST_ALPHA);
    let moved = iterate.clone() + from_iterate * ETA;
    let moved_from_clean = clean.clone() + from_clean * ETA;
    (moved.clone() + (moved_from_clean - moved) * alpha).clamp(0.0, 1.0)
}

/// The largest absolute number of each picture, [B, 1, 1, 1].
fn longest(change: Tensor<4>) -> Tensor<4> {
    change.abs().max_dim(1).max_dim(2).max_dim(3)
}

/// The smallest change of each picture (maximum norm, inside 0..1) whose product with its gradient is its gap.
fn to_planes(image: &Tensor<4>, gradient: &Tensor<4>, gaps: &[f32]) -> Tensor<4> {
    let dims = image.dims();
    let (pixels, weights) = (numbers(image.clone()), numbers(gradient.clone()));
    let count = pixels.len() / gaps.len();
    let changes: Vec<f32> = pixels
        .par_chunks(count)
        .zip(weights.par_chunks(count))
        .zip(gaps)
        .flat_map_iter(|((pixels, weights), gap)| to_plane(pixels, weights, *gap))
        .collect();
    Tensor::from_data(TensorData::new(changes, dims), &image.device())
}

/// The same for one picture. Every number moves by the same length in the direction that closes the gap, or to the end
/// of its range if that is nearer; all go to their ends if even that does not close the gap.
fn to_plane(pixels: &[f32], weights: &[f32], gap: f32) -> Vec<f32> {
    let direction = |weight: f32| if weight == 0.0 { 0.0 } else { weight.signum() * gap.signum() };
    let room = |pixel: f32, weight: f32| if direction(weight) > 0.0 { 1.0 - pixel } else { pixel };
    let mut rooms: Vec<(f32, f32)> =
        pixels.iter().zip(weights).map(|(&pixel, &weight)| (room(pixel, weight), weight.abs())).collect();
    rooms.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let length = common_length(&rooms, f64::from(gap.abs()));
    let change = |(&pixel, &weight): (&f32, &f32)| direction(weight) * room(pixel, weight).min(length);
    pixels.iter().zip(weights).map(change).collect()
}

/// The length at which the sum of weight times the smaller of length and room is `gap`; `rooms` are (room, weight), the
/// smallest room first.
fn common_length(rooms: &[(f32, f32)], gap: f64) -> f32 {
    let mut moving: f64 = rooms.iter().map(|(_, weight)| f64::from(*weight)).sum();
    let mut stopped = 0.0;
    for &(room, weight) in rooms {
        let (room, weight) = (f64::from(room), f64::from(weight));
        if stopped + moving * room >= gap {
            return if moving > 0.0 { ((gap - stopped) / moving) as f32 } else { 0.0 };
        }
        stopped += weight * room;
        moving -= weight;
    }
    f32::INFINITY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_to_a_plane_is_the_smallest_that_reaches_it_inside_the_range() {
        // Without a limit all numbers move by gap / (sum of weights): 0.4 / 4.
        assert_eq!(to_plane(&[0.5, 0.5, 0.5], &[1.0, -2.0, 1.0], 0.4), [0.1, -0.1, 0.1]);
        // The first number has room for 0.05 only; the others move by (0.4 - 0.05) / 3 each.
        let step = to_plane(&[0.95, 0.5, 0.5], &[1.0, -2.0, 1.0], 0.4);
        let expected = [0.05, -0.35 / 3.0, 0.35 / 3.0];
        assert!(step.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6), "{step:?}");
        // The other way round, and a number without weight.
        assert_eq!(to_plane(&[0.5, 0.5, 0.5], &[1.0, 0.0, -1.0], -0.5), [-0.25, 0.0, 0.25]);
    }

    #[test]
    fn a_plane_out_of_reach_is_approached_as_far_as_the_range_allows() {
        assert_eq!(to_plane(&[0.75, 0.25], &[1.0, -1.0], 9.0), [0.25, -0.25]);
        assert_eq!(to_plane(&[0.75, 0.25], &[0.0, 0.0], 9.0), [0.0, 0.0]);
    }
}
