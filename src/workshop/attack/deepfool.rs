//! DeepFool: the nearest border between classes, if they were linear (Moosavi-Dezfooli et al. 2015, arXiv 1511.04599,
//! algorithm 2).

use burn::prelude::*;

use super::apgd::wrong_classes;
use super::ball::Ball;
use super::best::mix;
use super::loss::{Loss, numbers};
use super::rounding::survive_rounding;
use super::target::{Target, differentiate, look};

/// The wrong classes that compete, the likeliest of the clean picture; the paper's code has ten classes with the right
/// one.
const CLASSES: usize = 9;
/// How far the way goes past the border, as a share of its length.
const OVERSHOOT: f32 = 0.02;

/// From the clean picture, at most `steps` times: the shortest step (L2) to the border of another class, as the
/// gradients have it, then back into the ball; until the picture a fiftieth of the way past the iterate fools the
/// target.
///
/// A ball of size 1 is no bound: then this is the attack of the paper. (In torchattacks each step goes past the border
/// instead of the whole way, and ends on it to within rounding errors.) The change is lengthened until it survives
/// rounding to 8 bits.
pub fn deepfool(target: &dyn Target, ball: &Ball, label: &[usize], steps: usize, seed: u64) -> Tensor<4> {
    let classes = target.logits(ball.clean().narrow(0, 0, 1)).dims()[1];
    let ranks = 0..CLASSES.min(classes.saturating_sub(1)).max(1);
    let aims: Vec<Vec<usize>> = ranks.map(|rank| wrong_classes(target, ball, label, rank, seed)).collect();
    let mut iterate = ball.clean();
    let mut adversarial = ball.clean();
    for number in 0..steps {
        let seed = seed.wrapping_add(number as u64);
        let seen = look(target, adversarial.clone(), &Loss::Margin, label, seed);
        let left: Vec<usize> = (0..label.len()).filter(|&place| !seen.fooled[place]).collect();
        if left.is_empty() {
            break;
        }
        let step = shortest_step(target, &iterate, label, &aims, seed);
        iterate = ball.project(iterate + step);
        let past = ball.clean() + (iterate.clone() - ball.clean()) * (1.0 + OVERSHOOT);
        adversarial = mix(adversarial, &ball.project(past), &left);
    }
    survive_rounding(target, ball, adversarial, label, seed)
}

/// The shortest of the steps to the borders of the classes that each of `aims` has for every picture: with the
/// difference of logits f and its gradient w, |f| w / |w|^2.
fn shortest_step(target: &dyn Target, image: &Tensor<4>, label: &[usize], aims: &[Vec<usize>], seed: u64) -> Tensor<4> {
    let mut shortest = image.zeros_like();
    let mut length = vec![f32::INFINITY; label.len()];
    for aim in aims {
        let loss = Loss::Towards(aim.clone());
        let (gradient, seen) = differentiate(target, image.clone(), &loss, label, seed);
        let squares = numbers(gradient.clone().powi_scalar(2).sum_dims(&[1, 2, 3]));
        // A class whose logit does not change with the picture cannot be reached.
        let scale: Vec<f32> = seen.loss.iter().zip(&squares).map(|(f, square)| f.abs() / square).collect();
        let far = |place: &usize| scale[*place] * squares[*place].sqrt();
        let shorter: Vec<usize> = (0..label.len()).filter(|place| far(place) < length[*place]).collect();
        shorter.iter().for_each(|place| length[*place] = far(place));
        let scale = Tensor::<4>::from_data(TensorData::new(scale, [label.len(), 1, 1, 1]), &gradient.device());
        shortest = mix(shortest, &(gradient * scale), &shorter);
    }
    shortest
}
