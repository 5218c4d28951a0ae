//! The losses that attacks raise: functions of logits and the right class.

use burn::prelude::*;
use burn::tensor::activation;

/// Keeps a quotient finite if the largest logits are equal.
const TINY: f32 = 1e-12;

/// A loss per picture, which an attack raises.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Loss {
    /// The cross-entropy with the right class.
    CrossEntropy,
    /// The difference of logits ratio (Croce and Hein 2020, arXiv 2003.01690, equation 6): the largest wrong logit less
    /// the right one, divided by the largest less the third largest. It depends on neither shift nor scale of the
    /// logits. It needs three classes.
    Dlr,
    /// The same towards a wrong class per picture (equation 7): the logit of that class less the right one, divided by
    /// the largest less the mean of the third and the fourth largest. It needs four classes.
    TargetedDlr(Vec<usize>),
    /// The largest wrong logit less the right one: positive if and only if the picture is taken for another class.
    Margin,
    /// The logit of a wrong class per picture less the right one.
    Towards(Vec<usize>),
}

impl Loss {
    /// The loss of each picture.
    ///
    /// # Shapes
    /// `logits` [B, C], one right class in `label` per row -> [B]
    pub fn of(&self, logits: Tensor<2>, label: &[usize]) -> Tensor<1> {
        match self {
            Self::CrossEntropy => pick(activation::log_softmax(logits, 1), label).neg(),
            Self::Margin => {
                let wrong = wrong(&ranked(&logits), label);
                pick(logits.clone(), &wrong) - pick(logits, label)
            }
            Self::Towards(aim) => pick(logits.clone(), aim) - pick(logits, label),
            Self::Dlr => {
                let order = ranked(&logits);
                let wrong = wrong(&order, label);
                let spread = of_rank(&logits, &order, 0) - of_rank(&logits, &order, 2);
                (pick(logits.clone(), &wrong) - pick(logits, label)) / (spread + TINY)
            }
            Self::TargetedDlr(aim) => {
                let order = ranked(&logits);
                let rest = (of_rank(&logits, &order, 2) + of_rank(&logits, &order, 3)) * 0.5;
                let spread = of_rank(&logits, &order, 0) - rest;
                (pick(logits.clone(), aim) - pick(logits, label)) / (spread + TINY)
            }
        }
    }
}

/// The number of one class per row: [B, C] -> [B].
pub(super) fn pick(logits: Tensor<2>, class: &[usize]) -> Tensor<1> {
    let places: Vec<i64> = class.iter().map(|&class| class as i64).collect();
    let places = Tensor::<2, Int>::from_data(TensorData::new(places, [class.len(), 1]), &logits.device());
    logits.gather(1, places).reshape([class.len()])
}

/// The classes of each row of logits [B, C], the likeliest first.
pub(super) fn ranked(logits: &Tensor<2>) -> Vec<Vec<usize>> {
    let order = |row: Vec<f32>| {
        let mut classes: Vec<usize> = (0..row.len()).collect();
        classes.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        classes
    };
    rows(logits.clone()).into_iter().map(order).collect()
}

/// The likeliest wrong class of each row; the right one if there is no other.
fn wrong(order: &[Vec<usize>], label: &[usize]) -> Vec<usize> {
    let wrong = |(order, label): (&Vec<usize>, &usize)| order.iter().copied().find(|class| class != label);
    order.iter().zip(label).map(|pair| wrong(pair).unwrap_or(*pair.1)).collect()
}

/// The logit of the class of this rank, counted from 0, per row; of the last class if there are fewer.
fn of_rank(logits: &Tensor<2>, order: &[Vec<usize>], rank: usize) -> Tensor<1> {
    let classes: Vec<usize> = order.iter().map(|order| order[rank.min(order.len() - 1)]).collect();
    pick(logits.clone(), &classes)
}

/// The numbers of a tensor, without gradients.
///
/// # Panics
/// Never for tensors of f32, and all tensors of attacks are.
pub(super) fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("attacks compute in f32")
}

/// The rows of logits [B, C].
pub(super) fn rows(logits: Tensor<2>) -> Vec<Vec<f32>> {
    let classes = logits.dims()[1].max(1);
    numbers(logits).chunks(classes).map(<[f32]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The loss of a single picture with these logits, whose right class is 1.
    fn loss(loss: &Loss, logits: &[f32]) -> f32 {
        let logits = Tensor::from_data(TensorData::new(logits.to_vec(), [1, logits.len()]), &Device::flex());
        numbers(loss.of(logits, &[1]))[0]
    }

    #[test]
    fn the_ratio_of_logits_is_as_in_its_paper_and_positive_for_a_wrong_class() {
        // By hand: right 4, largest wrong 2, third 1, fourth 0.
        assert_eq!(loss(&Loss::Dlr, &[1.0, 4.0, 2.0, 0.0]), -2.0 / 3.0);
        assert_eq!(loss(&Loss::Dlr, &[1.0, 2.0, 4.0, 0.0]), 2.0 / 3.0);
        assert_eq!(loss(&Loss::TargetedDlr(vec![3]), &[1.0, 4.0, 2.0, 0.0]), -4.0 / 3.5);
    }

    #[test]
    fn the_ratio_of_logits_changes_with_neither_their_shift_nor_their_scale() {
        let logits = [1.0, 4.0, 2.0, 0.0];
        let moved = logits.map(|logit| 8.0 * logit - 16.0);
        assert_eq!(loss(&Loss::Dlr, &logits), loss(&Loss::Dlr, &moved));
        assert_ne!(loss(&Loss::CrossEntropy, &logits), loss(&Loss::CrossEntropy, &moved));
    }

    #[test]
    fn equal_logits_and_few_classes_give_a_finite_loss() {
        for logits in [&[1.0, 1.0, 1.0, 1.0][..], &[2.0, 1.0], &[2.0, 1.0, 0.0]] {
            assert!(loss(&Loss::Dlr, logits).is_finite() && loss(&Loss::TargetedDlr(vec![0]), logits).is_finite());
        }
    }
}
