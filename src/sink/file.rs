//! JSON lines appended to a file, which is rotated by its size.
//!
//! `FILE` grows; `FILE.1` is the one before it, `FILE.2` the one before that. Each begins with the stream's header, a
//! line is never spread over two, and what a power cut or a kill left of a half-written line is cut off by the next start.
//! A disk that is full or gone costs lines, which are counted, and is tried again.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;

use super::retry::Retry;
use super::{Published, Sink};
use crate::time::Clock;

/// Appends lines to a file.
pub struct FileSink {
    path: PathBuf,
    /// The file is rotated before it grows above this.
    bytes: u64,
    /// Files at most, the one that grows included.
    count: u32,
    header: Vec<u8>,
    /// Whether the header must be written before the next verdict.
    header_due: bool,
    growing: Option<Growing>,
    retry: Retry,
    dropped: u64,
}

impl FileSink {
    /// Opens or makes the file, and writes the header. Where that fails now, it is tried again with the next lines.
    pub fn new(path: &Path, bytes: u64, count: u32, header: &[u8], clock: Arc<dyn Clock>) -> Self {
        let retry = Retry::new(clock, format!("verdicts cannot be written to {}", path.display()));
        let (path, header) = (path.to_owned(), header.to_vec());
        let mut sink = Self { path, bytes, count, header, header_due: true, growing: None, retry, dropped: 0 };
        sink.remove_surplus();
        sink.try_append(&[]);
        sink
    }

    /// Appends a line, or only the header where that is due. Returns whether it is in the file.
    fn try_append(&mut self, line: &[u8]) -> bool {
        if !self.retry.is_due() {
            return false;
        }
        match self.append(line) {
            Ok(()) => self.retry.succeeded(),
            Err(ref error) => {
                // Opening it anew mends what can be mended: a torn line, a handle to what was removed.
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
        self.growing = Some(growing);
        Ok(())
    }

    /// The file that grows; opened where it is not, or is not at its path any more.
    fn take_open(&mut self) -> io::Result<Growing> {
        let at_its_path = |growing: &Growing| fs::metadata(&self.path).is_ok_and(|found| id(&found) == growing.id);
        if let Some(growing) = self.growing.take().filter(at_its_path) {
            return Ok(growing);
        }
        let growing = Growing::open(&self.path)?;
        self.header_due |= growing.size == 0;
        Ok(growing)
    }

    /// `FILE` becomes `FILE.1`, and so on up to the first name that is free, or the last, whose file goes.
    ///
    /// A rotation that is cut short leaves a free name in the row, and the next one fills it: nothing is lost by it.
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

    /// Removes the files of an earlier run that was allowed more of them.
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
}

/// The file that grows.
struct Growing {
    file: File,
    /// Device and inode.
    id: (u64, u64),
    size: u64,
    /// A device or a pipe is written to as it is: it is neither mended nor rotated.
    is_regular: bool,
    /// Whether there is more in it than the header: a line that is longer than a file may be still gets one.
    has_lines: bool,
}

impl Growing {
    fn open(path: &Path) -> io::Result<Self> {
        // Without waiting: a named pipe would keep the thread until somebody reads from it.
        let nonblocking = OFlags::NONBLOCK.bits() as i32;
        let file = OpenOptions::new().append(true).create(true).custom_flags(nonblocking).open(path)?;
        let found = file.metadata()?;
        let is_regular = found.is_file();
        let mut size = 0;
        if is_regular {
            // Where the file system knows no locks there is none.
            if let Err(TryLockError::WouldBlock) = file.try_lock() {
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process writes to it"));
            }
            size = cut_torn_line(&file, path, found.len())?;
        }
        Ok(Self { file, id: id(&found), size, is_regular, has_lines: size > 0 })
    }

    /// Writes a line with one call; where the disk takes only a part of it, the rest or nothing.
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

    /// Removes the beginning of a line that cannot be finished. Where even that fails, opening the file anew does it.
    fn take_back(&self, written: usize, error: io::Error) -> io::Result<()> {
        if written > 0 && self.is_regular {
            let size = self.file.metadata()?.len();
            self.file.set_len(size.saturating_sub(written as u64))?;
        }
        Err(error)
    }
}

fn id(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Cuts off what follows the last line break. Returns the size that is left.
fn cut_torn_line(file: &File, path: &Path, size: u64) -> io::Result<u64> {
    let mut chunk = [0; 4096];
    let mut end = size;
    if size > 0 {
        let reader = File::open(path)?;
        while end > 0 {
            let start = end.saturating_sub(chunk.len() as u64);
            // At most the chunk's length.
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
        log::warn!("{}: a line that was never finished is cut off ({} bytes)", path.display(), size - end);
        file.set_len(end)?;
    }
    Ok(end)
}
