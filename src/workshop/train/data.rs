//! Photographs of a folder, with one folder per class or without labels, decoded once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::error::{DataProblem, Error, LoadError};
use crate::engine::contract::Label;
use crate::frame::{self, Fit, Picture, listing};
use crate::text;
use crate::workshop::classes::{ClassFolder, OneName, class_folders, expect_own_names};

/// The most bytes of decoded pixels; a larger data set is refused rather than swapped to disk.
const MEMORY: usize = 8 << 30;
/// The shorter side of a decoded photograph, in sides of the picture that training sees.
const MARGIN: f32 = 1.25;

/// One photograph.
#[derive(Clone, Debug)]
pub struct Photograph {
    /// Relative to the data folder: `<class>/<file>`, or `<file>`.
    pub name: String,
    /// Its place among the labels; 0 in a set without labels.
    pub class: usize,
    /// Shrunk; the shorter side is about 1.25 times the picture that training sees.
    pub pixels: Picture,
}

/// A file that may be a photograph.
struct File<'a> {
    name: String,
    path: &'a Path,
    class: usize,
}

/// A set of photographs, in the byte order of their names.
#[derive(Debug)]
pub struct Photographs {
    /// The classes; none if the set has no labels.
    pub labels: Vec<Label>,
    /// The photographs that could be decoded.
    pub items: Vec<Photograph>,
    /// Files that could not be decoded, with the reason.
    pub broken: Vec<(PathBuf, LoadError)>,
}

impl Photographs {
    /// Reads `folder/<class>/*`, shrunk so that the shorter side is about 1.25 times `side`.
    ///
    /// `names` maps folder names to labels: a text file with lines `wnid label, synonym, ...`.
    ///
    /// # Errors
    /// Fewer than two classes, two classes with one name, a class without a photograph, more photographs than memory.
    pub fn load(folder: &Path, names: Option<&Path>, side: usize) -> Result<Self, Error> {
        let classes = class_folders(folder)?;
        match classes.len() {
            0 => return Err(Error::data(folder, DataProblem::NoClass)),
            1 => return Err(Error::data(folder, DataProblem::OneClass)),
            _ => {}
        }
        let labels = labels(folder, &classes, names)?;
        let mut files = Vec::new();
        for (class, found) in classes.iter().enumerate() {
            if found.images.is_empty() {
                return Err(Error::data(&found.path, DataProblem::EmptyClass));
            }
            files.extend(found.images.iter().map(|image| File {
                name: found.name_of(image),
                path: &image.path,
                class,
            }));
        }
        let set = Self::decode(folder, labels, files, side)?;
        for (class, found) in classes.iter().enumerate() {
            if !set.items.iter().any(|item| item.class == class) {
                return Err(Error::data(&found.path, DataProblem::NothingDecodes));
            }
        }
        Ok(set)
    }

    /// Reads all photographs of a folder and of the folders in it, whatever they show: a set without labels. Sizes and
    /// names as those of [`Photographs::load`].
    ///
    /// # Errors
    /// No photograph that can be decoded, or more than memory.
    pub fn load_unlabelled(folder: &Path, side: usize) -> Result<Self, Error> {
        let folders = class_folders(folder)?;
        let own = listing::images(folder).map_err(|error| Error::data(folder, error))?;
        let unlabelled = |name: String, path| File { name, path, class: 0 };
        let own_files = own.iter().map(|image| unlabelled(text::name(&image.name).into_owned(), &image.path));
        let inner =
            folders.iter().flat_map(|found| found.images.iter().map(|image| (found.name_of(image), &image.path)));
        let files: Vec<_> = own_files.chain(inner.map(|(name, path)| unlabelled(name, path))).collect();
        if files.is_empty() {
            return Err(Error::data(folder, DataProblem::NoPhotograph));
        }
        let set = Self::decode(folder, Vec::new(), files, side)?;
        if set.items.is_empty() {
            return Err(Error::data(folder, DataProblem::NothingDecodes));
        }
        Ok(set)
    }

    fn decode(folder: &Path, labels: Vec<Label>, files: Vec<File>, side: usize) -> Result<Self, Error> {
        let expected = files.len() * ((side as f32 * MARGIN) as usize).pow(2) * 3;
        if expected > MEMORY {
            let (photographs, needed, bound) = (files.len(), expected >> 30, MEMORY >> 30);
            return Err(Error::data(folder, DataProblem::TooLarge { photographs, needed, bound }));
        }
        let decoded: Vec<_> = files
            .into_par_iter()
            .map(|File { name, path, class }| match read(path, side) {
                Ok(pixels) => Ok(Photograph { name, class, pixels }),
                Err(reason) => Err((path.to_owned(), reason)),
            })
            .collect();
        let mut set = Self { labels, items: Vec::new(), broken: Vec::new() };
        for result in decoded {
            match result {
                Ok(photograph) => set.items.push(photograph),
                Err(broken) => set.broken.push(broken),
            }
        }
        Ok(set)
    }

    /// Splits off about `share` of the photographs, chosen by a hash of their names, so that every run holds out the
    /// same. Returns those for training and those for validation. Every class keeps a photograph for training: if the
    /// hash would take all of them, the one with the largest stays.
    ///
    /// # Errors
    /// A split that leaves one of the two empty.
    pub fn hold_out(self, share: f64) -> Result<(Self, Self), Error> {
        let bound = (share * f64::from(u32::MAX)) as u32;
        let hash = |item: &Photograph| {
            let hash = Sha256::digest(item.name.as_bytes());
            u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]])
        };
        let (mut out, mut rest): (Vec<_>, Vec<_>) = self.items.into_iter().partition(|item| hash(item) < bound);
        if !rest.is_empty() {
            for class in 0..self.labels.len() {
                if rest.iter().any(|item| item.class == class) {
                    continue;
                }
                let of_class = out.iter().enumerate().filter(|(_, item)| item.class == class);
                let largest = of_class.max_by_key(|(_, item)| hash(item)).map(|(place, _)| place);
                rest.extend(largest.map(|place| out.remove(place)));
            }
        }
        if rest.is_empty() || out.is_empty() {
            return Err(Error::HeldOut { training: rest.len(), validation: out.len() });
        }
        // Those that came back belong to their class, as if they had never left.
        rest.sort_by_key(|item| item.class);
        let part = |items, broken| Self { labels: self.labels.clone(), items, broken };
        Ok((part(rest, self.broken), part(out, Vec::new())))
    }

    /// The labels of the classes that have no photograph in this set.
    pub fn missing(&self) -> Vec<&str> {
        let has_none = |class: &usize| self.items.iter().all(|item| item.class != *class);
        (0..self.labels.len()).filter(has_none).map(|class| self.labels[class].label.as_str()).collect()
    }
}

/// Reads one photograph and shrinks it to the size that training needs.
fn read(path: &Path, side: usize) -> Result<Picture, LoadError> {
    let picture = frame::read(path)?;
    let scale = side as f32 * MARGIN / picture.width.min(picture.height) as f32;
    if scale >= 1.0 {
        return Ok(picture);
    }
    let size = [picture.height, picture.width].map(|x| ((x as f32 * scale).round() as usize).max(1));
    let rgb = Fit::new(size).rgb(&picture)?.to_vec();
    Ok(Picture { width: size[1] as u32, height: size[0] as u32, rgb })
}

/// The label of each class: the one that `names` gives its folder, or else the folder's name.
fn labels(folder: &Path, classes: &[ClassFolder], names: Option<&Path>) -> Result<Vec<Label>, Error> {
    let mut known = BTreeMap::new();
    if let Some(path) = names {
        let text = text::read(path).map_err(|error| Error::data(path, error))?;
        for line in text.lines() {
            if let Some((wnid, label)) = line.split_once(' ') {
                known.insert(wnid.to_owned(), label.split(',').next().unwrap_or(label).trim().to_owned());
            }
        }
    }
    let label = |ClassFolder { name, .. }: &ClassFolder| {
        let label = known.get(name).unwrap_or(name).clone();
        let is_wnid = name.len() == 9 && name.starts_with('n') && name[1..].bytes().all(|b| b.is_ascii_digit());
        Label { label, wnid: is_wnid.then(|| name.clone()) }
    };
    let labels: Vec<Label> = classes.iter().map(label).collect();
    expect_own_names(&labels).map_err(|OneName { first, second, name }| {
        let [first, second] = [first, second].map(|class| classes[class].name.clone());
        Error::data(folder, DataProblem::SameName { first, second, label: name })
    })?;
    Ok(labels)
}
