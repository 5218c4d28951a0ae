//! JSON lines for every program that connects to a Unix socket: a header first, then verdicts.
//!
//! A reader gets the newest verdict only: one waits in the kernel, and the next is given when that one has been read, if
//! it is still young enough. A reader that sends the line `stream` gets every verdict from there on. The reader says
//! so, and not the configuration, because two readers of one socket may need different things.
//!
//! No reader delays another. What a stream's reader does not take at once waits in a buffer; when that is full, the reader
//! is too slow: it is dropped, and the lines that it did not get are counted.
//!
//! If the socket cannot be created, that is tried again and again.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::retry::Retry;
use super::{Outlook, Problem, Published, Sink};
use crate::time::Clock;

/// The most readers at one time. Without a bound, a client that connects again and again would use up the process's
/// descriptors.
pub const READERS: usize = 64;

/// Bytes that may wait for a stream's reader, in addition to those in the kernel's buffer.
pub const BACKLOG: usize = 256 << 10;

/// The line by which a reader asks for every verdict.
const STREAM: &[u8] = b"stream\n";

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
    /// `None` while it cannot be created.
    place: Option<Place>,
    retry: Retry,
    clock: Arc<dyn Clock>,
    /// Nobody is given a verdict about an older frame as the newest.
    max_age: Duration,
    header: Vec<u8>,
    readers: Vec<Reader>,
    dropped: u64,
    /// Readers that were dropped because they were too slow.
    too_slow: u64,
    /// Readers that were refused because there were too many.
    refused: u64,
    /// Readers that sent something else than a request.
    strange: u64,
    /// Connections that failed.
    failed: u64,
}

impl SocketSink {
    /// Listens at `path`, now or as soon as that is possible. A socket that no process listens at is replaced. A verdict
    /// about a frame older than `max_age`, by `clock`, is not given to a reader of the newest. `header` is a line with
    /// its line break.
    ///
    /// # Errors
    /// The path is too long.
    pub fn new(path: &Path, header: &[u8], max_age: Duration, clock: Arc<dyn Clock>) -> Result<Self, SocketError> {
        expect_short(path)?;
        let mut sink = Self {
            path: path.to_owned(),
            place: None,
            retry: Retry::new(clock.clone(), "[output] socket".to_owned()),
            clock,
            max_age,
            header: header.to_vec(),
            readers: Vec::with_capacity(READERS),
            dropped: 0,
            too_slow: 0,
            refused: 0,
            strange: 0,
            failed: 0,
        };
        sink.try_to_listen();
        Ok(sink)
    }

    /// What a start would find at `path`: listens there for a moment. A stale socket is removed.
    ///
    /// # Errors
    /// As of [`SocketSink::new`].
    pub fn outlook(path: &Path) -> Result<Outlook, SocketError> {
        expect_short(path)?;
        let found = if id_at(path).is_some() { "a stale socket, is replaced" } else { "free" };
        Ok(match Place::take(path) {
            Ok(_) => Outlook::Ready(format!("{}: {found}", path.display())),
            Err(error) => Outlook::Without(error.to_string()),
        })
    }

    fn try_to_listen(&mut self) {
        if self.place.is_some() || !self.retry.is_due() {
            return;
        }
        match Place::take(&self.path) {
            Ok(place) => {
                self.place = Some(place);
                self.retry.succeeded();
            }
            Err(error) => self.retry.failed(&error),
        }
    }

    /// Accepts waiting readers, and gives them the header.
    fn accept(&mut self) {
        self.try_to_listen();
        // Bounded: readers that connect faster than this are accepted with the next line.
        for _ in 0..READERS {
            let Some(place) = &self.place else { return };
            let reader = match place.listener.accept() {
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

    /// Hears what each reader asks for, does `work` for it, and drops it if it is lost. `work` gets the header, and returns
    /// how many lines the reader has missed.
    fn serve(&mut self, mut work: impl FnMut(&mut Reader, &[u8]) -> Result<u64, Lost>) {
        let Self { readers, path, header, dropped, too_slow, strange, .. } = self;
        let header: &[u8] = header;
        readers.retain_mut(|reader| match reader.hear().and_then(|()| work(reader, header)) {
            Ok(missed) => {
                *dropped += missed;
                true
            }
            Err(Lost::Gone) => false,
            Err(Lost::TooSlow { lines }) => {
                *dropped += lines;
                *too_slow += 1;
                say(*too_slow, || "a reader was too slow and was dropped".to_owned(), path);
                false
            }
            Err(Lost::Strange) => {
                *strange += 1;
                let said = || "a reader was dropped: it sent something else than the line 'stream'".to_owned();
                say(*strange, said, path);
                false
            }
        });
    }
}

impl Sink for SocketSink {
    fn publish(&mut self, published: &Published) -> io::Result<()> {
        self.accept();
        let line = &*published.line;
        let Some(event) = &published.event else {
            self.header.clear();
            self.header.extend_from_slice(line);
            self.serve(|reader, header| reader.renew(header));
            return Ok(());
        };
        let captured = event.verdict.captured_monotonic_ns.map(Duration::from_nanos);
        let (now, max_age) = (self.clock.now(), self.max_age);
        self.serve(|reader, header| match reader.wants {
            Wants::Everything => reader.give(line).map(|()| 0),
            Wants::Newest => reader.offer(line, captured, header, now, max_age),
        });
        Ok(())
    }

    fn idle(&mut self) -> io::Result<()> {
        self.readers.retain_mut(|reader| !reader.has_hung_up());
        let (now, max_age) = (self.clock.now(), self.max_age);
        self.serve(|reader, header| match reader.wants {
            Wants::Everything => reader.flush().map(|()| 0),
            Wants::Newest => reader.turn(header, now, max_age),
        });
        self.accept();
        Ok(())
    }

    /// Gives the readers what the kernel still takes, and counts the lines that still wait.
    fn finish(&mut self) {
        let mut waiting = 0;
        let (now, max_age) = (self.clock.now(), self.max_age);
        let header = &self.header;
        for reader in &mut self.readers {
            let outcome = match reader.wants {
                Wants::Everything => reader.flush().map(|()| 0),
                Wants::Newest => reader.turn(header, now, max_age),
            };
            if let Ok(missed) = outcome {
                waiting += missed + reader.waiting_lines() + u64::from(!reader.next.is_empty());
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

    fn problem(&self) -> Option<Problem> {
        self.retry.problem().map(|detail| Problem { kind: "unavailable", detail: detail.to_owned() })
    }
}

/// A socket that was created at a path.
struct Place {
    path: PathBuf,
    listener: UnixListener,
    /// Device and inode of the socket: only this one is removed at the end.
    id: Option<(u64, u64)>,
}

impl Place {
    /// Listens at `path`, in the place of a socket that no process listens at.
    ///
    /// # Errors
    /// Another process listens there, something other than a socket is there, or the system refuses.
    fn take(path: &Path) -> Result<Self, SocketError> {
        let failed = |cause| SocketError::Bind { path: path.to_owned(), cause };
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                remove_stale(path)?;
                UnixListener::bind(path)
            }
            listener => listener,
        };
        let place = Self { path: path.to_owned(), listener: listener.map_err(failed)?, id: id_at(path) };
        fs::set_permissions(path, fs::Permissions::from_mode(PERMISSIONS)).map_err(failed)?;
        place.listener.set_nonblocking(true).map_err(failed)?;
        Ok(place)
    }
}

impl Drop for Place {
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
    /// It has sent something that is no request.
    Strange,
}

/// What a reader is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    Newest,
    Everything,
}

/// A connected reader.
struct Reader {
    stream: UnixStream,
    wants: Wants,
    /// The beginning of a request, and its length; `None` once the reader has said that it sends no more.
    request: Option<([u8; STREAM.len()], usize)>,
    /// Lines that wait, or the rest of one that was begun; the kernel has already taken the first `sent` bytes.
    waiting: Vec<u8>,
    sent: usize,
    /// The newest line, for a reader that has not read the one before; empty if there is none.
    next: Vec<u8>,
    /// When its frame was captured, on the stream's clock.
    captured: Option<Duration>,
    /// Whether a verdict was given that may be unread.
    is_given: bool,
    /// Whether a new header must be given before the next verdict.
    header_due: bool,
}

impl Reader {
    fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            wants: Wants::Newest,
            request: Some(([0; STREAM.len()], 0)),
            waiting: Vec::new(),
            sent: 0,
            next: Vec::new(),
            captured: None,
            is_given: false,
            header_due: false,
        })
    }

    /// Takes note of what the reader asks for, if it has sent something.
    fn hear(&mut self) -> Result<(), Lost> {
        while let Some((request, length)) = &mut self.request {
            let mut byte = [0];
            match (&self.stream).read(&mut byte) {
                // It sends no more, and may still read.
                Ok(0) => self.request = None,
                Ok(_) if byte[0] == STREAM[*length] => {
                    request[*length] = byte[0];
                    *length += 1;
                    if *length == STREAM.len() {
                        *length = 0;
                        self.wants = Wants::Everything;
                        let line = std::mem::take(&mut self.next);
                        self.give(&line)?;
                    }
                }
                Ok(_) => return Err(Lost::Strange),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return Err(Lost::Gone),
            }
        }
        Ok(())
    }

    /// Gives a new header, or notes that it is due. Returns how many lines were missed.
    fn renew(&mut self, header: &[u8]) -> Result<u64, Lost> {
        match self.wants {
            Wants::Everything => self.give(header).map(|()| 0),
            Wants::Newest => {
                // What waits is of the old models, and must not follow the new header.
                let missed = u64::from(!self.next.is_empty());
                self.next.clear();
                self.header_due = true;
                self.give_header(header).map(|()| missed)
            }
        }
    }

    /// Gives the newest line to a reader that has read the one before, or keeps it until it has. Returns how many
    /// lines were missed.
    fn offer(
        &mut self,
        line: &[u8],
        captured: Option<Duration>,
        header: &[u8],
        now: Duration,
        max_age: Duration,
    ) -> Result<u64, Lost> {
        let missed = u64::from(!self.next.is_empty());
        self.next.clear();
        self.next.extend_from_slice(line);
        self.captured = captured;
        Ok(missed + self.turn(header, now, max_age)?)
    }

    /// Gives the line that waits to a reader that has read the one before. Returns 1 if it has become too old instead.
    fn turn(&mut self, header: &[u8], now: Duration, max_age: Duration) -> Result<u64, Lost> {
        self.flush()?;
        if !self.waiting.is_empty() || self.is_given && !self.has_read_everything() {
            return Ok(0);
        }
        self.is_given = false;
        self.give_header(header)?;
        if self.next.is_empty() || !self.waiting.is_empty() {
            return Ok(0);
        }
        let line = std::mem::take(&mut self.next);
        let is_old = self.captured.is_some_and(|captured| now.saturating_sub(captured) > max_age);
        let outcome = if is_old { Ok(()) } else { self.give(&line) };
        self.is_given = !is_old;
        // Its buffer is used again.
        self.next = line;
        self.next.clear();
        outcome.map(|()| u64::from(is_old))
    }

    fn give_header(&mut self, header: &[u8]) -> Result<(), Lost> {
        self.flush()?;
        if self.header_due && self.waiting.is_empty() {
            self.header_due = false;
            self.give(header)?;
        }
        Ok(())
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

    /// Whether the other end has read all that the kernel was given.
    #[cfg(target_os = "linux")]
    fn has_read_everything(&self) -> bool {
        use rustix::ioctl::{Getter, Opcode, ioctl};
        // SAFETY: TIOCOUTQ of a Unix socket writes one int, the bytes that its other end has not read, and takes nothing.
        let unread = unsafe { ioctl(&self.stream, Getter::<{ libc::TIOCOUTQ as Opcode }, libc::c_int>::new()) };
        // A kernel that does not say is taken to have passed everything on.
        unread.unwrap_or_default() == 0
    }

    /// Only Linux says how much the other end has not read.
    #[cfg(not(target_os = "linux"))]
    fn has_read_everything(&self) -> bool {
        true
    }
}

/// # Errors
/// The path does not fit into a socket's address.
fn expect_short(path: &Path) -> Result<(), SocketError> {
    match path.as_os_str().len() > LONGEST {
        true => Err(SocketError::TooLong { path: path.to_owned() }),
        false => Ok(()),
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
