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

/// The keys that are set most often, as flags. Values stay text here: the configuration checks them like those of a
/// file, so that key and flag have the same range and the same message.
#[derive(Clone, Debug, Default, Args)]
pub struct ServiceFlags {
    /// `camera:`, `camera:WHICH`, `file:PATH` (an image, a folder of images, a Motion JPEG file) or `demo:` [default:
    /// the one in the configuration]
    pub source: Option<String>,
    #[command(flatten)]
    pub models: ModelFlags,
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
    /// Withhold verdicts about frames older than this
    #[arg(long, value_name = "MS")]
    pub max_age_ms: Option<String>,
    /// Combine the class distributions of this many successive frames
    #[arg(long, value_name = "FRAMES")]
    pub smoothing: Option<String>,
    /// Classify the raw frame too, and report how far the two results disagree
    #[arg(long)]
    pub detect: bool,
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

/// Completes a port without an address with that of loopback. The configuration checks everything else.
fn with_address(text: &str) -> Result<String, std::convert::Infallible> {
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    Ok(port.parse::<u16>().map_or_else(|_| text.to_owned(), |port| format!("127.0.0.1:{port}")))
}

impl ServiceFlags {
    /// The layers of a command that serves: flags over variables over a file, the system's if none is named. `json`
    /// sets `output.stdout`.
    pub fn said(&self, json: bool) -> Said {
        let text = |name, key, value: &Option<String>| flag(name, key, value.as_ref().map(OsString::from));
        let path = |name, key, value: &Option<PathBuf>| flag(name, key, value.as_ref().map(OsString::from));
        let set = |name, key, value: bool| flag(name, key, value.then(|| "true".into()));
        let flags = [
            text("SOURCE", "source.uri", &self.source),
            text("--fps", "source.fps", &self.fps),
            text("--width", "source.width", &self.width),
            text("--height", "source.height", &self.height),
            text("--pixel-format", "source.format", &self.pixel_format),
            text("--max-age-ms", "run.max_age_ms", &self.max_age_ms),
            text("--smoothing", "verdict.smoothing", &self.smoothing),
            set("--detect", "detect.enabled", self.detect),
            set("--json", "output.stdout", json),
            path("--output-file", "output.file", &self.output_file),
            path("--socket", "output.socket", &self.socket),
            text("--http", "http.listen", &self.http),
            path("--token-file", "http.token_file", &self.token_file),
        ];
        let models = &self.models;
        Said::new(models.config.as_deref(), flags.into_iter().flatten().chain(models.flags()).collect())
            .or_system_file()
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

fn flag(name: &'static str, key: &'static str, text: Option<OsString>) -> Option<Flag> {
    text.map(|text| Flag { name, key, text })
}
