//! The names of attacks, as they are typed and printed.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::epsilon::{Epsilon, ParseEpsilonError};

/// The most steps of an attack: beyond this a typing error is likelier than an attack.
const MOST_STEPS: usize = 10_000;
/// The most restarts; their cost is that of so many attacks.
const MOST_RESTARTS: usize = 100;
/// What can be typed.
const NAMES: &str = "clean, noise, pattern, fgsm, bim:STEPS, pgd:STEPS, mi-fgsm:STEPS, di-fgsm:STEPS, m-di-fgsm:STEPS, \
                     apgd-ce:STEPS, apgd-dlr:STEPS, apgd-t:STEPS, fab-t:STEPS, square:QUERIES, cw:STEPS, \
                     deepfool:STEPS or autoattack (pgd, apgd, fab and square also with restarts, pgd:STEPSxRESTARTS)";

/// How a picture is perturbed, without how much: `clean`, `fgsm`, `pgd:10`, `pgd:10x5` (with five restarts).
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
    /// Smaller steps of that kind from the picture itself (Kurakin et al. 2016, arXiv 1607.02533).
    Bim {
        /// Gradient steps, 1 to 10000.
        steps: usize,
    },
    /// Projected gradient descent from a random start (Madry et al. 2017, arXiv 1706.06083).
    Pgd {
        /// Gradient steps, 1 to 10000.
        steps: usize,
        /// Random starts, 1 to 100.
        restarts: usize,
    },
    /// With momentum (Dong et al. 2017, arXiv 1710.06081).
    MiFgsm {
        /// Gradient steps, 1 to 10000.
        steps: usize,
    },
    /// On pictures of random sizes (Xie et al. 2018, arXiv 1803.06978).
    DiFgsm {
        /// Gradient steps, 1 to 10000.
        steps: usize,
    },
    /// On pictures of random sizes, with momentum (Xie et al. 2018, arXiv 1803.06978).
    MDiFgsm {
        /// Gradient steps, 1 to 10000.
        steps: usize,
    },
    /// Auto-PGD on the cross-entropy (Croce and Hein 2020, arXiv 2003.01690).
    ApgdCe {
        /// Gradient steps, 1 to 10000.
        steps: usize,
        /// Random starts, 1 to 100.
        restarts: usize,
    },
    /// Auto-PGD on the difference of logits ratio (the same paper); it needs three classes.
    ApgdDlr {
        /// Gradient steps, 1 to 10000.
        steps: usize,
        /// Random starts, 1 to 100.
        restarts: usize,
    },
    /// Auto-PGD towards each of the nine likeliest wrong classes (the same paper); it needs four classes.
    ApgdT {
        /// Gradient steps towards each class, 1 to 10000.
        steps: usize,
        /// Random starts for each class, 1 to 100.
        restarts: usize,
    },
    /// The nearest border of each of the nine likeliest wrong classes (Croce and Hein 2019, arXiv 1907.02044).
    FabT {
        /// Gradient steps towards each class, 1 to 10000.
        steps: usize,
        /// Starts for each class, 1 to 100: the picture itself, then random ones.
        restarts: usize,
    },
    /// Random squares, without gradients (Andriushchenko et al. 2019, arXiv 1912.00049).
    Square {
        /// Questions to the classifier, 1 to 10000.
        queries: usize,
        /// Random starts, 1 to 100.
        restarts: usize,
    },
    /// The smallest change in L2 by optimisation (Carlini and Wagner 2016, arXiv 1608.04644).
    Cw {
        /// Steps of each search, 1 to 10000.
        steps: usize,
        /// Searches, each with another weight of the margin, 1 to 100.
        searches: usize,
    },
    /// The nearest border in L2, step by step (Moosavi-Dezfooli et al. 2015, arXiv 1511.04599).
    DeepFool {
        /// Gradient steps at most, 1 to 10000.
        steps: usize,
    },
    /// The worst case of APGD-CE, APGD-T, FAB-T (100 steps each) and Square (5000 queries); it needs four classes
    /// (Croce and Hein 2020, arXiv 2003.01690).
    AutoAttack,
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
    #[error("'{0}' is not an attack; expected {NAMES}")]
    Method(String),
    /// Not a method with or without a size.
    #[error("'{0}' is not an attack; expected {NAMES}, with or without @EPSILON (pgd:20@4/255)")]
    Attack(String),
    /// Steps or queries that are not a number in range.
    #[error("{} '{text}' of {method}: expected a whole number from 1 to {MOST_STEPS}", counted(method)[0])]
    Steps {
        /// The attack.
        method: &'static str,
        /// What stands for its steps.
        text: String,
    },
    /// Restarts that are not a number in range.
    #[error("{} '{text}' of {method}: expected a whole number from 1 to {MOST_RESTARTS}", counted(method)[1])]
    Restarts {
        /// The attack.
        method: &'static str,
        /// What stands for its restarts.
        text: String,
    },
    /// Restarts of an attack that would do the same again.
    #[error("{method} has no restarts; expected {method}:STEPS")]
    NoRestarts {
        /// The attack.
        method: &'static str,
    },
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

/// A classifier that has too few classes for an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method} compares the logits of {expected} classes; expected at least {expected}, found {found}")]
pub struct TooFewClasses {
    /// The attack.
    method: Method,
    /// The classes that it needs.
    expected: usize,
    /// The classes that there are.
    found: usize,
}

impl Method {
    /// Refuses a classifier with too few classes: every attack needs two, and a loss of ranked logits more.
    ///
    /// # Errors
    /// Fewer classes than the method's loss compares.
    pub fn expect_classes(self, found: usize) -> Result<(), TooFewClasses> {
        let expected = match self {
            Self::Clean | Self::Noise | Self::Pattern => 1,
            Self::ApgdDlr { .. } => 3,
            Self::ApgdT { .. } | Self::AutoAttack => 4,
            _ => 2,
        };
        if found < expected { Err(TooFewClasses { method: self, expected, found }) } else { Ok(()) }
    }
}

impl FromStr for Method {
    type Err = ParseAttackError;

    fn from_str(text: &str) -> Result<Self, ParseAttackError> {
        let unknown = || Err(ParseAttackError::Method(text.to_owned()));
        let (name, effort) = match text.split_once(':') {
            // A size has no place here; it is not a part of the steps.
            Some((_, effort)) if effort.contains('@') => return unknown(),
            Some((name, effort)) => (name, Some(effort)),
            None => (text, None),
        };
        let Some(effort) = effort else {
            return match name {
                "clean" => Ok(Self::Clean),
                "noise" => Ok(Self::Noise),
                "pattern" => Ok(Self::Pattern),
                "fgsm" => Ok(Self::Fgsm),
                "autoattack" => Ok(Self::AutoAttack),
                _ => unknown(),
            };
        };
        match name {
            "bim" => Ok(Self::Bim { steps: once("bim", effort)? }),
            "mi-fgsm" => Ok(Self::MiFgsm { steps: once("mi-fgsm", effort)? }),
            "di-fgsm" => Ok(Self::DiFgsm { steps: once("di-fgsm", effort)? }),
            "m-di-fgsm" => Ok(Self::MDiFgsm { steps: once("m-di-fgsm", effort)? }),
            "pgd" => again("pgd", effort).map(|(steps, restarts)| Self::Pgd { steps, restarts }),
            "apgd-ce" => again("apgd-ce", effort).map(|(steps, restarts)| Self::ApgdCe { steps, restarts }),
            "apgd-dlr" => again("apgd-dlr", effort).map(|(steps, restarts)| Self::ApgdDlr { steps, restarts }),
            "apgd-t" => again("apgd-t", effort).map(|(steps, restarts)| Self::ApgdT { steps, restarts }),
            "fab-t" => again("fab-t", effort).map(|(steps, restarts)| Self::FabT { steps, restarts }),
            "square" => again("square", effort).map(|(queries, restarts)| Self::Square { queries, restarts }),
            "cw" => again("cw", effort).map(|(steps, searches)| Self::Cw { steps, searches }),
            "deepfool" => Ok(Self::DeepFool { steps: once("deepfool", effort)? }),
            _ => unknown(),
        }
    }
}

/// What the numbers behind a method's name count.
fn counted(method: &str) -> [&'static str; 2] {
    match method {
        "square" => ["queries", "restarts"],
        "cw" => ["steps", "searches"],
        _ => ["steps", "restarts"],
    }
}

/// `STEPS` or `STEPSxRESTARTS`.
fn again(method: &'static str, text: &str) -> Result<(usize, usize), ParseAttackError> {
    let number = |text: &str, most: usize| text.parse().ok().filter(|number| (1..=most).contains(number));
    let (steps, restarts) = text.split_once('x').unwrap_or((text, "1"));
    let steps = number(steps, MOST_STEPS).ok_or_else(|| ParseAttackError::Steps { method, text: steps.to_owned() })?;
    let restarts = number(restarts, MOST_RESTARTS)
        .ok_or_else(|| ParseAttackError::Restarts { method, text: restarts.to_owned() })?;
    Ok((steps, restarts))
}

/// `STEPS` of an attack that starts at the picture itself.
fn once(method: &'static str, text: &str) -> Result<usize, ParseAttackError> {
    match again(method, text)? {
        (steps, _) if !text.contains('x') => Ok(steps),
        _ => Err(ParseAttackError::NoRestarts { method }),
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
            Self::Bim { steps } => write!(formatter, "bim:{steps}"),
            Self::MiFgsm { steps } => write!(formatter, "mi-fgsm:{steps}"),
            Self::DiFgsm { steps } => write!(formatter, "di-fgsm:{steps}"),
            Self::MDiFgsm { steps } => write!(formatter, "m-di-fgsm:{steps}"),
            Self::Pgd { steps, restarts } => write_effort(formatter, "pgd", *steps, *restarts),
            Self::ApgdCe { steps, restarts } => write_effort(formatter, "apgd-ce", *steps, *restarts),
            Self::ApgdDlr { steps, restarts } => write_effort(formatter, "apgd-dlr", *steps, *restarts),
            Self::ApgdT { steps, restarts } => write_effort(formatter, "apgd-t", *steps, *restarts),
            Self::FabT { steps, restarts } => write_effort(formatter, "fab-t", *steps, *restarts),
            Self::Square { queries, restarts } => write_effort(formatter, "square", *queries, *restarts),
            Self::Cw { steps, searches } => write_effort(formatter, "cw", *steps, *searches),
            Self::DeepFool { steps } => write!(formatter, "deepfool:{steps}"),
            Self::AutoAttack => formatter.write_str("autoattack"),
        }
    }
}

fn write_effort(formatter: &mut fmt::Formatter, method: &str, steps: usize, restarts: usize) -> fmt::Result {
    match restarts {
        1 => write!(formatter, "{method}:{steps}"),
        _ => write!(formatter, "{method}:{steps}x{restarts}"),
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
        for text in [
            "clean",
            "noise",
            "pattern",
            "fgsm",
            "bim:10",
            "pgd:10",
            "pgd:10x5",
            "mi-fgsm:10",
            "di-fgsm:10",
            "m-di-fgsm:10",
            "apgd-ce:50",
            "apgd-dlr:50x2",
            "apgd-t:20",
            "fab-t:20x2",
            "square:5000",
            "cw:50x5",
            "deepfool:50",
            "autoattack",
        ] {
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
    fn a_method_refuses_a_classifier_with_too_few_classes_for_its_loss() {
        let method = |text: &str| text.parse::<Method>().unwrap();
        assert_eq!(method("apgd-dlr:9").expect_classes(3), Ok(()));
        assert_eq!(method("apgd-t:9").expect_classes(4), Ok(()));
        let error = method("apgd-t:9").expect_classes(3).unwrap_err().to_string();
        assert!(error.contains("apgd-t:9") && error.contains("at least 4, found 3"), "{error}");
        assert!(method("apgd-dlr:9").expect_classes(2).is_err() && method("fgsm").expect_classes(1).is_err());
    }

    #[test]
    fn other_text_is_refused_with_what_would_be_an_attack() {
        for text in ["", "pgd", "pgd:0", "pgd:x", "cw", "pgd:4@", "fgsm@2", "fgsm@-1/255", "fgsm@1/0"] {
            assert!(text.parse::<AttackSpec>().is_err(), "{text}");
        }
        let error = |text: &str| text.parse::<AttackSpec>().unwrap_err().to_string();
        assert!(error("cw").contains("pgd:STEPS") && error("cw").contains("@EPSILON"));
        assert!(error("apgd-t:0").contains("apgd-t") && error("apgd-t:0").contains("from 1 to 10000"));
        assert!(error("pgd:10x0").contains("restarts '0' of pgd") && error("pgd:10x").contains("from 1 to 100"));
        assert!(error("square:0").contains("queries '0' of square"));
        assert!(error("cw:9x0").contains("searches '0' of cw") && error("autoattack:5").contains("or autoattack"));
        assert!(error("mi-fgsm:10x5").contains("has no restarts"));
        assert!(error("pgd:4@17").contains("'17'") && error("pgd:4@17").contains("4/255"));
        assert!("pgd:4@4/255".parse::<Method>().is_err(), "a method has no size");
    }
}
