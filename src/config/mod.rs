//! The configuration: defaults, overridden by a TOML file, by `PURECAM_*` variables, and by flags, in this order.
//!
//! [`Said`] holds the layers as they were given and can be read repeatedly, which is how a running service reloads its
//! configuration. Each value is checked against [`KEYS`] while its place is known, so that a message can name it; then
//! all of them become one [`Config`].

mod broker;
mod conflicts;
mod effective;
mod entry;
pub mod flags;
mod keys;
mod kind;
mod layers;
mod problem;
pub mod reference;
mod tables;

pub use broker::{BrokerUrl, InvalidBrokerUrl};
pub use effective::Effective;
pub use entry::Entry;
pub use keys::{KEYS, Key};
pub use kind::Kind;
pub use layers::Flag;
pub use problem::{ConfigError, Origin, Problem};
pub use tables::{
    Config, Detect, Http, Level, Log, Mqtt, Output, Purifier, Ready, RequiredOutput, Run, Source, Verdict,
};

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::sha256;
use layers::Reader;

/// The file of commands that serve, if no other is named and this one exists.
pub const SYSTEM_FILE: &str = "/etc/purecam/purecam.toml";

/// The layers as they were given; a later field overrides an earlier one.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// The TOML file.
    pub file: Option<PathBuf>,
    /// Environment variables; those that do not begin with `PURECAM_` are ignored.
    pub variables: Vec<(OsString, OsString)>,
    /// Flags, the last of a key wins.
    pub flags: Vec<Flag>,
}

impl Said {
    /// A file, the variables of this process, and flags.
    pub fn new(file: Option<&Path>, flags: Vec<Flag>) -> Self {
        Self { file: file.map(Path::to_owned), variables: std::env::vars_os().collect(), flags }
    }

    /// Uses [`SYSTEM_FILE`] if no other file is named. For commands that serve only.
    pub fn or_system_file(mut self) -> Self {
        // If its existence cannot be determined it is used, and reading it reports why not.
        let system = || Some(PathBuf::from(SYSTEM_FILE)).filter(|file| file.try_exists().unwrap_or(true));
        self.file = self.file.or_else(system);
        self
    }

    /// Reads the layers.
    ///
    /// # Errors
    /// Everything that is wrong with them, at once.
    pub fn effective(&self) -> Result<Effective, ConfigError> {
        let mut reader = Reader::default();
        if let Some(file) = &self.file {
            reader.file(file);
        }
        reader.variables(&self.variables);
        reader.flags(&self.flags);
        let Reader { given, problems } = reader;
        if !problems.is_empty() {
            return Err(ConfigError(problems));
        }
        Effective::of(given)
    }
}

impl Config {
    /// Reads the environment, and a file if one is named.
    ///
    /// # Errors
    /// Everything that is wrong with them, at once.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        Ok(Said::new(file, Vec::new()).effective()?.config)
    }

    /// SHA-256 of the whole as canonical TOML, in lower-case hexadecimal. `None` if it holds a value that TOML cannot
    /// express; no configuration that was read does.
    pub fn sha256(&self) -> Option<String> {
        // Through a table, whose keys are sorted.
        let table = toml::Table::try_from(self).ok()?;
        Some(sha256::sum(table.to_string()))
    }
}
