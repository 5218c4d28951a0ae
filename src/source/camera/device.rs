//! The driver's interface: one method for each V4L2 call that purecam makes, and plain data for the answers.
//!
//! [`Device`] and [`Machine`] are traits so that tests can simulate every fault of a camera. The real ones are in
//! `v4l2.rs`. Nothing here decides anything: choosing is in `choose.rs` and `negotiate.rs`, streaming in `stream.rs`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use v4l::FourCC;
use v4l::v4l_sys::{
    V4L2_CAP_META_CAPTURE, V4L2_CAP_STREAMING, V4L2_CAP_VIDEO_CAPTURE, V4L2_CAP_VIDEO_CAPTURE_MPLANE,
    V4L2_CAP_VIDEO_M2M, V4L2_CAP_VIDEO_M2M_MPLANE, V4L2_CAP_VIDEO_OUTPUT,
};

/// The cameras of a machine.
pub trait Machine: Send {
    /// The present video nodes, sorted by number.
    fn nodes(&self) -> Vec<Node>;
    /// Opens a node, or a link to one.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Device>>;
}

/// A video node. Not every node is a camera: a USB camera has a second one for metadata, and a codec has one too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `/dev/videoN`.
    pub path: PathBuf,
    /// Its N.
    pub number: u32,
    /// The link under `/dev/v4l/by-id` that leads to it, if udev made one.
    pub by_id: Option<PathBuf>,
}

/// An open video node. Calls return the driver's answer or its error; only [`wait`](Device::wait) waits.
pub trait Device: Send {
    /// VIDIOC_QUERYCAP.
    fn capability(&mut self) -> io::Result<Capability>;
    /// VIDIOC_ENUM_FMT: the formats of single-planar capture.
    fn formats(&mut self) -> io::Result<Vec<FourCC>>;
    /// VIDIOC_ENUM_FRAMESIZES.
    fn sizes(&mut self, format: FourCC) -> io::Result<Sizes>;
    /// VIDIOC_ENUM_FRAMEINTERVALS.
    fn intervals(&mut self, format: FourCC, width: u32, height: u32) -> io::Result<Intervals>;
    /// VIDIOC_S_FMT without any value of an earlier format: the driver chooses stride and size itself.
    fn set_format(&mut self, format: FourCC, width: u32, height: u32) -> io::Result<Agreed>;
    /// VIDIOC_S_PARM, or VIDIOC_G_PARM for `None`. Returns the driver's interval; `None` if it does not report one.
    fn set_interval(&mut self, interval: Option<Fraction>) -> io::Result<Option<Fraction>>;
    /// VIDIOC_REQBUFS, VIDIOC_QUERYBUF and mmap. Returns the length of each buffer; the driver may give fewer or more
    /// buffers than `count`. No buffer is queued. After an error the device can only be closed.
    fn map(&mut self, count: u32) -> io::Result<Vec<usize>>;
    /// VIDIOC_REQBUFS of no buffers: fails with EBUSY if another program has some.
    fn release(&mut self) -> io::Result<()>;
    /// VIDIOC_QBUF.
    fn queue(&mut self, index: usize) -> io::Result<()>;
    /// VIDIOC_DQBUF; [`WouldBlock`](io::ErrorKind::WouldBlock) if no buffer is filled.
    fn dequeue(&mut self) -> io::Result<Filled>;
    /// VIDIOC_STREAMON.
    fn start(&mut self) -> io::Result<()>;
    /// VIDIOC_STREAMOFF: takes every buffer out of the queue.
    fn stop(&mut self) -> io::Result<()>;
    /// Waits until [`dequeue`](Device::dequeue) has an answer, at most for `timeout`.
    fn wait(&mut self, timeout: Duration) -> io::Result<Readiness>;
    /// All bytes of a mapped buffer; empty while it is queued.
    fn bytes(&self, index: usize) -> &[u8];
}

/// The outcome of [`Device::wait`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// A buffer is filled.
    Ready,
    /// The timeout is over.
    NotYet,
    /// The driver reports a problem; the next dequeue says which, or that no buffer is filled yet.
    Complaint,
}

/// What a device reports about itself. Its names are any bytes that its maker chose: bytes that are not text, and
/// control characters, have been replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capability {
    /// The kernel's driver.
    pub driver: String,
    /// The name that the device gives itself.
    pub card: String,
    /// Where it is plugged in.
    pub bus: String,
    /// `V4L2_CAP_*`: what this node can do, not what the whole camera can do.
    pub device_caps: u32,
}

impl Capability {
    /// From the kernel's texts, which end at their first zero byte.
    pub fn new(driver: &[u8], card: &[u8], bus: &[u8], device_caps: u32) -> Self {
        Self { driver: text(driver), card: text(card), bus: text(bus), device_caps }
    }

    /// Why frames cannot be captured from this node; `None` if they can.
    pub fn not_a_camera(&self) -> Option<&'static str> {
        let has = |bits| self.device_caps & bits != 0;
        if has(V4L2_CAP_VIDEO_CAPTURE) {
            return (!has(V4L2_CAP_STREAMING)).then_some("captures, but does not stream");
        }
        Some(match () {
            () if has(V4L2_CAP_META_CAPTURE) => "carries a camera's metadata, not its pictures",
            () if has(V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE) => "is a codec or a converter",
            () if has(V4L2_CAP_VIDEO_CAPTURE_MPLANE) => {
                "captures only frames of several planes, which is not supported"
            }
            () if has(V4L2_CAP_VIDEO_OUTPUT) => "is an output",
            () => "does not capture video",
        })
    }
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end]);
    text.trim().chars().map(|letter| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter }).collect()
}

/// A length of time in the kernel's form: `numerator / denominator` seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    /// Seconds in which `denominator` frames come.
    pub numerator: u32,
    /// Frames in `numerator` seconds.
    pub denominator: u32,
}

impl Fraction {
    /// The interval between frames at `rate` frames per second, to a thousandth of a frame.
    pub fn of_rate(rate: f64) -> Self {
        if rate.fract() == 0.0 {
            return Self { numerator: 1, denominator: rate as u32 };
        }
        Self { numerator: 1000, denominator: (rate * 1000.0).round() as u32 }
    }

    /// Frames per second at this interval; `None` if the driver's numbers are not an interval.
    pub fn rate(self) -> Option<f64> {
        (self.numerator > 0 && self.denominator > 0).then(|| f64::from(self.denominator) / f64::from(self.numerator))
    }
}

/// The sizes, [width, height] in pixels, of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// The driver does not list them.
    Unknown,
    /// Exactly these.
    List(Vec<[u32; 2]>),
    /// Every size from `least` to `most`, both included, in steps.
    Range {
        /// The smallest.
        least: [u32; 2],
        /// The largest.
        most: [u32; 2],
        /// From one size to the next, at least 1.
        step: [u32; 2],
    },
}

/// The intervals between frames of a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intervals {
    /// The driver does not list them.
    Unknown,
    /// Exactly these.
    List(Vec<Fraction>),
    /// Every interval from `least` to `most`, both included.
    Range {
        /// The shortest, of the highest rate.
        least: Fraction,
        /// The longest, of the lowest rate.
        most: Fraction,
    },
}

/// The driver's choice in answer to a request for a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Four-character code.
    pub format: FourCC,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// From the beginning of a line to that of the next; 0 if lines have no fixed length.
    pub bytes_per_line: u32,
    /// The most bytes that a frame can have.
    pub size_image: u32,
    /// `enum v4l2_field`: how a frame's lines were captured.
    pub field: u32,
    /// `enum v4l2_colorspace`.
    pub colorspace: u32,
    /// `enum v4l2_ycbcr_encoding`.
    pub ycbcr_encoding: u32,
    /// `enum v4l2_quantization`.
    pub quantization: u32,
}

/// A buffer from the driver's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Its number, as in [`Device::queue`].
    pub index: usize,
    /// How much of it the driver reports to have filled.
    pub bytes_used: usize,
    /// V4L2_BUF_FLAG_ERROR: its bytes may be anything.
    pub flagged: bool,
    /// The driver's count of frames; wraps, and starts again with every stream.
    pub sequence: u32,
    /// When it was captured, by CLOCK_MONOTONIC; `None` if the driver uses another clock.
    pub stamp: Option<Duration>,
}
