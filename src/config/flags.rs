//! The command line as a layer of the configuration: flags that set keys.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::{Config, ConfigError, Flag, Said};

/// Which models to run; without flags, the shipped ones.
#[derive(Clone, Debug, Default, Args)]
pub struct ModelFlags {
    /// Purifier (ONNX) [default: purifier-*.onnx of the shipped models]
    #[arg(long, value_name = "FILE")]
    pub purifier: Option<PathBuf>,
    /// Classify raw frames; every verdict then has `"purified": false`
    #[arg(long, conflicts_with = "purifier")]
    pub no_purifier: bool,
    /// Classifier (ONNX) [default: classifier-*.onnx of the shipped models]
    #[arg(long, value_name = "FILE")]
    pub classifier: Option<PathBuf>,
    /// Configuration (TOML) [default: /etc/purecam/purecam.toml if it exists, for run, bench, check and probe]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Strength of the purifier's noise in 8-bit levels, if the purifier has this input: more noise stops stronger
    /// perturbations and costs more clean accuracy [default: the purifier's own]
    #[arg(long, value_name = "LEVELS")]
    pub strength: Option<f32>,
    /// Seed of the purifier's random inputs; no effect on a purifier without them [default: a new one at each start]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// Where frames come from. Values of these and the following flags stay text here: the configuration checks them like
/// those of a file, so that key and flag have the same range and the same message.
#[derive(Clone, Debug, Default, Args)]
pub struct SourceFlags {
    /// `camera:`, `camera:WHICH`, `file:PATH` (an image, a folder of images, a Motion JPEG file) or `demo:` [default:
    /// the one in the configuration]
    #[arg(id = "SOURCE")]
    pub uri: Option<String>,
    /// Frames per second of the source
    #[arg(long, value_name = "RATE")]
    pub fps: Option<String>,
    /// Width of the captured frame
    #[arg(long, value_name = "PIXELS")]
    pub width: Option<String>,
    /// Height of the captured frame
    #[arg(long, value_name = "PIXELS")]
    pub height: Option<String>,
    /// Pixel format of the camera: YUYV, UYVY, NV12, YU12, RGB3, BGR3, GREY or MJPG
    #[arg(long, value_name = "FORMAT")]
    pub pixel_format: Option<String>,
}

/// How verdicts are reached.
#[derive(Clone, Debug, Default, Args)]
pub struct VerdictFlags {
    /// Combine the class distributions of this many successive frames
    #[arg(long, value_name = "FRAMES")]
    pub smoothing: Option<String>,
    /// Classify the raw frame too, and report how far the two results disagree
    #[arg(long)]
    pub detect: bool,
}

/// Which verdicts are published, and where.
#[derive(Clone, Debug, Default, Args)]
pub struct OutputFlags {
    /// Withhold verdicts about frames older than this
    #[arg(long, value_name = "MS")]
    pub max_age_ms: Option<String>,
    /// Append verdicts to this file
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Serve verdicts on this Unix socket
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Serve the live page and the metrics at this address; `:8080` means 127.0.0.1:8080
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = with_address)]
    pub http: Option<String>,
    /// File whose first line is the token that clients of --http must send; needed for addresses that others can reach
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// The flags of a command that serves.
#[derive(Clone, Debug, Default, Args)]
pub struct ServiceFlags {
    #[command(flatten)]
    pub source: SourceFlags,
    #[command(flatten)]
    pub models: ModelFlags,
    #[command(flatten)]
    pub verdicts: VerdictFlags,
    #[command(flatten)]
    pub outputs: OutputFlags,
}

/// The flags of a command that reaches verdicts and publishes none.
#[derive(Clone, Debug, Default, Args)]
pub struct LoopFlags {
    #[command(flatten)]
    pub source: SourceFlags,
    #[command(flatten)]
    pub models: ModelFlags,
    #[command(flatten)]
    pub verdicts: VerdictFlags,
}

/// The flags of a command that only looks at cameras.
#[derive(Clone, Debug, Default, Args)]
pub struct CameraFlags {
    #[command(flatten)]
    pub source: SourceFlags,
    /// Configuration (TOML) [default: /etc/purecam/purecam.toml if it exists]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Completes a port without an address with that of loopback. The configuration checks everything else.
fn with_address(text: &str) -> Result<String, std::convert::Infallible> {
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    Ok(port.parse::<u16>().map_or_else(|_| text.to_owned(), |port| format!("127.0.0.1:{port}")))
}

impl ServiceFlags {
    /// The layers: flags over variables over a file, the system's if none is named. `json` sets `output.stdout`.
    pub fn said(&self, json: bool) -> Said {
        let Self { source, models, verdicts, outputs } = self;
        let json = flag("--json", "output.stdout", json.then(|| "true".into()));
        let flags = [source.flags(), verdicts.flags(), json.into_iter().collect(), outputs.flags(), models.flags()];
        Said::new(models.config.as_deref(), flags.concat()).or_system_file()
    }
}

impl LoopFlags {
    /// As [`ServiceFlags::said`].
    pub fn said(&self) -> Said {
        let Self { source, models, verdicts } = self;
        let flags = [source.flags(), verdicts.flags(), models.flags()];
        Said::new(models.config.as_deref(), flags.concat()).or_system_file()
    }
}

impl CameraFlags {
    /// As [`ServiceFlags::said`].
    pub fn said(&self) -> Said {
        Said::new(self.config.as_deref(), self.source.flags()).or_system_file()
    }
}

impl SourceFlags {
    fn flags(&self) -> Vec<Flag> {
        let Self { uri, fps, width, height, pixel_format } = self;
        let flags = [
            text("SOURCE", "source.uri", uri),
            text("--fps", "source.fps", fps),
            text("--width", "source.width", width),
            text("--height", "source.height", height),
            text("--pixel-format", "source.format", pixel_format),
        ];
        flags.into_iter().flatten().collect()
    }
}

impl VerdictFlags {
    fn flags(&self) -> Vec<Flag> {
        let detect = flag("--detect", "detect.enabled", self.detect.then(|| "true".into()));
        [text("--smoothing", "verdict.smoothing", &self.smoothing), detect].into_iter().flatten().collect()
    }
}

impl OutputFlags {
    fn flags(&self) -> Vec<Flag> {
        let Self { max_age_ms, output_file, socket, http, token_file } = self;
        let flags = [
            text("--max-age-ms", "run.max_age_ms", max_age_ms),
            text("--output-file", "output.file", output_file),
            text("--socket", "output.socket", socket),
            text("--http", "http.listen", http),
            text("--token-file", "http.token_file", token_file),
        ];
        flags.into_iter().flatten().collect()
    }
}

impl ModelFlags {
    /// The configuration of a command that does not serve: flags over variables over a file, if one is named.
    ///
    /// # Errors
    /// Everything that is wrong with the layers, at once.
    pub fn config(&self) -> Result<Config, ConfigError> {
        Ok(Said::new(self.config.as_deref(), self.flags()).effective()?.config)
    }

    fn flags(&self) -> Vec<Flag> {
        let flags = [
            // Naming a purifier enables it, even if the file disables it.
            flag("--purifier", "purifier.enabled", self.purifier.as_ref().map(|_| "true".into())),
            flag("--purifier", "purifier.model", self.purifier.as_ref().map(OsString::from)),
            flag("--no-purifier", "purifier.enabled", self.no_purifier.then(|| "false".into())),
            flag("--classifier", "classifier.model", self.classifier.as_ref().map(OsString::from)),
            flag("--strength", "purifier.strength", self.strength.map(|strength| strength.to_string().into())),
            flag("--seed", "purifier.seed", self.seed.map(|seed| seed.to_string().into())),
        ];
        flags.into_iter().flatten().collect()
    }
}

/// The flag of a value that is text or a path.
fn text<T: Clone + Into<OsString>>(name: &'static str, key: &'static str, value: &Option<T>) -> Option<Flag> {
    flag(name, key, value.clone().map(Into::into))
}

fn flag(name: &'static str, key: &'static str, text: Option<OsString>) -> Option<Flag> {
    text.map(|text| Flag { name, key, text })
}
