//! The names of attacks, as they are typed and printed.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::epsilon::{Epsilon, ParseEpsilonError};

/// The most steps of projected gradient descent: beyond this a typing error is likelier than an attack.
const MOST_STEPS: usize = 10_000;

/// How a picture is perturbed, without how much: `clean`, `noise`, `pattern`, `fgsm`, `pgd:10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The picture itself.
    Clean,
    /// Uniform noise in the ball; an attack must do better than this.
    Noise,
    /// Random patterns of several scales; an attack must do better than this, too.
    Pattern,
    /// One step along the sign of the gradient (Goodfellow et al. 2014, arXiv 1412.6572).
    Fgsm,
    /// Projected gradient descent from a random start (Madry et al. 2017, arXiv 1706.06083).
    Pgd {
        /// Gradient steps, 1 to 10000.
        steps: usize,
    },
}

/// A method with its size: `pgd:20@4/255`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attack {
    /// How pictures are perturbed.
    pub method: Method,
    /// The largest change.
    pub epsilon: Epsilon,
}

/// An attack as the command line has it: the size may be left to a default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttackSpec {
    /// How pictures are perturbed.
    pub method: Method,
    /// The largest change, if the text has an `@EPSILON`.
    pub epsilon: Option<Epsilon>,
}

/// The text is not an attack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseAttackError {
    /// Not a method.
    #[error("'{0}' is not an attack; expected clean, noise, pattern, fgsm or pgd:STEPS")]
    Method(String),
    /// Not a method with or without a size.
    #[error(
        "'{0}' is not an attack; expected clean, noise, pattern, fgsm or pgd:STEPS, with or without @EPSILON (pgd:20@4/255)"
    )]
    Attack(String),
    /// Steps that are not a number in range.
    #[error("steps '{0}' of pgd: expected a whole number from 1 to {MOST_STEPS}")]
    Steps(String),
    /// The part behind `@` is not an epsilon.
    #[error("epsilon '{text}': {source}")]
    Epsilon {
        /// The text behind the `@`.
        text: String,
        /// Why it is refused.
        source: ParseEpsilonError,
    },
}

impl AttackSpec {
    /// The attack, with `default` as its size if it has none of its own.
    pub fn or(self, default: Epsilon) -> Attack {
        Attack { method: self.method, epsilon: self.epsilon.unwrap_or(default) }
    }
}

impl FromStr for Method {
    type Err = ParseAttackError;

    fn from_str(text: &str) -> Result<Self, ParseAttackError> {
        match text.split_once(':') {
            None => match text {
                "clean" => Ok(Self::Clean),
                "noise" => Ok(Self::Noise),
                "pattern" => Ok(Self::Pattern),
                "fgsm" => Ok(Self::Fgsm),
                _ => Err(ParseAttackError::Method(text.to_owned())),
            },
            // A size has no place here; it is not a part of the steps.
            Some(("pgd", steps)) if !steps.contains('@') => {
                let count = steps.parse().ok().filter(|steps| (1..=MOST_STEPS).contains(steps));
                Ok(Self::Pgd { steps: count.ok_or_else(|| ParseAttackError::Steps(steps.to_owned()))? })
            }
            Some(_) => Err(ParseAttackError::Method(text.to_owned())),
        }
    }
}

impl FromStr for AttackSpec {
    type Err = ParseAttackError;

    fn from_str(text: &str) -> Result<Self, ParseAttackError> {
        let (method, epsilon) = match text.split_once('@') {
            Some((method, epsilon)) => (method, Some(epsilon)),
            None => (text, None),
        };
        let method = method.parse().map_err(|error| match error {
            ParseAttackError::Method(_) => ParseAttackError::Attack(text.to_owned()),
            error => error,
        })?;
        let parse =
            |text: &str| text.parse().map_err(|source| ParseAttackError::Epsilon { text: text.to_owned(), source });
        Ok(Self { method, epsilon: epsilon.map(parse).transpose()? })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Clean => formatter.write_str("clean"),
            Self::Noise => formatter.write_str("noise"),
            Self::Pattern => formatter.write_str("pattern"),
            Self::Fgsm => formatter.write_str("fgsm"),
            Self::Pgd { steps } => write!(formatter, "pgd:{steps}"),
        }
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{}@{}", self.method, self.epsilon)
    }
}

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Attack {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attack_is_written_as_it_is_read() {
        for text in ["clean@0/255", "noise@16/255", "fgsm@0.5", "pgd:20@4/255"] {
            assert_eq!(text.parse::<AttackSpec>().unwrap().or(Epsilon::steps(1)).to_string(), text);
        }
        for text in ["clean", "noise", "pattern", "fgsm", "pgd:10"] {
            assert_eq!(text.parse::<Method>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_attack_without_a_size_takes_the_default() {
        let attack = |text: &str| text.parse::<AttackSpec>().unwrap().or(Epsilon::steps(16)).to_string();
        assert_eq!(attack("pgd:10"), "pgd:10@16/255");
        assert_eq!(attack("pgd:10@4/255"), "pgd:10@4/255");
    }

    #[test]
    fn other_text_is_refused_with_what_would_be_an_attack() {
        for text in ["", "pgd", "pgd:0", "pgd:x", "cw", "pgd:4@", "fgsm@2", "fgsm@-1/255", "fgsm@1/0"] {
            assert!(text.parse::<AttackSpec>().is_err(), "{text}");
        }
        let error = |text: &str| text.parse::<AttackSpec>().unwrap_err().to_string();
        assert!(error("cw").contains("pgd:STEPS") && error("cw").contains("@EPSILON"));
        assert!(error("pgd:4@17").contains("'17'") && error("pgd:4@17").contains("4/255"));
        assert!("pgd:4@4/255".parse::<Method>().is_err(), "a method has no size");
    }
}
