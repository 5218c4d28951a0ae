//! A folder with the latest suspicious frames, bounded in files and bytes: each as captured, as classified, and with
//! its verdict.
//!
//! The names begin with the capture time and the frame's number, so that they sort: `20261122T211638.042Z-0000000815`
//! and then `-raw.png`, `-purified.png`, `.json`. Files of other names in the folder are not touched and do not count.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::album::{Album, KeptFrame};
use super::outlook::{Outlook, create_in, folder_of};
use super::retry::Retry;
use crate::atomic;
use crate::frame::{self, Picture};
use crate::time::Clock;
use crate::verdict::Verdict;

/// The ending of the file with the picture as captured.
pub(super) const RAW: &str = "-raw.png";
/// The ending of the file with the picture as classified.
pub(super) const PURIFIED: &str = "-purified.png";

/// The endings of a frame's file names. The last is written last: if it exists, the others do.
const ENDINGS: [&str; 3] = [RAW, PURIFIED, ".json"];

/// Pixels on the longer side of a small picture.
const SMALL: u32 = 128;

/// The pattern of a capture time and a frame's number; 0 stands for any digit.
const STEM: &[u8] = b"00000000T000000.000Z-0000000000";

/// An unfinished file that a killed process left is removed once it is older than this.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// Keeps suspicious frames in a folder, and removes the oldest when a bound is reached.
pub struct KeepRing {
    folder: PathBuf,
    /// The most files and bytes of kept frames in it.
    files: u64,
    bytes: u64,
    /// What is in it, oldest first; `None` until the folder has been read.
    kept: Option<VecDeque<Kept>>,
    album: Arc<Album>,
    retry: Retry,
    /// The picture as classified; kept for its buffer.
    purified: Picture,
}

/// The files of one frame.
struct Kept {
    stem: Arc<str>,
    files: u64,
    bytes: u64,
}

/// The bounds of a ring leave no room for one frame.
#[derive(Debug, thiserror::Error)]
#[error("keep_files = {found}: a frame is kept as {} files; expected at least {}", ENDINGS.len(), ENDINGS.len())]
pub struct TooFewFiles {
    /// The bound as configured.
    pub found: u32,
}

impl KeepRing {
    /// Creates the folder, but not the folders above it: if a disk is not mounted, the one below its mount point must
    /// not fill up instead. If the folder cannot be used now, it is tried again with the next frames.
    ///
    /// # Errors
    /// `files`, the most files in the folder, is too small for one frame.
    pub fn new(folder: &Path, files: u32, bytes: u64, clock: Arc<dyn Clock>) -> Result<Self, TooFewFiles> {
        expect_room_for_one(files)?;
        // If it exists already, or cannot be created, reading it shows that.
        fs::create_dir(folder).ok();
        let retry = Retry::new(clock, format!("suspicious frames cannot be kept in {}", folder.display()));
        let album = Arc::new(Album::new(folder.to_owned(), files.into(), bytes));
        let (folder, purified) = (folder.to_owned(), Picture::default());
        let mut ring = Self { folder, files: files.into(), bytes, kept: None, album, retry, purified };
        if let Err(error) = ring.open() {
            ring.retry.failed(&error);
        }
        Ok(ring)
    }

    /// What is in the folder, for those who show it.
    pub fn album(&self) -> Arc<Album> {
        self.album.clone()
    }

    /// What a start would find of `folder`. Nothing is created, changed or removed.
    ///
    /// # Errors
    /// As of [`KeepRing::new`].
    pub fn outlook(folder: &Path, files: u32, bytes: u64) -> Result<Outlook, TooFewFiles> {
        expect_room_for_one(files)?;
        let shown = folder.display();
        let (tried, good) = match fs::read_dir(folder) {
            Ok(_) => (folder, shown.to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (folder_of(folder), format!("{shown}: new, will be created"))
            }
            Err(error) => return Ok(Outlook::Without(format!("{shown} cannot be read: {error}; change its owner"))),
        };
        if let Err(error) = create_in(tried) {
            let advice = format!("create the folder {}, or change its owner", tried.display());
            return Ok(Outlook::Without(format!("{shown} cannot be written to: {error}; {advice}")));
        }
        let free = rustix::fs::statvfs(tried).ok().map(|system| system.f_bavail.saturating_mul(system.f_frsize));
        Ok(match free.filter(|free| *free < bytes) {
            None => Outlook::Ready(good),
            Some(free) => Outlook::Caution(format!(
                "{shown} has {} MiB free and detect.keep_bytes asks for {}; on a full disk, frames are only counted",
                free >> 20,
                bytes >> 20
            )),
        })
    }

    /// Keeps one frame: `raw` as captured, `purified` as [3, height, width] in 0..1 with its size [height, width].
    /// Removes the oldest frames if it needs their room. Returns whether it is in the folder; after a failure nothing
    /// is tried for a while.
    pub fn keep(&mut self, raw: &Picture, purified: (&[f32], [usize; 2]), verdict: &Verdict) -> bool {
        if !self.retry.is_due() {
            return false;
        }
        match self.try_keep(raw, purified, verdict) {
            Ok(()) => self.retry.succeeded(),
            Err(ref error) => {
                // Whatever has happened to the folder, read it again before the next frame.
                self.kept = None;
                self.retry.failed(error);
                return false;
            }
        }
        true
    }

    fn try_keep(&mut self, raw: &Picture, purified: (&[f32], [usize; 2]), verdict: &Verdict) -> io::Result<()> {
        if self.kept.is_none() {
            self.open()?;
        }
        let stem: Arc<str> = stem(verdict.captured_at, verdict.seq)?.into();
        let (planes, size) = purified;
        to_picture(planes, size, &mut self.purified);
        let mut json = serde_json::to_vec(verdict)?;
        json.push(b'\n');
        let png = |picture: &Picture| frame::png(&picture.rgb, [picture.height as usize, picture.width as usize]);
        let contents = [png(raw)?, png(&self.purified)?, json];
        let small = [frame::thumbnail(raw, SMALL)?.into(), frame::thumbnail(&self.purified, SMALL)?.into()];
        let bytes = contents.iter().map(|content| content.len() as u64).sum();
        if bytes > self.bytes {
            let message = format!("a frame's files have {bytes} bytes; keep_bytes allows {}", self.bytes);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        self.make_room(ENDINGS.len() as u64, bytes)?;
        if let Err(error) = self.write(&stem, &contents) {
            // A frame is kept whole or not at all. Files that cannot be removed now are found when the folder is read.
            self.remove(&stem).ok();
            return Err(error);
        }
        let (sequence, captured_at) = (verdict.seq, verdict.captured_at);
        self.album.add(KeptFrame { name: stem.clone(), sequence, captured_at, small });
        let kept = Kept { stem, files: ENDINGS.len() as u64, bytes };
        self.kept.get_or_insert_default().push_back(kept);
        Ok(())
    }

    /// Reads what is in the folder and brings it within the bounds.
    fn open(&mut self) -> io::Result<()> {
        let mut found: Vec<Kept> = Vec::new();
        let mut entries = fs::read_dir(&self.folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let Ok(metadata) = entry.metadata() else { continue };
            if !metadata.is_file() {
                continue;
            }
            if let Some(stem) = stem_of(name) {
                match found.last_mut() {
                    Some(kept) if &*kept.stem == stem => {
                        (kept.files, kept.bytes) = (kept.files + 1, kept.bytes + metadata.len())
                    }
                    _ => found.push(Kept { stem: stem.into(), files: 1, bytes: metadata.len() }),
                }
            } else if atomic::is_unfinished(name) && is_older(&metadata, LEFT_BEHIND) {
                fs::remove_file(entry.path()).ok();
            }
        }
        self.album.set(found.iter().map(|kept| kept.stem.clone()));
        self.kept = Some(found.into());
        self.make_room(0, 0)
    }

    /// Removes the oldest frames until `files` more files with `bytes` more bytes fit.
    fn make_room(&mut self, files: u64, bytes: u64) -> io::Result<()> {
        let sum = |part: fn(&Kept) -> u64, kept: &VecDeque<Kept>| kept.iter().map(part).sum::<u64>();
        let kept = self.kept.get_or_insert_default();
        let mut files = files + sum(|kept| kept.files, kept);
        let mut bytes = bytes + sum(|kept| kept.bytes, kept);
        while files > self.files || bytes > self.bytes {
            let Some(oldest) = self.kept.get_or_insert_default().pop_front() else { break };
            (files, bytes) = (files - oldest.files, bytes - oldest.bytes);
            self.album.remove(&oldest.stem);
            self.remove(&oldest.stem)?;
        }
        Ok(())
    }

    fn write(&self, stem: &str, contents: &[Vec<u8>; ENDINGS.len()]) -> io::Result<()> {
        let files = ENDINGS.iter().zip(contents);
        files.into_iter().try_for_each(|(ending, content)| atomic::write(&self.path(stem, ending), content))
    }

    fn remove(&self, stem: &str) -> io::Result<()> {
        for ending in ENDINGS {
            match fs::remove_file(self.path(stem, ending)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn path(&self, stem: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{stem}{ending}"))
    }
}

/// The beginning of a frame's file names.
fn stem(captured_at: SystemTime, sequence: u64) -> io::Result<String> {
    let time = jiff::Timestamp::try_from(captured_at).map_err(io::Error::other)?;
    Ok(format!("{}-{sequence:010}", time.strftime("%Y%m%dT%H%M%S.%3fZ")))
}

/// The stem of a name made with [`stem`]; `None` for any other name, so for any with a folder in it.
pub(super) fn stem_of(name: &str) -> Option<&str> {
    let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending))?;
    let matches =
        |(found, expected): (u8, &u8)| if *expected == b'0' { found.is_ascii_digit() } else { found == *expected };
    let long_enough = stem.len() >= STEM.len() && stem[STEM.len()..].bytes().all(|byte| byte.is_ascii_digit());
    (long_enough && stem.bytes().zip(STEM).all(matches)).then_some(stem)
}

fn expect_room_for_one(files: u32) -> Result<(), TooFewFiles> {
    if (files as usize) < ENDINGS.len() { Err(TooFewFiles { found: files }) } else { Ok(()) }
}

fn is_older(metadata: &fs::Metadata, age: Duration) -> bool {
    metadata.modified().is_ok_and(|modified| modified.elapsed().is_ok_and(|elapsed| elapsed > age))
}

/// Planes [3, height, width] in 0..1 as a picture.
fn to_picture(planes: &[f32], [height, width]: [usize; 2], picture: &mut Picture) {
    let pixels = height * width;
    let byte = |index: usize| (planes[index % 3 * pixels + index / 3] * 255.0).round() as u8;
    (picture.width, picture.height) = (width as u32, height as u32);
    picture.rgb.clear();
    picture.rgb.extend((0..3 * pixels).map(byte));
}
