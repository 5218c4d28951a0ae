//! Frames from a V4L2 camera.
//!
//! The way of a frame: `choose` finds the camera and opens it, `negotiate` agrees with it on format, size and rate,
//! `stream` takes the newest buffer out of the driver's queue and drops frames that the driver marked as damaged,
//! `pixels` turns the bytes into RGB, and [`Camera`] adds the frame's number and time of capture. All of them use the
//! driver through the trait [`Device`], whose real implementation is `v4l2`.
//!
//! Nothing here retries for long or sleeps: a camera that fails is a [`Fault`] with its reason, and the owner of the
//! [`Opener`] decides when to open it again. The opener remembers which camera it was, and the count of its frames.

mod choose;
mod device;
mod fault;
mod mjpg;
mod negotiate;
mod pixels;
mod probe;
mod stream;
mod v4l2;
mod wanted;

pub use choose::Which;
pub use device::{Agreed, Capability, Device, Filled, Fraction, Intervals, Machine, Node, Readiness, Sizes};
pub use pixels::{Converter, Layout, PixelFormat};
pub use probe::{Availability, Chosen, Offered, Probe, Report, probe};
pub use v4l2::Linux;
pub use wanted::{DEFAULT_SKIP_FRAMES, Wanted};

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{Fault, FrameSource, Offer, Opener, Reason, Skipped, SourceError};
use crate::frame::Frame;
use crate::time::{Clock, Stop};
use choose::Identity;
use negotiate::Agreement;
use stream::{Count, Stream, Taken};

/// After this many unusable frames in a row, the camera must be opened again: some recover only then.
const MAX_SPOILT: u32 = 60;

/// State that one opening leaves for the next.
#[derive(Default)]
struct Memory {
    count: Count,
    identity: Option<Identity>,
}

/// A camera that streams.
pub struct Camera {
    /// The camera as its user calls it, with its node; begins a message.
    name: String,
    stream: Stream,
    converter: Converter,
    /// Frames per second; `None` if the driver does not report them.
    rate: Option<f64>,
    clock: Arc<dyn Clock>,
    /// Frames to drop until the exposure has settled.
    warm_up: u32,
    /// Unusable frames in a row.
    spoilt: u32,
    memory: Arc<Mutex<Memory>>,
}

impl Camera {
    /// An opener of a camera of this machine. Each call opens the camera anew; nothing is opened before the first.
    pub fn opener(which: Which, wanted: Wanted, clock: Arc<dyn Clock>) -> Opener {
        Self::opener_on(Box::new(Linux), which, wanted, clock)
    }

    /// The same for any machine.
    pub fn opener_on(machine: Box<dyn Machine>, which: Which, wanted: Wanted, clock: Arc<dyn Clock>) -> Opener {
        let memory = Arc::new(Mutex::new(Memory::default()));
        Box::new(move || Ok(Box::new(Self::open(&*machine, &which, &wanted, clock.clone(), memory.clone())?)))
    }

    fn open(
        machine: &dyn Machine,
        which: &Which,
        wanted: &Wanted,
        clock: Arc<dyn Clock>,
        memory: Arc<Mutex<Memory>>,
    ) -> Result<Self, Fault> {
        let (before, count) = {
            let memory = memory.lock();
            (memory.identity.clone(), memory.count)
        };
        let choose::Found { mut device, name, identity, .. } = choose::find(machine, which, before.as_ref())?;
        let Agreement { layout, rate } = negotiate::agree(&mut *device, wanted, &name)?;
        let interval = rate.map(|rate| Duration::from_secs_f64(1.0 / rate));
        let stream = Stream::start(device, &name, clock.clone(), interval, layout.least_bytes(), count)?;
        let rate_text = rate.map_or("an unknown rate".to_owned(), |rate| format!("{rate:.1} frames/s"));
        let Layout { format, width, height, .. } = layout;
        log::info!("{name} streams {} {width}x{height} at {rate_text}", format.name());
        let identity = before.unwrap_or_else(|| choose::remember(machine, identity));
        memory.lock().identity = Some(identity);
        let warm_up = wanted.skip_frames.unwrap_or(DEFAULT_SKIP_FRAMES);
        Ok(Self { name, stream, converter: Converter::new(layout), rate, clock, warm_up, spoilt: 0, memory })
    }

    /// Counts an unusable frame; too many of them in a row are a fault.
    fn skip(&mut self, skipped: Skipped) -> Result<Offer, SourceError> {
        self.spoilt += 1;
        if self.spoilt < MAX_SPOILT {
            return Ok(Offer::Skipped(skipped));
        }
        let detail = format!("gave {MAX_SPOILT} frames in a row that cannot be used; the last: {}", skipped.problem);
        Err(Fault::new(Reason::Format, &*self.name, detail).into())
    }

    fn fill(&mut self, frame: &mut Frame, taken: &stream::Numbered) -> Result<(), Skipped> {
        let begun = self.clock.now();
        let outcome = self.converter.convert(self.stream.bytes(taken), &mut frame.picture);
        self.stream.give_back(taken);
        let now = self.clock.now();
        frame.sequence = taken.sequence;
        frame.captured = taken.captured;
        let wall = self.clock.wall();
        // A machine without a clock battery may count from 1970 until it learns the time.
        frame.captured_at = wall.checked_sub(now.saturating_sub(taken.captured)).unwrap_or(wall);
        frame.decoding = now.saturating_sub(begun);
        frame.staged = None;
        outcome.map_err(|Skipped { cause, problem }| Skipped {
            cause,
            problem: format!("frame {} {problem}", taken.sequence),
        })
    }
}

impl FrameSource for Camera {
    fn next(&mut self, frame: &mut Frame, stop: &Stop) -> Result<Offer, SourceError> {
        let taken = match self.stream.newest(stop)? {
            Taken::Frame(taken) => taken,
            Taken::Spoilt(skipped) => return self.skip(skipped),
            Taken::Stopped => return Ok(Offer::Ended),
        };
        if self.warm_up > 0 {
            self.warm_up -= 1;
            self.stream.give_back(&taken);
            return Ok(Offer::Settling);
        }
        match self.fill(frame, &taken) {
            Ok(()) => {
                self.spoilt = 0;
                Ok(Offer::Frame)
            }
            Err(skipped) => self.skip(skipped),
        }
    }

    fn is_live(&self) -> bool {
        true
    }

    fn rate(&self) -> Option<f64> {
        self.rate
    }

    fn missed(&self) -> u64 {
        self.stream.count().missed
    }
}

impl Drop for Camera {
    /// The next opening continues the count.
    fn drop(&mut self) {
        self.memory.lock().count = self.stream.count();
    }
}
