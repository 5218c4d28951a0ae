//! The configuration file: what a user says once instead of with every start. Flags go before it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::engine::Description;

/// All that a configuration file may say. `docs/reference/models.md` explains `[classifier]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub source: Source,
    pub purifier: Purifier,
    pub classifier: Description,
    /// Of the file, as lower-case hexadecimal; nothing where there is no file.
    #[serde(skip)]
    pub sha256: Option<String>,
}

/// The `[source]` table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    /// `demo:` or `file:PATH`.
    pub uri: Option<String>,
    /// Frames a second that the source offers.
    pub fps: Option<f64>,
}

/// The `[purifier]` table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Purifier {
    /// The ONNX file.
    pub model: Option<PathBuf>,
    /// Seed of its noise.
    pub seed: Option<u64>,
}

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
        config.sha256 = Some(Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect());
        Ok(config)
    }
}
