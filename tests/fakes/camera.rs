//! A machine whose cameras follow a script, on a clock that moves only while somebody waits.
//!
//! The fake driver keeps the kernel's rules: a buffer that is queued already is refused with EINVAL, a frame without a
//! queued buffer is lost, STREAMOFF takes all buffers back.
#![allow(dead_code, reason = "shared by two test programs, and each needs its own part")]

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use purecam::frame::Frame;
use purecam::source::camera::{
    Agreed, Capability, Device, Filled, Fraction, Intervals, Machine, Node, Readiness, Sizes, Wanted, Which,
};
use purecam::source::{Camera, Fault, FrameSource, Offer, Opener, Reason, SourceError};
use purecam::time::{Clock, Stop};
use v4l::FourCC;

pub const CAPTURE: u32 = 0x0400_0001;
pub const METADATA: u32 = 0x0480_0000;

/// A clock that stands still unless somebody waits on it.
#[derive(Default)]
pub struct WaitingClock(Mutex<Duration>);

impl WaitingClock {
    pub fn advance(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for WaitingClock {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + self.now()
    }

    fn wait_until(&self, until: Duration, stop: &Stop) -> bool {
        let mut now = self.0.lock().unwrap();
        *now = until.max(*now);
        !stop.is_requested()
    }
}

/// What a camera does next.
#[derive(Clone, Debug)]
pub enum Act {
    /// A frame arrives. Frames without a pause between them pile up.
    Frame(Shot),
    /// Nothing happens for this time.
    Pause(Duration),
    /// The next wait fails.
    WaitFails(i32),
    /// The next dequeue fails.
    DequeueFails(i32),
    /// Every dequeue fails until the stream is stopped.
    FailsUntilStopped(i32),
    /// Every dequeue fails.
    FailsForEver(i32),
    /// Waits return at once, and there is nothing to dequeue, for ever.
    Complains,
    /// The end is requested while somebody waits.
    Stop,
}

/// A frame of a script.
#[derive(Clone, Debug, Default)]
pub struct Shot {
    pub bytes: Vec<u8>,
    /// The number of bytes to report, if not the true one.
    pub bytes_used: Option<usize>,
    pub flagged: bool,
    /// The driver's number, if not the next one.
    pub sequence: Option<u32>,
    pub stamp: Option<Duration>,
}

pub fn shot(bytes: Vec<u8>) -> Act {
    Act::Frame(Shot { bytes, ..Shot::default() })
}

pub fn pause(milliseconds: u64) -> Act {
    Act::Pause(Duration::from_millis(milliseconds))
}

/// A node of the machine and its driver.
pub struct Fake {
    pub path: PathBuf,
    pub number: u32,
    pub by_id: Option<PathBuf>,
    pub capability: Capability,
    /// Formats with their sizes; all sizes share the intervals.
    pub formats: Vec<(FourCC, Sizes)>,
    pub intervals: Intervals,
    /// The driver's answer, if not the requested format.
    pub answer: Option<fn(Agreed) -> Agreed>,
    /// How many buffers it gives, if not the requested number.
    pub buffers: Option<usize>,
    pub script: VecDeque<Act>,
    /// Errors of the next calls with this name.
    pub fails: HashMap<&'static str, VecDeque<i32>>,
    /// The names of all calls.
    pub calls: Vec<&'static str>,
    pub longest_wait: Duration,
    /// Open devices.
    pub open: usize,
    contents: Vec<Vec<u8>>,
    queued: Vec<bool>,
    size_image: usize,
    sequence: u32,
    stop: Stop,
    clock: Arc<WaitingClock>,
}

impl Fake {
    fn call(&mut self, name: &'static str) -> io::Result<()> {
        self.calls.push(name);
        match self.fails.get_mut(name).and_then(VecDeque::pop_front) {
            Some(code) => Err(io::Error::from_raw_os_error(code)),
            None => Ok(()),
        }
    }

    pub fn fail(&mut self, name: &'static str, codes: &[i32]) {
        self.fails.entry(name).or_default().extend(codes);
    }

    fn times(&self, name: &str) -> usize {
        self.calls.iter().filter(|call| **call == name).count()
    }
}

/// A machine, shared with the test that inspects it.
#[derive(Clone)]
pub struct World {
    pub clock: Arc<WaitingClock>,
    pub stop: Stop,
    fakes: Arc<Mutex<Vec<Fake>>>,
}

impl World {
    pub fn new() -> Self {
        let clock = Arc::new(WaitingClock(Mutex::new(Duration::from_secs(1000))));
        Self { clock, stop: Stop::new(), fakes: Arc::default() }
    }

    /// A machine with one camera that gives YUYV, 16 x 4 at 30 frames per second, and follows the script.
    pub fn with(script: impl IntoIterator<Item = Act>) -> Self {
        let world = Self::new();
        world.add(0, "Fake Camera").script.extend(script);
        world
    }

    /// Adds a camera.
    pub fn add(&self, number: u32, card: &str) -> impl std::ops::DerefMut<Target = Fake> + '_ {
        let fake = Fake {
            path: format!("/dev/video{number}").into(),
            number,
            by_id: None,
            capability: Capability::new(b"fake", card.as_bytes(), format!("usb-{number}").as_bytes(), CAPTURE),
            formats: vec![(FourCC::new(b"YUYV"), Sizes::List(vec![[16, 4]]))],
            intervals: Intervals::List(vec![Fraction { numerator: 1, denominator: 30 }]),
            answer: None,
            buffers: None,
            script: VecDeque::new(),
            fails: HashMap::new(),
            calls: Vec::new(),
            longest_wait: Duration::ZERO,
            open: 0,
            contents: Vec::new(),
            queued: Vec::new(),
            size_image: 0,
            sequence: 0,
            stop: self.stop.clone(),
            clock: self.clock.clone(),
        };
        self.fakes.lock().unwrap().push(fake);
        self.fake(number)
    }

    pub fn remove(&self, number: u32) {
        self.fakes.lock().unwrap().retain(|fake| fake.number != number);
    }

    /// The camera of a number.
    pub fn fake(&self, number: u32) -> impl std::ops::DerefMut<Target = Fake> + '_ {
        struct Guard<'a>(MutexGuard<'a, Vec<Fake>>, u32);
        impl std::ops::Deref for Guard<'_> {
            type Target = Fake;
            fn deref(&self) -> &Fake {
                self.0.iter().find(|fake| fake.number == self.1).unwrap()
            }
        }
        impl std::ops::DerefMut for Guard<'_> {
            fn deref_mut(&mut self) -> &mut Fake {
                self.0.iter_mut().find(|fake| fake.number == self.1).unwrap()
            }
        }
        Guard(self.fakes.lock().unwrap(), number)
    }

    /// How often a call was made.
    pub fn times(&self, number: u32, name: &str) -> usize {
        self.fake(number).times(name)
    }

    /// How many devices are open.
    pub fn open_devices(&self, number: u32) -> usize {
        self.fake(number).open
    }

    /// An opener of a camera with the given wishes.
    pub fn opener(&self, which: Which, wanted: Wanted) -> Opener {
        Camera::opener_on(Box::new(self.clone()), which, wanted, self.clock.clone())
    }

    /// Opens the first camera and drops no frame for the exposure.
    pub fn open(&self) -> Box<dyn FrameSource> {
        self.try_open().unwrap()
    }

    pub fn try_open(&self) -> Result<Box<dyn FrameSource>, SourceError> {
        self.opener(Which::First, at_once())()
    }

    /// The fault of opening the first camera.
    pub fn fault_of_opening(&self) -> Fault {
        match self.try_open() {
            Err(SourceError::Camera(fault)) => fault,
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("it opened"),
        }
    }
}

/// Any mode, and no frame dropped for the exposure.
pub fn at_once() -> Wanted {
    Wanted { skip_frames: Some(0), ..Wanted::default() }
}

/// A source with the frame that it fills.
pub struct Viewer {
    pub source: Box<dyn FrameSource>,
    pub frame: Frame,
    pub stop: Stop,
}

impl Viewer {
    pub fn of(world: &World) -> Self {
        Self { source: world.open(), frame: Frame::default(), stop: world.stop.clone() }
    }

    pub fn offer(&mut self) -> Result<Offer, SourceError> {
        self.source.next(&mut self.frame, &self.stop)
    }

    /// The next frame, past those that are let go while the exposure settles.
    pub fn next(&mut self) -> &Frame {
        let offer = std::iter::repeat_with(|| self.offer().unwrap()).find(|offer| *offer != Offer::Settling);
        assert_eq!(offer, Some(Offer::Frame));
        &self.frame
    }

    /// The next offer, which must be a fault.
    pub fn fault(&mut self) -> Fault {
        match self.offer() {
            Err(SourceError::Camera(fault)) => fault,
            other => panic!("expected a fault, found {other:?}"),
        }
    }

    pub fn reason(&mut self) -> Reason {
        self.fault().reason
    }
}

impl Machine for World {
    fn nodes(&self) -> Vec<Node> {
        let fakes = self.fakes.lock().unwrap();
        let mut nodes: Vec<Node> = fakes
            .iter()
            .map(|fake| Node { path: fake.path.clone(), number: fake.number, by_id: fake.by_id.clone() })
            .collect();
        nodes.sort_by_key(|node| node.number);
        nodes
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Device>> {
        let number = {
            let mut fakes = self.fakes.lock().unwrap();
            let fake = fakes.iter_mut().find(|fake| fake.path == path || fake.by_id.as_deref() == Some(path));
            let fake = fake.ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))?;
            fake.call("open")?;
            fake.open += 1;
            fake.number
        };
        Ok(Box::new(Open { world: self.clone(), number, read: Vec::new() }))
    }
}

/// An open node. One that has been removed from its machine answers ENODEV.
struct Open {
    world: World,
    number: u32,
    /// The bytes of the buffers that are not queued.
    read: Vec<Vec<u8>>,
}

impl Open {
    fn with<T>(&self, name: &'static str, work: impl FnOnce(&mut Fake) -> io::Result<T>) -> io::Result<T> {
        let mut fakes = self.world.fakes.lock().unwrap();
        let fake = fakes.iter_mut().find(|fake| fake.number == self.number);
        let fake = fake.ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))?;
        fake.call(name)?;
        work(fake)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        drop(self.with("close", |fake| {
            fake.open -= 1;
            if fake.open == 0 {
                fake.queued.clear();
            }
            Ok(())
        }));
    }
}

fn error<T>(code: i32) -> io::Result<T> {
    Err(io::Error::from_raw_os_error(code))
}

impl Device for Open {
    fn capability(&mut self) -> io::Result<Capability> {
        self.with("capability", |fake| Ok(fake.capability.clone()))
    }

    fn formats(&mut self) -> io::Result<Vec<FourCC>> {
        self.with("formats", |fake| Ok(fake.formats.iter().map(|(format, _)| *format).collect()))
    }

    fn sizes(&mut self, format: FourCC) -> io::Result<Sizes> {
        self.with("sizes", |fake| {
            let sizes = fake.formats.iter().find(|(known, _)| *known == format);
            sizes.map_or(error(libc::EINVAL), |(_, sizes)| Ok(sizes.clone()))
        })
    }

    fn intervals(&mut self, _: FourCC, _: u32, _: u32) -> io::Result<Intervals> {
        self.with("intervals", |fake| Ok(fake.intervals.clone()))
    }

    fn set_format(&mut self, format: FourCC, width: u32, height: u32) -> io::Result<Agreed> {
        self.with("set_format", |fake| {
            let (bytes_per_line, size_image) = match &format.repr {
                b"YUYV" | b"UYVY" => (2 * width, 2 * width * height),
                b"NV12" | b"YU12" => (width, width * height * 3 / 2),
                b"RGB3" | b"BGR3" => (3 * width, 3 * width * height),
                b"GREY" => (width, width * height),
                _ => (0, 200_000),
            };
            let agreed = Agreed {
                format,
                width,
                height,
                bytes_per_line,
                size_image,
                field: 1,
                colorspace: 8,
                ycbcr_encoding: 0,
                quantization: 0,
            };
            let agreed = fake.answer.map_or(agreed, |answer| answer(agreed));
            fake.size_image = agreed.size_image as usize;
            Ok(agreed)
        })
    }

    fn set_interval(&mut self, interval: Option<Fraction>) -> io::Result<Option<Fraction>> {
        self.with("set_interval", |_| Ok(interval))
    }

    fn map(&mut self, count: u32) -> io::Result<Vec<usize>> {
        let contents = self.with("map", |fake| {
            let count = fake.buffers.unwrap_or(count as usize);
            fake.contents = vec![vec![0xA5; fake.size_image]; count];
            fake.queued = vec![false; count];
            fake.sequence = 0;
            Ok(fake.contents.clone())
        })?;
        self.read = contents;
        Ok(self.read.iter().map(Vec::len).collect())
    }

    fn release(&mut self) -> io::Result<()> {
        self.with("release", |_| Ok(()))
    }

    fn queue(&mut self, index: usize) -> io::Result<()> {
        self.with("queue", |fake| {
            if fake.queued[index] {
                fake.calls.push("queued twice");
                return error(libc::EINVAL);
            }
            fake.queued[index] = true;
            Ok(())
        })
    }

    fn dequeue(&mut self) -> io::Result<Filled> {
        let (filled, bytes) = self.with("dequeue", |fake| {
            loop {
                match fake.script.front().cloned() {
                    Some(Act::Frame(shot)) => {
                        fake.script.pop_front();
                        let sequence = shot.sequence.unwrap_or(fake.sequence);
                        fake.sequence = sequence.wrapping_add(1);
                        let Some(index) = fake.queued.iter().position(|queued| *queued) else { continue };
                        fake.queued[index] = false;
                        let length = shot.bytes.len().min(fake.contents[index].len());
                        fake.contents[index][..length].copy_from_slice(&shot.bytes[..length]);
                        let bytes_used = shot.bytes_used.unwrap_or(shot.bytes.len());
                        let Shot { flagged, stamp, .. } = shot;
                        return Ok((
                            Filled { index, bytes_used, flagged, sequence, stamp },
                            fake.contents[index].clone(),
                        ));
                    }
                    Some(Act::DequeueFails(code)) => {
                        fake.script.pop_front();
                        return error(code);
                    }
                    Some(Act::FailsUntilStopped(code) | Act::FailsForEver(code)) => return error(code),
                    _ => return error(libc::EAGAIN),
                }
            }
        })?;
        self.read[filled.index] = bytes;
        Ok(filled)
    }

    fn start(&mut self) -> io::Result<()> {
        self.with("start", |fake| {
            fake.sequence = 0;
            Ok(())
        })
    }

    fn stop(&mut self) -> io::Result<()> {
        self.with("stop", |fake| {
            fake.queued.fill(false);
            if let Some(Act::FailsUntilStopped(_)) = fake.script.front() {
                fake.script.pop_front();
            }
            Ok(())
        })
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<Readiness> {
        self.with("wait", |fake| {
            fake.longest_wait = fake.longest_wait.max(timeout);
            match fake.script.front().cloned() {
                Some(Act::Pause(time)) => {
                    fake.script.pop_front();
                    fake.clock.advance(time.min(timeout));
                    if time > timeout {
                        fake.script.push_front(Act::Pause(time - timeout));
                        return Ok(Readiness::NotYet);
                    }
                    Ok(if fake.script.is_empty() { Readiness::NotYet } else { Readiness::Ready })
                }
                Some(Act::WaitFails(code)) => {
                    fake.script.pop_front();
                    error(code)
                }
                Some(Act::Complains) => Ok(Readiness::Complaint),
                Some(Act::Stop) => {
                    fake.stop.request();
                    Ok(Readiness::NotYet)
                }
                Some(_) => Ok(Readiness::Ready),
                None => {
                    fake.clock.advance(timeout);
                    Ok(Readiness::NotYet)
                }
            }
        })
    }

    fn bytes(&self, index: usize) -> &[u8] {
        &self.read[index]
    }
}
