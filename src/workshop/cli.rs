//! The command line of a workstation, defined once: the device's with the workshop's commands.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};

use super::attack::{AttackSpec, Epsilon, Method, ParseAttackError};
use super::device::DeviceRequest;
use super::purifier::PurifierConfig;
use super::train::perceptual::PerceptualSpec;
use super::zoo::Family;
use crate::config::flags::ModelFlags;

/// The device's commands, and those of the workshop.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What a robot can do, too.
    #[command(flatten)]
    Device(crate::cli::Command),
    /// Train a classifier or a purifier from a folder of photographs
    #[command(subcommand)]
    Train(Train),
    /// Write the best weights of a training run as an ONNX file
    Export(Export),
    /// Write adversarial versions of photographs
    Attack(Attack),
    /// Measure what a purifier is worth on a folder of labelled photographs
    Evaluate(Evaluate),
}

/// What to train.
#[derive(Debug, Subcommand)]
pub enum Train {
    /// Train a classifier on a folder with one folder of photographs per class
    Classifier(Box<TrainClassifier>),
    /// Train a purifier: first on clean photographs, then on pairs of adversarial and clean ones
    #[command(visible_alias = "riae")]
    Purifier(Box<TrainPurifier>),
}

/// The options that all training runs have.
#[derive(Clone, Debug, Args)]
pub struct Training {
    /// Photographs: for a classifier `DATA/<class>/*.jpg`, for a purifier all in DATA and its subfolders
    pub data: PathBuf,
    /// Folder of this run: checkpoints, metrics, pictures. An existing run is resumed
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Side of the square picture in pixels [default: 128; for a RIAE the classifier's]
    #[arg(long)]
    pub side: Option<usize>,
    /// Pictures per step [default: 32; for a U-Net 16]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub batch: Option<usize>,
    /// Highest learning rate of the schedule
    #[arg(long, value_name = "RATE", default_value_t = 1e-3)]
    pub learning_rate: f64,
    /// Weight decay of AdamW; not for biases and normalisation layers
    #[arg(long, value_name = "RATE", default_value_t = 0.05)]
    pub weight_decay: f64,
    /// Half-life of the averaged weights (EMA) in steps; 0 turns averaging off
    #[arg(long, value_name = "STEPS", default_value_t = 200.0)]
    pub ema_half_life: f64,
    /// Share of the photographs held out for validation, by a hash of the file's name
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    pub held_out: f64,
    /// Start from the best weights of another run of the same model, from those of an exported ONNX file of a U-Net, or
    /// from random ones: `none` [default: the shipped file for the preset `general`, else none]
    #[arg(long, value_name = "FOLDER|FILE|none")]
    pub initial: Option<PathBuf>,
    /// Steps between checkpoints; every validation writes one too
    #[arg(long, value_name = "STEPS", default_value_t = 100)]
    pub checkpoint_every: u64,
    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// auto, cpu, libtorch, cuda, cuda:N, vulkan or vulkan:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceRequest,
}

/// `train classifier`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  purecam train classifier photos --out runs/classifier --epochs 30
  purecam train classifier photos --out runs/robust --initial runs/classifier --adversarial 4/255

Training: docs/guide/train.md")]
pub struct TrainClassifier {
    /// The common options.
    #[command(flatten)]
    pub training: Training,
    /// residual, inverted (depth-wise inverted residual) or convnext
    #[arg(long, default_value = "residual")]
    pub family: Family,
    /// Channels of the first stage
    #[arg(long, default_value_t = 32)]
    pub width: usize,
    /// Labels of the class folders: a text file with lines `folder label, synonym, ...`
    #[arg(long, value_name = "FILE")]
    pub names: Option<PathBuf>,
    /// Passes over the photographs
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub epochs: u64,
    /// Share of the target's probability that is spread over all classes
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub label_smoothing: f64,
    /// Train on pictures perturbed by one gradient step from a random start, of at most this L-infinity size, for
    /// instance 4/255
    #[arg(long, value_name = "EPSILON", value_parser = Epsilon::positive)]
    pub adversarial: Option<Epsilon>,
}

/// `train purifier`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  purecam train purifier photos --config mine.toml --minutes 60 --out runs/purifier
  purecam train purifier photos --preset edge --classifier classifier.onnx --out runs/edge

Training: docs/guide/train.md")]
pub struct TrainPurifier {
    /// The common options.
    #[command(flatten)]
    pub training: Training,
    /// general (a U-Net), base, tiny, nano, tiny-x, nano-x, edge (RIAEs), or a TOML file
    #[arg(long, default_value = "general")]
    pub preset: Preset,
    /// Choose the epochs on pairs so that the run takes about this many minutes on this machine
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "pair_epochs")]
    pub minutes: Option<u64>,
    /// Epochs on clean photographs (stage 1) [default: 1; for a RIAE 8; none for weights that are already trained]
    #[arg(long, value_name = "N")]
    pub clean_epochs: Option<u64>,
    /// Epochs on pairs (stage 2) [default: 24; for a RIAE 16]
    #[arg(long, value_name = "N")]
    pub pair_epochs: Option<u64>,
    /// Classifier that stage 2 attacks: an ONNX file, or a configuration file that describes one; repeat the option for
    /// several. Most run at any --side [default: the one in --config]
    #[arg(long, value_name = "FILE")]
    pub classifier: Vec<PathBuf>,
    /// Classifier that only validation uses, preferably one that training never sees; repeat the option for several
    /// [default: every --classifier]
    #[arg(long, value_name = "FILE")]
    pub judge: Vec<PathBuf>,
    /// Configuration file that describes the classifiers without purecam's metadata
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Perceptual network: `FILE:TENSOR=WEIGHT[,TENSOR=WEIGHT...]`, or `none`; repeat the option for several
    /// [default: the stages and the logits of every --classifier]
    #[arg(long, value_name = "SPEC")]
    pub perceptual: Vec<PerceptualSpec>,
    /// Weight of the perceptual loss; the pixel loss has weight 1 [default: 0.5; for a RIAE 1]
    #[arg(long, value_name = "WEIGHT")]
    pub perceptual_weight: Option<f64>,
    /// Attacks that stage 2 mixes, for instance clean, noise, pattern, fgsm, pgd:STEPS, mi-fgsm:STEPS (all:
    /// docs/guide/evaluate.md); an attack named twice counts twice
    /// [default: clean,noise,pattern,fgsm,pgd:2,pgd:4; for a RIAE clean,noise,pgd:2,pgd:4]
    #[arg(long, value_delimiter = ',')]
    pub attacks: Vec<Method>,
    /// Largest L-infinity size of a perturbation; each pair draws its own between 0.3 and 1 times this
    #[arg(long, default_value = "16/255", value_parser = Epsilon::positive)]
    pub epsilon: Epsilon,
    /// Share of the steps of stage 2 that put regions of the adversarial picture back (RCM)
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    pub rcm: f64,
    /// Share of the attacked pictures that go through JPEG of quality 50 to 95 [default: 0.3; for a RIAE 0]
    #[arg(long, value_name = "SHARE")]
    pub jpeg: Option<f64>,
    /// Share of the perturbations that are resized to half to the whole side and back, as when attack and purifier see
    /// different sizes [default: 0.2; for a RIAE 0]
    #[arg(long, value_name = "SHARE")]
    pub resample: Option<f64>,
    /// Smallest and largest share of a photograph's area that a crop covers [default: 0.5,1; for a U-Net that is
    /// trained on smaller pictures than the classifier's, 0.2,0.7]
    #[arg(long, value_name = "LEAST,MOST")]
    pub view: Option<View>,
    /// Pairs per generation of adversarial pictures; all photographs if there are fewer [default: 3000; for a RIAE
    /// 10000]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub pairs: Option<usize>,
    /// Largest size of the newest generation of pairs to keep in the run's folder, so that a resumed run need not make
    /// it again; a larger one is not kept
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u32))]
    pub pair_cache: u32,
    /// Draw windows of the position table at random, as the paper does, so that the purifier works at any side
    #[arg(long)]
    pub random_windows: bool,
    /// Epochs of stage 2 between two generations of adversarial pictures [default: 3; for a RIAE 4]
    #[arg(long, value_name = "EPOCHS")]
    pub refresh_every: Option<u64>,
}

/// `export`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  purecam export runs/purifier --out purifier.onnx
  purecam export runs/purifier --out purifier.onnx --side 224

Model files: docs/reference/models.md")]
pub struct Export {
    /// Folder of a training run
    pub run: PathBuf,
    /// The ONNX file to write
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// Side of the exported graph's picture in pixels [default: the side of the training run]
    #[arg(long)]
    pub side: Option<usize>,
    /// Add the picture before the last convolution as a second output, `before_conv`
    #[arg(long)]
    pub before_conv: bool,
    /// Write every shape as a number, for readers that compute none (OpenCV, TensorRT, compilers for NPUs): exactly one
    /// picture of --side pixels
    #[arg(long = "static")]
    pub fixed: bool,
    /// Also write the weights as safetensors, with the names of the paper's own code
    #[arg(long, value_name = "FILE")]
    pub safetensors: Option<PathBuf>,
}

/// `attack`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  purecam attack photos --config mine.toml --out attacked
  purecam attack photos --adaptive --attack pgd:20@4/255 --out attacked

Attackers: docs/guide/evaluate.md")]
pub struct Attack {
    /// Photographs: `DATA/<class>/*.jpg`, folders named by label or WordNet identifier; or `demo:` for the universal
    /// perturbations of the built-in demonstration
    pub data: PathBuf,
    /// The models.
    #[command(flatten)]
    pub models: ModelFlags,
    /// Folder for the adversarial PNG files, in the layout of DATA
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// clean, noise, fgsm, pgd:STEPS, mi-fgsm:STEPS, apgd-ce:STEPS, ... (all: docs/guide/evaluate.md), with or without
    /// @EPSILON
    #[arg(long, default_value = "pgd:10")]
    pub attack: AttackSpec,
    /// Largest L-infinity size of the perturbation, unless --attack has an @EPSILON
    #[arg(long, default_value = "16/255")]
    pub epsilon: Epsilon,
    /// Attack purifier and classifier together instead of the classifier alone
    #[arg(long, conflicts_with = "no_purifier")]
    pub adaptive: bool,
    /// Use only the first N photographs of each class
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Attack only the outputs of the classes that have a folder, for instance ten of a classifier's thousand
    #[arg(long)]
    pub folders_only: bool,
    /// auto, cpu, libtorch, cuda, cuda:N, vulkan or vulkan:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceRequest,
}

/// `evaluate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  purecam evaluate photos --out results
  purecam evaluate photos --config mine.toml --folders-only --limit 20 --adaptive \"\"

What the numbers mean: docs/guide/evaluate.md")]
pub struct Evaluate {
    /// Photographs: `DATA/<class>/*.jpg`, folders named by label or WordNet identifier
    pub data: PathBuf,
    /// The models.
    #[command(flatten)]
    pub models: ModelFlags,
    /// Attacks on the classifier alone, at 16/255 unless @EPSILON is given; "" for none
    #[arg(
        long,
        value_name = "ATTACKS",
        value_delimiter = ',',
        default_value = "fgsm,pgd:10",
        value_parser = attack_or_none
    )]
    pub transfer: Vec<Option<AttackSpec>>,
    /// Attacks on purifier and classifier together, at 16/255 unless @EPSILON is given; "" for none
    #[arg(
        long,
        value_name = "ATTACKS",
        value_delimiter = ',',
        default_value = "pgd:20@4/255,pgd:20@8/255",
        value_parser = attack_or_none
    )]
    pub adaptive: Vec<Option<AttackSpec>>,
    /// Draws of the noise over which an adaptive attack averages its gradient
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub eot: usize,
    /// Use only the first N photographs of each class
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Compare only the classes that have a folder, for instance ten of a classifier's thousand; attacks also use only
    /// these outputs
    #[arg(long)]
    pub folders_only: bool,
    /// Compress every picture as JPEG of this quality (1 to 100, 4:2:0) between attack and defence, as a camera does
    #[arg(long, value_name = "QUALITY", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub jpeg: Option<u8>,
    /// Show every picture to a camera: enlarge it to 480 pixels, compress it as JPEG of quality 80 (or --jpeg), and
    /// resize it as a frame is resized
    #[arg(long)]
    pub camera: bool,
    /// Also check on at most 32 photographs that the attacks do what attacks must do, for instance that more steps
    /// never help the defender; if not, the table marks its numbers with !
    #[arg(long)]
    pub self_check: bool,
    /// Attack and count all photographs, not only those that the classifier gets right without an attack
    #[arg(long)]
    pub all: bool,
    /// Folder for the table, the JSON and the results per photograph; an existing run is resumed
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// auto, cpu, libtorch, cuda, cuda:N, vulkan or vulkan:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceRequest,
}

/// Shares of a photograph's area: from the first to the second, above 0 and up to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View(pub [f64; 2]);

/// The text is not two shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected two numbers above 0 and up to 1, the smaller first, for instance 0.5,1")]
pub struct ParseViewError;

impl FromStr for View {
    type Err = ParseViewError;

    fn from_str(text: &str) -> Result<Self, ParseViewError> {
        let (least, most) = text.split_once(',').ok_or(ParseViewError)?;
        let share = |text: &str| text.trim().parse::<f64>().map_err(|_| ParseViewError);
        let (least, most) = (share(least)?, share(most)?);
        if 0.0 < least && least <= most && most <= 1.0 { Ok(Self([least, most])) } else { Err(ParseViewError) }
    }
}

/// The size of a purifier: a preset by name, or a TOML file.
#[derive(Clone, Debug, PartialEq)]
pub enum Preset {
    /// A preset that is built in.
    Named(PurifierConfig),
    /// A configuration in a file.
    File(PathBuf),
}

/// The text names neither a preset nor a TOML file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {}, or a TOML file", PurifierConfig::preset_names().collect::<Vec<_>>().join(", "))]
pub struct ParsePresetError;

impl FromStr for Preset {
    type Err = ParsePresetError;

    fn from_str(text: &str) -> Result<Self, ParsePresetError> {
        match PurifierConfig::preset(text) {
            Some(config) => Ok(Self::Named(config)),
            None if text.ends_with(".toml") => Ok(Self::File(text.into())),
            None => Err(ParsePresetError),
        }
    }
}

/// A number of things of which there must be one.
fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "expected a whole number from 1".to_owned())
}

/// An element of a list of attacks; an empty one, as in an empty list, is no attack.
fn attack_or_none(text: &str) -> Result<Option<AttackSpec>, ParseAttackError> {
    (!text.is_empty()).then(|| text.parse()).transpose()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::{Cli, WORKSTATION};

    #[test]
    fn a_device_knows_the_commands_that_it_lacks() {
        let names = |definition: clap::Command| -> Vec<String> {
            definition.get_subcommands().map(|command| command.get_name().to_owned()).collect()
        };
        let device = names(Cli::<crate::cli::Command>::command());
        let mut brought = names(Cli::<Command>::command());
        brought.retain(|name| !device.contains(name));
        assert_eq!(brought, WORKSTATION);
    }
}
