//! A folder of labelled photographs: one folder per class, with the classifier's name for it.

use std::path::{Path, PathBuf};

use super::error::{Error, FolderProblem};
use crate::engine::contract::Label;
use crate::frame::{self, Fit};
use crate::workshop::classes::{class_folders, expect_own_names, named_by};
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
/// Two classes of one name, a folder that is not named after one class of the classifier, two folders of one class, a
/// folder without an image, no folder at all.
pub fn list(folder: &Path, labels: &[Label], limit: Option<usize>) -> Result<Vec<Photograph>, Error> {
    let unusable = |problem| Error::Data { path: folder.to_owned(), problem };
    expect_own_names(labels).map_err(Error::Labels)?;
    let mut taken: Vec<Option<String>> = vec![None; labels.len()];
    let mut photographs = Vec::new();
    for found in class_folders(folder)? {
        let class = class_of(&found.name, labels).map_err(unusable)?;
        if let Some(other) = taken[class].replace(found.name.clone()) {
            let label = labels[class].label.clone();
            return Err(unusable(FolderProblem::SameClass { first: other, second: found.name, label }));
        }
        if found.images.is_empty() {
            return Err(Error::Data { path: found.path, problem: FolderProblem::EmptyClass });
        }
        let images = found.images.iter().take(limit.unwrap_or(usize::MAX));
        photographs.extend(images.map(|image| Photograph {
            path: image.path.clone(),
            name: found.name_of(image),
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

/// The class that a folder's name means.
fn class_of(folder: &str, labels: &[Label]) -> Result<usize, FolderProblem> {
    match named_by(folder, labels)[..] {
        [class] => Ok(class),
        [first, second, ..] => {
            let [first, second] = [first, second].map(|class| shown(&labels[class]));
            Err(FolderProblem::SeveralClasses { folder: folder.to_owned(), first, second })
        }
        [] => Err(unknown(folder, labels)),
    }
}

/// A class for people: its WordNet identifier, if it has one, and its label.
fn shown(label: &Label) -> String {
    label.wnid.as_ref().map_or(label.label.clone(), |wnid| format!("{wnid} ({})", label.label))
}

fn unknown(folder: &str, labels: &[Label]) -> FolderProblem {
    let first = labels.iter().take(12).map(shown).collect::<Vec<_>>().join(", ");
    let more = labels.len().saturating_sub(12);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    FolderProblem::UnknownClass { folder: folder.to_owned(), expected: format!("{first}{more}") }
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
