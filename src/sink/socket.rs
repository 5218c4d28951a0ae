//! JSON lines for anybody who connects to a Unix socket: a header first, then every line from there on.
//!
//! Nobody is waited for. What a reader does not take at once waits in a buffer of its own; when that is full, the reader is
//! too slow and is dropped, and what it did not get is counted.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Published, Sink};

/// Readers at one time. Without a bound, one that connects again and again would take the process's descriptors.
pub const READERS: usize = 64;

/// Bytes that may wait for a reader, besides those that the kernel holds for it.
pub const BACKLOG: usize = 256 << 10;

/// Its owner and its group may connect.
const PERMISSIONS: u32 = 0o660;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("{}: another process offers its lines there: end it, or choose another path", .path.display())]
    Taken { path: PathBuf },
    #[error("{} is there and is no socket: remove it, or choose another path", .path.display())]
    NoSocket { path: PathBuf },
    #[error("{}: no socket can be made there: {cause}", .path.display())]
    Bind { path: PathBuf, cause: io::Error },
}

/// Offers lines on a Unix stream socket.
pub struct SocketSink {
    path: PathBuf,
    listener: UnixListener,
    /// Device and inode of the socket, by which it is known to be this one's when it is removed.
    id: Option<(u64, u64)>,
    header: Vec<u8>,
    readers: Vec<Reader>,
    dropped: u64,
    /// Readers that were too slow, that found no place, and connections that failed.
    too_slow: u64,
    refused: u64,
    failed: u64,
}

impl SocketSink {
    /// Listens at `path`. What a process that is gone has left there is replaced.
    pub fn new(path: &Path, header: &[u8]) -> Result<Self, SocketError> {
        let failed = |cause| SocketError::Bind { path: path.to_owned(), cause };
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                remove_stale(path)?;
                UnixListener::bind(path)
            }
            listener => listener,
        };
        let listener = listener.map_err(failed)?;
        let mut sink = Self {
            path: path.to_owned(),
            listener,
            id: None,
            header: header.to_vec(),
            readers: Vec::with_capacity(READERS),
            dropped: 0,
            too_slow: 0,
            refused: 0,
            failed: 0,
        };
        sink.id = id_at(path);
        fs::set_permissions(path, fs::Permissions::from_mode(PERMISSIONS)).map_err(failed)?;
        sink.listener.set_nonblocking(true).map_err(failed)?;
        Ok(sink)
    }

    /// Lets in those who wait, and gives them the header.
    fn accept(&mut self) {
        // Not without end: whoever connects faster than this is let in with the next line.
        for _ in 0..READERS {
            let reader = match self.listener.accept() {
                Ok((stream, _)) => Reader::new(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => Err(error),
            };
            match reader {
                Ok(_) if self.readers.len() == READERS => {
                    self.refused += 1;
                    say(self.refused, || format!("no place for a reader, there are {READERS} already"), &self.path);
                }
                Ok(mut reader) => {
                    if reader.give(&self.header).is_ok() {
                        self.readers.push(reader);
                    }
                }
                Err(error) => {
                    self.failed += 1;
                    say(self.failed, || format!("a reader cannot be let in: {error}"), &self.path);
                }
            }
        }
    }

    /// Gives a line to everybody who keeps up.
    fn give(&mut self, line: &[u8]) {
        let Self { readers, path, dropped, too_slow, .. } = self;
        readers.retain_mut(|reader| match reader.give(line) {
            Ok(()) => true,
            Err(Lost::Gone) => false,
            Err(Lost::TooSlow { lines }) => {
                *dropped += lines;
                *too_slow += 1;
                say(*too_slow, || "a reader is too slow and was dropped".to_owned(), path);
                false
            }
        });
    }
}

impl Sink for SocketSink {
    fn publish(&mut self, published: &Published) -> io::Result<()> {
        self.accept();
        if published.event.is_none() {
            self.header.clone_from(&published.line);
        }
        self.give(&published.line);
        Ok(())
    }

    fn idle(&mut self) -> io::Result<()> {
        self.readers.retain_mut(|reader| !reader.has_hung_up() && reader.flush().is_ok());
        self.accept();
        Ok(())
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl Drop for SocketSink {
    /// Removes the socket, unless somebody else's lies at its path by now.
    fn drop(&mut self) {
        if self.id.is_some() && id_at(&self.path) == self.id {
            // A socket that stays behind is replaced by the next start.
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Why a reader gets no more lines.
#[derive(Debug)]
enum Lost {
    /// It has hung up.
    Gone,
    /// It does not read; so many lines were waiting for it or would have to.
    TooSlow { lines: u64 },
}

/// One who reads.
struct Reader {
    stream: UnixStream,
    /// Lines that the kernel has not taken; the first `sent` bytes it has.
    waiting: Vec<u8>,
    sent: usize,
}

impl Reader {
    fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, waiting: Vec::new(), sent: 0 })
    }

    /// Hands a line to the kernel, or lets it wait behind those that wait already.
    fn give(&mut self, line: &[u8]) -> Result<(), Lost> {
        self.flush()?;
        if self.waiting.is_empty() {
            let rest = &line[self.send(line)?..];
            if !rest.is_empty() {
                // Once for all that will ever wait; the pages that are not used cost nothing.
                self.waiting.reserve_exact(BACKLOG);
                self.waiting.extend_from_slice(rest);
            }
            return Ok(());
        }
        if self.waiting.len() - self.sent + line.len() > BACKLOG {
            let waiting = self.waiting[self.sent..].iter().filter(|byte| **byte == b'\n').count();
            return Err(Lost::TooSlow { lines: waiting as u64 + 1 });
        }
        if self.waiting.len() + line.len() > BACKLOG {
            self.waiting.drain(..self.sent);
            self.sent = 0;
        }
        self.waiting.extend_from_slice(line);
        Ok(())
    }

    /// Hands what waits to the kernel, as far as it takes it.
    ///
    /// Line by line: Linux takes up to 32 KiB of a Unix stream's message whole or not at all, so that a reader that is
    /// dropped finds no half of a line at its end.
    fn flush(&mut self) -> Result<(), Lost> {
        while self.sent < self.waiting.len() {
            let rest = &self.waiting[self.sent..];
            let length = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |place| place + 1);
            let count = self.send(&rest[..length])?;
            self.sent += count;
            if count < length {
                return Ok(());
            }
        }
        self.waiting.clear();
        self.sent = 0;
        Ok(())
    }

    /// How much of `bytes` the kernel takes now. The runtime ignores SIGPIPE: a reader that is gone is an error.
    fn send(&self, bytes: &[u8]) -> Result<usize, Lost> {
        loop {
            match (&self.stream).write(bytes) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                Err(_) => return Err(Lost::Gone),
            }
        }
    }

    /// Whether the other end is closed. What it may have said is left unread: readers have nothing to say.
    fn has_hung_up(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut asked = [PollFd::new(&self.stream, PollFlags::empty())];
        poll(&mut asked, Some(&now)).is_ok() && asked[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }
}

/// Makes way for a new socket where the old one's process is gone.
fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let failed = |cause| SocketError::Bind { path: path.to_owned(), cause };
    let found = fs::symlink_metadata(path).map_err(failed)?;
    if !found.file_type().is_socket() {
        return Err(SocketError::NoSocket { path: path.to_owned() });
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(SocketError::Taken { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(failed),
        Err(cause) => Err(failed(cause)),
    }
}

/// Device and inode of what lies at `path`.
fn id_at(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// The first, second, fourth, eighth ... of its kind is worth a line.
fn say(count: u64, what: impl FnOnce() -> String, path: &Path) {
    if count.is_power_of_two() {
        log::warn!("{}: {} ({count} so far)", path.display(), what());
    }
}
