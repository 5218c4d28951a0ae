//! A folder that pictures are written into, each under a name of its own.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::encode::{rgb, write_png};
use crate::text;

/// A folder of PNG files, named after the files that they were made from.
#[derive(Debug)]
pub struct PictureFolder {
    folder: PathBuf,
    /// The names that are taken, so that `a/1.jpg` and `b/1.jpg` do not become one file.
    names: HashSet<String>,
}

/// A folder or a file in it that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be written to: {cause}", .path.display())]
pub struct WriteError {
    /// The folder, or the file.
    pub path: PathBuf,
    /// The system's error.
    #[source]
    pub cause: io::Error,
}

impl PictureFolder {
    /// Creates the folder, if it is missing, and tries to write into it: better now than after an hour of work.
    ///
    /// # Errors
    /// The folder cannot be created or written.
    pub fn create(folder: &Path) -> Result<Self, WriteError> {
        fs::create_dir_all(folder)
            .and_then(|()| tempfile::tempfile_in(folder))
            .map_err(|cause| WriteError { path: folder.to_owned(), cause })?;
        Ok(Self { folder: folder.to_owned(), names: HashSet::new() })
    }

    /// Writes a picture as PNG under the name of `file`, with a number if that name is taken. The file appears whole or
    /// not at all.
    ///
    /// # Shapes
    /// `planes`: \[3, height, width\], RGB in 0..1; `size`: height and width.
    ///
    /// # Errors
    /// The file that cannot be written.
    pub fn save(&mut self, file: &Path, planes: &[f32], size: [usize; 2]) -> Result<(), WriteError> {
        let stem = text::name(file.file_stem().unwrap_or_default());
        let mut names =
            std::iter::once(format!("{stem}.png")).chain((2..).map(|number| format!("{stem}-{number}.png")));
        // The names never run out, and only finitely many are taken.
        let name = names.find(|name| !self.names.contains(name)).unwrap_or_default();
        let path = self.folder.join(&name);
        write_png(&path, &rgb(planes), size).map_err(|cause| WriteError { path, cause })?;
        self.names.insert(name);
        Ok(())
    }
}
