//! What a value may be: checks it, reads it from text, and describes it.

use std::fmt;
use std::net::SocketAddr;

use toml::Value;

use super::broker::BrokerUrl;
use crate::source::SourceUri;

/// What a key's value may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number of `unit` (plural, may be empty), both ends included.
    Whole { unit: &'static str, from: i64, to: i64 },
    /// A number of `unit` (plural, may be empty), both ends included.
    Number { unit: &'static str, from: f64, to: f64 },
    /// True or false.
    Flag,
    /// Text that is not empty.
    Text,
    /// A path; in a file it is relative to that file's folder.
    Path,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// An array of some of these words, perhaps none.
    SomeOf(&'static [&'static str]),
    /// One of these whole numbers.
    OneNumberOf(&'static [i64]),
    /// A source: its scheme and what follows it.
    Uri,
    /// Three numbers, one per channel.
    Channels,
    /// Height and width in pixels.
    Size,
    /// Left, top, width and height of a part of a picture, as shares of it.
    Region,
    /// `ADDRESS:PORT`.
    Address,
    /// The URL of an MQTT broker.
    Broker,
    /// An MQTT topic to publish under.
    Topic,
}

impl Kind {
    /// The value in its canonical form; `None` if it is not valid for this kind.
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
            Self::SomeOf(words) => value
                .as_array()
                .is_some_and(|found| found.iter().all(|word| word.as_str().is_some_and(|word| words.contains(&word)))),
            Self::OneNumberOf(numbers) => value.as_integer().is_some_and(|number| numbers.contains(&number)),
            Self::Uri => return Some(Value::String(text?.parse::<SourceUri>().ok()?.to_string())),
            Self::Channels => return channels(value),
            Self::Size => is_size(value),
            Self::Region => return region(value),
            Self::Address => text.is_some_and(|text| text.parse::<SocketAddr>().is_ok()),
            Self::Broker => return Some(Value::String(text?.parse::<BrokerUrl>().ok()?.to_string())),
            Self::Topic => text.is_some_and(is_topic),
        };
        valid.then(|| value.clone())
    }

    /// The value that the text of a variable or a flag stands for. Text that cannot be read stays text, which
    /// [`check`](Self::check) then rejects.
    pub fn read(self, text: &str) -> Value {
        let read = match self {
            Self::Whole { .. } | Self::OneNumberOf(_) => text.parse().ok().map(Value::Integer),
            Self::Number { .. } => text.parse().ok().map(Value::Float),
            Self::Flag => text.parse().ok().map(Value::Boolean),
            Self::Channels | Self::Size | Self::Region | Self::SomeOf(_) => {
                toml::from_str::<toml::Table>(&format!("value = {text}")).ok().and_then(|mut all| all.remove("value"))
            }
            _ => None,
        };
        read.unwrap_or_else(|| Value::String(text.to_owned()))
    }

    /// Range and unit of a number, as in `16 to 8192 pixels`; `None` for anything else.
    pub fn range(self) -> Option<String> {
        let (range, unit) = match self {
            Self::Whole { unit, from, to } => (format!("{} to {}", bound(unit, from), bound(unit, to)), unit),
            Self::Number { unit, from, to } => (format!("{from} to {to}"), unit),
            _ => return None,
        };
        Some(if unit.is_empty() || unit == BYTES { range } else { format!("{range} {unit}") })
    }
}

/// The unit of sizes, whose bounds are written with a binary prefix.
pub(super) const BYTES: &str = "bytes";

/// A number as it is written for people.
fn bound(unit: &str, number: i64) -> String {
    match number {
        i64::MAX => "2^63-1".to_owned(),
        _ if unit == BYTES => binary(number),
        _ => number.to_string(),
    }
}

/// A number of bytes with the largest binary prefix that leaves it whole: `64 MiB`.
pub(super) fn binary(bytes: i64) -> String {
    let (mut number, mut prefixes) = (bytes, ["Ki", "Mi", "Gi", "Ti", "Pi"].into_iter());
    let mut prefix = "";
    while number > 0 && number % 1024 == 0 {
        let Some(next) = prefixes.next() else { break };
        (number, prefix) = (number / 1024, next);
    }
    format!("{number} {prefix}B")
}

fn as_number(value: &Value) -> Option<f64> {
    value.as_float().or(value.as_integer().map(|number| number as f64))
}

/// An array of numbers.
fn numbers<const N: usize>(value: &Value) -> Option<[f64; N]> {
    let numbers: Option<Vec<f64>> = value.as_array()?.iter().map(as_number).collect();
    numbers?.try_into().ok().filter(|numbers: &[f64; N]| numbers.iter().all(|number| number.is_finite()))
}

fn array(numbers: &[f64]) -> Value {
    Value::Array(numbers.iter().copied().map(Value::Float).collect())
}

fn channels(value: &Value) -> Option<Value> {
    numbers::<3>(value).map(|numbers| array(&numbers))
}

/// The least width and height of a region; below it a camera's picture has no pixel left.
const LEAST_REGION: f64 = 0.01;

fn region(value: &Value) -> Option<Value> {
    let numbers @ [left, top, width, height] = numbers::<4>(value)?;
    // A share such as 0.7 + 0.3 may be a little above 1.
    let lies = |start: f64, length: f64| start >= 0.0 && length >= LEAST_REGION && start + length <= 1.0 + 1e-9;
    (lies(left, width) && lies(top, height)).then(|| array(&numbers))
}

fn is_size(value: &Value) -> bool {
    let is_side = |side: &Value| side.as_integer().is_some_and(|side| (1..=8192).contains(&side));
    value.as_array().is_some_and(|sides| sides.len() == 2 && sides.iter().all(is_side))
}

/// MQTT 3.1.1, section 4.7: a topic to publish to has no wildcards. It has at most 65,535 bytes; this bound leaves room
/// for what is appended to it.
fn is_topic(text: &str) -> bool {
    !text.is_empty() && text.len() < 1024 && !text.contains(['#', '+', '\0'])
}

/// What is expected, for a message that ends in "expected ...".
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |unit: &str| if unit.is_empty() { String::new() } else { format!(" of {unit}") };
        match *self {
            Self::Whole { unit, from, to } => {
                write!(f, "a whole number{} from {} to {}", of(unit), bound(unit, from), bound(unit, to))
            }
            Self::Number { unit, from, to } => write!(f, "a number{} from {from} to {to}", of(unit)),
            Self::Flag => f.write_str("true or false"),
            Self::Text => f.write_str("text that is not empty"),
            Self::Path => f.write_str("a path"),
            Self::OneOf(words) => write!(f, "one of {}", words.join(", ")),
            Self::SomeOf(words) => {
                let example = words.first().copied().unwrap_or_default();
                write!(f, "an array with some of {}, as in [\"{example}\"]", words.join(", "))
            }
            Self::OneNumberOf(numbers) => {
                let words: Vec<String> = numbers.iter().map(i64::to_string).collect();
                write!(f, "one of {}", words.join(", "))
            }
            Self::Uri => f.write_str(SourceUri::EXPECTED),
            Self::Channels => f.write_str("three numbers, as in [0.485, 0.456, 0.406]"),
            Self::Size => f.write_str("height and width in pixels, as in [224, 224]"),
            Self::Region => f.write_str(
                "left, top, width and height as shares of the picture, inside it and at least 0.01 wide and high, as in \
                 [0.25, 0.0, 0.5, 1.0]",
            ),
            Self::Address => f.write_str("ADDRESS:PORT, as in 127.0.0.1:8080"),
            Self::Broker => f.write_str("mqtt://HOST:PORT or mqtts://HOST:PORT"),
            Self::Topic => f.write_str("a topic without # and +, as in robot/purecam"),
        }
    }
}
