//! AutoAttack, the standard version in the maximum norm (Croce and Hein 2020, arXiv 2003.01690, section 6).

use burn::prelude::*;

use super::apgd::{apgd, apgd_targeted};
use super::ball::Ball;
use super::best::worst_of;
use super::fab::fab_targeted;
use super::loss::Loss;
use super::square::square;
use super::target::Target;

/// Steps of each of the attacks with gradients.
const STEPS: usize = 100;
/// Queries of Square.
const QUERIES: usize = 5000;

/// The worst case per picture of Auto-PGD on the cross-entropy, targeted Auto-PGD, targeted FAB (100 steps each, nine
/// classes) and Square (5000 queries), in this order; each attacks the pictures that none before it fooled the target
/// with.
pub fn autoattack(target: &dyn Target, ball: &Ball, label: &[usize], seed: u64) -> Tensor<4> {
    worst_of(target, ball, label, seed, 4, |number, ball, label| match number {
        0 => apgd(target, ball, label, &Loss::CrossEntropy, STEPS, 1, seed),
        1 => apgd_targeted(target, ball, label, STEPS, 1, seed),
        2 => fab_targeted(target, ball, label, STEPS, 1, seed),
        _ => square(target, ball, label, QUERIES, 1, seed),
    })
}
