//! How a purifier is trained where nobody says anything: what has served each kind of network.

use crate::workshop::attack::Method;
use crate::workshop::purifier::PurifierConfig;

/// The usual settings of a purifier's training.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Pictures per step.
    pub batch: usize,
    /// Epochs of stage 1 for weights that are random.
    pub clean_epochs: u64,
    /// Epochs of stage 2.
    pub pair_epochs: u64,
    /// Pairs in one generation.
    pub pairs: usize,
    /// Epochs of stage 2 per generation.
    pub refresh_every: u64,
    /// The attacks that stage 2 mixes.
    pub attacks: Vec<Method>,
    /// Share of the attacked pictures that go through JPEG.
    pub jpeg: f64,
    /// Share of the perturbations that go through a smaller picture and back.
    pub resample: f64,
    /// Weight of the perceptual loss; that of the pixels is 1.
    pub perceptual_weight: f64,
    /// The least and the greatest share of a photograph's area that a view covers.
    pub view: [f64; 2],
}

impl Recipe {
    /// The recipe of a kind of network; `is_crop` says that its pictures are smaller than those that it is for.
    pub fn of(config: &PurifierConfig, is_crop: bool) -> Self {
        let steps = |steps| Method::Pgd { steps, restarts: 1 };
        match config {
            PurifierConfig::Riae(_) => Self {
                batch: 32,
                clean_epochs: 8,
                pair_epochs: 16,
                pairs: 10_000,
                refresh_every: 4,
                attacks: vec![Method::Clean, Method::Noise, steps(2), steps(4)],
                jpeg: 0.0,
                resample: 0.0,
                perceptual_weight: 1.0,
                view: [0.5, 1.0],
            },
            PurifierConfig::Unet(_) => Self {
                batch: 16,
                clean_epochs: 1,
                pair_epochs: 24,
                pairs: 3_000,
                refresh_every: 3,
                attacks: vec![Method::Clean, Method::Noise, Method::Pattern, Method::Fgsm, steps(2), steps(4)],
                jpeg: 0.3,
                resample: 0.2,
                perceptual_weight: 0.5,
                view: if is_crop { [0.2, 0.7] } else { [0.5, 1.0] },
            },
        }
    }
}
