//! The configuration of a RIAE: what a TOML file says, and what is refused.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Error;
use super::noise::STEPS;

/// How patches are dealt into groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grouping {
    /// A regular pattern: for four groups the parities of row and column.
    Fixed,
    /// A random permutation per image, cut into equal pieces.
    Random,
}

/// What stands in for the patches of a group while they are reconstructed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Masking {
    /// A learnt token: nothing of the group's pixels reaches their own reconstruction.
    Mask,
    /// The features of a noised copy of the image.
    ImageNoise,
    /// The group's own features, noised.
    FeatureNoise,
    /// The noised features of a noised copy of the image: the paper's choice.
    Both,
}

impl Masking {
    /// Whether a noised copy of the image passes through the encoder.
    pub fn noises_image(self) -> bool {
        matches!(self, Self::ImageNoise | Self::Both)
    }

    /// Whether noise is added to the stand-in features.
    pub fn noises_features(self) -> bool {
        matches!(self, Self::FeatureNoise | Self::Both)
    }
}

/// How the reconstructions of the groups come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecoderKind {
    /// The paper's: self-attention over all patches, one pass a group.
    #[serde(rename = "self")]
    SelfAttention,
    /// Ours: stand-ins attend to the encoded patches of the other groups, one pass for all groups.
    #[serde(rename = "cross")]
    CrossAttention,
}

/// The convolution over the assembled picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FinalConv {
    /// The paper's. It mixes neighbouring patches along their borders.
    #[serde(rename = "3x3")]
    Conv3x3,
    #[serde(rename = "1x1")]
    Conv1x1,
    #[serde(rename = "none")]
    None,
}

/// How the final convolution starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FinalConvInit {
    /// It changes nothing before it has learnt to.
    Identity,
    /// PyTorch's uniform initialisation: the paper's.
    Default,
}

/// The normalisation before features are noised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureNorm {
    /// Without learnt gain, so that the network cannot turn the noise down.
    Plain,
    /// The decoder's own normalisation with its learnt gain.
    Paper,
}

/// The transformer that sees every group alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderConfig {
    pub width: usize,
    pub depth: usize,
    pub heads: usize,
    /// The blocks, counted from 0, whose outputs are projected and fused with the last one's.
    #[serde(default)]
    pub taps: Vec<usize>,
}

/// The transformer that reconstructs each group from the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderConfig {
    pub kind: DecoderKind,
    pub width: usize,
    pub depth: usize,
    pub heads: usize,
    /// Whether a token made of the other groups' class tokens joins the patches.
    #[serde(default = "yes")]
    pub head_token: bool,
    /// Of the cross decoder: whether the stand-ins of one group also attend to each other.
    #[serde(default)]
    pub own_group_attention: bool,
}

/// Everything that decides a RIAE's shape and behaviour. Defaults are in brackets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiaeConfig {
    /// Side of a patch in pixels.
    pub patch: usize,
    /// Number of groups \[4\].
    #[serde(default = "four")]
    pub groups: usize,
    /// \[fixed\]
    #[serde(default = "fixed")]
    pub grouping: Grouping,
    /// \[mask\]
    #[serde(default = "mask")]
    pub masking: Masking,
    pub encoder: EncoderConfig,
    pub decoder: DecoderConfig,
    /// \[none\]
    #[serde(default = "no_conv")]
    pub final_conv: FinalConv,
    /// \[identity\]
    #[serde(default = "identity")]
    pub final_conv_init: FinalConvInit,
    /// \[plain\]
    #[serde(default = "plain")]
    pub feature_norm: FeatureNorm,
    /// Step of the noise schedule for images outside training \[400\].
    #[serde(default = "image_noise_t")]
    pub image_noise_t: usize,
    /// First step and end of the range that training draws from [200, 600].
    #[serde(default = "image_noise_t_training")]
    pub image_noise_t_training: [usize; 2],
    /// Step of the noise schedule for features outside training \[600\].
    #[serde(default = "feature_noise_t")]
    pub feature_noise_t: usize,
    /// First step and end of the range that training draws from [200, 1000].
    #[serde(default = "feature_noise_t_training")]
    pub feature_noise_t_training: [usize; 2],
    /// Side, in patches, of the position table from which images take windows \[28\].
    #[serde(default = "positions")]
    pub positions: usize,
    /// Whether the exported graph clamps its picture to 0..1 [true].
    #[serde(default = "yes")]
    pub clamp: bool,
}

fn yes() -> bool {
    true
}
fn four() -> usize {
    4
}
fn fixed() -> Grouping {
    Grouping::Fixed
}
fn mask() -> Masking {
    Masking::Mask
}
fn no_conv() -> FinalConv {
    FinalConv::None
}
fn identity() -> FinalConvInit {
    FinalConvInit::Identity
}
fn plain() -> FeatureNorm {
    FeatureNorm::Plain
}
fn image_noise_t() -> usize {
    400
}
fn image_noise_t_training() -> [usize; 2] {
    [200, 600]
}
fn feature_noise_t() -> usize {
    600
}
fn feature_noise_t_training() -> [usize; 2] {
    [200, 1000]
}
fn positions() -> usize {
    28
}

/// The sizes that ship, by name.
const PRESETS: [(&str, &str); 6] = [
    ("base", include_str!("presets/base.toml")),
    ("tiny", include_str!("presets/tiny.toml")),
    ("nano", include_str!("presets/nano.toml")),
    ("tiny-x", include_str!("presets/tiny-x.toml")),
    ("nano-x", include_str!("presets/nano-x.toml")),
    ("edge", include_str!("presets/edge.toml")),
];

impl RiaeConfig {
    /// The names that [`RiaeConfig::preset`] knows.
    pub fn preset_names() -> impl Iterator<Item = &'static str> {
        PRESETS.iter().map(|(name, _)| *name)
    }

    /// A size that ships, or `None` for an unknown name.
    pub fn preset(name: &str) -> Option<Self> {
        let (_, text) = PRESETS.iter().find(|(known, _)| *known == name)?;
        // Every preset is parsed by a test.
        toml::from_str(text).ok()
    }

    /// Reads and checks a configuration from a TOML file.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, has an unknown or missing key, or describes no possible network.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let config: Self =
            toml::from_str(&text).map_err(|source| Error::Parse { path: path.to_owned(), source: Box::new(source) })?;
        config.check()?;
        Ok(config)
    }

    /// Side of the patch grid of an image of `side` pixels.
    pub fn grid(&self, side: usize) -> usize {
        side / self.patch
    }

    /// Patches in one group of an image of `side` pixels.
    pub fn group_len(&self, side: usize) -> usize {
        self.grid(side).pow(2) / self.groups
    }

    /// Values in one patch.
    pub fn patch_len(&self) -> usize {
        3 * self.patch * self.patch
    }

    /// Checks the configuration and that it can purify square images of `side` pixels.
    pub fn validate(&self, side: usize) -> Result<(), Error> {
        self.check()?;
        if side == 0 || !side.is_multiple_of(self.patch) {
            return Err(Error::Side {
                side,
                reason: format!("it must be a multiple of the patch size {}", self.patch),
            });
        }
        let grid = self.grid(side);
        if grid > self.positions {
            let most = self.positions * self.patch;
            return Err(Error::Side {
                side,
                reason: format!(
                    "its {grid} x {grid} patches exceed the {0} x {0} position table; use a side of at most {most}, a larger \
                     patch, or a larger `positions`",
                    self.positions
                ),
            });
        }
        let step = match (self.grouping, self.groups) {
            (Grouping::Fixed, 3) => 3,
            (Grouping::Fixed, _) => 2,
            (Grouping::Random, _) => 1,
        };
        if !grid.is_multiple_of(step) || !(grid * grid).is_multiple_of(self.groups) {
            return Err(Error::Side {
                side,
                reason: format!(
                    "its {grid} x {grid} patches cannot be dealt into {} equal groups; use a multiple of {}",
                    self.groups,
                    self.patch * step.max(if self.grouping == Grouping::Random { self.groups } else { 1 })
                ),
            });
        }
        Ok(())
    }

    /// Checks all that does not depend on the image.
    fn check(&self) -> Result<(), Error> {
        let refuse = |key: &'static str, found: String, expected: &str| {
            Err(Error::Config { key, found, expected: expected.to_owned() })
        };
        if self.patch == 0 {
            return refuse("patch", "0".into(), "at least 1 pixel");
        }
        if self.groups < 2 || (self.grouping == Grouping::Fixed && self.groups > 4) {
            return refuse("groups", self.groups.to_string(), "2, 3 or 4 fixed groups, or at least 2 random ones");
        }
        transformer(
            "encoder.width",
            "encoder.depth",
            "encoder.heads",
            self.encoder.width,
            self.encoder.depth,
            self.encoder.heads,
        )?;
        transformer(
            "decoder.width",
            "decoder.depth",
            "decoder.heads",
            self.decoder.width,
            self.decoder.depth,
            self.decoder.heads,
        )?;
        let taps = &self.encoder.taps;
        if !taps.is_sorted_by(|a, b| a < b) || taps.last().is_some_and(|last| *last >= self.encoder.depth) {
            return refuse("encoder.taps", format!("{taps:?}"), "ascending block numbers below encoder.depth");
        }
        if self.decoder.own_group_attention && self.decoder.kind == DecoderKind::SelfAttention {
            return refuse("decoder.own_group_attention", "true".into(), "false with decoder.kind = \"self\"");
        }
        for (key, t) in [("image_noise_t", self.image_noise_t), ("feature_noise_t", self.feature_noise_t)] {
            if t >= STEPS {
                return refuse(key, t.to_string(), "a step below 1000");
            }
        }
        for (key, [first, end]) in [
            ("image_noise_t_training", self.image_noise_t_training),
            ("feature_noise_t_training", self.feature_noise_t_training),
        ] {
            if first >= end || end > STEPS {
                return refuse(key, format!("[{first}, {end}]"), "[first, end] with first < end <= 1000");
            }
        }
        if self.positions == 0 {
            return refuse("positions", "0".into(), "at least 1");
        }
        Ok(())
    }
}

/// Checks one transformer's sizes.
fn transformer(
    width_key: &'static str,
    depth_key: &'static str,
    heads_key: &'static str,
    width: usize,
    depth: usize,
    heads: usize,
) -> Result<(), Error> {
    let refuse = |key, found: usize, expected: &str| {
        Err(Error::Config { key, found: found.to_string(), expected: expected.to_owned() })
    };
    if width == 0 || !width.is_multiple_of(4) {
        return refuse(width_key, width, "a positive multiple of 4 (the sine-cosine positions need it)");
    }
    if depth == 0 {
        return refuse(depth_key, depth, "at least 1 block");
    }
    if heads == 0 || !width.is_multiple_of(heads) {
        return refuse(heads_key, heads, "a divisor of the width");
    }
    Ok(())
}
