//! Rounding to pictures of 8 bits, which is all that a camera delivers.

use burn::prelude::*;

/// A thousandth of an 8-bit step: lets a level that is on the ball's rim but for rounding errors count as inside.
const SLACK: f32 = 1e-3;

/// The 8-bit picture nearest to `adversarial` that is within `epsilon` (one a picture) of `clean` and within 0..1.
///
/// `clean` [B, 3, H, W] must be an 8-bit picture (multiples of 1/255), so that there always is one.
///
/// # Panics
/// If `epsilon` has not one entry a picture.
pub fn round_to_8_bit_inside(clean: Tensor<4>, adversarial: Tensor<4>, epsilon: &[f32]) -> Tensor<4> {
    let sizes = TensorData::new(epsilon.to_vec(), [clean.dims()[0], 1, 1, 1]);
    let epsilon = Tensor::from_data(sizes, &clean.device());
    round_tensor(clean, adversarial, epsilon)
}

pub(super) fn round_tensor(clean: Tensor<4>, adversarial: Tensor<4>, epsilon: Tensor<4>) -> Tensor<4> {
    let low = ((clean.clone() - epsilon.clone()) * 255.0 - SLACK).ceil();
    let high = ((clean + epsilon) * 255.0 + SLACK).floor();
    let level = (adversarial * 255.0).round();
    level.max_pair(low).min_pair(high).clamp(0.0, 255.0) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(levels: &[f32], device: &Device) -> Tensor<4> {
        let values: Vec<f32> = levels.iter().map(|level| level / 255.0).collect();
        Tensor::from_data(TensorData::new(values, [1, 1, 1, levels.len()]), device)
    }

    #[test]
    fn rounding_stays_inside_the_ball_and_inside_the_range() {
        let device = Device::flex();
        let clean = row(&[0.0, 100.0, 100.0, 100.0, 255.0], &device);
        let adversarial = row(&[-3.0, 103.6, 96.4, 101.4, 300.0], &device);
        let rounded = round_to_8_bit_inside(clean, adversarial, &[3.5 / 255.0]);
        let levels: Vec<f32> = (rounded * 255.0).into_data().try_into_vec().unwrap();
        let expected = [0.0, 103.0, 97.0, 101.0, 255.0];
        assert!(levels.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-3), "{levels:?}");
    }

    #[test]
    fn every_level_on_the_rim_of_the_ball_can_be_reached() {
        let device = Device::flex();
        let levels: Vec<f32> = (16..240).map(|level| level as f32).collect();
        let rims: Vec<f32> = levels.iter().map(|level| level + 16.0).collect();
        let rounded = round_to_8_bit_inside(row(&levels, &device), row(&rims, &device), &[16.0 / 255.0]);
        let found: Vec<f32> = (rounded * 255.0).into_data().try_into_vec().unwrap();
        assert!(found.iter().zip(&rims).all(|(found, rim)| (found - rim).abs() < 1e-3), "{found:?}");
    }
}
