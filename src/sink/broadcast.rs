//! One writer, any number of readers, and nobody waits for anybody: a ring of the newest lines.
//!
//! The loop writes each verdict into the ring's oldest place, whose buffers are used again. A reader has a place of its
//! own in the stream and copies what it has not seen; one that is too slow finds that the ring has moved on, and is told
//! how many lines it has missed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Event;

/// Lines that a reader may be behind.
const PLACES: usize = 64;

/// Bytes that a place has from the beginning: a verdict of three classes has some seven hundred. Longer lines grow their
/// places once.
const LINE: usize = 1024;

/// What is published of one frame.
#[derive(Debug)]
pub struct Published {
    /// The verdict, or a header, as JSON with its line break.
    pub line: Vec<u8>,
    /// Nothing where the line is a header: from here on verdicts come from other models.
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

/// What a reader finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A line was copied; so many before it were missed.
    Line { missed: u64 },
    /// There was nothing new in time.
    TimedOut,
    /// The stream has ended, and all of it has been read.
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
    places: Vec<Published>,
    /// How many lines were ever written; line `n` lies in place `n % PLACES`.
    written: u64,
    closed: bool,
    /// The stream's first line, for readers that come later.
    header: Arc<[u8]>,
}

impl Broadcast {
    /// A stream that begins with the line `header`.
    pub fn new(header: &[u8]) -> Self {
        let places = (0..PLACES).map(|_| Published::default()).collect();
        let ring = Ring { places, written: 0, closed: false, header: header.into() };
        Self(Arc::new(Shared { ring: Mutex::new(ring), changed: Condvar::new() }))
    }

    /// Writes the next line through `write`, which finds an empty line and an old event to write over.
    pub fn publish(&self, write: impl FnOnce(&mut Published)) {
        let mut ring = self.0.lock();
        let place = (ring.written % PLACES as u64) as usize;
        let published = &mut ring.places[place];
        published.line.clear();
        write(published);
        ring.written += 1;
        drop(ring);
        self.0.changed.notify_all();
    }

    /// What every new reader should be told first.
    pub fn header(&self) -> Arc<[u8]> {
        self.0.lock().header.clone()
    }

    /// Writes a new header: from here on the stream's verdicts come from other models.
    pub fn publish_header(&self, header: &[u8]) {
        self.0.lock().header = header.into();
        self.publish(|published| {
            published.line.extend_from_slice(header);
            published.event = None;
        });
    }

    /// Says that nothing more comes. What is in the ring can still be read.
    pub fn close(&self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }

    /// A reader of everything that is written from now on.
    pub fn subscribe(&self) -> Subscriber {
        Subscriber { shared: self.0.clone(), next: self.0.lock().written }
    }
}

/// One reader's place in the stream.
#[derive(Debug)]
pub struct Subscriber {
    shared: Arc<Shared>,
    next: u64,
}

impl Subscriber {
    /// Waits at most `timeout` for a line and copies it into `out`.
    pub fn next(&mut self, timeout: Duration, out: &mut Published) -> Next {
        let deadline = Instant::now() + timeout;
        let mut ring = self.shared.lock();
        while ring.written == self.next {
            let left = deadline.saturating_duration_since(Instant::now());
            match (ring.closed, left.is_zero()) {
                (true, _) => return Next::Closed,
                (false, true) => return Next::TimedOut,
                (false, false) => {
                    ring = self.shared.changed.wait_timeout(ring, left).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
        let oldest = ring.written.saturating_sub(PLACES as u64);
        let missed = oldest.saturating_sub(self.next);
        self.next += missed;
        out.copy_from(&ring.places[(self.next % PLACES as u64) as usize]);
        self.next += 1;
        Next::Line { missed }
    }
}

impl Shared {
    /// A panic inside `publish`'s closure leaves a line that is never counted as written.
    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
