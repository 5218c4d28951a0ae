//! What a camera can be asked: one method for each V4L2 call that this program makes, and plain data for the answers.
//!
//! [`Device`] and [`Machine`] are traits so that every fault of a camera can be played in a test. The real ones are in
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
    /// The video nodes that there are now, by their numbers.
    fn nodes(&self) -> Vec<Node>;
    /// Opens a node, or a link to one.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Device>>;
}

/// A video node. Not every one is a camera: a USB camera has a second one for metadata, a codec has one too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `/dev/videoN`.
    pub path: PathBuf,
    /// N.
    pub number: u32,
    /// The link under `/dev/v4l/by-id` that leads to it, where udev made one.
    pub by_id: Option<PathBuf>,
}

/// An open video node. Calls return what the driver said; none waits except [`wait`](Device::wait).
pub trait Device: Send {
    /// VIDIOC_QUERYCAP.
    fn capability(&mut self) -> io::Result<Capability>;
    /// VIDIOC_ENUM_FMT: the formats of single-planar capture.
    fn formats(&mut self) -> io::Result<Vec<FourCC>>;
    /// VIDIOC_ENUM_FRAMESIZES.
    fn sizes(&mut self, format: FourCC) -> io::Result<Sizes>;
    /// VIDIOC_ENUM_FRAMEINTERVALS.
    fn intervals(&mut self, format: FourCC, width: u32, height: u32) -> io::Result<Intervals>;
    /// VIDIOC_S_FMT with nothing of an earlier format in it: the driver chooses stride and size itself.
    fn set_format(&mut self, format: FourCC, width: u32, height: u32) -> io::Result<Agreed>;
    /// VIDIOC_S_PARM. Returns the interval that the driver took, or nothing where it does not say.
    fn set_interval(&mut self, interval: Option<Fraction>) -> io::Result<Option<Fraction>>;
    /// VIDIOC_REQBUFS, VIDIOC_QUERYBUF and mmap. Returns the length of every buffer; the driver may give fewer or more
    /// buffers than `count`. None is queued. After an error the device is of no more use.
    fn map(&mut self, count: u32) -> io::Result<Vec<usize>>;
    /// VIDIOC_REQBUFS of no buffers: fails with EBUSY where another program has some.
    fn release(&mut self) -> io::Result<()>;
    /// VIDIOC_QBUF.
    fn queue(&mut self, index: usize) -> io::Result<()>;
    /// VIDIOC_DQBUF; [`WouldBlock`](io::ErrorKind::WouldBlock) where no buffer is filled.
    fn dequeue(&mut self) -> io::Result<Filled>;
    /// VIDIOC_STREAMON.
    fn start(&mut self) -> io::Result<()>;
    /// VIDIOC_STREAMOFF: takes every buffer out of the queue.
    fn stop(&mut self) -> io::Result<()>;
    /// Waits until [`dequeue`](Device::dequeue) has something to say, at most for `timeout`.
    fn wait(&mut self, timeout: Duration) -> io::Result<Readiness>;
    /// All bytes of a mapped buffer that is not queued; none of one that is.
    fn bytes(&self, index: usize) -> &[u8];
}

/// What [`Device::wait`] came back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// A buffer is filled.
    Ready,
    /// The time is over.
    NotYet,
    /// The driver has something to complain of; the next dequeue says what, or that there is nothing yet.
    Complaint,
}

/// Who a device says that it is. Names are whatever the camera's maker burnt into it: bytes that are no text, and control
/// characters, have been replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capability {
    pub driver: String,
    pub card: String,
    /// Where it is plugged in.
    pub bus: String,
    /// `V4L2_CAP_*`: what this node can do, not what its camera can do as a whole.
    pub device_caps: u32,
}

impl Capability {
    /// Reads the kernel's own texts: bytes up to the first zero.
    pub fn new(driver: &[u8], card: &[u8], bus: &[u8], device_caps: u32) -> Self {
        Self { driver: text(driver), card: text(card), bus: text(bus), device_caps }
    }

    /// Why frames cannot be captured from this node; nothing where they can.
    pub fn not_a_camera(&self) -> Option<&'static str> {
        let has = |bits| self.device_caps & bits != 0;
        if has(V4L2_CAP_VIDEO_CAPTURE) {
            return (!has(V4L2_CAP_STREAMING)).then_some("captures, but does not stream");
        }
        Some(match () {
            () if has(V4L2_CAP_META_CAPTURE) => "carries a camera's metadata, not its pictures",
            () if has(V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE) => "is a codec or a converter",
            () if has(V4L2_CAP_VIDEO_CAPTURE_MPLANE) => {
                "captures with several planes a frame only, which is not supported"
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

/// A length of time as the kernel says it: `numerator / denominator` seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    pub numerator: u32,
    pub denominator: u32,
}

impl Fraction {
    /// The interval between frames at `rate` frames a second, to a thousandth.
    pub fn of_rate(rate: f64) -> Self {
        if rate.fract() == 0.0 {
            return Self { numerator: 1, denominator: rate as u32 };
        }
        Self { numerator: 1000, denominator: (rate * 1000.0).round() as u32 }
    }

    /// Frames a second at this interval; nothing where the driver's numbers make none.
    pub fn rate(self) -> Option<f64> {
        (self.numerator > 0 && self.denominator > 0).then(|| f64::from(self.denominator) / f64::from(self.numerator))
    }
}

/// The sizes, [width, height] in pixels, that a format comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// The driver does not say.
    Unknown,
    List(Vec<[u32; 2]>),
    Range {
        least: [u32; 2],
        most: [u32; 2],
        step: [u32; 2],
    },
}

/// The intervals between frames that a size comes at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intervals {
    /// The driver does not say.
    Unknown,
    List(Vec<Fraction>),
    Range {
        least: Fraction,
        most: Fraction,
    },
}

/// The format that the driver chose when it was asked for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    pub format: FourCC,
    pub width: u32,
    pub height: u32,
    /// From the beginning of a line to that of the next; 0 where lines have no fixed length.
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

/// A buffer that came out of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    pub index: usize,
    /// How much of it the driver filled, as it says.
    pub bytes_used: usize,
    /// V4L2_BUF_FLAG_ERROR: it may hold anything.
    pub flagged: bool,
    /// The driver's count of frames; wraps, and begins again with every stream.
    pub sequence: u32,
    /// When it was captured on CLOCK_MONOTONIC, where the driver stamps frames with that clock.
    pub stamp: Option<Duration>,
}
