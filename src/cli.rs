//! The command line, defined once: help, man page and completions come from here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "purecam", version, about, max_term_width = 120)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Write only JSON, a line each, to standard output
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Purify and classify a stream of frames until it ends or Ctrl-C
    Run(Run),
    /// Purify and classify image files
    Classify(Classify),
    /// Measure how long a verdict takes on this machine
    Bench(Bench),
    /// Say what would keep `run` from working: configuration, models, source, outputs
    Check(Check),
    /// List the cameras, what they offer, and which one would be chosen
    Probe(Probe),
    /// Train a classifier or a purifier from a folder of photographs
    #[cfg(feature = "training")]
    #[command(subcommand)]
    Train(Train),
    /// Write the best weights of a training run as an ONNX file
    #[cfg(feature = "training")]
    Export(Export),
    /// Write adversarial versions of photographs
    #[cfg(feature = "training")]
    Attack(Attack),
    /// Measure what a purifier is worth, on a folder of labelled photographs
    #[cfg(feature = "training")]
    Evaluate(Evaluate),
    /// Write the manual pages and the completions of bash, zsh and fish into a folder
    #[command(hide = true)]
    Generate(Generate),
}

/// Which models to run; without flags, the ones in `models/`.
#[derive(Clone, Debug, Default, Args)]
pub struct Models {
    /// Purifier (ONNX) [default: purifier-*.onnx of the shipped models]
    #[arg(long, value_name = "FILE")]
    pub purifier: Option<PathBuf>,
    /// Classify pictures as they are; every verdict then says `"purified": false`
    #[arg(long, conflicts_with = "purifier")]
    pub no_purifier: bool,
    /// Classifier (ONNX) [default: classifier-*.onnx of the shipped models]
    #[arg(long, value_name = "FILE")]
    pub classifier: Option<PathBuf>,
    /// Configuration (TOML) [default: /etc/purecam/purecam.toml, if it is there, for commands that serve]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Seed of the purifier's noise; without it every start draws its own
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// The configuration's usual keys as flags. Their values are read where the configuration's are, so that one message
/// and one range serve both.
#[derive(Clone, Debug, Default, Args)]
pub struct Settings {
    /// `camera:`, `camera:WHICH`, `file:PATH` (an image, a folder of images, a Motion JPEG file) or `demo:` [default: the
    /// configuration's]
    pub source: Option<String>,
    #[command(flatten)]
    pub models: Models,
    /// Frames a second that the source offers
    #[arg(long, value_name = "RATE")]
    pub fps: Option<String>,
    /// Width of the camera's frame
    #[arg(long, value_name = "PIXELS")]
    pub width: Option<String>,
    /// Height of the camera's frame
    #[arg(long, value_name = "PIXELS")]
    pub height: Option<String>,
    /// The camera's pixel format: YUYV, UYVY, NV12, YU12, RGB3, BGR3, GREY or MJPG
    #[arg(long, value_name = "FORMAT")]
    pub pixel_format: Option<String>,
    /// Withhold verdicts about frames older than this
    #[arg(long, value_name = "MS")]
    pub max_age_ms: Option<String>,
    /// Combine the distributions of so many successive frames
    #[arg(long, value_name = "FRAMES")]
    pub smoothing: Option<String>,
    /// Classify the raw frame too, and say how far the two disagree
    #[arg(long)]
    pub detect: bool,
    /// Append verdicts to this file
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Offer verdicts on this Unix socket
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Show the live page and the metrics at this address, as in 127.0.0.1:8080, or :8080 for the same
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = with_address)]
    pub http: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct Run {
    #[command(flatten)]
    pub settings: Settings,
    /// End after N verdicts
    #[arg(long, value_name = "N")]
    pub frames: Option<u64>,
}

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub settings: Settings,
    /// Print the configuration that holds, with where each value comes from, and check nothing else
    #[arg(long)]
    pub print: bool,
}

#[derive(Debug, Args)]
pub struct Bench {
    #[command(flatten)]
    pub settings: Settings,
    /// Measure N verdicts
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub frames: u64,
    /// Leave out the first N verdicts
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub left_out: u64,
    /// Exit with code 3 where the 99th percentile of a verdict's milliseconds is above this
    #[arg(long, value_name = "MS")]
    pub max_p99_ms: Option<f64>,
    /// Show the numbers beside those of an earlier `purecam bench --json`
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Probe {
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Classify {
    /// Images, or folders of images
    #[arg(required = true)]
    pub images: Vec<PathBuf>,
    #[command(flatten)]
    pub models: Models,
    /// How many classes to name
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub top: usize,
    /// Write every purified picture as PNG into this folder
    #[arg(long, value_name = "FOLDER")]
    pub save: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Generate {
    /// The folder, which is made where it is missing
    pub folder: PathBuf,
}

#[cfg(feature = "training")]
pub use training::*;

#[cfg(feature = "training")]
mod training {
    use super::*;

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
        pub models: Models,
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
        pub models: Models,
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
}

/// A port alone is this machine's own; anything else is left for the configuration to judge.
fn with_address(text: &str) -> Result<String, std::convert::Infallible> {
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    Ok(port.parse::<u16>().map_or_else(|_| text.to_owned(), |port| format!("127.0.0.1:{port}")))
}
