//! The configuration of a RIAE: what a TOML file may contain, and what is refused.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::schedule::STEPS;

/// How patches are dealt into groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grouping {
    /// A regular pattern: for four groups the parities of row and column.
    #[default]
    Fixed,
    /// A random permutation per image, cut into equal pieces.
    Random,
}

/// What replaces the patches of a group in the decoder while they are reconstructed: their stand-ins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Masking {
    /// A learnt token: none of the group's pixels influences its own reconstruction.
    #[default]
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

/// How the groups are reconstructed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecoderKind {
    /// The paper's: self-attention over all patches, one pass per group.
    #[serde(rename = "self")]
    SelfAttention,
    /// Ours: stand-ins attend to the encoded patches of the other groups, one pass for all groups.
    #[serde(rename = "cross")]
    CrossAttention,
}

/// The convolution over the assembled picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FinalConv {
    /// The paper's. It mixes neighbouring patches along their borders.
    #[serde(rename = "3x3")]
    Conv3x3,
    /// Mixes the channels of each pixel, and no two pixels.
    #[serde(rename = "1x1")]
    Conv1x1,
    /// No convolution.
    #[default]
    #[serde(rename = "none")]
    None,
}

/// The initial weights of the final convolution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FinalConvInit {
    /// An untrained convolution changes nothing.
    #[default]
    Identity,
    /// PyTorch's default initialisation, which the paper uses: uniform up to the inverse square root of the fan-in.
    #[serde(rename = "default")]
    Uniform,
}

/// The normalisation before features are noised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureNorm {
    /// Without learnt gain, so that the network cannot turn the noise down.
    #[default]
    Plain,
    /// The decoder's own normalisation with its learnt gain.
    Paper,
}

/// The transformer that encodes every group separately.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderConfig {
    /// Channels of a token, a multiple of 4.
    pub width: usize,
    /// Number of blocks, at least 1.
    pub depth: usize,
    /// Attention heads of a block, a divisor of the width.
    pub heads: usize,
    /// The blocks, counted from 0 and ascending, whose outputs are projected and fused with the last block's \[none\].
    #[serde(default)]
    pub taps: Vec<usize>,
}

/// The transformer that reconstructs each group from the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderConfig {
    /// Self-attention or cross-attention.
    pub kind: DecoderKind,
    /// Channels of a token, a multiple of 4.
    pub width: usize,
    /// Number of blocks, at least 1.
    pub depth: usize,
    /// Attention heads of a block, a divisor of the width.
    pub heads: usize,
    /// Whether a token made of the other groups' class tokens joins the patches \[true\].
    #[serde(default = "on")]
    pub head_token: bool,
    /// For the cross decoder: whether the stand-ins of one group also attend to each other \[false\].
    #[serde(default)]
    pub own_group_attention: bool,
}

/// Everything that determines a RIAE's shape and behaviour. Defaults are in brackets.
///
/// `patch`, `encoder` and `decoder` have no default, so the struct itself has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiaeConfig {
    /// Side of a patch in pixels.
    pub patch: usize,
    /// Number of groups \[4\].
    #[serde(default = "number::<4>")]
    pub groups: usize,
    /// How patches are dealt into groups \[fixed\].
    #[serde(default)]
    pub grouping: Grouping,
    /// What replaces a group while it is reconstructed \[mask\].
    #[serde(default)]
    pub masking: Masking,
    /// The encoder's sizes.
    pub encoder: EncoderConfig,
    /// The decoder's kind and sizes.
    pub decoder: DecoderConfig,
    /// The convolution over the assembled picture \[none\].
    #[serde(default)]
    pub final_conv: FinalConv,
    /// Its initial weights \[identity\].
    #[serde(default)]
    pub final_conv_init: FinalConvInit,
    /// The normalisation before features are noised \[plain\].
    #[serde(default)]
    pub feature_norm: FeatureNorm,
    /// Step of the noise schedule for images outside training \[400\].
    #[serde(default = "number::<400>")]
    pub image_noise_t: usize,
    /// Range that training draws the image's step from: its first step, and its end, which is excluded [200, 600].
    #[serde(default = "steps::<200, 600>")]
    pub image_noise_t_training: [usize; 2],
    /// Step of the noise schedule for features outside training \[600\].
    #[serde(default = "number::<600>")]
    pub feature_noise_t: usize,
    /// Range that training draws the features' step from, like that of the image [200, 1000].
    #[serde(default = "steps::<200, 1000>")]
    pub feature_noise_t_training: [usize; 2],
    /// Side, in patches, of the position table that an image uses a window of \[28\].
    #[serde(default = "number::<28>")]
    pub positions: usize,
    /// Whether the exported graph clamps its picture to 0..1 \[true\].
    #[serde(default = "on")]
    pub clamp: bool,
}

/// A default number. serde takes a function per default; this one stands beside its field with the value in it.
fn number<const N: usize>() -> usize {
    N
}

/// A default range of steps: the first, and the end, which does not belong to it.
fn steps<const FIRST: usize, const END: usize>() -> [usize; 2] {
    [FIRST, END]
}

/// A default switch that is on.
fn on() -> bool {
    true
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
    /// The names that [`RiaeConfig::preset`] accepts.
    pub fn preset_names() -> impl Iterator<Item = &'static str> {
        PRESETS.iter().map(|(name, _)| *name)
    }

    /// A size that ships, or `None` for an unknown name.
    pub fn preset(name: &str) -> Option<Self> {
        let (_, text) = PRESETS.iter().find(|(known, _)| *known == name)?;
        // A test parses every preset, so that `None` only ever means an unknown name.
        toml::from_str(text).ok()
    }

    /// Reads and checks a configuration from a TOML file.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, has an unknown or a missing key, or describes no possible network.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let text = crate::text::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let config: Self =
            toml::from_str(&text).map_err(|source| Error::Parse { path: path.to_owned(), source: Box::new(source) })?;
        config.check()?;
        Ok(config)
    }

    /// Side of the patch grid, in patches, of an image of `side` pixels.
    pub fn grid(&self, side: usize) -> usize {
        side / self.patch
    }

    /// Patches in one group of an image of `side` pixels.
    pub fn group_len(&self, side: usize) -> usize {
        self.grid(side).pow(2) / self.groups
    }

    /// Values in one patch: three channels of its pixels.
    pub fn patch_len(&self) -> usize {
        3 * self.patch * self.patch
    }

    /// Checks the configuration, and that it can purify square images of `side` pixels.
    ///
    /// # Errors
    /// It describes no possible network ([`Error::Config`]), or one that cannot purify such images.
    pub fn validate(&self, side: usize) -> Result<(), Error> {
        self.check()?;
        let (patch, groups, positions) = (self.patch, self.groups, self.positions);
        if side == 0 || !side.is_multiple_of(patch) {
            return Err(Error::NotPatches { side, patch });
        }
        let grid = self.grid(side);
        if grid > positions {
            return Err(Error::TooLarge { side, grid, positions, most: positions * patch });
        }
        let step = match (self.grouping, groups) {
            (Grouping::Fixed, 3) => 3,
            (Grouping::Fixed, _) => 2,
            (Grouping::Random, _) => 1,
        };
        if !grid.is_multiple_of(step) || !(grid * grid).is_multiple_of(groups) {
            let multiple = patch * if self.grouping == Grouping::Random { groups } else { step };
            return Err(Error::NotGroups { side, grid, groups, multiple });
        }
        Ok(())
    }

    /// Checks everything that does not depend on the image.
    fn check(&self) -> Result<(), Error> {
        if self.patch == 0 {
            return refuse("patch", 0, "at least 1 pixel");
        }
        if self.groups < 2 || (self.grouping == Grouping::Fixed && self.groups > 4) {
            return refuse("groups", self.groups, "2, 3 or 4 fixed groups, or at least 2 random ones");
        }
        let (encoder, decoder) = (&self.encoder, &self.decoder);
        check_transformer(
            ["encoder.width", "encoder.depth", "encoder.heads"],
            [encoder.width, encoder.depth, encoder.heads],
        )?;
        check_transformer(
            ["decoder.width", "decoder.depth", "decoder.heads"],
            [decoder.width, decoder.depth, decoder.heads],
        )?;
        let taps = &encoder.taps;
        if !taps.is_sorted_by(|a, b| a < b) || taps.last().is_some_and(|last| *last >= encoder.depth) {
            return refuse("encoder.taps", format!("{taps:?}"), "ascending block numbers below encoder.depth");
        }
        if decoder.own_group_attention && decoder.kind == DecoderKind::SelfAttention {
            return refuse("decoder.own_group_attention", true, "false with decoder.kind = \"self\"");
        }
        if self.positions == 0 {
            return refuse("positions", 0, "at least 1");
        }
        self.check_noise()
    }

    /// Checks that all steps are in the noise schedule.
    fn check_noise(&self) -> Result<(), Error> {
        for (key, t) in [("image_noise_t", self.image_noise_t), ("feature_noise_t", self.feature_noise_t)] {
            if t >= STEPS {
                return refuse(key, t, "a step below 1000");
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
        Ok(())
    }
}

/// Checks one transformer's width, depth and number of heads; `keys` are their names.
fn check_transformer(keys: [&'static str; 3], [width, depth, heads]: [usize; 3]) -> Result<(), Error> {
    if width == 0 || !width.is_multiple_of(4) {
        return refuse(keys[0], width, "a positive multiple of 4 (the sine-cosine positions need it)");
    }
    if depth == 0 {
        return refuse(keys[1], depth, "at least 1 block");
    }
    if heads == 0 || !width.is_multiple_of(heads) {
        return refuse(keys[2], heads, "a divisor of the width");
    }
    Ok(())
}

fn refuse(key: &'static str, found: impl ToString, expected: &'static str) -> Result<(), Error> {
    Err(Error::Config { key, found: found.to_string(), expected })
}
