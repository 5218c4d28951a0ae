//! Auto-PGD, which needs no step size (Croce and Hein 2020, arXiv 2003.01690, algorithm 1), and its targeted form
//! (section 4 there).

use burn::prelude::*;

use super::ball::Ball;
use super::best::{Best, mix, seed_of_restart, worst_of};
use super::loss::{Loss, ranked};
use super::target::{Target, differentiate};

/// The first step in epsilons.
const FIRST_STEP: f32 = 2.0;
/// The share of a new step; the rest is that of the step before it.
const ALPHA: f32 = 0.75;
/// The step is halved if the loss rises in at most this share of the steps between two checks.
const RHO: f32 = 0.75;
/// The first check after this share of all steps ...
const FIRST_CHECK: f64 = 0.22;
/// ... each time this share sooner ...
const SOONER: f64 = 0.03;
/// ... but no sooner than this share.
const SOONEST: f64 = 0.06;
/// The most wrong classes that the targeted form aims at, as in AutoAttack.
pub(super) const TARGETS: usize = 9;

/// Auto-PGD on the cross-entropy or the difference of logits ratio, from a random start. Every restart attacks the
/// pictures that none before it fooled the target with.
pub fn apgd(
    target: &dyn Target,
    ball: &Ball,
    label: &[usize],
    loss: &Loss,
    steps: usize,
    restarts: usize,
    seed: u64,
) -> Tensor<4> {
    worst_of(target, ball, label, seed, restarts, |restart, ball, label| {
        climb(target, ball, label, loss, steps, seed_of_restart(seed, restart))
    })
}

/// Auto-PGD on the targeted difference of logits ratio: towards each of the likeliest wrong classes of the clean
/// picture, the likeliest first, at most nine. Every run attacks the pictures that none before it fooled the target
/// with.
pub fn apgd_targeted(
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
        let aim = wrong_classes(target, ball, label, run % targets, seed);
        climb(target, ball, label, &Loss::TargetedDlr(aim), steps, seed_of_restart(seed, run))
    })
}

/// The wrong class of this rank, counted from 0, of each clean picture; the last one if there are fewer.
pub(super) fn wrong_classes(target: &dyn Target, ball: &Ball, label: &[usize], rank: usize, seed: u64) -> Vec<usize> {
    let order = ranked(&target.logits_of_draw(ball.clean(), seed));
    let wrong = |(order, label): (&Vec<usize>, &usize)| {
        let mut wrong = order.iter().copied().filter(|class| class != label);
        wrong.clone().nth(rank).or_else(|| wrong.next_back()).unwrap_or(*label)
    };
    order.iter().zip(label).map(wrong).collect()
}

/// One run from a random start: the picture that fools the target with the largest loss, or else the one with the
/// largest loss.
fn climb(target: &dyn Target, ball: &Ball, label: &[usize], loss: &Loss, steps: usize, seed: u64) -> Tensor<4> {
    let mut adversarial = ball.random(seed);
    let (mut gradient, mut seen) = differentiate(target, adversarial.clone(), loss, label, seed);
    let mut best = Best::default();
    best.offer(&adversarial, &seen);
    let mut highest = (adversarial.clone(), gradient.clone());
    let mut schedule = Schedule::new(steps, seen.loss);
    let mut before = adversarial.clone();
    for number in 0..steps {
        let last_step = adversarial.clone() - before;
        before = adversarial.clone();
        let step = ball.size() * schedule.step(&ball.size().device());
        let next = ball.project(adversarial.clone() + gradient.sign() * step);
        adversarial = match number {
            0 => next,
            _ => ball.project(before.clone() + (next - adversarial) * ALPHA + last_step * (1.0 - ALPHA)),
        };
        (gradient, seen) =
            differentiate(target, adversarial.clone(), loss, label, seed.wrapping_add(1 + number as u64));
        best.offer(&adversarial, &seen);
        let higher = schedule.add(&seen.loss);
        highest = (mix(highest.0, &adversarial, &higher), mix(highest.1, &gradient, &higher));
        let halved = schedule.check();
        adversarial = mix(adversarial, &highest.0, &halved);
        gradient = mix(gradient, &highest.1, &halved);
    }
    best.image(adversarial)
}

/// When the step of each picture is halved: at checks that come sooner and sooner, if the loss rose too seldom since
/// the last one, or if neither the step was halved at the last one nor a larger loss was found since.
struct Schedule {
    /// Steps in epsilons.
    steps: Vec<f32>,
    /// The loss of the last picture, and the largest so far.
    loss: Vec<f32>,
    highest: Vec<f32>,
    /// How often the loss rose since the last check.
    rises: Vec<usize>,
    /// The largest loss at the last check, and whether the step was halved there.
    highest_at_check: Vec<f32>,
    halved: Vec<bool>,
    /// Steps since the last check, and between it and the next.
    since: usize,
    period: usize,
    sooner: usize,
    soonest: usize,
}

impl Schedule {
    /// Of an attack of `steps` steps from pictures with this loss.
    fn new(steps: usize, loss: Vec<f32>) -> Self {
        let share = |share: f64| ((share * steps as f64) as usize).max(1);
        Self {
            steps: vec![FIRST_STEP; loss.len()],
            highest: loss.clone(),
            rises: vec![0; loss.len()],
            highest_at_check: loss.clone(),
            // As if halved: the first check asks for rises alone.
            halved: vec![true; loss.len()],
            loss,
            since: 0,
            period: share(FIRST_CHECK),
            sooner: share(SOONER),
            soonest: share(SOONEST),
        }
    }

    /// The step of each picture in epsilons, [B, 1, 1, 1].
    fn step(&self, device: &Device) -> Tensor<4> {
        Tensor::from_data(TensorData::new(self.steps.clone(), [self.steps.len(), 1, 1, 1]), device)
    }

    /// Adds the losses after a step; returns the places where they are larger than all before.
    fn add(&mut self, loss: &[f32]) -> Vec<usize> {
        let mut higher = Vec::new();
        for (place, &loss) in loss.iter().enumerate() {
            self.rises[place] += usize::from(loss > self.loss[place]);
            if loss > self.highest[place] {
                self.highest[place] = loss;
                higher.push(place);
            }
            self.loss[place] = loss;
        }
        self.since += 1;
        higher
    }

    /// Halves steps if a check is due; returns the places where it did, which go back to the picture of the largest
    /// loss.
    fn check(&mut self) -> Vec<usize> {
        if self.since < self.period {
            return Vec::new();
        }
        let seldom = RHO * self.period as f32;
        for place in 0..self.steps.len() {
            let stuck = !self.halved[place] && self.highest_at_check[place] >= self.highest[place];
            self.halved[place] = stuck || self.rises[place] as f32 <= seldom;
            if self.halved[place] {
                self.steps[place] /= 2.0;
            }
            self.rises[place] = 0;
        }
        self.highest_at_check.clone_from(&self.highest);
        self.since = 0;
        self.period = self.period.saturating_sub(self.sooner).max(self.soonest);
        (0..self.halved.len()).filter(|&place| self.halved[place]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps after which the step of a single picture with these losses is halved, counted from 1.
    fn halved(start: f32, losses: &[f32]) -> Vec<usize> {
        let mut schedule = Schedule::new(losses.len(), vec![start]);
        let mut halved = Vec::new();
        for (number, &loss) in losses.iter().enumerate() {
            schedule.add(&[loss]);
            if !schedule.check().is_empty() {
                halved.push(number + 1);
            }
        }
        halved
    }

    #[test]
    fn checks_come_where_the_paper_has_them() {
        // A loss that never rises halves the step at every check; the paper's w of 100 steps: 0, 22, 41, 57, 70, 80,
        // 87, 93, 99.
        assert_eq!(halved(0.0, &[-1.0; 100]), [22, 41, 57, 70, 80, 87, 93, 99]);
    }

    #[test]
    fn a_loss_that_always_rises_never_halves_the_step() {
        let losses: Vec<f32> = (1..=100).map(|step| step as f32).collect();
        assert!(halved(0.0, &losses).is_empty());
    }

    #[test]
    fn a_step_that_finds_nothing_better_is_halved_although_the_loss_rises() {
        // A first rise above all that follows; then the loss falls once in a while and creeps up again.
        let losses: Vec<f32> =
            (0..100).map(|step| if step < 22 { step as f32 } else { (step % 19) as f32 * 0.1 }).collect();
        assert_eq!(halved(-1.0, &losses)[0], 41);
    }
}
