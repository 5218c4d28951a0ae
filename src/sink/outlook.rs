//! What an output would do if purecam started now, for `purecam check`.

use std::io;
use std::path::Path;

/// How a start would find an output. The texts are for the person at the terminal: what was found, and what to do.
///
/// What makes a start fail is not here: it is the error of the sink's constructor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// It works.
    Ready(String),
    /// It works, but perhaps not as its user means it.
    Caution(String),
    /// The start does not need it: it is tried again until it answers, and what it misses is counted.
    Waits(String),
    /// The start goes on without it: what it misses is counted, and it is used as soon as its fault is mended.
    Without(String),
}

/// Tries to create a file in `folder`; it has no name and is gone at once.
pub(super) fn create_in(folder: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder).map(drop)
}

/// The folder of `path`; the working directory for a bare name.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
