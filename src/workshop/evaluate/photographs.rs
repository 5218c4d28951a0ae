//! A folder of labelled photographs: one folder per class, with the classifier's name for it.

use std::path::{Path, PathBuf};

use super::error::{Error, FolderProblem};
use crate::engine::contract::Label;
use crate::frame::{self, Fit};
use crate::workshop::train::LoadError;

/// A photograph on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photograph {
    /// `<folder>/<file>`, below the data folder.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Its place among the classifier's classes.
    pub class: usize,
}

/// The photographs of a folder in the byte order of their names, at most `limit` of each class.
///
/// # Errors
/// A folder that is not named after a class of the classifier, two folders of one class, no photograph at all.
pub fn list(folder: &Path, labels: &[Label], limit: Option<usize>) -> Result<Vec<Photograph>, Error> {
    let unusable = |problem| Error::Data { path: folder.to_owned(), problem };
    let mut taken: Vec<Option<String>> = vec![None; labels.len()];
    let mut photographs = Vec::new();
    for name in names(folder)?.into_iter().filter(|name| folder.join(name).is_dir()) {
        let class = class_of(&name, labels).ok_or_else(|| unusable(unknown(&name, labels)))?;
        if let Some(other) = taken[class].replace(name.clone()) {
            let label = labels[class].label.clone();
            return Err(unusable(FolderProblem::SameClass { first: other, second: name, label }));
        }
        let files = names(&folder.join(&name))?
            .into_iter()
            .filter(|file| frame::is_image(Path::new(file)))
            .take(limit.unwrap_or(usize::MAX));
        photographs.extend(files.map(|file| Photograph {
            path: folder.join(&name).join(&file),
            name: format!("{name}/{file}"),
            class,
        }));
    }
    if photographs.is_empty() {
        return Err(unusable(FolderProblem::Empty));
    }
    Ok(photographs)
}

/// The classes of photographs, ascending, each once.
pub fn classes(photographs: &[Photograph]) -> Vec<usize> {
    let mut classes: Vec<usize> = photographs.iter().map(|photograph| photograph.class).collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// The class that a folder's name means: by wnid, or by a name in the label; case, spaces, `-` and `_` do not matter.
fn class_of(folder: &str, labels: &[Label]) -> Option<usize> {
    let plain = |text: &str| text.trim().to_lowercase().replace(['_', '-'], " ");
    let by_wnid = labels.iter().position(|label| label.wnid.as_deref() == Some(folder));
    let by_label = || labels.iter().position(|label| plain(&label.label) == plain(folder));
    let by_synonym = || labels.iter().position(|label| label.label.split(',').any(|name| plain(name) == plain(folder)));
    by_wnid.or_else(by_label).or_else(by_synonym)
}

fn unknown(folder: &str, labels: &[Label]) -> FolderProblem {
    let name =
        |label: &Label| label.wnid.as_ref().map_or(label.label.clone(), |wnid| format!("{wnid} ({})", label.label));
    let shown = labels.iter().take(12).map(name).collect::<Vec<_>>().join(", ");
    let more = labels.len().saturating_sub(12);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    FolderProblem::UnknownClass { folder: folder.to_owned(), expected: format!("{shown}{more}") }
}

/// The entries of a folder, sorted, without hidden ones.
fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let unusable = |error: std::io::Error| Error::Data { path: folder.to_owned(), problem: error.into() };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unusable)? {
        names.push(entry.map_err(unusable)?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    Ok(names)
}

/// Reads a photograph as the device does: the largest centred part of the right shape, resized, 8-bit RGB.
///
/// `size` is height and width; the result is [height, width, 3] bytes.
///
/// # Errors
/// A file that cannot be read or decoded.
pub fn load(path: &Path, size: [usize; 2]) -> Result<Vec<u8>, LoadError> {
    let photograph = frame::read(path)?;
    Ok(Fit::new(size).rgb(&photograph)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Vec<Label> {
        let label = |label: &str, wnid: &str| Label { label: label.into(), wnid: Some(wnid.into()) };
        vec![label("tench, Tinca tinca", "n01440764"), label("garbage truck", "n03417042")]
    }

    #[test]
    fn a_folder_is_known_by_wnid_label_or_synonym() {
        for (folder, class) in [("n01440764", 0), ("Tinca tinca", 0), ("garbage_truck", 1), ("Garbage-Truck", 1)] {
            assert_eq!(class_of(folder, &labels()), Some(class), "{folder}");
        }
        assert_eq!(class_of("church", &labels()), None);
    }

    #[test]
    fn an_unknown_folder_is_named_with_what_was_expected() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("church")).unwrap();
        let error = list(folder.path(), &labels(), None).unwrap_err().to_string();
        assert!(error.contains("'church'") && error.contains("n01440764 (tench"), "{error}");
    }

    #[test]
    fn two_folders_of_one_class_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["n03417042", "garbage truck"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("a.png"), "").unwrap();
        }
        let error = list(folder.path(), &labels(), None).unwrap_err().to_string();
        assert!(error.contains("n03417042") && error.contains("'garbage truck'"), "{error}");
    }
}
