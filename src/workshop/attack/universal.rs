//! One perturbation for all pictures (Moosavi-Dezfooli et al. 2016, arXiv 1610.08401), by sign-gradient ascent over
//! batches (Shafahi et al. 2018, arXiv 1811.11304, algorithm 2).

use burn::prelude::*;

use super::epsilon::Epsilon;
use super::target::{Target, gradient};

/// One 8-bit level: the length of the step that each batch of a pass makes.
const STEP: f32 = 1.0 / 255.0;

/// A perturbation that raises the loss of all `batches` (8-bit pictures with the class of each), after `passes` over
/// them; `None` without a batch.
///
/// # Shapes
/// `batches` [B, 3, H, W] in 0..1 -> [1, 3, H, W], whole 8-bit levels between -epsilon and epsilon
pub fn universal(
    target: &dyn Target,
    batches: &[(Tensor<4>, Vec<usize>)],
    epsilon: Epsilon,
    passes: usize,
    seed: u64,
) -> Option<Tensor<4>> {
    let [_, channels, height, width] = batches.first()?.0.dims();
    let epsilon = epsilon.value();
    let mut perturbation = Tensor::<4>::zeros([1, channels, height, width], &target.device().inner());
    for pass in 0..passes {
        for (number, (image, label)) in batches.iter().enumerate() {
            let shown = (image.clone().inner() + perturbation.clone()).clamp(0.0, 1.0);
            let seed = seed.wrapping_add((pass * batches.len() + number) as u64);
            let direction = gradient(target, shown, label, seed).sum_dim(0).sign();
            perturbation = (perturbation + direction * STEP).clamp(-epsilon, epsilon);
        }
    }
    Some((perturbation * 255.0).round() / 255.0)
}
