//! What is in a folder: the one rule of which entries count, for every command that takes a folder.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::is_image;

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name in the folder; any bytes, not only UTF-8.
    pub name: OsString,
    /// The folder's path and its name.
    pub path: PathBuf,
}

/// The entries of a folder, in the byte order of their names, without hidden ones: those whose names begin with a dot,
/// as in `.DS_Store`, `.thumbnails` and `._1.jpg`.
///
/// # Errors
/// It cannot be listed.
pub fn entries(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            entries.push(Entry { name, path: entry.path() });
        }
    }
    entries.sort();
    Ok(entries)
}

/// The [`entries`] that are named like images and are no folders.
///
/// # Errors
/// The folder cannot be listed.
pub fn images(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut images = entries(folder)?;
    images.retain(|entry| is_image(&entry.path) && !entry.path.is_dir());
    Ok(images)
}

/// The [`entries`] that are folders, or links to folders.
///
/// # Errors
/// The folder cannot be listed.
pub fn folders(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut folders = entries(folder)?;
    folders.retain(|entry| entry.path.is_dir());
    Ok(folders)
}
