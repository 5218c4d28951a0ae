//! Adversarial pictures: small changes that make a classifier err, as pictures that a camera could have taken.
//!
//! - [`Method`], [`Attack`] and [`AttackSpec`] are the names; [`Epsilon`] is the size.
//! - [`Target`] is what is attacked: a classifier file alone (a *transfer* attack, from the view of a purifier that the
//!   attacker does not know), or purifier and classifier together ([`Defended`], an *adaptive* attack).
//! - [`Ball`] has what the attacks share: random start, projection, rounding. `loss` has what they raise, `best` keeps
//!   the best iterate and the worst case of restarts, `rounding` makes the smallest changes survive 8 bits. Each attack
//!   is one file.
//!
//! All attacks lead away from the right class and are bounded in the maximum norm; C&W and DeepFool look for the
//! smallest change in L2 inside that bound. Every result is rounded to 8 bits inside the ball.

mod apgd;
mod autoattack;
mod ball;
mod best;
mod cw;
mod deepfool;
mod di_fgsm;
mod epsilon;
mod fab;
mod fgsm;
mod loss;
mod method;
mod mi_fgsm;
mod pattern;
mod pgd;
mod rounding;
mod square;
mod target;
mod uniform;
mod universal;

use burn::prelude::*;

pub use ball::Ball;
pub use epsilon::{Epsilon, ParseEpsilonError};
pub use fgsm::fgsm_from_random_start;
use loss::Loss;
pub use method::{Attack, AttackSpec, Method, ParseAttackError, TooFewClasses};
pub use target::{Among, Bpda, Defended, Target, fooled, gradient_sizes, logits};
pub use universal::universal;

impl Attack {
    /// Perturbs every picture of a batch by at most the attack's own epsilon; see [`Method::perturb`].
    ///
    /// # Panics
    /// If `label` does not have one entry per picture.
    pub fn perturb(&self, target: &dyn Target, image: Tensor<4>, label: &[usize], seed: u64) -> Tensor<4> {
        self.method.perturb(target, image, label, &vec![self.epsilon; label.len()], seed)
    }
}

impl Method {
    /// Perturbs a batch of 8-bit pictures; `label` and `epsilon` have the right class and the largest change of each.
    ///
    /// The same seed gives the same result; the random start of sample i depends on the seed and i alone.
    ///
    /// # Shapes
    /// `image` [B, 3, H, W], RGB in 0..1 -> the same shape and range, on the target's device without gradients: 8-bit
    /// pictures, at most epsilon from `image` in every number.
    ///
    /// # Panics
    /// If `label` or `epsilon` does not have one entry per picture.
    pub fn perturb(
        self,
        target: &dyn Target,
        image: Tensor<4>,
        label: &[usize],
        epsilon: &[Epsilon],
        seed: u64,
    ) -> Tensor<4> {
        let batch = image.dims()[0];
        assert!(label.len() == batch, "{batch} pictures need as many labels, not {}", label.len());
        let ball = Ball::new(image.inner().to_device(&target.device().inner()), epsilon);
        let adversarial = match self {
            Self::Clean => return ball.clean(),
            Self::Noise => uniform::uniform(&ball, seed),
            Self::Pattern => pattern::pattern(&ball, seed),
            Self::Fgsm => fgsm::fgsm(target, &ball, label, seed),
            Self::Bim { steps } => pgd::bim(target, &ball, label, steps, seed),
            Self::Pgd { steps, restarts } => pgd::pgd(target, &ball, label, steps, restarts, seed),
            Self::MiFgsm { steps } => mi_fgsm::mi_fgsm(target, &ball, label, steps, seed),
            Self::DiFgsm { steps } => di_fgsm::di_fgsm(target, &ball, label, steps, 0.0, seed),
            Self::MDiFgsm { steps } => di_fgsm::di_fgsm(target, &ball, label, steps, mi_fgsm::DECAY, seed),
            Self::ApgdCe { steps, restarts } => {
                apgd::apgd(target, &ball, label, &Loss::CrossEntropy, steps, restarts, seed)
            }
            Self::ApgdDlr { steps, restarts } => apgd::apgd(target, &ball, label, &Loss::Dlr, steps, restarts, seed),
            Self::ApgdT { steps, restarts } => apgd::apgd_targeted(target, &ball, label, steps, restarts, seed),
            Self::FabT { steps, restarts } => fab::fab_targeted(target, &ball, label, steps, restarts, seed),
            Self::Square { queries, restarts } => square::square(target, &ball, label, queries, restarts, seed),
            Self::Cw { steps, searches } => cw::cw(target, &ball, label, steps, searches, seed),
            Self::DeepFool { steps } => deepfool::deepfool(target, &ball, label, steps, seed),
            Self::AutoAttack => autoattack::autoattack(target, &ball, label, seed),
        };
        ball.round_to_8_bit(adversarial)
    }
}
