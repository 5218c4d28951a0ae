//! Which frames a [`KeepRing`](super::KeepRing) has in its folder, for those who show them.
//!
//! The ring writes and removes files on its own thread and says so here. Whoever shows them gets a file only by the
//! name of a frame that is in the ring: no other name leads to the disk.

use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use rustix::fs::{Mode, OFlags};

use super::keep::{PURIFIED, RAW, stem_of};

/// Frames that are listed with small pictures: during an attack a keeper writes several a second, and a page asks for
/// the list every second. Each takes some 10 KiB.
const LATEST: usize = 32;

/// The frames in a ring's folder.
pub struct Album {
    folder: PathBuf,
    /// The ring's bounds.
    files: u64,
    bytes: u64,
    shelf: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    /// What the names of all frames in the folder begin with.
    stems: BTreeSet<Arc<str>>,
    /// The latest frames of this run, oldest first.
    latest: VecDeque<KeptFrame>,
}

/// A frame that was kept, as it is listed.
#[derive(Clone, Debug)]
pub struct KeptFrame {
    /// What the names of its files begin with.
    pub name: Arc<str>,
    /// Its number in its source.
    pub sequence: u64,
    /// When it was taken.
    pub captured_at: SystemTime,
    /// The raw and the purified picture, small, as JPEG files.
    pub small: [Arc<[u8]>; 2],
}

/// Why a kept file cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// No frame's file has such a name.
    #[error(
        "'{0}' is not the name of a kept file; expected one like 20261122T211638.042Z-0000000815-raw.png, with \
         -purified.png or with .json"
    )]
    Name(String),
    /// The ring has removed the frame.
    #[error(
        "{stem} is no longer kept: newer frames took its place, as detect.keep_files = {files} and detect.keep_bytes = \
         {bytes} ask"
    )]
    Removed { stem: String, files: u64, bytes: u64 },
    /// The frame has never been in the ring.
    #[error("{0} was not kept: it was not suspicious, or came while the keeper rested")]
    Never(String),
    /// Small pictures are not written to the folder.
    #[error("{} has no small picture: only those of the latest {} frames have one; ask for the file itself", .0, LATEST)]
    NotSmall(String),
    /// The file is not there any more, or cannot be read.
    #[error("{name} was kept, but cannot be read: {cause}")]
    Unreadable {
        name: String,
        #[source]
        cause: io::Error,
    },
}

impl Album {
    /// Of a ring with these bounds whose folder has not been read yet.
    pub(super) fn new(folder: PathBuf, files: u64, bytes: u64) -> Self {
        Self { folder, files, bytes, shelf: Mutex::default() }
    }

    /// The folder has these frames and no others.
    pub(super) fn set(&self, stems: impl Iterator<Item = Arc<str>>) {
        let mut shelf = self.shelf.lock();
        shelf.stems = stems.collect();
        let Shelf { stems, latest } = &mut *shelf;
        latest.retain(|frame| stems.contains(&frame.name));
    }

    /// A frame was written.
    pub(super) fn add(&self, frame: KeptFrame) {
        let mut shelf = self.shelf.lock();
        shelf.stems.insert(frame.name.clone());
        shelf.latest.push_back(frame);
        if shelf.latest.len() > LATEST {
            shelf.latest.pop_front();
        }
    }

    /// A frame is being removed.
    pub(super) fn remove(&self, stem: &str) {
        let mut shelf = self.shelf.lock();
        shelf.stems.remove(stem);
        shelf.latest.retain(|frame| &*frame.name != stem);
    }

    /// The latest frames of this run, oldest first.
    pub fn latest(&self) -> Vec<KeptFrame> {
        self.shelf.lock().latest.iter().cloned().collect()
    }

    /// Opens a frame's file, and returns it with its size in bytes. `name` is a file's name without a folder. A slow
    /// disk may take its time.
    ///
    /// # Errors
    /// No file of this name is in the ring, or it cannot be read.
    pub fn open(&self, name: &str) -> Result<(File, u64), NotKept> {
        self.find(name)?;
        let unreadable = |cause: io::Error| NotKept::Unreadable { name: name.to_owned(), cause };
        // The ring writes regular files. A link or a pipe that somebody has put in such a file's place is not followed
        // and not waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(self.folder.join(name), flags, Mode::empty());
        let file = File::from(file.map_err(|error| unreadable(error.into()))?);
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(unreadable(io::Error::other("it is not a regular file; remove it")));
        }
        Ok((file, metadata.len()))
    }

    /// A small version, as a JPEG file, of the picture whose file has this name.
    ///
    /// # Errors
    /// It is not a picture of the latest frames of this run.
    pub fn small(&self, name: &str) -> Result<Arc<[u8]>, NotKept> {
        let stem = self.find(name)?;
        let kind = if name.ends_with(RAW) {
            0
        } else if name.ends_with(PURIFIED) {
            1
        } else {
            return Err(NotKept::NotSmall(name.to_owned()));
        };
        let shelf = self.shelf.lock();
        let frame = shelf.latest.iter().find(|frame| &*frame.name == stem);
        frame.map(|frame| frame.small[kind].clone()).ok_or_else(|| NotKept::NotSmall(name.to_owned()))
    }

    /// The stem of a file's name, if its frame is in the ring.
    fn find<'a>(&self, name: &'a str) -> Result<&'a str, NotKept> {
        let stem = stem_of(name).ok_or_else(|| NotKept::Name(name.to_owned()))?;
        let shelf = self.shelf.lock();
        if shelf.stems.contains(stem) {
            return Ok(stem);
        }
        let is_older = shelf.stems.first().is_some_and(|oldest| stem < &**oldest);
        Err(match is_older {
            true => NotKept::Removed { stem: stem.to_owned(), files: self.files, bytes: self.bytes },
            false => NotKept::Never(stem.to_owned()),
        })
    }
}
