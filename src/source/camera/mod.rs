//! Frames from a V4L2 camera.
//!
//! How a frame comes through: `choose` finds the camera and opens it, `negotiate` agrees with it on format, size and rate,
//! `stream` takes the newest buffer out of the driver's queue and drops what the driver marked as damaged, `pixels` turns its
//! bytes into RGB, and [`Camera`] writes number and time of capture beside it. All of them speak to the driver through the
//! trait [`Device`], whose real implementation is `v4l2`.
//!
//! Nothing here retries for long or sleeps: a camera that fails is a [`Fault`] with its reason, and who owns the [`Opener`]
//! decides when to open it again. The opener remembers which camera it was and how far its frames were counted.

mod choose;
mod device;
mod fault;
mod mjpg;
mod negotiate;
mod pixels;
mod probe;
mod stream;
mod v4l2;

pub use choose::{Identity, Which};
pub use device::{Agreed, Capability, Device, Filled, Fraction, Intervals, Machine, Node, Readiness, Sizes};
pub use negotiate::{Agreement, Candidate, Mode, rank};
pub use pixels::{Converter, Layout, PixelFormat};
pub use probe::{Chosen, Offered, Probe, Report, State, probe};
pub use v4l2::Linux;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Fault, FrameSource, Offer, Opener, Reason, SkipCause, Skipped, SourceError};
use crate::frame::Frame;
use crate::time::{Clock, Stop};
use stream::{Count, Stream, Taken};

/// Frames that are let go after every opening, where nobody says otherwise: a sensor needs some to find its exposure.
pub const DEFAULT_SKIP_FRAMES: u32 = 5;

/// So many frames in a row that cannot be used, and the camera is opened anew: some give nothing else until then.
const MAX_SPOILT: u32 = 60;

/// What a user asks of a camera. What is not given is chosen; see [`rank`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    pub device: Which,
    /// Pixels. A camera that has no such width is refused.
    pub width: Option<u32>,
    /// Pixels. A camera that has no such height is refused.
    pub height: Option<u32>,
    /// Frames a second. The nearest rate is taken, and said.
    pub fps: Option<f64>,
    pub format: Option<PixelFormat>,
    /// Frames to let go after every opening; [`DEFAULT_SKIP_FRAMES`] where it is not given.
    pub skip_frames: Option<u32>,
}

impl Wanted {
    /// The camera of a source `camera:...`, or nothing where the text is no such source.
    pub fn from_uri(uri: &str) -> Option<Self> {
        uri.strip_prefix("camera:").map(|device| Self { device: Which::parse(device), ..Self::default() })
    }
}

/// What one opening leaves for the next.
#[derive(Default)]
struct Memory {
    count: Count,
    identity: Option<Identity>,
}

/// A camera that streams.
pub struct Camera {
    name: String,
    stream: Stream,
    converter: Converter,
    rate: Option<f64>,
    clock: Arc<dyn Clock>,
    /// Frames to let go until the exposure has settled.
    warm_up: u32,
    /// Frames in a row that could not be used.
    spoilt: u32,
    memory: Arc<Mutex<Memory>>,
}

impl Camera {
    /// Opens a camera of this machine, again and again.
    pub fn opener(wanted: Wanted, clock: Arc<dyn Clock>) -> Opener {
        Self::opener_on(Box::new(Linux), wanted, clock)
    }

    /// Opens a camera of any machine, again and again.
    pub fn opener_on(machine: Box<dyn Machine>, wanted: Wanted, clock: Arc<dyn Clock>) -> Opener {
        let memory = Arc::new(Mutex::new(Memory::default()));
        Box::new(move || match wanted.fps.filter(|fps| !(*fps > 0.0 && *fps <= 1000.0)) {
            Some(fps) => Err(SourceError::Rate(fps)),
            None => Ok(Box::new(Self::open(&*machine, &wanted, clock.clone(), memory.clone())?)),
        })
    }

    fn open(
        machine: &dyn Machine,
        wanted: &Wanted,
        clock: Arc<dyn Clock>,
        memory: Arc<Mutex<Memory>>,
    ) -> Result<Self, Fault> {
        let (before, count) = {
            let memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
            (memory.identity.clone(), memory.count)
        };
        let choose::Found { mut device, name, identity, .. } = choose::find(machine, &wanted.device, before.as_ref())?;
        let Agreement { layout, rate } = negotiate::agree(&mut *device, wanted, &name)?;
        let interval = rate.map(|rate| Duration::from_secs_f64(1.0 / rate));
        let stream = Stream::start(device, &name, clock.clone(), interval, layout.least_bytes(), count)?;
        let rate_text = rate.map_or("an unknown rate".to_owned(), |rate| format!("{rate:.1} frames/s"));
        let Layout { format, width, height, .. } = layout;
        log::info!("{name} streams {} {width}x{height} at {rate_text}", format.name());
        let identity = before.unwrap_or_else(|| choose::remember(machine, identity));
        memory.lock().unwrap_or_else(PoisonError::into_inner).identity = Some(identity);
        let warm_up = wanted.skip_frames.unwrap_or(DEFAULT_SKIP_FRAMES);
        Ok(Self { name, stream, converter: Converter::new(layout), rate, clock, warm_up, spoilt: 0, memory })
    }

    /// Counts a frame that could not be used, and gives the camera up when there were too many of them.
    fn skip(&mut self, skipped: Skipped) -> Result<Offer, SourceError> {
        self.spoilt += 1;
        if self.spoilt < MAX_SPOILT {
            return Ok(Offer::Skipped(skipped));
        }
        let detail = format!("gave {MAX_SPOILT} frames in a row that cannot be used; the last: {}", skipped.problem);
        Err(Fault { reason: Reason::Format, device: self.name.clone(), detail }.into())
    }

    fn fill(&mut self, frame: &mut Frame, taken: &stream::Numbered) -> Result<(), Skipped> {
        let begun = self.clock.now();
        let outcome = self.converter.convert(self.stream.bytes(taken), &mut frame.picture);
        self.stream.give_back(taken);
        let now = self.clock.now();
        frame.sequence = taken.sequence;
        frame.captured = taken.captured;
        let wall = self.clock.wall();
        // A machine without a battery may count from 1970 until it has the time.
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
        loop {
            let taken = match self.stream.newest(stop)? {
                Taken::Frame(taken) => taken,
                Taken::Spoilt(skipped) => return self.skip(skipped),
                Taken::Stopped => return Ok(Offer::Ended),
            };
            if self.warm_up > 0 {
                self.warm_up -= 1;
                self.stream.give_back(&taken);
                continue;
            }
            return match self.fill(frame, &taken) {
                Ok(()) => {
                    self.spoilt = 0;
                    Ok(Offer::Frame)
                }
                Err(skipped) => self.skip(skipped),
            };
        }
    }

    fn rate(&self) -> Option<f64> {
        self.rate
    }

    fn missed(&self) -> u64 {
        self.stream.count().missed
    }
}

impl Drop for Camera {
    /// The camera that is opened next goes on counting where this one ends.
    fn drop(&mut self) {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).count = self.stream.count();
    }
}
