//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

use super::keys::{KEYS, Key, Kind, PREFIX, is_table};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// Line and column begin at 1; columns are characters.
    File {
        path: PathBuf,
        line: usize,
        column: usize,
    },
    Variable(String),
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

/// One thing that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("{} cannot be read: {cause}", .path.display())]
    Read { path: PathBuf, cause: std::io::Error },
    #[error("{at}: this is not TOML: {message}")]
    Syntax { at: Origin, message: String },
    #[error("{at}: '{name}' is unknown; the nearest known is {nearest}")]
    Unknown { at: Origin, name: String, nearest: String },
    #[error("{at}: {found} is no {key}; expected {expected}")]
    Value { at: Origin, key: &'static str, found: String, expected: Kind },
    #[error("{at}: {found} is no table; expected [{name}] with its keys below")]
    NoTable { at: Origin, name: String, found: String },
    /// Values that are good alone and do not fit together.
    #[error("{at}: {conflict}")]
    Conflict { at: Origin, conflict: String },
}

impl Problem {
    fn at(&self) -> Option<&Origin> {
        match self {
            Self::Read { .. } => None,
            Self::Syntax { at, .. }
            | Self::Unknown { at, .. }
            | Self::Value { at, .. }
            | Self::NoTable { at, .. }
            | Self::Conflict { at, .. } => Some(at),
        }
    }

    /// Line and column, where it is in a file.
    pub(super) fn place(&self) -> Option<(usize, usize)> {
        match self.at()? {
            Origin::File { line, column, .. } => Some((*line, *column)),
            _ => None,
        }
    }
}

/// A configuration that cannot be used: all that is wrong with it, a line each.
#[derive(Debug)]
pub struct ConfigError(pub Vec<Problem>);

impl ConfigError {
    /// Whether the command line alone is to blame.
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

impl std::error::Error for ConfigError {}

/// What is known and like an unknown key or table of a file, and what else its table has.
pub(super) fn nearest_key(name: &str) -> String {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    // A key in the wrong table is nearly as near as one that is misspelt by a letter.
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
