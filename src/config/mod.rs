//! What the user asked for: defaults, over them a TOML file, over it `PURECAM_*` variables, over them flags.
//!
//! [`Said`] holds the layers as they were given and can be asked again and again, which is how a service reads its
//! configuration anew. Each value is held against [`KEYS`] where it stands, so that what is wrong with it can be told with its
//! place; then all become one [`Config`].

mod conflicts;
mod effective;
pub mod flags;
mod keys;
mod layers;
mod problem;
mod tables;

pub use effective::{Effective, Entry};
pub use keys::{KEYS, Key, Kind};
pub use layers::Flag;
pub use problem::{ConfigError, Origin, Problem};
pub use tables::{
    BrokerUrl, Config, Detect, Http, Level, Log, Mqtt, NoBrokerUrl, Output, Purifier, Ready, Run, Source, Verdict,
};

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::sha256;
use layers::Reader;

/// The file of a command that serves, where no other is named and this one is there.
pub const SYSTEM_FILE: &str = "/etc/purecam/purecam.toml";

/// What the user said, in rising order.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub file: Option<PathBuf>,
    /// Those that do not begin with `PURECAM_` are passed over.
    pub variables: Vec<(OsString, OsString)>,
    pub flags: Vec<Flag>,
}

impl Said {
    /// With the variables of this process.
    pub fn new(file: Option<&Path>, flags: Vec<Flag>) -> Self {
        Self { file: file.map(Path::to_owned), variables: std::env::vars_os().collect(), flags }
    }

    /// Takes the system's file where no other is named. Not for a command that somebody tries on a laptop.
    pub fn or_system_file(mut self) -> Self {
        // One that cannot be looked at is taken, and then refused by name.
        let system = || Some(PathBuf::from(SYSTEM_FILE)).filter(|file| file.try_exists().unwrap_or(true));
        self.file = self.file.or_else(system);
        self
    }

    /// Reads the layers. Says all that is wrong with them at once.
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
    /// Reads a file, where one is named, and the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        Ok(Said::new(file, Vec::new()).effective()?.config)
    }

    /// SHA-256 of the whole as canonical TOML, in lower-case hexadecimal. Nothing where it has values that cannot be
    /// written, which none that was read has.
    pub fn sha256(&self) -> Option<String> {
        // Through a table, whose keys are sorted.
        let table = toml::Table::try_from(self).ok()?;
        Some(sha256::sum(table.to_string()))
    }
}
