//! Photographs of a folder with one folder per class, decoded once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::error::{DataProblem, Error, LoadError};
use crate::engine::contract::Label;
use crate::frame::{self, Fit, Picture};

/// The most bytes of decoded pixels; a larger data set is refused rather than swapped to disk.
const MEMORY: usize = 8 << 30;
/// The shorter side of a decoded photograph, in sides of the picture that training sees.
const MARGIN: f32 = 1.25;

/// One photograph.
#[derive(Clone, Debug)]
pub struct Photograph {
    /// Relative to the data folder: `<class>/<file>`.
    pub name: String,
    /// Its place among the labels.
    pub class: usize,
    /// Shrunk; the shorter side is about 1.25 times the picture that training sees.
    pub pixels: Picture,
}

/// A labelled set of photographs, in the byte order of their names.
#[derive(Debug)]
pub struct Photographs {
    /// The classes.
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
        let labels = labels(&classes, names)?;
        let mut files = Vec::new();
        for (class, (name, path)) in classes.iter().enumerate() {
            let images = images(path)?;
            if images.is_empty() {
                return Err(Error::data(path, DataProblem::EmptyClass));
            }
            files.extend(images.into_iter().map(|file| (format!("{name}/{file}"), class)));
        }
        let expected = files.len() * ((side as f32 * MARGIN) as usize).pow(2) * 3;
        if expected > MEMORY {
            let (photographs, needed, bound) = (files.len(), expected >> 30, MEMORY >> 30);
            return Err(Error::data(folder, DataProblem::TooLarge { photographs, needed, bound }));
        }
        let decoded: Vec<_> = files
            .into_par_iter()
            .map(|(name, class)| {
                let path = folder.join(&name);
                match read(&path, side) {
                    Ok(pixels) => Ok(Photograph { name, class, pixels }),
                    Err(reason) => Err((path, reason)),
                }
            })
            .collect();
        let mut set = Self { labels, items: Vec::new(), broken: Vec::new() };
        for result in decoded {
            match result {
                Ok(photograph) => set.items.push(photograph),
                Err(broken) => set.broken.push(broken),
            }
        }
        for (class, (_, path)) in classes.iter().enumerate() {
            if !set.items.iter().any(|item| item.class == class) {
                return Err(Error::data(path, DataProblem::NothingDecodes));
            }
        }
        Ok(set)
    }

    /// Splits off about `share` of the photographs, chosen by a hash of their names, so that every run holds out the
    /// same. Returns those for training and those for validation.
    ///
    /// # Errors
    /// A split that leaves one of the two empty.
    pub fn hold_out(self, share: f64) -> Result<(Self, Self), Error> {
        let bound = (share * f64::from(u32::MAX)) as u32;
        let held = |item: &Photograph| {
            let hash = Sha256::digest(item.name.as_bytes());
            u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]]) < bound
        };
        let (out, rest): (Vec<_>, Vec<_>) = self.items.into_iter().partition(held);
        if rest.is_empty() || out.is_empty() {
            return Err(Error::HeldOut { training: rest.len(), validation: out.len() });
        }
        let part = |items, broken| Self { labels: self.labels.clone(), items, broken };
        Ok((part(rest, self.broken), part(out, Vec::new())))
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

fn class_folders(folder: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let entries = std::fs::read_dir(folder).map_err(|error| Error::data(folder, error))?;
    let mut classes = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Error::data(folder, error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !name.starts_with('.') {
            classes.push((name, entry.path()));
        }
    }
    classes.sort();
    match classes.len() {
        0 => Err(Error::data(folder, DataProblem::NoClass)),
        1 => Err(Error::data(folder, DataProblem::OneClass)),
        _ => Ok(classes),
    }
}

fn images(folder: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| Error::data(folder, error))? {
        let name = entry.map_err(|error| Error::data(folder, error))?.file_name().to_string_lossy().into_owned();
        if frame::is_image(Path::new(&name)) && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn labels(classes: &[(String, PathBuf)], names: Option<&Path>) -> Result<Vec<Label>, Error> {
    let mut known = BTreeMap::new();
    if let Some(path) = names {
        let text = std::fs::read_to_string(path).map_err(|error| Error::data(path, error))?;
        for line in text.trim_start_matches('\u{feff}').lines() {
            if let Some((wnid, label)) = line.split_once(' ') {
                known.insert(wnid.to_owned(), label.split(',').next().unwrap_or(label).trim().to_owned());
            }
        }
    }
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut labels = Vec::new();
    for (folder, path) in classes {
        let label = known.get(folder).unwrap_or(folder).clone();
        if let Some(other) = seen.insert(label.trim().to_lowercase(), folder) {
            let (first, second) = (other.to_owned(), folder.clone());
            return Err(Error::data(path, DataProblem::SameName { first, second, label }));
        }
        let is_wnid = folder.len() == 9 && folder.starts_with('n') && folder[1..].bytes().all(|b| b.is_ascii_digit());
        labels.push(Label { label, wnid: is_wnid.then(|| folder.clone()) });
    }
    Ok(labels)
}
