//! `manifest.toml`: which models a folder holds, what their bytes must be, and which ones are meant without a flag.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::contract::Role;

/// The models of a folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The file name of the purifier that runs where no flag names one.
    pub purifier: String,
    /// The same for the classifier.
    pub classifier: String,
    #[serde(default)]
    pub model: Vec<Entry>,
}

/// One model of a [`Manifest`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub file: String,
    pub role: Role,
    /// Of the file's bytes, as hexadecimal.
    pub sha256: String,
    pub bytes: u64,
    /// Floating-point operations of one run, in units of 10^9; a multiplication and an addition count two.
    pub gflop: f64,
    /// The file name of the model's card.
    pub card: String,
    /// Measured accuracies, copied from `purecam evaluate`.
    #[serde(default)]
    pub accuracy: toml::Table,
}

/// A manifest that cannot be used, or none where one is needed.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("{} cannot be read: {cause}", .file.display())]
    Read { file: PathBuf, cause: std::io::Error },
    #[error("{} is no manifest: {cause}", .file.display())]
    Malformed { file: PathBuf, cause: Box<toml::de::Error> },
    #[error("{} names '{name}' as its default {role}, but lists no such {role}", .file.display())]
    Default { file: PathBuf, role: &'static str, name: String },
    #[error(
        "no models found: looked for manifest.toml in {}; give --purifier and --classifier, or set PURECAM_MODELS to \
         the folder that holds them",
        .looked.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NotFound { looked: Vec<PathBuf> },
}

impl Manifest {
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("manifest.toml")
    }

    /// Reads the manifest of `folder`; nothing where there is none.
    pub fn read(folder: &Path) -> Result<Option<Self>, ManifestError> {
        let file = Self::path(folder);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(ManifestError::Read { file, cause }),
        };
        let manifest: Self = match toml::from_str(&text) {
            Ok(manifest) => manifest,
            Err(cause) => return Err(ManifestError::Malformed { file, cause: Box::new(cause) }),
        };
        for (role, name) in [(Role::Purifier, &manifest.purifier), (Role::Classifier, &manifest.classifier)] {
            if !manifest.entry(name).is_some_and(|entry| entry.role == role) {
                return Err(ManifestError::Default { file, role: role.name(), name: name.clone() });
            }
        }
        Ok(Some(manifest))
    }

    /// The entry of a file name.
    pub fn entry(&self, file: &str) -> Option<&Entry> {
        self.model.iter().find(|entry| entry.file == file)
    }
}

/// The models that came with this binary.
#[derive(Clone, Debug)]
pub struct Shipped {
    pub folder: PathBuf,
    pub manifest: Manifest,
}

impl Shipped {
    /// The folder that `$PURECAM_MODELS` names, and no other, where it is set. Else the first of these with a manifest:
    /// beside the binary; where a package puts models relative to it; the repository that it was built from; `/usr/share`.
    pub fn find() -> Result<Self, ManifestError> {
        if let Some(folder) = std::env::var_os("PURECAM_MODELS").filter(|folder| !folder.is_empty()) {
            return Self::find_in([PathBuf::from(folder)]);
        }
        let binary = std::env::current_exe().and_then(|path| path.canonicalize()).ok();
        let beside = binary.as_deref().and_then(Path::parent);
        let folders = [
            beside.map(|folder| folder.join("models")),
            beside.and_then(Path::parent).map(|prefix| prefix.join("share/purecam/models")),
            // A binary that ships has no business in a folder of the machine that built it.
            option_env!("PURECAM_PACKAGED").is_none().then(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("models")),
            Some(PathBuf::from("/usr/share/purecam/models")),
        ];
        Self::find_in(folders.into_iter().flatten())
    }

    /// The first of `folders` with a manifest. One that cannot be read is an error and not passed over: what ships
    /// damaged should not be replaced by something else unnoticed.
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

    pub fn purifier(&self) -> PathBuf {
        self.folder.join(&self.manifest.purifier)
    }

    pub fn classifier(&self) -> PathBuf {
        self.folder.join(&self.manifest.classifier)
    }
}
