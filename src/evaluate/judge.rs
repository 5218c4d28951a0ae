//! The defence as it is judged: pictures in, classes out.

use burn::prelude::*;

use crate::onnx::read::{Classifier, Purifier};

/// The models under test. What they make of a picture is decided here and nowhere else in the evaluation.
pub struct Judge<'a> {
    pub classifier: &'a Classifier,
    pub purifier: Option<&'a Purifier>,
}

impl Judge<'_> {
    /// The class of each picture [B, 3, H, W]; `None` where the logits are not all finite.
    pub fn classify(&self, pictures: Tensor<4>) -> Result<Vec<Option<usize>>, String> {
        let logits = self.classifier.logits(pictures);
        let classes = logits.dims()[1];
        let logits: Vec<f32> = logits.into_data().try_into_vec().map_err(|error| format!("{error:?}"))?;
        Ok(logits.chunks(classes).map(largest).collect())
    }

    /// The purified pictures, or the pictures themselves where there is no purifier.
    pub fn purify(&self, pictures: Tensor<4>, seed: u64) -> Tensor<4> {
        match self.purifier {
            Some(purifier) => purifier.purify(pictures, seed),
            None => pictures,
        }
    }
}

fn largest(row: &[f32]) -> Option<usize> {
    let finite = row.iter().all(|logit| logit.is_finite());
    (0..row.len()).filter(|_| finite).max_by(|&a, &b| row[a].total_cmp(&row[b]).then(b.cmp(&a)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_wins_and_nan_never_does() {
        assert_eq!(largest(&[1.0, 3.0, 3.0]), Some(1));
        assert_eq!(largest(&[1.0, f32::NAN]), None);
        assert_eq!(largest(&[1.0, f32::INFINITY]), None);
    }
}
