//! A USB camera in software: one MJPEG format over a bulk endpoint, and faults at will. The kernel's own `uvcvideo` drives it.
//!
//! UVC 1.0 (a later version's probe has 34 bytes), one video control interface, one streaming interface, no alternate
//! settings: with a bulk endpoint the stream starts with COMMIT and stops with CLEAR_FEATURE(HALT).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::clock::wait_for;
use crate::usbip::{Command, Link, Setup, Status, Submit};

pub const WIDTH: u16 = 640;
pub const HEIGHT: u16 = 360;
/// Between two frames: 3 a second. An emulated processor decodes some seven.
const INTERVAL: Duration = Duration::from_nanos(INTERVAL_100_NS as u64 * 100);
const INTERVAL_100_NS: u32 = 3_333_333;
const MAX_FRAME: u32 = 200_000;
const MAX_PAYLOAD: u32 = 16_384;
const BULK_IN: u32 = 1;

/// What is wrong with the frames that it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    None,
    /// The first half of each picture, marked as a whole one.
    Truncated,
    /// As many bytes as a picture has, and none of them right.
    Garbage,
    /// Every payload's header says that there was an error.
    ErrorBit,
    /// Transfers are never answered.
    Stall,
}

impl Fault {
    const ALL: [Self; 5] = [Self::None, Self::Truncated, Self::Garbage, Self::ErrorBit, Self::Stall];
}

/// A camera that is plugged in until it is unplugged.
pub struct Camera {
    fault: Arc<AtomicU8>,
    unplug: Arc<AtomicBool>,
    device: JoinHandle<Outcome>,
}

impl Camera {
    /// Plugs a camera of this name into a port; `picture`, a JPEG of [`WIDTH`] x [`HEIGHT`], is what it sees.
    pub fn plug(port: u32, name: &str, picture: &[u8]) -> Outcome<Self> {
        // The port may still be busy with the camera that was there before.
        let mut refusal = String::new();
        let attached = wait_for("a port of the virtual USB controller", Duration::from_secs(10), || {
            Link::attach(port).map(Some).or_else(|problem| {
                refusal = problem;
                Ok(None)
            })
        });
        let link = attached.map_err(|problem| format!("{problem}; {refusal}"))?;
        let (fault, unplug) = (Arc::new(AtomicU8::new(Fault::None as u8)), Arc::new(AtomicBool::new(false)));
        let mut device = Device {
            link,
            name: name.to_owned(),
            picture: picture.to_vec(),
            fault: fault.clone(),
            waiting: VecDeque::new(),
            frame: Vec::new(),
            sent: 0,
            header: 0,
            frame_id: 0,
            due: Instant::now(),
        };
        let until = unplug.clone();
        let device = std::thread::spawn(move || {
            let outcome = device.serve(&until);
            device.link.detach().and(outcome)
        });
        Ok(Self { fault, unplug, device })
    }

    /// From the next frame on.
    pub fn set(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::Relaxed);
    }

    pub fn unplug(self) -> Outcome {
        self.unplug.store(true, Ordering::Relaxed);
        self.device.join().map_err(|_| "the camera's program panicked".to_owned())?
    }
}

struct Device {
    link: Link,
    name: String,
    picture: Vec<u8>,
    fault: Arc<AtomicU8>,
    /// Transfers that wait for a payload.
    waiting: VecDeque<Submit>,
    /// The frame that is being sent, how much of it has been, and what its payloads' headers say.
    frame: Vec<u8>,
    sent: usize,
    header: u8,
    /// Toggles with every frame.
    frame_id: u8,
    /// When the next frame begins.
    due: Instant,
}

/// Bits of a payload's header.
const END_OF_FRAME: u8 = 0x02;
const ERROR: u8 = 0x40;
const END_OF_HEADER: u8 = 0x80;

impl Device {
    /// Answers until it is unplugged.
    fn serve(&mut self, unplug: &AtomicBool) -> Outcome {
        while !unplug.load(Ordering::Relaxed) {
            let idle = self.waiting.is_empty() || self.fault() == Fault::Stall;
            let patience = if idle { INTERVAL } else { self.due.saturating_duration_since(Instant::now()) };
            match self.link.receive(patience)? {
                Some(Command::Unlink { sequence, victim }) => {
                    let found = self.waiting.iter().position(|submit| submit.sequence == victim);
                    let taken_back = found.and_then(|index| self.waiting.remove(index)).is_some();
                    self.link.answer_unlink(sequence, taken_back)?;
                }
                Some(Command::Submit(submit)) if submit.endpoint == BULK_IN => self.waiting.push_back(submit),
                Some(Command::Submit(submit)) => self.control(&submit)?,
                None => {}
            }
            while self.sent < self.frame.len() || self.begin_frame() {
                if !self.send_payload()? {
                    break;
                }
            }
        }
        Ok(())
    }

    fn fault(&self) -> Fault {
        Fault::ALL[usize::from(self.fault.load(Ordering::Relaxed))]
    }

    /// Takes the next picture when it is time and the host waits for it.
    fn begin_frame(&mut self) -> bool {
        let now = Instant::now();
        if self.waiting.is_empty() || now < self.due || self.fault() == Fault::Stall {
            return false;
        }
        self.due = (self.due + INTERVAL).max(now);
        self.frame.clone_from(&self.picture);
        self.sent = 0;
        self.frame_id ^= 1;
        self.header = END_OF_HEADER | self.frame_id;
        match self.fault() {
            Fault::Truncated => self.frame.truncate(self.picture.len() / 2),
            Fault::Garbage => {
                self.frame.iter_mut().enumerate().for_each(|(index, byte)| *byte = (index * 31 + 7) as u8);
            }
            Fault::ErrorBit => self.header |= ERROR,
            Fault::None | Fault::Stall => {}
        }
        true
    }

    /// Answers one transfer with as much of the frame as it has room for. False where none waits.
    fn send_payload(&mut self) -> Outcome<bool> {
        let Some(submit) = self.waiting.pop_front() else { return Ok(false) };
        let room = submit.length.min(MAX_PAYLOAD) as usize - 2;
        let end = self.frame.len().min(self.sent + room);
        let last = if end == self.frame.len() { END_OF_FRAME } else { 0 };
        let mut payload = vec![2, self.header | last];
        payload.extend_from_slice(&self.frame[self.sent..end]);
        self.sent = end;
        self.link.answer(&submit, &Status::Done, &payload)?;
        Ok(true)
    }

    fn control(&mut self, submit: &Submit) -> Outcome {
        if let Setup { request_type: 0x02, request: 1, .. } = submit.setup {
            // CLEAR_FEATURE(HALT): the stream has been stopped.
            self.frame.clear();
            self.sent = 0;
        }
        match reply(&submit.setup, &self.name) {
            Some(mut data) => {
                data.truncate(usize::from(submit.setup.length).min(submit.length as usize));
                self.link.answer(submit, &Status::Done, if submit.inwards { &data } else { &[] })
            }
            None => self.link.answer(submit, &Status::Stalled, &[]),
        }
    }
}

/// What the device says to a control request; nothing where it does not know it.
fn reply(setup: &Setup, name: &str) -> Option<Vec<u8>> {
    const STREAMING: u16 = 1;
    let interface = setup.index & 0xff;
    match (setup.request_type, setup.request) {
        // GET_DESCRIPTOR.
        (0x80, 6) => match setup.value >> 8 {
            1 => Some(device_descriptor()),
            2 => Some(configuration_descriptor()),
            3 => Some(string_descriptor(setup.value as u8, name)),
            _ => None,
        },
        // GET_STATUS, GET_CONFIGURATION, GET_INTERFACE.
        (0x80..=0x82, 0) => Some(vec![0, 0]),
        (0x80, 8) => Some(vec![1]),
        (0x81, 10) => Some(vec![0]),
        // SET_ADDRESS, SET_CONFIGURATION, SET_INTERFACE, CLEAR_FEATURE.
        (0x00..=0x02, _) => Some(Vec::new()),
        // GET_CUR, GET_MIN, GET_MAX, GET_DEF of probe and commit; GET_LEN; GET_INFO.
        (0xa1, 0x81..=0x83 | 0x87) if interface == STREAMING => Some(probe()),
        (0xa1, 0x85) if interface == STREAMING => Some(vec![26, 0]),
        (0xa1, 0x86) if interface == STREAMING => Some(vec![3]),
        // SET_CUR: there is nothing to choose.
        (0x21, 1) if interface == STREAMING => Some(Vec::new()),
        _ => None,
    }
}

/// The one format, frame and interval that can be agreed to: video probe and commit control of UVC 1.0.
fn probe() -> Vec<u8> {
    let mut probe = vec![0; 26];
    probe[2] = 1;
    probe[3] = 1;
    probe[4..8].copy_from_slice(&INTERVAL_100_NS.to_le_bytes());
    probe[18..22].copy_from_slice(&MAX_FRAME.to_le_bytes());
    probe[22..26].copy_from_slice(&MAX_PAYLOAD.to_le_bytes());
    probe
}

fn device_descriptor() -> Vec<u8> {
    // USB 2.0; class by interface association; vendor and product of Linux's own webcam gadget; strings 1, 2 and 3.
    vec![18, 1, 0x00, 0x02, 0xef, 2, 1, 64, 0x6b, 0x1d, 0x02, 0x01, 0x00, 0x01, 1, 2, 3, 1]
}

fn string_descriptor(index: u8, name: &str) -> Vec<u8> {
    let text = match index {
        0 => return vec![4, 3, 0x09, 0x04],
        1 => "purecam",
        2 => name,
        _ => "0001",
    };
    let mut descriptor = vec![0, 3];
    descriptor.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    descriptor[0] = descriptor.len() as u8;
    descriptor
}

fn configuration_descriptor() -> Vec<u8> {
    let mut configuration = vec![9, 2, 0, 0, 2, 1, 0, 0x80, 250];
    // Interface association: the two interfaces are one video function.
    configuration.extend([8, 11, 0, 2, 14, 3, 0, 0]);
    configuration.extend([9, 4, 0, 0, 0, 14, 1, 0, 0]);
    configuration.extend(control_interface());
    configuration.extend([9, 4, 1, 0, 1, 14, 2, 0, 0]);
    configuration.extend(streaming_interface());
    // Endpoint 1 to the host, bulk, 512 bytes a packet.
    configuration.extend([7, 5, 0x80 | BULK_IN as u8, 2, 0x00, 0x02, 0]);
    with_total(configuration, 2)
}

fn control_interface() -> Vec<u8> {
    // Header: UVC 1.0, 48 MHz, one streaming interface, the second.
    let mut interface = vec![13, 0x24, 1, 0x00, 0x01, 0, 0, 0x00, 0x6c, 0xdc, 0x02, 1, 1];
    // A camera terminal without controls, and the terminal to the host that it feeds.
    interface.extend([18, 0x24, 2, 1, 0x01, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0]);
    interface.extend([9, 0x24, 3, 2, 0x01, 0x01, 0, 1, 0]);
    with_total(interface, 5)
}

fn streaming_interface() -> Vec<u8> {
    // Header: one format, on the endpoint.
    let mut interface = vec![14, 0x24, 1, 1, 0, 0, 0x80 | BULK_IN as u8, 0, 2, 0, 0, 0, 1, 0];
    // MJPEG, one size.
    interface.extend([11, 0x24, 6, 1, 1, 1, 1, 0, 0, 0, 0]);
    interface.extend([30, 0x24, 7, 1, 0]);
    interface.extend(WIDTH.to_le_bytes());
    interface.extend(HEIGHT.to_le_bytes());
    for bits_a_second in [1_000_000_u32, 50_000_000] {
        interface.extend(bits_a_second.to_le_bytes());
    }
    interface.extend(MAX_FRAME.to_le_bytes());
    interface.extend(INTERVAL_100_NS.to_le_bytes());
    interface.push(1);
    interface.extend(INTERVAL_100_NS.to_le_bytes());
    // Colours of sRGB.
    interface.extend([6, 0x24, 0x0d, 1, 1, 4]);
    with_total(interface, 4)
}

/// Writes a descriptor's whole length into it.
fn with_total(mut descriptor: Vec<u8>, at: usize) -> Vec<u8> {
    let total = (descriptor.len() as u16).to_le_bytes();
    descriptor[at..at + 2].copy_from_slice(&total);
    descriptor
}
