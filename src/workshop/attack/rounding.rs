//! What attacks that look for the smallest change need: rounding to 8 bits undoes it.

use burn::prelude::*;

use super::ball::Ball;
use super::loss::Loss;
use super::target::{Target, look};

/// The factor by which a change grows from try to try.
const GROWTH: f32 = 1.05;
/// Tries before a picture is left as it is: the last one is 22 times as long as the first.
const TRIES: usize = 64;

/// Pictures that fool the target, each with its change from the clean one lengthened as little as it takes to fool the
/// target after rounding to 8 bits inside the ball, too. Others stay.
pub(super) fn survive_rounding(
    target: &dyn Target,
    ball: &Ball,
    image: Tensor<4>,
    label: &[usize],
    seed: u64,
) -> Tensor<4> {
    let seen = look(target, image.clone(), &Loss::Margin, label, seed);
    let mut left: Vec<usize> = (0..label.len()).filter(|&place| seen.fooled[place]).collect();
    let mut found: Vec<Tensor<4>> = (0..label.len()).map(|place| image.clone().narrow(0, place, 1)).collect();
    let change = image - ball.clean();
    for number in 0..TRIES {
        if left.is_empty() {
            break;
        }
        let longer = ball.project(ball.clean() + change.clone() * GROWTH.powi(number as i32));
        let (longer, ball) = (select(&longer, &left), ball.select(&left));
        let labels: Vec<usize> = left.iter().map(|&place| label[place]).collect();
        let rounded = ball.round_to_8_bit(longer);
        let seen = look(target, rounded.clone(), &Loss::Margin, &labels, seed);
        for (index, &place) in left.iter().enumerate().filter(|(index, _)| seen.fooled[*index]) {
            found[place] = rounded.clone().narrow(0, index, 1);
        }
        let mut fooled = seen.fooled.into_iter();
        left.retain(|_| !fooled.next().unwrap_or_default());
    }
    Tensor::cat(found, 0)
}

/// The pictures in these places.
fn select(image: &Tensor<4>, places: &[usize]) -> Tensor<4> {
    Tensor::cat(places.iter().map(|&place| image.clone().narrow(0, place, 1)).collect(), 0)
}
