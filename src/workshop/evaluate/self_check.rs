//! Whether attacks do on these models what attacks must do. Where they do not, an accuracy overstates the defence.
//!
//! The list is that of Carlini et al. 2019 (arXiv 1902.06705, section 4.3) with flags of AutoAttack (Croce and Hein
//! 2020, arXiv 2003.01690).

use burn::prelude::*;
use serde::Serialize;

use super::batch::Batch;
use super::photographs::Photograph;
use super::protocol::Protocol;
use super::subjects::Subjects;
use crate::workshop::attack::{self, Among, Bpda, Defended, Epsilon, Method, Target};

/// Photographs that are attacked, at most.
const PHOTOGRAPHS: usize = 32;
/// Photographs by which an expectation may be missed: random starts differ.
const SLACK: usize = 1;
/// The attack that the others are compared with, one that is weaker, and one with more starts.
const STRONG: Method = Method::Pgd { steps: 20, restarts: 1 };
const FEW_STEPS: Method = Method::Pgd { steps: 5, restarts: 1 };
const MORE_STARTS: Method = Method::Pgd { steps: 20, restarts: 3 };
/// Enough queries to see a defence that hides its gradients.
const WITHOUT_GRADIENTS: Method = Method::Square { queries: 300, restarts: 1 };
/// Logits that differ by more than this between two runs are random (AutoAttack's bound).
const SAME_LOGITS: f32 = 1e-4;
/// Gradients of the cross-entropy whose size (L2) is outside of this vanish or explode.
const GRADIENTS: std::ops::RangeInclusive<f32> = 1e-12..=1e6;
/// The size of the attacks if the evaluation has no attack.
const EPSILON: Epsilon = Epsilon::steps(8);

/// The outcome of the list.
#[derive(Clone, Debug, Serialize)]
pub struct SelfCheck {
    /// Photographs that were attacked; without an attack all of them are right.
    pub photographs: usize,
    /// The size of the attacks.
    pub epsilon: Epsilon,
    /// The expectations.
    pub items: Vec<Item>,
}

/// An expectation, and whether it holds.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// What must hold.
    pub expected: &'static str,
    /// What was found, in words.
    pub found: String,
    /// Whether it holds.
    pub holds: bool,
}

impl SelfCheck {
    /// Whether everything that must hold does.
    pub fn holds(&self) -> bool {
        self.items.iter().all(|item| item.holds)
    }
}

/// A defence as its attackers see it.
pub struct Views<'a> {
    /// All of it; this judges.
    pub whole: &'a dyn Target,
    /// The classifier alone, if that is not all of it.
    pub classifier: Option<&'a dyn Target>,
    /// The purifier's gradient taken for that of the identity, if there is a purifier.
    pub bpda: Option<&'a dyn Target>,
}

/// Checks the attacks of an evaluation on at most 32 of its photographs; `None` if the defence gets none of them right.
pub fn self_check(subjects: &Subjects, photographs: &[Photograph], protocol: &Protocol) -> Option<SelfCheck> {
    let stride = photographs.len().div_ceil(PHOTOGRAPHS).max(1);
    let chosen: Vec<Photograph> = photographs.iter().step_by(stride).cloned().collect();
    let classifier = &subjects.classifier;
    let batch = Batch::load(&chosen, classifier.size());
    let clean = batch.clean(&classifier.device().clone().inner())?;
    let place = |class: usize| match &protocol.among {
        Some(among) => among.iter().position(|one| *one == class).unwrap_or_default(),
        None => class,
    };
    let label: Vec<usize> = batch.readable.iter().map(|&index| place(chosen[index].class)).collect();
    let all: Vec<usize> = (0..classifier.labels().len()).collect();
    let classes = protocol.among.as_deref().unwrap_or(&all);
    let epsilon = protocol.adaptive.first().or(protocol.transfer.first()).map_or(EPSILON, |attack| attack.epsilon);
    let alone = Among { target: classifier, classes };
    let Some(purifier) = &subjects.purifier else {
        let views = Views { whole: &alone, classifier: None, bpda: None };
        return check(&views, clean, &label, epsilon, protocol.seed);
    };
    let defended = Defended { purifier, classifier, eot: protocol.eot, seed: protocol.seed };
    let (whole, bpda) = (Among { target: &defended, classes }, Among { target: &Bpda(&defended), classes });
    let views = Views { whole: &whole, classifier: Some(&alone), bpda: Some(&bpda) };
    check(&views, clean, &label, epsilon, protocol.seed)
}

/// Checks the attacks on 8-bit pictures with a right class each; only those are attacked that the whole defence gets
/// right.
///
/// # Shapes
/// `clean` [B, 3, H, W], RGB in 0..1, without gradients
pub fn check(views: &Views, clean: Tensor<4>, label: &[usize], epsilon: Epsilon, seed: u64) -> Option<SelfCheck> {
    let fooled = attack::fooled(views.whole, clean.clone(), label, seed);
    let right: Vec<usize> = (0..label.len()).filter(|&place| !fooled[place]).collect();
    if right.is_empty() {
        return None;
    }
    let clean = Tensor::cat(right.iter().map(|&place| clean.clone().narrow(0, place, 1)).collect(), 0);
    let label = right.iter().map(|&place| label[place]).collect();
    let items = Check { views, clean, label, epsilon, seed }.items();
    Some(SelfCheck { photographs: right.len(), epsilon, items })
}

/// The list at work on pictures that are right.
struct Check<'a> {
    views: &'a Views<'a>,
    clean: Tensor<4>,
    label: Vec<usize>,
    epsilon: Epsilon,
    seed: u64,
}

impl Check<'_> {
    fn items(&self) -> Vec<Item> {
        let whole = self.views.whole;
        let attacked = self.attacked(whole, STRONG, self.epsilon);
        let strong = self.right(attacked.clone());
        let not_above = |expected, name: &str, other: usize| Item {
            expected,
            found: format!("{strong} right after {STRONG}, {other} {name}"),
            holds: strong <= other + SLACK,
        };
        let mut items = vec![
            not_above("many steps beat one", "after fgsm", self.left(whole, Method::Fgsm, self.epsilon)),
            not_above("more steps never help the defender", "after pgd:5", self.left(whole, FEW_STEPS, self.epsilon)),
            not_above("a larger epsilon never helps the defender", "at half of epsilon", self.left_at_half()),
            not_above("gradients beat queries", "after square:300", self.left(whole, WITHOUT_GRADIENTS, self.epsilon)),
            self.everything_is_lost_without_a_bound(),
            self.gradients_are_of_use(),
            self.starts_converge(strong),
            self.classifier_gives_logits(),
        ];
        if let Some(classifier) = self.views.classifier {
            let transfer = self.left(classifier, STRONG, self.epsilon);
            items.push(not_above("an attack on everything beats one on the classifier alone", "transferred", transfer));
        }
        if let Some(bpda) = self.views.bpda {
            let identity = self.left(bpda, STRONG, self.epsilon);
            items.push(not_above("exact gradients beat the identity in the purifier's place", "with BPDA", identity));
        }
        items.extend(self.draws_converge(attacked, strong));
        items
    }

    /// The pictures, attacked.
    fn attacked(&self, target: &dyn Target, method: Method, epsilon: Epsilon) -> Tensor<4> {
        method.perturb(target, self.clean.clone(), &self.label, &vec![epsilon; self.label.len()], self.seed)
    }

    /// How many pictures the whole defence gets right, with draws that no attacker had.
    fn right(&self, image: Tensor<4>) -> usize {
        let fooled = attack::fooled(self.views.whole, image, &self.label, !self.seed);
        fooled.iter().filter(|fooled| !**fooled).count()
    }

    fn left(&self, target: &dyn Target, method: Method, epsilon: Epsilon) -> usize {
        self.right(self.attacked(target, method, epsilon))
    }

    fn left_at_half(&self) -> usize {
        self.left(self.views.whole, STRONG, self.epsilon.scaled(0.5))
    }

    fn everything_is_lost_without_a_bound(&self) -> Item {
        let left = self.left(self.views.whole, STRONG, Epsilon::steps(255));
        let found = format!("{left} right after {STRONG}@255/255");
        Item { expected: "without a bound everything is lost", found, holds: left == 0 }
    }

    fn gradients_are_of_use(&self) -> Item {
        let sizes = attack::gradient_sizes(self.views.whole, self.clean.clone(), &self.label, self.seed);
        let outside = sizes.iter().filter(|size| !GRADIENTS.contains(size)).count();
        let found = format!("{outside} of {} have a size outside of 1e-12 to 1e6", sizes.len());
        Item { expected: "gradients neither vanish nor explode", found, holds: outside <= SLACK }
    }

    fn starts_converge(&self, strong: usize) -> Item {
        let more = self.left(self.views.whole, MORE_STARTS, self.epsilon);
        let found = format!("{more} right after {MORE_STARTS}, {strong} after {STRONG}");
        Item { expected: "more starts find little more", found, holds: strong <= more + self.tenth() }
    }

    fn classifier_gives_logits(&self) -> Item {
        let rows = attack::logits(self.views.whole, self.clean.clone(), self.seed);
        let is_distribution = |row: &Vec<f32>| {
            row.iter().all(|value| (0.0..=1.0).contains(value)) && (row.iter().sum::<f32>() - 1.0).abs() < 1e-3
        };
        let found = rows.iter().filter(|row| is_distribution(row)).count();
        let holds = found < rows.len() || rows.iter().any(|row| row.len() < 2);
        let found = format!("{found} of {} rows are probabilities", rows.len());
        Item { expected: "the classifier gives logits, not probabilities", found, holds }
    }

    /// Two expectations of a defence with randomness; none of another.
    fn draws_converge(&self, attacked: Tensor<4>, strong: usize) -> Vec<Item> {
        let draw = |seed| self.views.whole.logits_of_draw(self.clean.clone(), seed);
        let apart: Vec<f32> =
            (draw(self.seed) - draw(self.seed.wrapping_add(1))).abs().into_data().iter::<f32>().collect();
        let apart = apart.into_iter().fold(0.0, f32::max);
        if apart <= SAME_LOGITS {
            return Vec::new();
        }
        let draws = self.views.whole.draws();
        let again = attack::fooled(self.views.whole, attacked, &self.label, !self.seed.wrapping_add(1));
        let again = again.iter().filter(|fooled| !**fooled).count();
        vec![
            Item {
                expected: "a defence with randomness is attacked with more than one draw (--eot)",
                found: format!("logits differ by {apart:.1e} between draws, gradients are averaged over {draws}"),
                holds: draws > 1,
            },
            Item {
                expected: "other draws give the same accuracy",
                found: format!("{strong} and {again} right after {STRONG}"),
                holds: strong.abs_diff(again) <= self.tenth(),
            },
        ]
    }

    fn tenth(&self) -> usize {
        (self.label.len() / 10).max(SLACK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three classes by mean colour of a picture, as a linear function of it; hides its gradient if told to.
    struct Colour {
        hidden: bool,
    }

    impl Target for Colour {
        fn logits(&self, image: Tensor<4>) -> Tensor<2> {
            let batch = image.dims()[0];
            // The same numbers, with a gradient of zero.
            let image = if self.hidden { image.clone() - image.clone() + image.inner() } else { image };
            image.mean_dims(&[2, 3]).reshape([batch, 3]) * 20.0
        }

        fn device(&self) -> Device {
            Device::flex()
        }
    }

    /// Pictures of 4 x 4 in which each class's colour is brighter by up to 20 levels.
    fn pictures() -> (Tensor<4>, Vec<usize>) {
        let label: Vec<usize> = (0..12).map(|place| place % 3).collect();
        let level = |place: usize, channel: usize| {
            if place % 3 == channel { 100.0 + (place / 3 + 1) as f32 * 5.0 } else { 100.0 }
        };
        let levels: Vec<f32> = (0..12 * 3 * 16).map(|index| level(index / 48, index / 16 % 3) / 255.0).collect();
        (Tensor::from_data(TensorData::new(levels, [12, 3, 4, 4]), &Device::flex()), label)
    }

    fn checked(target: &dyn Target) -> SelfCheck {
        let (clean, label) = pictures();
        let views = Views { whole: target, classifier: None, bpda: None };
        check(&views, clean, &label, Epsilon::steps(8), 1).unwrap()
    }

    #[test]
    fn everything_holds_on_a_linear_classifier() {
        let outcome = checked(&Colour { hidden: false });
        assert!(outcome.holds() && outcome.photographs == 12, "{outcome:#?}");
    }

    #[test]
    fn a_defence_that_hides_its_gradients_is_found_out() {
        let outcome = checked(&Colour { hidden: true });
        let failed: Vec<&str> = outcome.items.iter().filter(|item| !item.holds).map(|item| item.expected).collect();
        for expected in ["gradients beat queries", "gradients neither vanish nor explode"] {
            assert!(failed.contains(&expected), "{outcome:#?}");
        }
    }
}
