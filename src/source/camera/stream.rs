//! Frames from an open, configured device: a small state machine over its buffers.
//!
//! ```text
//!          start             an error: once stop, start
//!   Idle ---------> Streaming <-----------> Streaming
//!     \                 |  another error, a time-out, the camera gone
//!      \--refused--> Broken: every call returns the same fault
//! ```
//!
//! The stream knows of each buffer whether it is queued, so none is ever queued twice, whatever failed before. A call
//! of [`Stream::newest`] takes all frames that the driver has, gives all but the newest back at once, and only then
//! waits.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use super::device::{Device, Filled, Readiness};
use super::fault::{Doing, fault, is_gone};
use crate::source::{Fault, Reason, SkipCause, Skipped};
use crate::time::{Clock, Stop};

/// Buffers to request from the driver: one being read, one being filled, two for the moments in between.
const BUFFERS: u32 = 4;
/// With fewer, the driver has no buffer to fill while one is read.
const LEAST_BUFFERS: usize = 2;
/// The time without a frame after which a camera has timed out, if it gives two frames per second or more.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same for slower cameras, in intervals between frames.
const PATIENCE_INTERVALS: u32 = 4;
/// The longest time-out: a driver may report any rate.
const MOST_PATIENCE: Duration = Duration::from_secs(60);
/// The longest time for which a request to end goes unnoticed.
const SLICE: Duration = Duration::from_millis(100);
/// How long to leave a driver alone that wakes its caller up without a frame.
const RESPITE: Duration = Duration::from_millis(10);
/// After this many good frames, an error counts as the first one again.
const RECOVERED: u32 = 100;

/// The outcome of [`Stream::newest`].
#[derive(Debug)]
pub enum Taken {
    /// The newest frame. Its bytes stay valid until it is [given back](Stream::give_back) or the next one is taken.
    Frame(Numbered),
    /// A damaged frame; it has been given back.
    Spoilt(Skipped),
    /// The end was requested.
    Stopped,
}

/// A frame's buffer with its position in the stream.
#[derive(Clone, Copy, Debug)]
pub struct Numbered {
    /// The buffer, as the driver reported it.
    pub filled: Filled,
    /// The driver's count, continued across wraps and restarts.
    pub sequence: u64,
    /// When it was captured, on the stream's clock.
    pub captured: Duration,
}

/// Where a stream stands; see the drawing above.
#[derive(Debug)]
enum Phase {
    Idle,
    Streaming,
    /// For good, and why.
    Broken(Fault),
}

/// Where counting continues when a camera is opened again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    /// The number of the next frame.
    pub next: u64,
    /// Frames that nobody saw: lost by the driver, or dropped because there was a newer one.
    pub missed: u64,
}

/// A device that streams.
pub struct Stream {
    device: Box<dyn Device>,
    /// The camera as its user calls it.
    name: String,
    clock: Arc<dyn Clock>,
    /// The time without a frame after which the camera has timed out.
    patience: Duration,
    /// The fewest bytes of a whole frame.
    least_bytes: usize,
    phase: Phase,
    /// Per buffer: the driver has it.
    queued: Vec<bool>,
    /// The newest good frame so far, while a damaged one before it is reported first.
    held: Option<Numbered>,
    /// Buffers taken since the stream last waited.
    streak: usize,
    count: Count,
    /// The driver's number of the last frame; `None` until the first since the start.
    last_sequence: Option<u32>,
    /// No later frame was captured before this: the stream's start, then the last frame.
    earliest: Duration,
    /// Frames since the last restart; [`RECOVERED`] if there was none.
    frames_since_restart: u32,
}

impl Stream {
    /// Maps the buffers of a configured device and starts it. `interval` is the time between frames, if known.
    pub fn start(
        mut device: Box<dyn Device>,
        name: &str,
        clock: Arc<dyn Clock>,
        interval: Option<Duration>,
        least_bytes: usize,
        count: Count,
    ) -> Result<Self, Fault> {
        let lengths = device.map(BUFFERS).map_err(|error| fault(name, Doing::SettingUp, error))?;
        if lengths.len() < LEAST_BUFFERS {
            let detail = format!("has memory for {} buffers; at least {LEAST_BUFFERS} are needed", lengths.len());
            return Err(Fault::new(Reason::Refused, name, detail));
        }
        if let Some(length) = lengths.iter().find(|length| **length < least_bytes) {
            let detail = format!("has buffers of {length} bytes for frames of {least_bytes}");
            return Err(Fault::new(Reason::Format, name, detail));
        }
        let patience = interval.map_or(PATIENCE, |interval| interval.saturating_mul(PATIENCE_INTERVALS));
        let patience = patience.clamp(PATIENCE, MOST_PATIENCE);
        let mut stream = Self {
            device,
            name: name.to_owned(),
            earliest: clock.now(),
            clock,
            patience,
            least_bytes,
            phase: Phase::Idle,
            queued: vec![false; lengths.len()],
            held: None,
            streak: 0,
            count,
            last_sequence: None,
            frames_since_restart: RECOVERED,
        };
        stream.set_streaming()?;
        Ok(stream)
    }

    /// Waits for a frame and returns the newest that the driver has.
    ///
    /// # Errors
    /// A fault breaks the stream for good: the camera must be opened again.
    pub fn newest(&mut self, stop: &Stop) -> Result<Taken, Fault> {
        if let Phase::Broken(fault) = &self.phase {
            return Err(fault.clone());
        }
        let outcome = self.take_newest(stop);
        if let Err(fault) = &outcome {
            self.phase = Phase::Broken(fault.clone());
        }
        outcome
    }

    /// The bytes of a frame that the driver filled, and no others.
    pub fn bytes(&self, frame: &Numbered) -> &[u8] {
        let bytes = self.device.bytes(frame.filled.index);
        &bytes[..frame.filled.bytes_used.min(bytes.len())]
    }

    /// Gives a frame's buffer back to the driver. If that fails, the next [`newest`](Stream::newest) tries again.
    pub fn give_back(&mut self, frame: &Numbered) {
        if let Err(error) = self.queue(frame.filled.index) {
            log::debug!("{} does not take a buffer back yet: {error}", self.name);
        }
    }

    /// The present count, for the stream that follows this one.
    pub fn count(&self) -> Count {
        self.count
    }

    fn take_newest(&mut self, stop: &Stop) -> Result<Taken, Fault> {
        // A buffer whose reader failed half-way, or that could not be queued before.
        if let Err(error) = self.queue_all() {
            self.recover(error)?;
        }
        // The first frame of a stream may take longer: some cameras start their sensor only now.
        let patience = if self.last_sequence.is_none() { 2 * self.patience } else { self.patience };
        let begun = self.clock.now();
        let mut may_drop = true;
        loop {
            if let Some(spoilt) = self.drain()? {
                return Ok(Taken::Spoilt(spoilt));
            }
            let starved = self.streak >= self.queued.len();
            match self.held.take() {
                // The driver had no buffer left to put newer frames into, so this one may be of any age.
                Some(frame) if starved && may_drop => {
                    may_drop = false;
                    self.miss(&frame);
                }
                Some(frame) => return Ok(Taken::Frame(frame)),
                None => {}
            }
            self.streak = 0;
            if !self.wait(begun, patience, stop)? {
                return Ok(Taken::Stopped);
            }
        }
    }

    /// Takes filled buffers until the driver has no more; the newest stays in `held`. Stops early at a damaged frame.
    fn drain(&mut self) -> Result<Option<Skipped>, Fault> {
        // A driver that fills buffers faster than they are examined must not keep its caller here for ever.
        for _ in 0..2 * self.queued.len() {
            let filled = match self.device.dequeue() {
                Ok(filled) => filled,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.recover(error)?;
                    return Ok(None);
                }
            };
            let Some(queued) = self.queued.get_mut(filled.index) else {
                let error = format!("the driver filled buffer {}, which does not exist", filled.index);
                self.recover(io::Error::other(error))?;
                return Ok(None);
            };
            *queued = false;
            self.streak += 1;
            self.frames_since_restart = self.frames_since_restart.saturating_add(1);
            let frame = self.number(filled);
            if let Some(skipped) = self.examine(&frame) {
                self.give_back(&frame);
                return Ok(Some(skipped));
            }
            if let Some(older) = self.held.replace(frame) {
                self.miss(&older);
            }
        }
        Ok(None)
    }

    /// Gives a good frame back unseen.
    fn miss(&mut self, frame: &Numbered) {
        self.count.missed += 1;
        self.give_back(frame);
    }

    /// What is wrong with a frame by the driver's own report; `None` if it is good.
    fn examine(&self, Numbered { filled, sequence, .. }: &Numbered) -> Option<Skipped> {
        let (used, length) = (filled.bytes_used, self.device.bytes(filled.index).len());
        let (cause, problem) = if filled.flagged {
            (SkipCause::Flagged, "was marked as damaged by its driver".to_owned())
        } else if used > length {
            (SkipCause::Corrupt, format!("has {used} bytes in a buffer of {length}"))
        } else if used < self.least_bytes {
            (SkipCause::Short, format!("has {used} bytes of at least {}", self.least_bytes))
        } else {
            return None;
        };
        Some(Skipped { cause, problem: format!("frame {sequence} {problem}") })
    }

    /// Continues the driver's count, and decides when the frame was captured.
    fn number(&mut self, filled: Filled) -> Numbered {
        // No step, or a step back: the driver does not count, so its frames are taken to follow one another.
        let steps = match self.last_sequence.map(|last| filled.sequence.wrapping_sub(last)) {
            Some(steps @ 1..=0x7fff_ffff) => u64::from(steps),
            _ => 1,
        };
        self.last_sequence = Some(filled.sequence);
        let sequence = self.count.next + steps - 1;
        self.count = Count { next: sequence + 1, missed: self.count.missed + steps - 1 };
        let now = self.clock.now();
        // A stamp from before the last frame is not from this clock; one from the future is a driver's guess.
        let captured = filled.stamp.filter(|stamp| *stamp >= self.earliest).unwrap_or(now).min(now);
        self.earliest = captured;
        Numbered { filled, sequence, captured }
    }

    /// Waits until the driver has something. Returns false if the end is requested.
    fn wait(&mut self, begun: Duration, patience: Duration, stop: &Stop) -> Result<bool, Fault> {
        loop {
            if stop.is_requested() {
                return Ok(false);
            }
            let now = self.clock.now();
            let left = (begun + patience).saturating_sub(now);
            if left.is_zero() {
                let detail = format!("has given no frame for {:.1} s", patience.as_secs_f64());
                return Err(Fault::new(Reason::TimedOut, &*self.name, detail));
            }
            match self.device.wait(left.min(SLICE)) {
                Ok(Readiness::Ready) => return Ok(true),
                Ok(Readiness::NotYet) => {}
                // The next dequeue usually reports the problem. If it does not, this must not become a busy loop.
                Ok(Readiness::Complaint) => return Ok(self.clock.wait_until(now + RESPITE, stop)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.recover(error)?;
                    return Ok(true);
                }
            }
        }
    }

    /// Stops and starts the stream after an error, unless the camera is gone or the last error was too recent.
    fn recover(&mut self, error: io::Error) -> Result<(), Fault> {
        if is_gone(&error) || self.frames_since_restart < RECOVERED {
            return Err(fault(&self.name, Doing::Streaming, error));
        }
        log::warn!("{} reports an error and is started again: {error}", self.name);
        self.frames_since_restart = 0;
        self.halt();
        self.set_streaming()
    }

    /// Queues every buffer and starts; tries once more if that is refused.
    fn set_streaming(&mut self) -> Result<(), Fault> {
        let outcome = self.try_to_start().or_else(|error| {
            self.halt();
            if is_gone(&error) { Err(error) } else { self.try_to_start() }
        });
        outcome.map_err(|error| fault(&self.name, Doing::Starting, error))
    }

    fn try_to_start(&mut self) -> io::Result<()> {
        self.queue_all()?;
        self.device.start()?;
        self.phase = Phase::Streaming;
        self.last_sequence = None;
        self.earliest = self.clock.now();
        Ok(())
    }

    /// Takes every buffer out of the queue, in whatever state the driver is.
    fn halt(&mut self) {
        if let Err(error) = self.device.stop() {
            log::debug!("{} does not stop streaming: {error}", self.name);
        }
        self.phase = Phase::Idle;
        self.queued.fill(false);
        self.held = None;
        self.streak = 0;
    }

    fn queue_all(&mut self) -> io::Result<()> {
        let held = self.held.map(|frame| frame.filled.index);
        (0..self.queued.len()).filter(|index| Some(*index) != held).try_for_each(|index| self.queue(index))
    }

    fn queue(&mut self, index: usize) -> io::Result<()> {
        if !self.queued[index] {
            self.device.queue(index)?;
            self.queued[index] = true;
        }
        Ok(())
    }
}

impl Drop for Stream {
    /// Stops the driver. An error no longer matters: closing the node, which follows, frees everything.
    fn drop(&mut self) {
        if !matches!(self.phase, Phase::Idle) {
            self.halt();
        }
    }
}
