//! The tables of the configuration, typed, with their defaults. `docs/reference/config.md` is the same as a table.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::Description;
use crate::source::camera::{DEFAULT_SKIP_FRAMES, PixelFormat, Wanted};
use crate::source::{FrameRate, SourceUri};

/// All that can be configured.
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

/// The `[source]` table: where frames come from, and in what form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    /// Which source; `None`: the demonstration on a terminal, else an error.
    pub uri: Option<SourceUri>,
    /// Pixels of the captured frame; nothing: what suits the models best of what the camera offers.
    pub width: Option<u32>,
    /// Pixels of the captured frame; given with `width` or not at all.
    pub height: Option<u32>,
    /// Frames a second; nothing: what the source thinks best.
    pub fps: Option<FrameRate>,
    /// The camera's pixel format; nothing: the cheapest that it offers.
    pub format: Option<PixelFormat>,
    /// Frames that are thrown away after each opening of a camera, while its exposure settles.
    pub skip_frames: u32,
}

impl Default for Source {
    fn default() -> Self {
        Self { uri: None, width: None, height: None, fps: None, format: None, skip_frames: DEFAULT_SKIP_FRAMES }
    }
}

impl Source {
    /// The form of frames that the table asks of a camera.
    pub fn wanted(&self) -> Wanted {
        let Self { width, height, fps, format, skip_frames, .. } = *self;
        Wanted { width, height, fps, format, skip_frames: Some(skip_frames) }
    }
}

/// The `[purifier]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Purifier {
    /// Whether there is one; without it frames are classified as they are, and every verdict says so.
    pub enabled: bool,
    /// The ONNX file; nothing: the one that ships.
    pub model: Option<PathBuf>,
    /// Seed of its noise; nothing: every start draws its own, which an attacker cannot know.
    pub seed: Option<u64>,
}

impl Default for Purifier {
    fn default() -> Self {
        Self { enabled: true, model: None, seed: None }
    }
}

/// The `[run]` table: the loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Run {
    /// A verdict about a frame that is older than this, in milliseconds, is withheld and counted.
    pub max_age_ms: u64,
    /// Threads that share the computing of a model.
    pub threads: u32,
    /// How often each model computes a picture before the first frame.
    pub warm_up: u32,
    /// When the service manager is told that the service is ready.
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

/// When the service is ready. Either way its models are verified and warm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ready {
    /// The source gave a frame.
    Frame,
    /// Without waiting for a frame: the camera may be plugged in later.
    AtOnce,
}

/// The `[verdict]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Verdict {
    /// How many successive frames' distributions a verdict combines; 1: only its own.
    pub smoothing: u32,
    /// A verdict that is less sure than this, in 0..1, is withheld and counted.
    pub min_confidence: f64,
}

impl Default for Verdict {
    fn default() -> Self {
        Self { smoothing: 1, min_confidence: 0.0 }
    }
}

/// The `[detect]` table: comparing raw and purified frames, and keeping those that disagree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Detect {
    /// Classify the raw frame too and report the disagreement as `suspicion`.
    pub enabled: bool,
    /// From this suspicion on, in 0..1, a verdict is marked and counted and its frame kept.
    pub threshold: f64,
    /// The folder for suspicious frames; nothing: none are kept.
    pub keep_dir: Option<PathBuf>,
    /// The most files in it; the oldest goes.
    pub keep_files: u32,
    /// The most bytes in it; the oldest goes.
    pub keep_bytes: u64,
}

impl Default for Detect {
    fn default() -> Self {
        Self { enabled: false, threshold: 0.5, keep_dir: None, keep_files: 1000, keep_bytes: 256 << 20 }
    }
}

/// The `[output]` table: where verdicts go, besides the live page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Output {
    /// Verdicts on standard output.
    pub stdout: bool,
    /// Append verdicts to this file; nothing: no file.
    pub file: Option<PathBuf>,
    /// The file is rotated before it grows above this.
    pub file_bytes: u64,
    /// How many files there are at most, the one that grows included.
    pub file_count: u32,
    /// Offer verdicts on this Unix socket; nothing: no socket.
    pub socket: Option<PathBuf>,
    /// Send verdicts to a broker; nothing: none.
    pub mqtt: Option<Mqtt>,
}

impl Default for Output {
    fn default() -> Self {
        Self { stdout: true, file: None, file_bytes: 64 << 20, file_count: 4, socket: None, mqtt: None }
    }
}

/// The `[output.mqtt]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mqtt {
    /// The broker.
    pub url: BrokerUrl,
    /// Verdicts go to `TOPIC/verdict`, the retained state to `TOPIC/state`.
    #[serde(default = "Mqtt::default_topic")]
    pub topic: String,
    /// Nothing: `purecam-` and the host's name.
    pub client_id: Option<String>,
    pub username: Option<String>,
    /// A file whose first line is the password; only its owner may read it.
    pub password_file: Option<PathBuf>,
    /// Certificates of the authorities to trust with `mqtts:`, PEM; nothing: the system's.
    pub ca_file: Option<PathBuf>,
    /// Quality of service of the verdicts: 0, 1 or 2.
    #[serde(default)]
    pub qos: u8,
}

impl Mqtt {
    /// A broker with everything else at its default.
    pub fn new(url: BrokerUrl) -> Self {
        let topic = Self::default_topic();
        Self { url, topic, client_id: None, username: None, password_file: None, ca_file: None, qos: 0 }
    }

    fn default_topic() -> String {
        "purecam".to_owned()
    }
}

/// A broker: `mqtt://HOST[:PORT]`, or `mqtts://HOST[:PORT]` with TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BrokerUrl {
    pub tls: bool,
    /// A name or an address; a version 6 address without its brackets.
    pub host: String,
    /// 1883, or 8883 with TLS, where the URL names none.
    pub port: u16,
}

/// What a [`BrokerUrl`] looks like.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("expected mqtt://HOST:PORT or mqtts://HOST:PORT")]
pub struct NoBrokerUrl;

impl FromStr for BrokerUrl {
    type Err = NoBrokerUrl;

    fn from_str(text: &str) -> Result<Self, NoBrokerUrl> {
        let (tls, rest) = match text.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            _ => return Err(NoBrokerUrl),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or(NoBrokerUrl)?)),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_address = rest.starts_with('[') && host.parse::<std::net::Ipv6Addr>().is_ok();
        if host.is_empty() || !(is_address || host.bytes().all(is_host)) {
            return Err(NoBrokerUrl);
        }
        let port = match port {
            None => {
                if tls {
                    8883
                } else {
                    1883
                }
            }
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or(NoBrokerUrl)?,
        };
        Ok(Self { tls, host: host.to_owned(), port })
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tls, host, port } = self;
        let scheme = if *tls { "mqtts" } else { "mqtt" };
        match host.contains(':') {
            true => write!(f, "{scheme}://[{host}]:{port}"),
            false => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

impl TryFrom<String> for BrokerUrl {
    type Error = NoBrokerUrl;

    fn try_from(text: String) -> Result<Self, NoBrokerUrl> {
        text.parse()
    }
}

impl From<BrokerUrl> for String {
    fn from(url: BrokerUrl) -> Self {
        url.to_string()
    }
}

/// The `[http]` table: the live page and the metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// `ADDRESS:PORT`; nothing: no page. An address other than the machine's own needs `token_file`.
    pub listen: Option<SocketAddr>,
    /// A file whose first line is the token that a client must show; only its owner may read it.
    pub token_file: Option<PathBuf>,
}

/// The `[log]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// What is logged; `RUST_LOG`, where it is set, goes before this.
    pub level: Level,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: Level::Warn }
    }
}

/// How much is logged.
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
