//! What the user asked for: defaults, over them a TOML file, over it `PURECAM_*` variables, over them flags.

mod tables;

pub use tables::{
    BrokerUrl, Config, Detect, Http, Level, Log, Mqtt, NoBrokerUrl, Output, PixelFormat, Purifier, Ready, Run, Source,
    Verdict,
};

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{} cannot be read: {cause}", .file.display())]
    Read { file: PathBuf, cause: std::io::Error },
    #[error("{} is no configuration: {cause}", .file.display())]
    Malformed { file: PathBuf, cause: Box<toml::de::Error> },
}

impl Config {
    /// Reads a file, or gives the defaults where none is named. Paths in it are relative to its folder.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(file) = file else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(file).map_err(|cause| ConfigError::Read { file: file.to_owned(), cause })?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|cause| ConfigError::Malformed { file: file.to_owned(), cause: Box::new(cause) })?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let paths = [&mut config.purifier.model, &mut config.classifier.model, &mut config.classifier.labels];
        paths.into_iter().flatten().for_each(|path| *path = folder.join(&*path));
        Ok(config)
    }

    /// SHA-256 of the effective configuration as canonical TOML, lower-case hexadecimal.
    pub fn sha256(&self) -> Option<String> {
        let text = toml::to_string(self).ok()?;
        Some(Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect())
    }
}
