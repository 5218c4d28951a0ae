//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

use super::keys::{KEYS, Kind, is_table};

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
    #[error("{at}: '{name}' is unknown; {}", .nearest)]
    Unknown { at: Origin, name: String, nearest: Nearest },
    #[error("{at}: {found} is no {key}; expected {expected}")]
    Value { at: Origin, key: &'static str, found: String, expected: Kind },
    #[error("{at}: {found} is no table; expected [{name}] with its keys below")]
    NoTable { at: Origin, name: String, found: String },
    /// Values that are good alone and do not fit together.
    #[error("{at}: {conflict}")]
    Conflict { at: Origin, conflict: String },
}

impl Problem {
    fn is_of_a_flag(&self) -> bool {
        match self {
            Self::Read { .. } => false,
            Self::Syntax { at, .. }
            | Self::Unknown { at, .. }
            | Self::Value { at, .. }
            | Self::NoTable { at, .. }
            | Self::Conflict { at, .. } => matches!(at, Origin::Flag(_)),
        }
    }
}

/// A configuration that cannot be used: all that is wrong with it, a line each.
#[derive(Debug)]
pub struct ConfigError(pub Vec<Problem>);

impl ConfigError {
    /// Whether the command line alone is to blame.
    pub fn is_wrong_usage(&self) -> bool {
        self.0.iter().all(Problem::is_of_a_flag)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

/// The known name that an unknown one probably means, and those of its table.
#[derive(Debug)]
pub struct Nearest(String);

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Nearest {
    /// For a key or a table of a file.
    pub fn of_key(name: &str) -> Self {
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        let tables = || KEYS.iter().map(|key| key.parts().0);
        // A key that was put into the wrong table is as near as one that is misspelt by a letter.
        let distance = |known: &str| {
            let moved = strsim::damerau_levenshtein(&last(known), &last(name)) + 1;
            strsim::damerau_levenshtein(known, name).min(moved)
        };
        let nearest = KEYS.iter().map(|key| key.name).chain(tables()).min_by_key(|known| distance(known));
        let table = name.rsplit_once('.').map_or("", |(table, _)| table);
        let known: Vec<&str> =
            KEYS.iter().map(|key| key.parts()).filter(|key| key.0 == table).map(|key| key.1).collect();
        let nearest = nearest.unwrap_or_default();
        let meant = if is_table(nearest) { format!("[{nearest}]") } else { nearest.to_owned() };
        match known.is_empty() {
            true => Self(format!("the nearest known is {meant}")),
            false => Self(format!("the nearest known is {meant}; [{table}] has {}", known.join(", "))),
        }
    }

    /// For a variable of the environment.
    pub fn of_variable(name: &str) -> Self {
        let nearest = KEYS.iter().map(|key| key.variable());
        let nearest = nearest.min_by_key(|known| strsim::damerau_levenshtein(known, name)).unwrap_or_default();
        Self(format!("the nearest known is {nearest}"))
    }
}
