//! A ring of the newest lines: one writer, any number of readers, and none of them waits for another.
//!
//! The loop writes each verdict into the ring's oldest slot, whose buffers are reused. Each reader has its own position
//! in the stream and copies the lines that it has not read. If it is too slow, the ring has moved on, and it gets the
//! number of lines that it missed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::Event;

/// Lines by which a reader may be behind.
const SLOTS: usize = 64;

/// Initial capacity of a slot's line, in bytes: a verdict of three classes has about seven hundred. A longer line grows
/// its slot once.
const LINE: usize = 1024;

/// One line of the stream, and what a live view shows besides.
#[derive(Debug)]
pub struct Published {
    /// The verdict, or a header, as JSON with its line break.
    pub line: Vec<u8>,
    /// `None` if the line is a header: the verdicts after it come from other models.
    pub event: Option<Event>,
}

impl Default for Published {
    fn default() -> Self {
        Self { line: Vec::with_capacity(LINE), event: None }
    }
}

impl Published {
    fn copy_from(&mut self, other: &Self) {
        self.line.clone_from(&other.line);
        match (&mut self.event, &other.event) {
            (Some(event), Some(other)) => event.clone_from(other),
            (event, other) => event.clone_from(other),
        }
    }
}

/// What a reader gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A line was copied.
    Line {
        /// Lines before it that were overwritten before this reader got to them.
        missed: u64,
    },
    /// No new line came in time.
    TimedOut,
    /// The stream has ended, and this reader has read all of it.
    Closed,
}

/// The ring. Clones are the same ring.
#[derive(Clone, Debug)]
pub struct Broadcast(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ring: Mutex<Ring>,
    changed: Condvar,
}

#[derive(Debug)]
struct Ring {
    slots: Vec<Published>,
    /// Lines written so far; line `n`, counted from 0, is in slot `n % SLOTS`.
    written: u64,
    closed: bool,
    /// The stream's first line, for readers that come later.
    header: Arc<[u8]>,
}

impl Broadcast {
    /// A stream that begins with the line `header`.
    pub fn new(header: &[u8]) -> Self {
        let slots = (0..SLOTS).map(|_| Published::default()).collect();
        let ring = Ring { slots, written: 0, closed: false, header: header.into() };
        Self(Arc::new(Shared { ring: Mutex::new(ring), changed: Condvar::new() }))
    }

    /// Writes the next line through `write`, which gets an empty line and an old event to overwrite. If `write` panics,
    /// its line does not count as written.
    pub fn publish(&self, write: impl FnOnce(&mut Published)) {
        let mut ring = self.0.ring.lock();
        let slot = (ring.written % SLOTS as u64) as usize;
        let published = &mut ring.slots[slot];
        published.line.clear();
        write(published);
        ring.written += 1;
        drop(ring);
        self.0.changed.notify_all();
    }

    /// The stream's newest header, with its line break: the first line for a new reader.
    pub fn header(&self) -> Arc<[u8]> {
        self.0.ring.lock().header.clone()
    }

    /// Writes a new header: the verdicts after it come from other models.
    pub fn publish_header(&self, header: &[u8]) {
        self.0.ring.lock().header = header.into();
        self.publish(|published| {
            published.line.extend_from_slice(header);
            published.event = None;
        });
    }

    /// Ends the stream. What is in the ring can still be read.
    pub fn close(&self) {
        self.0.ring.lock().closed = true;
        self.0.changed.notify_all();
    }

    /// A reader of all lines that are written from now on.
    pub fn subscribe(&self) -> Subscriber {
        Subscriber { shared: self.0.clone(), next: self.0.ring.lock().written }
    }
}

/// One reader's position in the stream.
#[derive(Debug)]
pub struct Subscriber {
    shared: Arc<Shared>,
    /// The next line to read, counted from 0.
    next: u64,
}

impl Subscriber {
    /// The stream's newest header, with its line break.
    pub fn header(&self) -> Arc<[u8]> {
        self.shared.ring.lock().header.clone()
    }

    /// Whether the stream has ended and this reader has read all of it.
    pub fn is_over(&self) -> bool {
        let ring = self.shared.ring.lock();
        ring.closed && ring.written == self.next
    }

    /// Passes over all lines that are written already, and returns how many verdicts were among them that this reader had
    /// not read. Those that are overwritten count as verdicts.
    pub fn skip(&mut self) -> u64 {
        let ring = self.shared.ring.lock();
        let oldest = ring.written.saturating_sub(SLOTS as u64).max(self.next);
        let headers = (oldest..ring.written).filter(|line| ring.slots[(line % SLOTS as u64) as usize].event.is_none());
        let skipped = ring.written - self.next - headers.count() as u64;
        self.next = ring.written;
        skipped
    }

    /// Waits for at most `timeout` for a line and copies it into `out`.
    pub fn next(&mut self, timeout: Duration, out: &mut Published) -> Next {
        let deadline = Instant::now() + timeout;
        let mut ring = self.shared.ring.lock();
        while ring.written == self.next {
            let left = deadline.saturating_duration_since(Instant::now());
            match (ring.closed, left.is_zero()) {
                (true, _) => return Next::Closed,
                (false, true) => return Next::TimedOut,
                // A wake-up without a reason only goes round the loop.
                (false, false) => drop(self.shared.changed.wait_for(&mut ring, left)),
            }
        }
        let oldest = ring.written.saturating_sub(SLOTS as u64);
        let missed = oldest.saturating_sub(self.next);
        self.next += missed;
        out.copy_from(&ring.slots[(self.next % SLOTS as u64) as usize]);
        self.next += 1;
        Next::Line { missed }
    }
}
