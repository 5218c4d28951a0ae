//! Every key of the configuration with what may be said of it: files, variables and flags are all held against this list.

use std::fmt;
use std::net::SocketAddr;

use toml::Value;

use super::tables::{BrokerUrl, Config, Mqtt};
use crate::source::{FrameRate, SourceUri};

/// A key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Table and key, as in `run.max_age_ms`.
    pub name: &'static str,
    pub kind: Kind,
}

/// What a key's value may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number of `unit`, both ends included.
    Whole {
        unit: &'static str,
        from: i64,
        to: i64,
    },
    /// A number of `unit`, both ends included.
    Number {
        unit: &'static str,
        from: f64,
        to: f64,
    },
    Flag,
    /// Not empty.
    Text,
    /// Relative to the configuration's folder where it stands in a file.
    Path,
    OneOf(&'static [&'static str]),
    /// A source: its scheme and what follows it.
    Uri,
    /// A number for each channel.
    Channels,
    /// Height and width.
    Size,
    Address,
    Broker,
    /// An MQTT topic to publish under.
    Topic,
}

const fn whole(name: &'static str, unit: &'static str, from: i64, to: i64) -> Key {
    Key { name, kind: Kind::Whole { unit, from, to } }
}

const fn number(name: &'static str, unit: &'static str, from: f64, to: f64) -> Key {
    Key { name, kind: Kind::Number { unit, from, to } }
}

const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind }
}

/// The keys, table by table, in the order of the reference. A test holds them against [`Config`].
pub const KEYS: &[Key] = &[
    key("source.uri", Kind::Uri),
    whole("source.width", " of pixels", 16, 8192),
    whole("source.height", " of pixels", 16, 8192),
    number("source.fps", " of frames a second", FrameRate::LOWEST, FrameRate::HIGHEST),
    key("source.format", Kind::OneOf(&["YUYV", "UYVY", "NV12", "YU12", "RGB3", "BGR3", "GREY", "MJPG"])),
    whole("source.skip_frames", " of frames", 0, 1000),
    key("purifier.enabled", Kind::Flag),
    key("purifier.model", Kind::Path),
    whole("purifier.seed", "", 0, i64::MAX),
    key("classifier.model", Kind::Path),
    whole("classifier.top_k", " of classes", 1, 1000),
    key("classifier.labels", Kind::Path),
    key("classifier.mean", Kind::Channels),
    key("classifier.std", Kind::Channels),
    key("classifier.range", Kind::OneOf(&["0..1", "0..255"])),
    key("classifier.layout", Kind::OneOf(&["NCHW", "NHWC"])),
    key("classifier.colour", Kind::OneOf(&["rgb", "bgr"])),
    key("classifier.output", Kind::OneOf(&["logits", "probabilities"])),
    key("classifier.output_name", Kind::Text),
    key("classifier.size", Kind::Size),
    whole("run.max_age_ms", " of milliseconds", 1, 3_600_000),
    whole("run.threads", " of threads", 1, 64),
    whole("run.warm_up", " of inferences", 1, 100),
    key("run.ready", Kind::OneOf(&["frame", "at-once"])),
    whole("verdict.smoothing", " of frames", 1, 64),
    number("verdict.min_confidence", "", 0.0, 1.0),
    key("detect.enabled", Kind::Flag),
    number("detect.threshold", "", 0.0, 1.0),
    key("detect.keep_dir", Kind::Path),
    whole("detect.keep_files", " of files", 2, 1_000_000),
    whole("detect.keep_bytes", " of bytes", 1 << 20, 1 << 50),
    key("output.stdout", Kind::Flag),
    key("output.file", Kind::Path),
    whole("output.file_bytes", " of bytes", 4096, 1 << 50),
    whole("output.file_count", " of files", 1, 1000),
    key("output.socket", Kind::Path),
    key("output.mqtt.url", Kind::Broker),
    key("output.mqtt.topic", Kind::Topic),
    key("output.mqtt.client_id", Kind::Text),
    key("output.mqtt.username", Kind::Text),
    key("output.mqtt.password_file", Kind::Path),
    key("output.mqtt.ca_file", Kind::Path),
    whole("output.mqtt.qos", "", 0, 2),
    key("http.listen", Kind::Address),
    key("http.token_file", Kind::Path),
    key("log.level", Kind::OneOf(&["off", "error", "warn", "info", "debug", "trace"])),
];

/// What the names of variables begin with.
pub const PREFIX: &str = "PURECAM_";

impl Key {
    /// The key's place in [`KEYS`].
    pub fn find(name: &str) -> Option<usize> {
        KEYS.iter().position(|key| key.name == name)
    }

    /// Table and key apart.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.name.rsplit_once('.').unwrap_or(("", self.name))
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.replace('.', "_").to_uppercase())
    }

    /// The value where nobody says otherwise; nothing where the key then stays unset.
    pub fn default(&self) -> Option<Value> {
        let mqtt = Mqtt::new(BrokerUrl { tls: false, host: String::new(), port: 0 });
        let mut config = Config::default();
        config.output.mqtt = Some(mqtt);
        let table = toml::Table::try_from(config).ok()?;
        let mut value = &Value::Table(table);
        for part in self.name.split('.') {
            value = value.get(part)?;
        }
        (self.name != "output.mqtt.url").then(|| value.clone())
    }
}

/// Whether keys stand in a table of this name, or in one below it.
pub fn is_table(name: &str) -> bool {
    let inside = |key: &Key| key.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    KEYS.iter().any(inside)
}

impl Kind {
    /// The value in its canonical form, or nothing where it is none of this kind.
    pub fn check(self, value: &Value) -> Option<Value> {
        let text = value.as_str();
        let valid = match self {
            Self::Whole { from, to, .. } => value.as_integer().is_some_and(|number| (from..=to).contains(&number)),
            Self::Number { from, to, .. } => {
                return as_number(value).filter(|number| (from..=to).contains(number)).map(Value::Float);
            }
            Self::Flag => value.is_bool(),
            Self::Text | Self::Path => text.is_some_and(|text| !text.is_empty() && !text.contains('\0')),
            Self::OneOf(words) => text.is_some_and(|text| words.contains(&text)),
            Self::Uri => return Some(Value::String(text?.parse::<SourceUri>().ok()?.to_string())),
            Self::Channels => {
                let numbers: Option<Vec<f64>> = value.as_array()?.iter().map(as_number).collect();
                let numbers = numbers.filter(|numbers| numbers.len() == 3 && numbers.iter().all(|n| n.is_finite()))?;
                return Some(Value::Array(numbers.into_iter().map(Value::Float).collect()));
            }
            Self::Size => value.as_array().is_some_and(|sides| {
                let is_side = |side: &Value| side.as_integer().is_some_and(|side| (1..=8192).contains(&side));
                sides.len() == 2 && sides.iter().all(is_side)
            }),
            Self::Address => text.is_some_and(|text| text.parse::<SocketAddr>().is_ok()),
            Self::Broker => return Some(Value::String(text?.parse::<BrokerUrl>().ok()?.to_string())),
            Self::Topic => text.is_some_and(is_topic),
        };
        valid.then(|| value.clone())
    }

    /// The value that a variable or a flag means by its text. What cannot be read stays text, which no check passes.
    pub fn read(self, text: &str) -> Value {
        let read = match self {
            Self::Whole { .. } => text.parse().ok().map(Value::Integer),
            Self::Number { .. } => text.parse().ok().map(Value::Float),
            Self::Flag => text.parse().ok().map(Value::Boolean),
            Self::Channels | Self::Size => {
                toml::from_str::<toml::Table>(&format!("value = {text}")).ok().and_then(|mut all| all.remove("value"))
            }
            _ => None,
        };
        read.unwrap_or_else(|| Value::String(text.to_owned()))
    }
}

fn as_number(value: &Value) -> Option<f64> {
    value.as_float().or(value.as_integer().map(|number| number as f64))
}

/// MQTT 3.1.1, section 4.7: no wildcards in a topic that is published to, and at most 65,535 bytes, states included.
fn is_topic(text: &str) -> bool {
    !text.is_empty() && text.len() < 1024 && !text.contains(['#', '+', '\0'])
}

/// What is expected, to stand after "expected".
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { unit, from, to: i64::MAX } => write!(f, "a whole number{unit} from {from} to 2^63 - 1"),
            Self::Whole { unit, from, to } => write!(f, "a whole number{unit} from {from} to {to}"),
            Self::Number { unit, from, to } => write!(f, "a number{unit} from {from} to {to}"),
            Self::Flag => f.write_str("true or false"),
            Self::Text => f.write_str("a text that is not empty"),
            Self::Path => f.write_str("a path"),
            Self::OneOf(words) => write!(f, "one of {}", words.join(", ")),
            Self::Uri => f.write_str(SourceUri::EXPECTED),
            Self::Channels => f.write_str("three numbers, as in [0.485, 0.456, 0.406]"),
            Self::Size => f.write_str("height and width in pixels, as in [224, 224]"),
            Self::Address => f.write_str("ADDRESS:PORT, as in 127.0.0.1:8080"),
            Self::Broker => f.write_str("mqtt://HOST:PORT or mqtts://HOST:PORT"),
            Self::Topic => f.write_str("a topic without # and +, as in robot/purecam"),
        }
    }
}
