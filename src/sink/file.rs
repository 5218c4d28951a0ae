//! JSON lines appended to a file, which is rotated by its size.
//!
//! `FILE` grows; `FILE.1` is the one before it, `FILE.2` the one before that. Each begins with the stream's header, and
//! no line is split over two files. If a power cut or a kill left a half-written line, the next start cuts it off.
//! While the disk is full or missing, lines are dropped and counted, and writing is tried again. A file that somebody
//! else moves away or truncates is begun anew with the next line.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;

use super::outlook::{Outlook, create_in, folder_of};
use super::retry::Retry;
use super::{Problem, Published, Sink};
use crate::time::Clock;

/// Appends lines to a file.
pub struct FileSink {
    path: PathBuf,
    /// The file is rotated before it grows above this.
    bytes: u64,
    /// The most files, including the one that grows.
    count: u32,
    header: Vec<u8>,
    /// Whether the header must be written before the next verdict.
    header_due: bool,
    growing: Option<Growing>,
    retry: Retry,
    dropped: u64,
}

impl FileSink {
    /// Opens or creates the file, and writes the header. If that fails now, it is tried again with the next lines.
    ///
    /// A file is rotated before it grows above `bytes`; there are at most `count` files, including the one that grows.
    /// `header` is a line with its line break.
    pub fn new(path: &Path, bytes: u64, count: u32, header: &[u8], clock: Arc<dyn Clock>) -> Self {
        let retry = Retry::new(clock, format!("verdicts cannot be written to {}", path.display()));
        let (path, header) = (path.to_owned(), header.to_vec());
        let mut sink = Self { path, bytes, count, header, header_due: true, growing: None, retry, dropped: 0 };
        sink.remove_surplus();
        sink.try_append(&[]);
        sink
    }

    /// What a start would find at `path`. Nothing is created, changed or removed.
    pub fn outlook(path: &Path) -> Outlook {
        let shown = path.display();
        match open_locked(path, false) {
            Ok((_, found)) if found.is_file() => Outlook::Ready(format!("{shown}: exists, lines are appended to it")),
            Ok(_) => Outlook::Caution(format!("{shown} is not a regular file: it is written to and never rotated")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match create_in(folder_of(path)) {
                Ok(()) => Outlook::Ready(format!("{shown}: new")),
                Err(error) => {
                    let folder = folder_of(path).display();
                    let advice = format!("create the folder {folder}, or change its owner");
                    Outlook::Without(format!("{shown} cannot be created: {error}; {advice}"))
                }
            },
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                Outlook::Without(format!("{shown}: {error}; name another file"))
            }
            Err(error) => Outlook::Without(format!("{shown} cannot be written to: {error}; change its owner or mode")),
        }
    }

    /// Appends a line, or only the header if that is due. Returns whether it is in the file.
    fn try_append(&mut self, line: &[u8]) -> bool {
        if !self.retry.is_due() {
            return false;
        }
        match self.append(line) {
            Ok(()) => self.retry.succeeded(),
            Err(ref error) => {
                // Opening it again repairs what can be repaired: a torn line, a handle to a removed file.
                self.growing = None;
                self.retry.failed(error);
                return false;
            }
        }
        true
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let mut growing = self.take_open()?;
        let header = if self.header_due { self.header.len() } else { 0 };
        if growing.has_lines && growing.size + (header + line.len()) as u64 > self.bytes {
            drop(growing);
            self.rotate()?;
            growing = self.take_open()?;
        }
        if self.header_due {
            growing.write(&self.header)?;
            self.header_due = false;
        }
        if !line.is_empty() {
            growing.write(line)?;
            growing.has_lines = growing.is_regular;
        }
        // Whoever truncates it all the time is not waited for.
        for _ in 0..8 {
            if !growing.begins_without_header(line)? {
                break;
            }
            growing.begin_anew(&self.header)?;
            growing.write(line)?;
        }
        self.growing = Some(growing);
        Ok(())
    }

    /// The file that grows; opened if it is not open, no longer at its path, or not as long as it was left.
    fn take_open(&mut self) -> io::Result<Growing> {
        if let Some(growing) = self.growing.take() {
            // What cannot be asked about cannot be opened either, which says why.
            let found = fs::metadata(&self.path).ok().filter(|found| id(found) == growing.id);
            match found {
                Some(found) if !growing.is_regular || found.len() == growing.size => return Ok(growing),
                // Somebody has truncated it (logrotate's copytruncate), and what is left may end in the middle of a line.
                Some(found) => self.header_due |= found.len() < growing.size,
                None => {}
            }
        }
        let growing = Growing::open(&self.path)?;
        self.header_due |= growing.size == 0;
        Ok(growing)
    }

    /// `FILE` becomes `FILE.1`, and so on up to the first free name, or the last, whose file is removed.
    ///
    /// A rotation that is interrupted leaves a free name in the row, and the next one fills it: no file is lost.
    fn rotate(&self) -> io::Result<()> {
        if self.count <= 1 {
            return fs::remove_file(&self.path);
        }
        let is_free = |number: &u32| fs::symlink_metadata(self.numbered(*number)).is_err();
        let last = (1..self.count).find(is_free).unwrap_or(self.count - 1);
        for number in (1..last).rev() {
            fs::rename(self.numbered(number), self.numbered(number + 1))?;
        }
        fs::rename(&self.path, self.numbered(1))
    }

    /// Removes the files that an earlier run with a larger `count` left.
    fn remove_surplus(&self) {
        for number in self.count.max(1).. {
            if fs::remove_file(self.numbered(number)).is_err() {
                break;
            }
        }
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut path = OsString::from(&self.path);
        path.push(format!(".{number}"));
        path.into()
    }
}

impl Sink for FileSink {
    fn publish(&mut self, published: &Published) -> io::Result<()> {
        if published.event.is_none() {
            self.header.clone_from(&published.line);
            self.header_due = true;
            self.try_append(&[]);
        } else {
            self.dropped += u64::from(!self.try_append(&published.line));
        }
        Ok(())
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }

    fn problem(&self) -> Option<Problem> {
        self.retry.problem().map(|detail| Problem { kind: "unwritable", detail: detail.to_owned() })
    }
}

/// The file that grows.
struct Growing {
    file: File,
    /// Device and inode.
    id: (u64, u64),
    size: u64,
    /// A device or a pipe is only written to: it is neither repaired nor rotated.
    is_regular: bool,
    /// Whether it holds more than the header. If not, it is not rotated: even a line longer than the bound gets a file.
    has_lines: bool,
}

impl Growing {
    fn open(path: &Path) -> io::Result<Self> {
        let (file, found) = open_locked(path, true)?;
        let is_regular = found.is_file();
        let size = if is_regular { cut_torn_line(&file, path, found.len())? } else { 0 };
        Ok(Self { file, id: id(&found), size, is_regular, has_lines: size > 0 })
    }

    /// Writes a line with one call. If the disk takes only a part of it, writes the rest or takes the part back.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let mut written = 0;
        while written < line.len() {
            match self.file.write(&line[written..]) {
                Ok(0) => return self.take_back(written, io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.take_back(written, error),
            }
        }
        self.size += line.len() as u64;
        Ok(())
    }

    /// Whether `line`, which was written just now, is all that the file holds although more was there: somebody has
    /// truncated it in between.
    fn begins_without_header(&self, line: &[u8]) -> io::Result<bool> {
        let length = line.len() as u64;
        Ok(self.is_regular && length > 0 && self.size > length && self.file.metadata()?.len() == length)
    }

    /// Empties the file and writes the header.
    fn begin_anew(&mut self, header: &[u8]) -> io::Result<()> {
        self.file.set_len(0)?;
        self.size = 0;
        self.write(header)
    }

    /// Removes the beginning of a line that cannot be finished. If even that fails, the next opening does it.
    fn take_back(&self, written: usize, error: io::Error) -> io::Result<()> {
        if written > 0 && self.is_regular {
            let size = self.file.metadata()?.len();
            self.file.set_len(size.saturating_sub(written as u64))?;
        }
        Err(error)
    }
}

/// Opens `path` for appending, and locks it if it is a regular file: two processes in one file would tear each other's
/// lines.
fn open_locked(path: &Path, create: bool) -> io::Result<(File, fs::Metadata)> {
    // Without waiting: a named pipe would block the thread until another program reads from it.
    let nonblocking = OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new().append(true).create(create).custom_flags(nonblocking).open(path)?;
    let found = file.metadata()?;
    // On a file system without locks, the file stays unlocked.
    if found.is_file() && matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process writes to it"));
    }
    Ok((file, found))
}

/// Device and inode.
fn id(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Cuts off what follows the last line break. Returns the remaining size in bytes.
fn cut_torn_line(file: &File, path: &Path, size: u64) -> io::Result<u64> {
    let mut chunk = [0; 4096];
    let mut end = size;
    if size > 0 {
        let reader = File::open(path)?;
        while end > 0 {
            let start = end.saturating_sub(chunk.len() as u64);
            // The difference is at most the chunk's length, so it fits.
            let chunk = &mut chunk[..(end - start) as usize];
            reader.read_exact_at(chunk, start)?;
            if let Some(place) = chunk.iter().rposition(|byte| *byte == b'\n') {
                end = start + place as u64 + 1;
                break;
            }
            end = start;
        }
    }
    if end < size {
        log::warn!("{}: cut off an unfinished line at the end ({} bytes)", path.display(), size - end);
        file.set_len(end)?;
    }
    Ok(end)
}
