//! Adversarial pictures: small changes that make a classifier err, as pictures that a camera could have taken.
//!
//! An [`Attack`] knows its method; what it attacks is a [`Target`]: a classifier file alone (a *transfer* attack, as seen
//! from the purifier, which it does not know), or purifier and classifier together ([`Defended`], an *adaptive* attack).
//! All attacks here are untargeted and bounded in the maximum norm. Every result is rounded to 8 bits inside the ball.

mod fgsm;
mod noise;
mod pgd;
mod round;
mod target;
mod universal;

use std::fmt;
use std::str::FromStr;

use burn::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub use pgd::step_size;
pub use round::round_to_8_bit_inside;
pub use target::{Defended, Target};
pub use universal::universal;

/// A method, and the size of the ball if the user gave one with it (`pgd:20@4/255`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attack {
    pub method: Method,
    /// Half the side of the ball in units of the picture's range 0..1.
    pub epsilon: Option<f32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The picture itself.
    Clean,
    /// Uniform noise in the ball; what an attack must be better than.
    Noise,
    /// One step along the sign of the gradient (Goodfellow et al. 2014, arXiv 1412.6572).
    Fgsm,
    /// Projected gradient descent from a random start (Madry et al. 2017, arXiv 1706.06083).
    Pgd { steps: usize },
}

/// Why an attack's name makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error(
        "attack '{0}' is not known; expected clean, noise, fgsm or pgd:STEPS, with @EPSILON if wanted (pgd:20@4/255)"
    )]
    Attack(String),
    #[error("steps '{0}' of pgd: expected a whole number from 1 to 10000")]
    Steps(String),
    #[error("epsilon '{0}': expected a fraction or a number between 0 and 1, for instance 4/255 or 0.03")]
    Epsilon(String),
}

/// A ball's size: `16/255`, `0.0627`.
///
/// # Errors
/// What is no number between 0 and 1.
pub fn parse_epsilon(text: &str) -> Result<f32, ParseError> {
    let number = |text: &str| text.trim().parse::<f32>().ok();
    let epsilon = match text.split_once('/') {
        Some((above, below)) => number(above).zip(number(below)).map(|(above, below)| above / below),
        None => number(text),
    };
    epsilon.filter(|epsilon| (0.0..=1.0).contains(epsilon)).ok_or_else(|| ParseError::Epsilon(text.to_owned()))
}

impl FromStr for Attack {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (name, epsilon) = match text.split_once('@') {
            Some((name, epsilon)) => (name, Some(parse_epsilon(epsilon)?)),
            None => (text, None),
        };
        let method = match name.split_once(':') {
            None => match name {
                "clean" => Method::Clean,
                "noise" => Method::Noise,
                "fgsm" => Method::Fgsm,
                _ => return Err(ParseError::Attack(text.to_owned())),
            },
            Some(("pgd", steps)) => {
                let count = steps.parse().ok().filter(|steps| (1..=10_000).contains(steps));
                Method::Pgd { steps: count.ok_or_else(|| ParseError::Steps(steps.to_owned()))? }
            }
            Some(_) => return Err(ParseError::Attack(text.to_owned())),
        };
        Ok(Self { method, epsilon })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Clean => formatter.write_str("clean"),
            Self::Noise => formatter.write_str("noise"),
            Self::Fgsm => formatter.write_str("fgsm"),
            Self::Pgd { steps } => write!(formatter, "pgd:{steps}"),
        }
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        self.method.fmt(formatter)?;
        match self.epsilon {
            Some(epsilon) => write!(formatter, "@{}", display_epsilon(epsilon)),
            None => Ok(()),
        }
    }
}

/// A ball's size as people write it: `16/255` where it is a whole number of 8-bit steps, else a decimal.
pub fn display_epsilon(epsilon: f32) -> String {
    let steps = epsilon * 255.0;
    if (steps - steps.round()).abs() < 1e-3 { format!("{}/255", steps.round()) } else { epsilon.to_string() }
}

impl Attack {
    /// Perturbs a batch.
    ///
    /// `image` [B, 3, H, W] in 0..1, 8-bit pictures; `label` the right class of each; `epsilon` the ball's size of each.
    /// Returns pictures of the same shape on the target's device without gradients, 8-bit, at most epsilon from `image`
    /// in every number. The same seed gives the same result; sample i's random start depends on the seed and i alone.
    ///
    /// # Panics
    /// If `label` or `epsilon` have not one entry a picture.
    pub fn perturb(
        &self,
        target: &dyn Target,
        image: Tensor<4>,
        label: &[usize],
        epsilon: &[f32],
        seed: u64,
    ) -> Tensor<4> {
        let batch = image.dims()[0];
        assert!(label.len() == batch && epsilon.len() == batch, "{batch} pictures need as many labels and sizes");
        let device = target.device().inner();
        let clean = image.inner().to_device(&device);
        let ball = Ball::new(clean, epsilon);
        let adversarial = match self.method {
            Method::Clean => return ball.clean,
            Method::Noise => noise::noise(&ball, seed),
            Method::Fgsm => fgsm::fgsm(target, &ball, label, seed),
            Method::Pgd { steps } => pgd::pgd(target, &ball, label, steps, seed),
        };
        round::round_tensor(ball.clean, adversarial, ball.epsilon)
    }
}

/// The pictures within epsilon of the clean ones, in the maximum norm, and within 0..1.
struct Ball {
    /// [B, 3, H, W], without gradients.
    clean: Tensor<4>,
    /// [B, 1, 1, 1].
    epsilon: Tensor<4>,
}

impl Ball {
    fn new(clean: Tensor<4>, epsilon: &[f32]) -> Self {
        let sizes = TensorData::new(epsilon.to_vec(), [epsilon.len(), 1, 1, 1]);
        let epsilon = Tensor::from_data(sizes, &clean.device());
        Self { clean, epsilon }
    }

    /// The nearest picture of the ball.
    fn project(&self, image: Tensor<4>) -> Tensor<4> {
        let low = self.clean.clone() - self.epsilon.clone();
        let high = self.clean.clone() + self.epsilon.clone();
        image.max_pair(low).min_pair(high).clamp(0.0, 1.0)
    }

    /// Uniformly random pictures of the ball; drawn on the host, so equal on every device.
    fn random(&self, seed: u64) -> Tensor<4> {
        let [batch, channels, height, width] = self.clean.dims();
        let size = channels * height * width;
        let mut values = Vec::with_capacity(batch * size);
        for sample in 0..batch {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(sample as u64);
            values.extend((0..size).map(|_| random.random_range(-1.0f32..=1.0)));
        }
        let direction =
            Tensor::from_data(TensorData::new(values, [batch, channels, height, width]), &self.clean.device());
        self.project(self.clean.clone() + direction * self.epsilon.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attack_is_written_as_it_is_read() {
        for text in ["clean", "noise", "fgsm@0.5", "pgd:10", "pgd:20@4/255"] {
            assert_eq!(text.parse::<Attack>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_attack_is_refused_with_what_would_be_one() {
        for text in ["", "pgd", "pgd:0", "pgd:x", "cw", "pgd:4@", "fgsm@2", "fgsm@-1/255", "fgsm@1/0"] {
            assert!(text.parse::<Attack>().is_err(), "{text}");
        }
        assert!("cw".parse::<Attack>().unwrap_err().to_string().contains("pgd:STEPS"));
    }
}
