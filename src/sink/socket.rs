//! JSON lines for every program that connects to a Unix socket: a header first, then every line from there on.
//!
//! No reader delays another. Each has a buffer for what it does not take at once; when that is full, the reader is too
//! slow: it is dropped, and the lines that it did not get are counted.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Outlook, Published, Sink};

/// The most readers at one time. Without a bound, a client that connects again and again would use up the process's
/// descriptors.
pub const READERS: usize = 64;

/// Bytes that may wait for a reader, in addition to those in the kernel's buffer.
pub const BACKLOG: usize = 256 << 10;

/// Mode of the socket: its owner and its group may connect.
const PERMISSIONS: u32 = 0o660;

/// The most bytes of a socket's path: 108 in the kernel's address, of which one is a NUL.
const LONGEST: usize = 107;

/// Why the socket cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// A running process listens there.
    #[error("{}: another process listens there; stop it, or choose another path", .path.display())]
    Taken {
        /// The socket's path.
        path: PathBuf,
    },
    /// A file, a folder or a device is there.
    #[error("{} exists and is not a socket; remove it, or choose another path", .path.display())]
    NotASocket {
        /// The socket's path.
        path: PathBuf,
    },
    /// Its path does not fit into a socket's address.
    #[error(
        "{} has {} bytes; the path of a socket has at most {LONGEST}: choose a shorter one, as in \
         /run/purecam/verdicts.sock",
        .path.display(),
        .path.as_os_str().len()
    )]
    TooLong {
        /// The socket's path.
        path: PathBuf,
    },
    /// The system refuses it.
    #[error("{}: a socket cannot be created there: {cause}", .path.display())]
    Bind {
        /// The socket's path.
        path: PathBuf,
        /// The system's error.
        #[source]
        cause: io::Error,
    },
}

impl SocketError {
    /// Whether retrying is pointless: the configuration must change first.
    pub fn is_hopeless(&self) -> bool {
        matches!(self, Self::TooLong { .. })
    }
}

/// Offers lines on a Unix stream socket.
pub struct SocketSink {
    path: PathBuf,
    listener: UnixListener,
    /// Device and inode of the socket: only this one is removed at the end.
    id: Option<(u64, u64)>,
    header: Vec<u8>,
    readers: Vec<Reader>,
    dropped: u64,
    /// Readers that were dropped because they were too slow.
    too_slow: u64,
    /// Readers that were refused because there were too many.
    refused: u64,
    /// Connections that failed.
    failed: u64,
}

impl SocketSink {
    /// Listens at `path`. A socket that no process listens at is replaced. `header` is a line with its line break.
    ///
    /// # Errors
    /// Another process listens there, something other than a socket is there, the path is too long, or the system
    /// refuses.
    pub fn new(path: &Path, header: &[u8]) -> Result<Self, SocketError> {
        if path.as_os_str().len() > LONGEST {
            return Err(SocketError::TooLong { path: path.to_owned() });
        }
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

    /// What a start would find at `path`: listens there for a moment. A stale socket is removed.
    ///
    /// # Errors
    /// As of [`SocketSink::new`].
    pub fn outlook(path: &Path) -> Result<Outlook, SocketError> {
        let found = if id_at(path).is_some() { "a stale socket, is replaced" } else { "free" };
        drop(Self::new(path, b"")?);
        Ok(Outlook::Ready(format!("{}: {found}", path.display())))
    }

    /// Accepts waiting readers, and gives them the header.
    fn accept(&mut self) {
        // Bounded: readers that connect faster than this are accepted with the next line.
        for _ in 0..READERS {
            let reader = match self.listener.accept() {
                Ok((stream, _)) => Reader::new(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => Err(error),
            };
            match reader {
                Ok(_) if self.readers.len() == READERS => {
                    self.refused += 1;
                    say(self.refused, || format!("a reader was refused: there are {READERS} already"), &self.path);
                }
                Ok(mut reader) => {
                    if reader.give(&self.header).is_ok() {
                        self.readers.push(reader);
                    }
                }
                Err(error) => {
                    self.failed += 1;
                    say(self.failed, || format!("a reader cannot be accepted: {error}"), &self.path);
                }
            }
        }
    }

    /// Gives a line to every reader, and drops those that do not keep up.
    fn give(&mut self, line: &[u8]) {
        let Self { readers, path, dropped, too_slow, .. } = self;
        readers.retain_mut(|reader| match reader.give(line) {
            Ok(()) => true,
            Err(Lost::Gone) => false,
            Err(Lost::TooSlow { lines }) => {
                *dropped += lines;
                *too_slow += 1;
                say(*too_slow, || "a reader was too slow and was dropped".to_owned(), path);
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

    /// Gives the readers what the kernel still takes, and counts the lines that still wait.
    fn finish(&mut self) {
        let mut waiting = 0;
        for reader in &mut self.readers {
            if reader.flush().is_ok() {
                waiting += reader.waiting_lines();
            }
        }
        self.readers.clear();
        if waiting > 0 {
            self.dropped += waiting;
            let path = self.path.display();
            log::warn!(
                "{path}: {waiting} lines still waited for their readers at the end and are counted as not taken"
            );
        }
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl Drop for SocketSink {
    /// Removes the socket, unless another one is at its path by now.
    fn drop(&mut self) {
        if self.id.is_some() && id_at(&self.path) == self.id {
            // If that fails, the next start replaces it.
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Why a reader gets no more lines.
#[derive(Debug)]
enum Lost {
    /// It has hung up.
    Gone,
    /// It does not read.
    TooSlow {
        /// Lines that it did not get, including the one that did not fit.
        lines: u64,
    },
}

/// A connected reader.
struct Reader {
    stream: UnixStream,
    /// Lines that wait; the kernel has already taken the first `sent` bytes.
    waiting: Vec<u8>,
    sent: usize,
}

impl Reader {
    fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, waiting: Vec::new(), sent: 0 })
    }

    /// Gives a line to the kernel, or appends it to the lines that wait.
    fn give(&mut self, line: &[u8]) -> Result<(), Lost> {
        self.flush()?;
        if self.waiting.is_empty() {
            let rest = &line[self.send(line)?..];
            if !rest.is_empty() {
                // One allocation for the reader's life; pages that are not used cost nothing.
                self.waiting.reserve_exact(BACKLOG);
                self.waiting.extend_from_slice(rest);
            }
            return Ok(());
        }
        if self.waiting.len() - self.sent + line.len() > BACKLOG {
            return Err(Lost::TooSlow { lines: self.waiting_lines() + 1 });
        }
        if self.waiting.len() + line.len() > BACKLOG {
            self.waiting.drain(..self.sent);
            self.sent = 0;
        }
        self.waiting.extend_from_slice(line);
        Ok(())
    }

    /// How many lines wait, one that the kernel has begun included.
    fn waiting_lines(&self) -> u64 {
        self.waiting[self.sent..].iter().filter(|byte| **byte == b'\n').count() as u64
    }

    /// Gives the waiting lines to the kernel, as far as it takes them.
    ///
    /// Line by line: Linux takes up to 32 KiB of a Unix stream's message whole or not at all, so a dropped reader does
    /// not find half a line at the end.
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

    /// How many of `bytes` the kernel takes now. Rust's runtime ignores SIGPIPE: a reader that has gone is an error.
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

    /// Whether the other end is closed. What it may have sent is left unread.
    fn has_hung_up(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut asked = [PollFd::new(&self.stream, PollFlags::empty())];
        poll(&mut asked, Some(&now)).is_ok() && asked[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }
}

/// Removes a socket that no process listens at.
fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let failed = |cause| SocketError::Bind { path: path.to_owned(), cause };
    let found = fs::symlink_metadata(path).map_err(failed)?;
    if !found.file_type().is_socket() {
        return Err(SocketError::NotASocket { path: path.to_owned() });
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(SocketError::Taken { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(failed),
        Err(cause) => Err(failed(cause)),
    }
}

/// Device and inode of what is at `path`.
fn id_at(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// Logs the first, second, fourth, eighth ... event of its kind.
fn say(count: u64, what: impl FnOnce() -> String, path: &Path) {
    if count.is_power_of_two() {
        log::warn!("{}: {} ({count} so far)", path.display(), what());
    }
}
