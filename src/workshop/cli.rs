//! The workshop's part of the command line, defined once.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::flags::ModelFlags;

/// The workshop's commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a classifier or a purifier from a folder of photographs
    #[command(subcommand)]
    Train(Train),
    /// Write the best weights of a training run as an ONNX file
    Export(Export),
    /// Write adversarial versions of photographs
    Attack(Attack),
    /// Measure what a purifier is worth, on a folder of labelled photographs
    Evaluate(Evaluate),
}

#[derive(Debug, Subcommand)]
pub enum Train {
    /// Train a classifier on a folder with one folder of photographs a class
    Classifier(TrainClassifier),
    /// Train a RIAE: first on clean photographs, then on pairs of adversarial and clean ones
    Riae(TrainRiae),
}

/// What every training run has.
#[derive(Clone, Debug, Args)]
pub struct Training {
    /// Photographs: `DATA/<class>/*.jpg`
    pub data: PathBuf,
    /// Folder of this run: checkpoints, metrics, pictures. A run that is there already goes on where it stopped
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Labels of the class folders: a text file with lines `folder label, synonym, ...`
    #[arg(long, value_name = "FILE")]
    pub names: Option<PathBuf>,
    /// Side of the square picture in pixels
    #[arg(long, default_value_t = 128)]
    pub side: usize,
    #[arg(long, default_value_t = 32)]
    pub batch: usize,
    /// Highest learning rate of the schedule
    #[arg(long, value_name = "RATE", default_value_t = 1e-3)]
    pub learning_rate: f64,
    #[arg(long, default_value_t = 0.05)]
    pub weight_decay: f64,
    /// Half-life of the averaged weights in steps; 0 switches them off
    #[arg(long, value_name = "STEPS", default_value_t = 200.0)]
    pub ema_half_life: f64,
    /// Share of the photographs held out for validation, by a hash of the file's name
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    pub held_out: f64,
    /// Start from the best weights of another run of the same model instead of random ones
    #[arg(long, value_name = "FOLDER")]
    pub initial: Option<PathBuf>,
    /// Write a checkpoint every so many steps, and at every validation
    #[arg(long, value_name = "STEPS", default_value_t = 100)]
    pub checkpoint_every: u64,
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// auto, cpu, libtorch, cuda, cuda:N, vulkan or vulkan:N
    #[arg(long, default_value = "auto")]
    pub device: String,
}

#[derive(Clone, Debug, Args)]
pub struct TrainClassifier {
    #[command(flatten)]
    pub training: Training,
    /// residual, inverted (depth-wise inverted residual) or convnext
    #[arg(long, default_value = "residual")]
    pub family: String,
    /// Channels of the first stage
    #[arg(long, default_value_t = 32)]
    pub width: usize,
    #[arg(long, default_value_t = 30)]
    pub epochs: u64,
    #[arg(long, default_value_t = 0.1)]
    pub label_smoothing: f64,
    /// Train on pictures perturbed by one random-start step of this L-infinity size, for instance 4/255
    #[arg(long, value_name = "EPSILON")]
    pub adversarial: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct TrainRiae {
    #[command(flatten)]
    pub training: Training,
    /// base, tiny, nano, tiny-x, nano-x, edge, or a TOML file
    #[arg(long, default_value = "edge")]
    pub preset: String,
    /// Epochs on clean photographs (stage 1)
    #[arg(long, default_value_t = 8)]
    pub clean_epochs: u64,
    /// Epochs on pairs (stage 2)
    #[arg(long, default_value_t = 16)]
    pub pair_epochs: u64,
    /// Classifiers that stage 2 attacks (ONNX; may be given more than once)
    #[arg(long, value_name = "FILE")]
    pub classifier: Vec<PathBuf>,
    /// Configuration file, for what a foreign classifier does not say of itself
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Perceptual networks: `FILE:TENSOR=WEIGHT[,TENSOR=WEIGHT...]`, or `none` [default: the stages of every --classifier]
    #[arg(long, value_name = "SPEC")]
    pub perceptual: Vec<String>,
    /// Attacks that stage 2 mixes: clean, noise, fgsm, pgd:STEPS
    #[arg(long, value_delimiter = ',', default_value = "clean,noise,pgd:2,pgd:4")]
    pub attacks: Vec<String>,
    /// Largest L-infinity size of a perturbation; each is drawn between 0.3 and 1 times this
    #[arg(long, default_value = "16/255")]
    pub epsilon: String,
    /// Share of the adversarial steps that put regions of the adversarial picture back (RCM)
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    pub rcm: f64,
    /// Pairs in one generation of adversarial pictures; all photographs if there are fewer
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub pairs: usize,
    /// Draw windows of the position table at random, as the paper does, for a purifier of any side
    #[arg(long)]
    pub random_windows: bool,
    /// Make new adversarial pictures every so many epochs
    #[arg(long, value_name = "EPOCHS", default_value_t = 4)]
    pub refresh_every: u64,
}

#[derive(Debug, Args)]
pub struct Export {
    /// Folder of a training run
    pub run: PathBuf,
    /// The ONNX file to write
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// Side of the exported graph's picture [default: the side it was trained at]
    #[arg(long)]
    pub side: Option<usize>,
    /// Add the picture before the last convolution as a second output, `before_conv`
    #[arg(long)]
    pub before_conv: bool,
    /// Write the weights as safetensors too, with the names of the paper's own code
    #[arg(long, value_name = "FILE")]
    pub safetensors: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Attack {
    /// Photographs: `DATA/<class>/*.jpg`, folders named by label or wnid; or `demo:`, to make the universal
    /// perturbations of the built-in demonstration
    pub data: PathBuf,
    #[command(flatten)]
    pub models: ModelFlags,
    /// Folder for the adversarial PNG files; its layout is that of DATA
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// noise, fgsm or pgd:STEPS
    #[arg(long, default_value = "pgd:10")]
    pub attack: String,
    #[arg(long, default_value = "16/255")]
    pub epsilon: String,
    /// Attack purifier and classifier together instead of the classifier alone
    #[arg(long, conflicts_with = "no_purifier")]
    pub adaptive: bool,
    #[arg(long)]
    pub limit: Option<usize>,
    /// auto, cpu, libtorch, cuda, cuda:N, vulkan or vulkan:N
    #[arg(long, default_value = "auto")]
    pub device: String,
}

#[derive(Debug, Args)]
pub struct Evaluate {
    /// Photographs: `DATA/<class>/*.jpg`, folders named by label or wnid
    pub data: PathBuf,
    #[command(flatten)]
    pub models: ModelFlags,
    /// Attacks on the classifier alone, at 16/255 unless `@EPSILON` says otherwise
    #[arg(long, value_delimiter = ',', default_value = "fgsm,pgd:10")]
    pub transfer: Vec<String>,
    /// Attacks through purifier and classifier together
    #[arg(long, value_delimiter = ',', default_value = "pgd:20@4/255,pgd:20@8/255")]
    pub adaptive: Vec<String>,
    /// Draws of the noise that an adaptive attack averages its gradient over
    #[arg(long, default_value_t = 1)]
    pub eot: usize,
    /// Take only the first N photographs of each class
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Count all photographs instead of those that the classifier gets right unattacked
    #[arg(long)]
    pub all: bool,
    /// Folder for the table, the JSON and the results per image; a run that is there already goes on
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// auto, cpu, libtorch, cuda, cuda:N, vulkan or vulkan:N
    #[arg(long, default_value = "auto")]
    pub device: String,
}
