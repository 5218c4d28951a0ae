//! The settings of a run: all that determines its outcome. `settings.json` holds them, exported models quote them.

use serde::{Deserialize, Serialize};

use super::perceptual::PerceptualSettings;
use super::trainer::Loop;
use crate::engine::contract::Label;
use crate::workshop::attack::{Epsilon, Method};
use crate::workshop::purifier::PurifierConfig;
use crate::workshop::zoo::ClassifierConfig;

/// All that determines the outcome of a classifier's training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassifierSettings {
    /// `classifier`.
    pub kind: String,
    /// The shape of the network.
    pub model: ClassifierConfig,
    /// The classes, in the order of the logits.
    pub labels: Vec<Label>,
    /// The last two folders of the path to the photographs.
    pub data: String,
    /// Photographs that could be decoded, held-out ones included.
    pub photographs: usize,
    /// Side of the square picture in pixels.
    pub side: usize,
    /// Passes over the photographs.
    pub epochs: u64,
    /// Share of the target's probability that is spread over all classes, 0..1.
    pub label_smoothing: f64,
    /// Size of the adversarial training's perturbation; `None` for plain training.
    pub adversarial: Option<Epsilon>,
    /// Share of the photographs held out for validation.
    pub held_out: f64,
    /// The loop's own settings.
    #[serde(rename = "loop")]
    pub training: Loop,
}

/// All that determines the outcome of a purifier's training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PurifierSettings {
    /// `riae` for any purifier; the name is older than the second kind of network.
    pub kind: String,
    /// The shape of the network.
    pub model: PurifierConfig,
    /// The last two folders of the path to the photographs.
    pub data: String,
    /// Photographs that could be decoded, held-out ones included.
    pub photographs: usize,
    /// Side of the square picture in pixels.
    pub side: usize,
    /// Passes of stage 1 over the photographs.
    pub clean_epochs: u64,
    /// Passes of stage 2 over a generation of pairs.
    pub pair_epochs: u64,
    /// The classifiers attacked in stage 2: file name and SHA-256.
    pub classifiers: Vec<(String, String)>,
    /// The networks of the perceptual loss.
    pub perceptual: Vec<PerceptualSettings>,
    /// The attacks that stage 2 mixes.
    pub attacks: Vec<Method>,
    /// The largest perturbation; each pair draws its own up to this.
    pub epsilon: Epsilon,
    /// Share of the steps of stage 2 in which regions are put back.
    pub rcm: f64,
    /// Pairs in one generation.
    pub pairs: usize,
    /// Epochs of stage 2 per generation.
    pub refresh_every: u64,
    /// Share of the attacked pictures that go through JPEG.
    #[serde(default)]
    pub jpeg: f64,
    /// Share of the perturbations that go through a smaller picture and back.
    #[serde(default)]
    pub resample: f64,
    /// The least and the greatest share of a photograph's area that a view covers.
    #[serde(default = "view")]
    pub view: [f64; 2],
    /// The classifiers that only validation asks: file name and SHA-256.
    #[serde(default)]
    pub judges: Vec<(String, String)>,
    /// Weight of the perceptual loss; that of the pixels is 1.
    #[serde(default = "one")]
    pub perceptual_weight: f64,
    /// Whether windows of the position table are drawn at random, as in the paper, or stay in the middle.
    pub random_windows: bool,
    /// Share of the photographs held out for validation.
    pub held_out: f64,
    /// The loop's own settings.
    #[serde(rename = "loop")]
    pub training: Loop,
}

/// What a view covered before it could be chosen.
fn view() -> [f64; 2] {
    [0.5, 1.0]
}

/// What the perceptual loss weighed before it could be chosen.
fn one() -> f64 {
    1.0
}
