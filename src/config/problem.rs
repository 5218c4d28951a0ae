//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

use super::keys::{KEYS, Key, PREFIX, is_table};
use super::kind::Kind;
use crate::source::SourceUri;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// No layer sets it.
    Default,
    /// A place in a file. Line and column are counted from 1; columns are characters.
    File { path: PathBuf, line: usize, column: usize },
    /// The environment variable of this name.
    Variable(String),
    /// The flag of this name, as the user writes it.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// What to write instead of a value.
fn advice(found: &str, expected: &Kind) -> String {
    // The text stands in quotes, as it does in the file.
    let written = found.strip_prefix(['\'', '"']).and_then(|text| text.strip_suffix(['\'', '"']));
    match (expected, written.and_then(SourceUri::meant_by)) {
        (Kind::Uri, Some(advice)) => advice,
        _ => format!("expected {expected}"),
    }
}

/// One thing that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be read.
    #[error("{} cannot be read: {cause}", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{at}: this is not TOML: {}", .cause.message().replace('\n', " "))]
    Syntax {
        at: Origin,
        #[source]
        cause: toml::de::Error,
    },
    /// A key, table or variable of this name does not exist.
    #[error("{at}: '{name}' is unknown; the nearest known is {nearest}")]
    Unknown { at: Origin, name: String, nearest: String },
    /// A value of the wrong type or out of range.
    #[error("{at}: invalid {key} {found}: {}", advice(found, expected))]
    Value { at: Origin, key: &'static str, found: String, expected: Kind },
    /// A value that is not UTF-8, or that becomes such a path in its file's folder; its other bytes as `\xff`.
    #[error(
        "{at}: invalid {key} '{found}': not UTF-8, and a configuration is UTF-8 text; rename what it names, or name a link \
         to it"
    )]
    NotUtf8 { at: Origin, key: &'static str, found: String },
    /// A value stands where a table is expected.
    #[error("{at}: {found} is not a table; expected [{name}] with its keys below")]
    NotTable { at: Origin, name: String, found: String },
    /// Values that are each valid but do not fit together.
    #[error("{at}: {conflict}")]
    Conflict { at: Origin, conflict: String },
    /// Every key accepts its value, but the typed configuration does not: the two are not the same any more.
    #[error("the configuration does not have the expected form: {}", .cause.message())]
    Untyped {
        #[source]
        cause: toml::de::Error,
    },
}

impl Problem {
    fn at(&self) -> Option<&Origin> {
        match self {
            Self::Read { .. } | Self::Untyped { .. } => None,
            Self::Syntax { at, .. }
            | Self::Unknown { at, .. }
            | Self::Value { at, .. }
            | Self::NotUtf8 { at, .. }
            | Self::NotTable { at, .. }
            | Self::Conflict { at, .. } => Some(at),
        }
    }

    /// Line and column, if it is in a file.
    pub(super) fn place(&self) -> Option<(usize, usize)> {
        match self.at()? {
            Origin::File { line, column, .. } => Some((*line, *column)),
            _ => None,
        }
    }
}

/// A configuration that cannot be used: everything that is wrong with it, one line per problem.
#[derive(Debug)]
pub struct ConfigError(pub Vec<Problem>);

impl ConfigError {
    /// Whether all problems are in flags.
    pub fn is_wrong_usage(&self) -> bool {
        self.0.iter().all(|problem| matches!(problem.at(), Some(Origin::Flag(_))))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigError {
    /// The cause of a single problem; several have no common one.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.0.as_slice() {
            [problem] => problem.source(),
            _ => None,
        }
    }
}

/// The known key or table that is most like an unknown one, and the keys of the table that the unknown one is in.
pub(super) fn nearest_key(name: &str) -> String {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    // A key in the wrong table counts almost as much as a key with one letter wrong.
    let likeness = |known: &str| {
        let moved = 0.95 * strsim::jaro_winkler(&last(known), &last(name));
        strsim::jaro_winkler(known, name).max(moved)
    };
    let known = KEYS.iter().flat_map(|key| [key.name, key.parts().0]);
    let nearest = known.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or_default();
    let nearest = if is_table(nearest) { format!("[{nearest}]") } else { nearest.to_owned() };
    let table = name.rsplit_once('.').map_or("", |(table, _)| table);
    let others: Vec<&str> = KEYS.iter().map(Key::parts).filter(|key| key.0 == table).map(|key| key.1).collect();
    match others.is_empty() {
        true => nearest,
        false => format!("{nearest}; [{table}] has {}", others.join(", ")),
    }
}

/// The known variable that is most like an unknown one.
pub(super) fn nearest_variable(name: &str) -> String {
    let likeness =
        |known: &str| strsim::jaro_winkler(known.trim_start_matches(PREFIX), name.trim_start_matches(PREFIX));
    let known = KEYS.iter().map(Key::variable);
    known.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or_default()
}
