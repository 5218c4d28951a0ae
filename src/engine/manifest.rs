//! `manifest.toml`: which models a folder holds, their checksums, and which ones are the defaults.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::contract::Role;
use crate::text;

/// The models of a folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The file name of the purifier that runs before the folder's own classifiers if no flag names one.
    pub purifier: String,
    /// The file name of the purifier that runs before any other classifier if no flag names one.
    #[serde(default)]
    pub general: Option<String>,
    /// The same for the classifier.
    pub classifier: String,
    /// All models of the folder, with their checksums.
    #[serde(default)]
    pub model: Vec<Entry>,
}

/// One model of a [`Manifest`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its file name.
    pub file: String,
    /// What it is for.
    pub role: Role,
    /// SHA-256 of the file's bytes, in hexadecimal.
    pub sha256: String,
    /// The file's length.
    pub bytes: u64,
    /// Floating-point operations of one run, in units of 10^9; a multiplication with an addition counts as two.
    pub gflop: f64,
    /// The file name of the model's card.
    pub card: String,
    /// Measured accuracies, copied from `purecam evaluate`.
    #[serde(default)]
    pub accuracy: toml::Table,
}

/// A manifest that cannot be used, or that is missing although the command needs one.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is there, but cannot be read.
    #[error("{} cannot be read: {cause}", .file.display())]
    Read {
        file: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    /// It is not TOML, or has other keys.
    #[error("{} is not a manifest: {cause}", .file.display())]
    Malformed {
        file: PathBuf,
        #[source]
        cause: Box<toml::de::Error>,
    },
    /// Its default model is not in its list.
    #[error("{} names '{name}' as its default {role}, but does not list that {role}", .file.display())]
    Default { file: PathBuf, role: &'static str, name: String },
    /// No folder has a manifest, and no flag names the models.
    #[error(
        "no models found: looked for manifest.toml in {}; give --purifier and --classifier, or set PURECAM_MODELS to \
         the folder that holds them",
        .looked.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NotFound { looked: Vec<PathBuf> },
}

impl Manifest {
    /// The manifest's place in `folder`.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("manifest.toml")
    }

    /// Reads the manifest of `folder`; `None` if there is none.
    ///
    /// # Errors
    /// One that cannot be read, is not a manifest, or whose defaults it does not list.
    pub fn read(folder: &Path) -> Result<Option<Self>, ManifestError> {
        let file = Self::path(folder);
        let text = match text::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(ManifestError::Read { file, cause }),
        };
        let manifest: Self = match toml::from_str(&text) {
            Ok(manifest) => manifest,
            Err(cause) => return Err(ManifestError::Malformed { file, cause: Box::new(cause) }),
        };
        let general = manifest.general.iter().map(|name| (Role::Purifier, name));
        let defaults = [(Role::Purifier, &manifest.purifier), (Role::Classifier, &manifest.classifier)];
        for (role, name) in defaults.into_iter().chain(general) {
            if !manifest.entry(name).is_some_and(|entry| entry.role == role) {
                return Err(ManifestError::Default { file, role: role.name(), name: name.clone() });
            }
        }
        Ok(Some(manifest))
    }

    /// The entry with the file name `file`.
    pub fn entry(&self, file: &str) -> Option<&Entry> {
        self.model.iter().find(|entry| entry.file == file)
    }
}

/// The models that came with this binary.
#[derive(Clone, Debug)]
pub struct Shipped {
    /// The folder that holds the model files.
    pub folder: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
}

impl Shipped {
    /// If `$PURECAM_MODELS` is set, only the folder that it names. If not, the first of these with a manifest: `models`
    /// beside the binary; the folder where a package puts models relative to it; the repository that it was built from;
    /// `/usr/share/purecam/models`.
    ///
    /// # Errors
    /// As [`Shipped::find_in`].
    pub fn find() -> Result<Self, ManifestError> {
        if let Some(folder) = std::env::var_os("PURECAM_MODELS").filter(|folder| !folder.is_empty()) {
            return Self::find_in([PathBuf::from(folder)]);
        }
        let binary = std::env::current_exe().and_then(|path| path.canonicalize()).ok();
        let beside = binary.as_deref().and_then(Path::parent);
        let folders = [
            beside.map(|folder| folder.join("models")),
            beside.and_then(Path::parent).map(|prefix| prefix.join("share/purecam/models")),
            // A packaged binary must not look into a folder of the machine that built it.
            option_env!("PURECAM_PACKAGED").is_none().then(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("models")),
            Some(PathBuf::from("/usr/share/purecam/models")),
        ];
        Self::find_in(folders.into_iter().flatten())
    }

    /// The first of `folders` with a manifest.
    ///
    /// # Errors
    /// No folder has one, or the first one cannot be used. A damaged manifest is not skipped: that would replace the
    /// shipped models unnoticed.
    pub fn find_in(folders: impl IntoIterator<Item = PathBuf>) -> Result<Self, ManifestError> {
        let mut looked = Vec::new();
        for folder in folders {
            if let Some(manifest) = Manifest::read(&folder)? {
                return Ok(Self { folder, manifest });
            }
            looked.push(folder);
        }
        Err(ManifestError::NotFound { looked })
    }

    /// The default purifier's file.
    pub fn purifier(&self) -> PathBuf {
        self.folder.join(&self.manifest.purifier)
    }

    /// The file of the purifier for `classifier`: the default one before the classifiers that ship, the general one, if
    /// there is one, before any other.
    pub fn purifier_for(&self, classifier: &Path) -> PathBuf {
        let place = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let ships = self.manifest.model.iter().any(|entry| place(&self.folder.join(&entry.file)) == place(classifier));
        match &self.manifest.general {
            Some(general) if !ships => self.folder.join(general),
            _ => self.purifier(),
        }
    }

    /// The default classifier's file.
    pub fn classifier(&self) -> PathBuf {
        self.folder.join(&self.manifest.classifier)
    }
}
