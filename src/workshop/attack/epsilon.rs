//! The size of a perturbation.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Levels of an 8-bit channel above black.
const LEVELS: f32 = 255.0;

/// The largest change of any number of a picture (the radius of a ball in the maximum norm), as a share of the range
/// of a picture: 0 to 1.
///
/// Reads and writes itself as people and papers do: `16/255`, or a decimal if it is not a whole number of 8-bit steps.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Epsilon(f32);

/// The text is not an epsilon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseEpsilonError {
    /// Not a fraction or number between 0 and 1.
    #[error("expected a fraction or a number between 0 and 1, for instance 4/255 or 0.03")]
    OutOfRange,
    /// Zero, which [`Epsilon::positive`] does not take.
    #[error("expected more than 0, for instance 4/255 or 0.03")]
    Zero,
}

impl Epsilon {
    /// So many steps of an 8-bit channel, each 1/255 of the range.
    pub const fn steps(steps: u8) -> Self {
        Self(steps as f32 / LEVELS)
    }

    /// The share of the range, 0 to 1.
    pub const fn value(self) -> f32 {
        self.0
    }

    /// A share of this size; `share` is in 0..1, and clamped to it.
    pub fn scaled(self, share: f32) -> Self {
        Self(self.0 * share.clamp(0.0, 1.0))
    }

    /// Reads an epsilon that changes something.
    ///
    /// # Errors
    /// Text that is not an epsilon, or is zero.
    pub fn positive(text: &str) -> Result<Self, ParseEpsilonError> {
        let epsilon: Self = text.parse()?;
        if epsilon.0 > 0.0 { Ok(epsilon) } else { Err(ParseEpsilonError::Zero) }
    }

    fn new(value: f32) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }
}

impl FromStr for Epsilon {
    type Err = ParseEpsilonError;

    fn from_str(text: &str) -> Result<Self, ParseEpsilonError> {
        let number = |text: &str| text.trim().parse::<f32>().ok();
        let value = match text.split_once('/') {
            Some((above, below)) => number(above).zip(number(below)).map(|(above, below)| above / below),
            None => number(text),
        };
        value.and_then(Self::new).ok_or(ParseEpsilonError::OutOfRange)
    }
}

impl fmt::Display for Epsilon {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let steps = self.0 * LEVELS;
        match (steps - steps.round()).abs() < 1e-3 {
            true => write!(formatter, "{}/255", steps.round()),
            false => self.0.fmt(formatter),
        }
    }
}

impl Serialize for Epsilon {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads the text that [`Serialize`] writes. A bare number means 8-bit steps: before the settings of training runs held
/// text, they held `16.0` for 16/255, and never a share of the range.
impl<'de> Deserialize<'de> for Epsilon {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EpsilonVisitor)
    }
}

struct EpsilonVisitor;

impl Visitor<'_> for EpsilonVisitor {
    type Value = Epsilon;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .write_str("an epsilon as text, for instance \"16/255\", or its 8-bit steps as a number, for instance 16")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Epsilon, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_f64<E: serde::de::Error>(self, steps: f64) -> Result<Epsilon, E> {
        Epsilon::new(steps as f32 / LEVELS).ok_or_else(|| E::invalid_value(Unexpected::Float(steps), &self))
    }

    fn visit_u64<E: serde::de::Error>(self, steps: u64) -> Result<Epsilon, E> {
        self.visit_f64(steps as f64)
    }

    fn visit_i64<E: serde::de::Error>(self, steps: i64) -> Result<Epsilon, E> {
        self.visit_f64(steps as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epsilon(text: &str) -> Epsilon {
        text.parse().unwrap()
    }

    #[test]
    fn whole_8_bit_steps_are_written_as_a_fraction_and_others_as_a_decimal() {
        for (text, written) in
            [("16/255", "16/255"), ("0.062745", "16/255"), ("0", "0/255"), ("1", "255/255"), ("0.5", "0.5")]
        {
            assert_eq!(epsilon(text).to_string(), written, "{text}");
        }
        assert_eq!(epsilon("16/255"), Epsilon::steps(16));
    }

    #[test]
    fn only_shares_of_the_range_are_read() {
        for text in ["", "x", "4/", "/255", "16", "1.01", "-1/255", "256/255", "1/0", "nan", "inf"] {
            assert_eq!(text.parse::<Epsilon>(), Err(ParseEpsilonError::OutOfRange), "{text}");
        }
        assert_eq!(Epsilon::positive("0/255"), Err(ParseEpsilonError::Zero));
    }

    #[test]
    fn settings_hold_text_and_a_number_in_older_ones_is_8_bit_steps() {
        assert_eq!(serde_json::json!(Epsilon::steps(16)), serde_json::json!("16/255"));
        let read = |json: &str| serde_json::from_str::<Epsilon>(json);
        assert_eq!(read("\"16/255\"").unwrap(), Epsilon::steps(16));
        assert_eq!(read("16.0").unwrap(), Epsilon::steps(16));
        assert_eq!(read("4").unwrap(), Epsilon::steps(4));
        assert_eq!(read("0.5").unwrap(), epsilon("0.5/255"));
        for json in ["256", "-1", "\"16\"", "true", "null"] {
            assert!(read(json).unwrap_err().to_string().contains("16/255"), "{json}");
        }
    }
}
