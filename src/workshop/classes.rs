//! Classes of photographs: a folder each, and a name that no other class has. One rule for training and evaluation.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::engine::contract::Label;
use crate::frame::listing::{self, Entry};
use crate::text;

/// The folder of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassFolder {
    /// Its name, as text.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its photographs, in the byte order of their names.
    pub images: Vec<Entry>,
}

impl ClassFolder {
    /// The name of one of its photographs for people and results: `<folder>/<file>`.
    pub fn name_of(&self, image: &Entry) -> String {
        format!("{}/{}", self.name, text::name(&image.name))
    }
}

/// A folder that cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", .path.display())]
pub struct Unlisted {
    /// The folder.
    pub path: PathBuf,
    /// The system's error.
    #[source]
    pub cause: io::Error,
}

/// The folders `data/<class>/*`, in the byte order of their names. Hidden folders and files do not count.
///
/// # Errors
/// One of them cannot be listed.
pub fn class_folders(data: &Path) -> Result<Vec<ClassFolder>, Unlisted> {
    let unlisted = |path: &Path| {
        let path = path.to_owned();
        move |cause| Unlisted { path, cause }
    };
    let folders = listing::folders(data).map_err(unlisted(data))?;
    let class = |Entry { name, path }: Entry| {
        let images = listing::images(&path).map_err(unlisted(&path))?;
        Ok(ClassFolder { name: text::name(&name).into_owned(), path, images })
    };
    folders.into_iter().map(class).collect()
}

/// Two classes of one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the classes {first} and {second} have one name, '{name}'; rename one, or give each its WordNet identifier")]
pub struct OneName {
    /// Place of the class that comes first, counted from 0.
    pub first: usize,
    /// Place of the other one.
    pub second: usize,
    /// The name of both.
    pub name: String,
}

/// Refuses classes that nobody could tell apart: two of one name. Case, surrounding spaces, `-` and `_` do not matter.
/// Two classes whose WordNet identifiers differ may share a name, as ImageNet's two `crane` do.
///
/// # Errors
/// The first two of one name.
pub fn expect_own_names(labels: &[Label]) -> Result<(), OneName> {
    let mut seen: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (second, label) in labels.iter().enumerate() {
        let alike = seen.entry(plain(&label.label)).or_default();
        let is_same = |first: &&usize| match (&labels[**first].wnid, &label.wnid) {
            (Some(first), Some(second)) => first == second,
            _ => true,
        };
        if let Some(&first) = alike.iter().find(is_same) {
            return Err(OneName { first, second, name: label.label.clone() });
        }
        alike.push(second);
    }
    Ok(())
}

/// A name without what does not matter in names of classes.
pub fn plain(name: &str) -> String {
    name.trim().to_lowercase().replace(['_', '-'], " ")
}

/// The classes that `folder` names, by WordNet identifier, else by label, else by one of the names in a label: none, one,
/// or several that it does not tell apart.
pub fn named_by(folder: &str, labels: &[Label]) -> Vec<usize> {
    let all = |is: &dyn Fn(&Label) -> bool| -> Vec<usize> {
        labels.iter().enumerate().filter(|(_, label)| is(label)).map(|(place, _)| place).collect()
    };
    let wanted = plain(folder);
    let ways: [&dyn Fn(&Label) -> bool; 3] =
        [&|label| label.wnid.as_deref() == Some(folder), &|label| plain(&label.label) == wanted, &|label| {
            label.label.split(',').any(|name| plain(name) == wanted)
        }];
    ways.into_iter().map(all).find(|found| !found.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(label: &str, wnid: Option<&str>) -> Label {
        Label { label: label.into(), wnid: wnid.map(str::to_owned) }
    }

    #[test]
    fn a_folder_is_known_by_wnid_label_or_synonym() {
        let labels = [label("tench, Tinca tinca", Some("n01440764")), label("garbage truck", Some("n03417042"))];
        for (folder, class) in [("n01440764", 0), ("Tinca tinca", 0), ("garbage_truck", 1), ("Garbage-Truck", 1)] {
            assert_eq!(named_by(folder, &labels), [class], "{folder}");
        }
        assert!(named_by("church", &labels).is_empty());
    }

    #[test]
    fn two_classes_of_one_name_are_refused_unless_their_identifiers_differ() {
        let refused = |labels: &[Label]| expect_own_names(labels).unwrap_err();
        let found = refused(&[label("cat", None), label("dog", None), label(" Cat", None)]);
        assert_eq!((found.first, found.second), (0, 2));
        assert_eq!(refused(&[label("garbage truck", None), label("garbage_truck", None)]).second, 1);
        assert_eq!(refused(&[label("crane", Some("n02012849")), label("crane", None)]).second, 1);
        assert_eq!(refused(&[label("crane", Some("n02012849")), label("crane", Some("n02012849"))]).second, 1);
        let cranes = [label("crane", Some("n02012849")), label("crane", Some("n03126707"))];
        assert_eq!(expect_own_names(&cranes), Ok(()));
        assert_eq!(named_by("crane", &cranes), [0, 1], "the name alone tells nobody which");
        assert_eq!(named_by("n03126707", &cranes), [1]);
    }
}
