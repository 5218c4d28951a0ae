//! A folder of the latest suspicious frames, bounded in files and bytes: as they came, as they were classified, and what was
//! said of them.
//!
//! The names begin with the capture time and the frame's number, so that they sort: `20261122T211638.042Z-0000000815` and
//! then `-raw.png`, `-purified.png`, `.json`. Files of other names in the folder are not touched and do not count.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::retry::Retry;
use crate::atomic;
use crate::frame::{self, Picture};
use crate::time::Clock;
use crate::verdict::Verdict;

/// What the names of a frame's files end with. The last is written last: where it is, the others are.
const ENDINGS: [&str; 3] = ["-raw.png", "-purified.png", ".json"];

/// A capture time and a frame's number, digits as 0.
const STEM: &[u8] = b"00000000T000000.000Z-0000000000";

/// A file that was being written when its process was killed is removed once it is as old as this.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// The ring.
pub struct KeepRing {
    folder: PathBuf,
    /// The most files and bytes of kept frames in it.
    files: u64,
    bytes: u64,
    /// What is in it, oldest first; nothing where the folder could not be read yet.
    kept: Option<VecDeque<Kept>>,
    retry: Retry,
    rgb: Vec<u8>,
}

/// The files of one frame.
struct Kept {
    stem: String,
    files: u64,
    bytes: u64,
}

/// The bounds of a ring leave no place for one frame.
#[derive(Debug, thiserror::Error)]
#[error("keep_files = {found}: a frame is kept as {} files, so {} is the least", ENDINGS.len(), ENDINGS.len())]
pub struct TooFewFiles {
    pub found: u32,
}

impl KeepRing {
    /// Makes the folder, though not the folders above it: a disk that is not mounted is no reason to fill another one.
    /// Where it cannot be used now, it is tried again with the next frames.
    pub fn new(folder: &Path, files: u32, bytes: u64, clock: Arc<dyn Clock>) -> Result<Self, TooFewFiles> {
        if (files as usize) < ENDINGS.len() {
            return Err(TooFewFiles { found: files });
        }
        // Where it is there already, or cannot be made, reading it says so.
        fs::create_dir(folder).ok();
        let retry = Retry::new(clock, format!("suspicious frames cannot be kept in {}", folder.display()));
        let mut ring =
            Self { folder: folder.to_owned(), files: files.into(), bytes, kept: None, retry, rgb: Vec::new() };
        if let Err(error) = ring.open() {
            ring.retry.failed(&error);
        }
        Ok(ring)
    }

    /// Keeps one frame: `raw` as it came, `purified` as [3, height, width] in 0..1. The oldest go where it needs their
    /// place. Returns whether it is in the folder; after a failure it is not tried for a while.
    pub fn keep(&mut self, raw: &Picture, purified: (&[f32], [usize; 2]), verdict: &Verdict) -> bool {
        if !self.retry.is_due() {
            return false;
        }
        match self.try_keep(raw, purified, verdict) {
            Ok(()) => self.retry.succeeded(),
            Err(ref error) => {
                // Whatever has happened to the folder, what is in it now counts.
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
        let stem = stem(verdict.captured_at, verdict.seq)?;
        let (planes, size) = purified;
        to_rgb(planes, size, &mut self.rgb);
        let mut json = serde_json::to_vec(verdict)?;
        json.push(b'\n');
        let raw = frame::png(&raw.rgb, [raw.height as usize, raw.width as usize])?;
        let contents = [raw, frame::png(&self.rgb, size)?, json];
        let bytes = contents.iter().map(|content| content.len() as u64).sum();
        if bytes > self.bytes {
            let message = format!("a frame's files have {bytes} bytes, keep_bytes allows {}", self.bytes);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        self.make_room(ENDINGS.len() as u64, bytes)?;
        if let Err(error) = self.write(&stem, &contents) {
            // What is not whole is not kept. What cannot even be removed is found again when the folder is read.
            self.remove(&stem).ok();
            return Err(error);
        }
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
                    Some(kept) if kept.stem == stem => {
                        (kept.files, kept.bytes) = (kept.files + 1, kept.bytes + metadata.len())
                    }
                    _ => found.push(Kept { stem: stem.to_owned(), files: 1, bytes: metadata.len() }),
                }
            } else if atomic::is_unfinished(name) && is_older(&metadata, LEFT_BEHIND) {
                fs::remove_file(entry.path()).ok();
            }
        }
        self.kept = Some(found.into());
        self.make_room(0, 0)
    }

    /// Removes the oldest frames until so many files and bytes more fit.
    fn make_room(&mut self, files: u64, bytes: u64) -> io::Result<()> {
        let sum = |part: fn(&Kept) -> u64, kept: &VecDeque<Kept>| kept.iter().map(part).sum::<u64>();
        let kept = self.kept.get_or_insert_default();
        let mut files = files + sum(|kept| kept.files, kept);
        let mut bytes = bytes + sum(|kept| kept.bytes, kept);
        while files > self.files || bytes > self.bytes {
            let Some(oldest) = self.kept.get_or_insert_default().pop_front() else { break };
            (files, bytes) = (files - oldest.files, bytes - oldest.bytes);
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

/// What the names of a frame's files begin with.
fn stem(captured_at: SystemTime, sequence: u64) -> io::Result<String> {
    let time = jiff::Timestamp::try_from(captured_at).map_err(io::Error::other)?;
    Ok(format!("{}-{sequence:010}", time.strftime("%Y%m%dT%H%M%S.%3fZ")))
}

/// The beginning of a name that [`stem`] has given; nothing for any other name.
fn stem_of(name: &str) -> Option<&str> {
    let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending))?;
    let matches =
        |(found, expected): (u8, &u8)| if *expected == b'0' { found.is_ascii_digit() } else { found == *expected };
    let long_enough = stem.len() >= STEM.len() && stem[STEM.len()..].bytes().all(|byte| byte.is_ascii_digit());
    (long_enough && stem.bytes().zip(STEM).all(matches)).then_some(stem)
}

fn is_older(metadata: &fs::Metadata, age: Duration) -> bool {
    metadata.modified().is_ok_and(|modified| modified.elapsed().is_ok_and(|elapsed| elapsed > age))
}

/// Planes in 0..1 as pixels.
fn to_rgb(planes: &[f32], [height, width]: [usize; 2], rgb: &mut Vec<u8>) {
    let pixels = height * width;
    let byte = |index: usize| (planes[index % 3 * pixels + index / 3] * 255.0).round() as u8;
    rgb.clear();
    rgb.extend((0..3 * pixels).map(byte));
}
