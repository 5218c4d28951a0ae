//! Checks that purifier and classifier share: declared shapes, the warm-up picture, finite numbers.

use super::error::{InferenceError, Problem};
use super::session::shape_text;

/// Refuses a declared shape that contradicts the expected one; a free dimension (`None`) agrees with any.
pub(super) fn check_shape(input: &str, expected: &[usize], declared: &[Option<usize>]) -> Result<(), Problem> {
    let fits = declared.is_empty()
        || declared.len() == expected.len()
            && declared.iter().zip(expected).all(|(declared, expected)| declared.is_none_or(|side| side == *expected));
    if fits {
        return Ok(());
    }
    Err(Problem::InputShape { input: input.to_owned(), expected: expected.to_vec(), found: shape_text(declared) })
}

/// The warm-up picture, [3, height, width] in 0..1: ramps along both axes and a wave, so that no two channels agree.
pub(super) fn known_picture(height: usize, width: usize) -> Vec<f32> {
    let channel = |channel: usize| {
        (0..height * width).map(move |index| {
            let (row, column) = ((index / width) as f32 / height as f32, (index % width) as f32 / width as f32);
            match channel {
                0 => row,
                1 => column,
                _ => 0.5 + 0.5 * (12.0 * (row + 0.5 * column)).sin(),
            }
        })
    };
    (0..3).flat_map(channel).collect()
}

/// Refuses NaN and infinities; the error gives the first one's index.
pub(super) fn all_finite(numbers: &[f32]) -> Result<(), InferenceError> {
    match numbers.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(InferenceError::NotFinite { index, found: numbers[index].to_string() }),
        None => Ok(()),
    }
}
