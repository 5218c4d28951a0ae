//! Photographs of a folder with one folder a class, decoded once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::Error;
use crate::engine::contract::Label;
use crate::frame::{self, Fit, Picture};

/// Decoded pixels kept in memory; a data set beyond this is refused rather than swapped to disk.
const MEMORY: usize = 8 << 30;
/// Decoded photographs are kept this many times larger than the picture that training sees.
const MARGIN: f32 = 1.25;

/// One photograph.
#[derive(Clone, Debug)]
pub struct Photograph {
    /// Relative to the data folder: `<class>/<file>`.
    pub name: String,
    pub class: usize,
    pub pixels: Picture,
}

/// A labelled set of photographs, in the byte order of their names.
#[derive(Clone, Debug)]
pub struct Photographs {
    pub labels: Vec<Label>,
    pub items: Vec<Photograph>,
    /// Files that could not be decoded, with the reason.
    pub broken: Vec<(PathBuf, String)>,
}

impl Photographs {
    /// Reads `folder/<class>/*`, shrunk so that the shorter side is about 1.25 times `side`.
    ///
    /// `names` maps folder names to labels: a text file with lines `wnid label, synonym, ...`.
    pub fn load(folder: &Path, names: Option<&Path>, side: usize) -> Result<Self, Error> {
        let classes = class_folders(folder)?;
        let labels = labels(&classes, names)?;
        let mut files = Vec::new();
        for (class, (name, path)) in classes.iter().enumerate() {
            let images = images(path)?;
            if images.is_empty() {
                return Err(Error::data(path, "this class has no image; remove the folder or fill it"));
            }
            files.extend(images.into_iter().map(|file| (format!("{name}/{file}"), class)));
        }
        let expected = files.len() * ((side as f32 * MARGIN) as usize).pow(2) * 3;
        if expected > MEMORY {
            let reason = format!(
                "{} photographs at this --side need about {} GiB of memory, the bound is {}; take a smaller --side or fewer photographs",
                files.len(),
                expected >> 30,
                MEMORY >> 30
            );
            return Err(Error::data(folder, reason));
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
                return Err(Error::data(path, "no image of this class can be decoded"));
            }
        }
        Ok(set)
    }

    /// Splits off about `share` of the photographs, chosen by a hash of their names: the same in every run.
    pub fn hold_out(self, share: f64) -> Result<(Self, Self), Error> {
        let bound = (share * f64::from(u32::MAX)) as u32;
        let held = |item: &Photograph| {
            let hash = Sha256::digest(item.name.as_bytes());
            u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]]) < bound
        };
        let (out, rest): (Vec<_>, Vec<_>) = self.items.into_iter().partition(held);
        if rest.is_empty() || out.is_empty() {
            let reason = format!(
                "{} photographs leave {} for training and {} for validation; both need some: change --held-out or add photographs",
                rest.len() + out.len(),
                rest.len(),
                out.len()
            );
            return Err(Error::Settings(reason));
        }
        let part = |items, broken| Self { labels: self.labels.clone(), items, broken };
        Ok((part(rest, self.broken), part(out, Vec::new())))
    }
}

/// Reads one photograph and shrinks it to what training needs of it.
fn read(path: &Path, side: usize) -> Result<Picture, String> {
    let picture = frame::read(path).map_err(|error| error.to_string())?;
    let scale = side as f32 * MARGIN / picture.width.min(picture.height) as f32;
    if scale >= 1.0 {
        return Ok(picture);
    }
    let size = [picture.height, picture.width].map(|x| ((x as f32 * scale).round() as usize).max(1));
    let rgb = Fit::new(size).rgb(&picture).map_err(|error| error.to_string())?.to_vec();
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
        0 => Err(Error::data(folder, "expected one folder of photographs a class, found no folder")),
        1 => Err(Error::data(
            folder,
            "expected at least two classes, found one folder; a classifier of one class says nothing",
        )),
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
        for line in text.lines() {
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
            let reason = format!("the folders '{other}' and '{folder}' have one name, '{label}'; rename one");
            return Err(Error::data(path, reason));
        }
        let is_wnid = folder.len() == 9 && folder.starts_with('n') && folder[1..].bytes().all(|b| b.is_ascii_digit());
        labels.push(Label { label, wnid: is_wnid.then(|| folder.clone()) });
    }
    Ok(labels)
}
