//! The tables of the configuration, typed, with their defaults.
//!
//! What a key does, its range and its unit are documented in `keys.rs`; here are units and what `None` means.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::broker::BrokerUrl;
use crate::engine::Description;
use crate::frame::{Flip, Framing, Proportions};
use crate::source::camera::{DEFAULT_SKIP_FRAMES, PixelFormat, Wanted};
use crate::source::{FrameRate, SourceUri};

/// The whole configuration, one field per table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub source: Source,
    pub purifier: Purifier,
    pub classifier: Description,
    pub run: Run,
    pub verdict: Verdict,
    pub detect: Detect,
    pub output: Output,
    pub http: Http,
    pub log: Log,
}

/// The `[source]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    /// Which source; `None`: the demonstration on a terminal, else an error.
    pub uri: Option<SourceUri>,
    /// Pixels; `None`: what suits the models best.
    pub width: Option<u32>,
    /// Pixels; set if `width` is set.
    pub height: Option<u32>,
    /// Frames per second; `None`: the source's own rate.
    pub fps: Option<FrameRate>,
    /// `None`: the cheapest that the camera offers.
    pub format: Option<PixelFormat>,
    /// Frames to discard after each opening.
    pub skip_frames: u32,
    /// Milliseconds of identical pictures of a camera after which it is frozen; 0: never.
    pub frozen_after_ms: u64,
    /// Milliseconds of flat pictures of a camera after which it shows nothing; 0: never.
    pub flat_after_ms: u64,
    /// 8-bit levels by which the regions of a flat picture differ at most.
    pub flat_levels: u8,
    /// Degrees clockwise.
    pub rotate: u16,
    /// After turning.
    pub flip: Flip,
    /// Left, top, width and height as shares of the turned and mirrored picture; `None`: all of it.
    pub region: Option<[f64; 4]>,
    /// How the region gets the models' proportions.
    pub fit: Proportions,
}

impl Default for Source {
    fn default() -> Self {
        let Framing { rotate, flip, fit, .. } = Framing::default();
        let skip_frames = DEFAULT_SKIP_FRAMES;
        Self {
            uri: None,
            width: None,
            height: None,
            fps: None,
            format: None,
            skip_frames,
            frozen_after_ms: 10_000,
            flat_after_ms: 10_000,
            flat_levels: 6,
            rotate,
            flip,
            region: None,
            fit,
        }
    }
}

impl Source {
    /// The form of frames that the table asks of a camera.
    pub fn wanted(&self) -> Wanted {
        let Self { width, height, fps, format, skip_frames, .. } = *self;
        Wanted { width, height, fps, format, skip_frames: Some(skip_frames) }
    }

    /// Where in a frame the models look.
    pub fn framing(&self) -> Framing {
        let Self { rotate, flip, region, fit, .. } = *self;
        Framing { rotate, flip, fit, region: region.unwrap_or(Framing::default().region) }
    }
}

/// The `[purifier]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Purifier {
    /// Whether frames are purified.
    pub enabled: bool,
    /// `None`: a shipped purifier.
    pub model: Option<PathBuf>,
    /// `None`: the purifier's own.
    pub strength: Option<f32>,
    /// `None`: a fresh seed at each start.
    pub seed: Option<u64>,
}

impl Default for Purifier {
    fn default() -> Self {
        Self { enabled: true, model: None, strength: None, seed: None }
    }
}

/// The `[run]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Run {
    /// Age of a frame, in milliseconds, above which its verdict is withheld.
    pub max_age_ms: u64,
    /// Threads per model.
    pub threads: u32,
    /// Inferences of each model before the first frame.
    pub warm_up: u32,
    /// When the service reports that it is ready.
    pub ready: Ready,
}

impl Default for Run {
    fn default() -> Self {
        Self { max_age_ms: 1000, threads: 1, warm_up: 1, ready: Ready::Frame }
    }
}

impl Run {
    /// The age above which a verdict is withheld.
    pub fn max_age(&self) -> Duration {
        Duration::from_millis(self.max_age_ms)
    }
}

/// When the service is ready. In both cases its models are verified and warm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ready {
    /// With the first frame of the source.
    Frame,
    /// Without waiting for a frame; the camera may be plugged in later.
    AtOnce,
}

/// The `[verdict]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Verdict {
    /// Successive frames whose class distributions a verdict combines, its own included.
    pub smoothing: u32,
    /// Confidence, in 0..1, below which a verdict is withheld.
    pub min_confidence: f64,
}

impl Default for Verdict {
    fn default() -> Self {
        Self { smoothing: 1, min_confidence: 0.0 }
    }
}

/// The `[detect]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Detect {
    /// Whether the raw frame is classified too.
    pub enabled: bool,
    /// Least suspicion, in 0..1, that marks a verdict as suspicious.
    pub threshold: f64,
    /// `None`: suspicious frames are not kept.
    pub keep_dir: Option<PathBuf>,
    /// Largest number of files in `keep_dir`.
    pub keep_files: u32,
    /// Largest number of bytes in `keep_dir`.
    pub keep_bytes: u64,
}

impl Default for Detect {
    fn default() -> Self {
        Self { enabled: false, threshold: 0.5, keep_dir: None, keep_files: 1000, keep_bytes: 256 << 20 }
    }
}

/// The `[output]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Output {
    /// Whether verdicts are written to standard output.
    pub stdout: bool,
    /// `None`: verdicts are not written to a file.
    pub file: Option<PathBuf>,
    /// Largest number of bytes in a file.
    pub file_bytes: u64,
    /// Largest number of files, the current one included.
    pub file_count: u32,
    /// `None`: there is no socket.
    pub socket: Option<PathBuf>,
    /// The outputs without which the service is not ready.
    pub required: Vec<RequiredOutput>,
    /// `None`: there is no broker.
    pub mqtt: Option<Mqtt>,
}

impl Default for Output {
    fn default() -> Self {
        let (file_bytes, file_count) = (64 << 20, 4);
        Self { stdout: true, file: None, file_bytes, file_count, socket: None, required: Vec::new(), mqtt: None }
    }
}

/// An output that may be required. Standard output always is: the program ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequiredOutput {
    File,
    Socket,
    Mqtt,
}

/// The `[output.mqtt]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mqtt {
    /// Where the broker is.
    pub url: BrokerUrl,
    /// What the topics of verdicts and of the state begin with.
    #[serde(default = "Mqtt::default_topic")]
    pub topic: String,
    /// `None`: `purecam-` and the host's name.
    pub client_id: Option<String>,
    /// `None`: no user name is sent.
    pub username: Option<String>,
    /// A file whose first line is the password; set only if `username` is set.
    pub password_file: Option<PathBuf>,
    /// Certificates in PEM form; `None`: the system's authorities.
    pub ca_file: Option<PathBuf>,
    /// Quality of service of the verdicts: 0, 1 or 2.
    #[serde(default)]
    pub qos: u8,
}

impl Mqtt {
    /// The table with this broker, and everything else at its default.
    pub fn new(url: BrokerUrl) -> Self {
        let topic = Self::default_topic();
        Self { url, topic, client_id: None, username: None, password_file: None, ca_file: None, qos: 0 }
    }

    fn default_topic() -> String {
        "purecam".to_owned()
    }
}

/// The `[http]` table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// `None`: there is no page. An address that other machines reach needs `token_file`.
    pub listen: Option<SocketAddr>,
    /// A file whose first line is the token that clients must send.
    pub token_file: Option<PathBuf>,
}

/// The `[log]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Least severe level that is logged, unless `RUST_LOG` is set.
    pub level: Level,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: Level::Warn }
    }
}

/// The least severe level of the log; `Off` logs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<Level> for log::LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Off => Self::Off,
            Level::Error => Self::Error,
            Level::Warn => Self::Warn,
            Level::Info => Self::Info,
            Level::Debug => Self::Debug,
            Level::Trace => Self::Trace,
        }
    }
}
