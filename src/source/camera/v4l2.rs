//! The machine's own cameras: V4L2 through the system-call layer of the crate `v4l`.
//!
//! Only the crate's `open`, `ioctl`, `mmap`, `munmap`, request numbers and kernel structures are used. Its `Device` and
//! `Stream` panic on names that are not UTF-8, on unknown colour spaces and in `Drop`, and its stream queues a buffer
//! twice after a time-out; see `docs/ARCHITECTURE.md`.

use std::fs;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::{NonNull, null_mut};
use std::slice;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use v4l::FourCC;
use v4l::v4l_sys::{
    V4L2_BUF_FLAG_ERROR, V4L2_BUF_FLAG_TIMESTAMP_MASK, V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC, V4L2_CAP_DEVICE_CAPS,
    V4L2_CAP_TIMEPERFRAME, V4L2_PIX_FMT_PRIV_MAGIC, timeval,
    v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE as VIDEO_CAPTURE, v4l2_buffer, v4l2_capability, v4l2_fmtdesc,
    v4l2_format, v4l2_fract, v4l2_frmivalenum, v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE as DISCRETE_INTERVAL,
    v4l2_frmsizeenum, v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE as DISCRETE_SIZE,
    v4l2_memory_V4L2_MEMORY_MMAP as MEMORY_MMAP, v4l2_requestbuffers, v4l2_streamparm,
};
use v4l::v4l2::{self, vidioc};

use super::device::{Agreed, Capability, Device, Filled, Fraction, Intervals, Machine, Node, Readiness, Sizes};

/// The most formats, sizes or intervals to enumerate. A driver whose list never ends would be asked for ever.
const MAX_ENUMERATED: u32 = 256;
/// The most buffers to map: the kernel's own VIDEO_MAX_FRAME.
const MAX_BUFFERS: u32 = 32;

/// This machine.
#[derive(Debug, Default)]
pub struct Linux;

impl Machine for Linux {
    fn nodes(&self) -> Vec<Node> {
        let links = links(Path::new("/dev/v4l/by-id"));
        let mut nodes: Vec<Node> = entries(Path::new("/dev"))
            .filter_map(|path| {
                let number = path.file_name()?.to_str()?.strip_prefix("video")?.parse().ok()?;
                let by_id = links.iter().find(|(_, node)| *node == path).map(|(link, _)| link.clone());
                Some(Node { path, number, by_id })
            })
            .collect();
        nodes.sort_by_key(|node| node.number);
        nodes
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Device>> {
        // The crate's open panics on a path with a zero byte in it.
        if path.as_os_str().as_bytes().contains(&0) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let fd = v4l2::open(path, libc::O_RDWR | libc::O_NONBLOCK | libc::O_CLOEXEC)?;
        // SAFETY: the call above has just opened it, and nothing else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Box::new(V4l2 { buffers: Vec::new(), fd }))
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

/// The links of a folder with their targets, sorted by name.
fn links(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut links: Vec<_> =
        entries(folder).filter_map(|link| Some((link.clone(), fs::canonicalize(link).ok()?))).collect();
    links.sort();
    links
}

/// An open node. Fields drop in their order: the mappings go before the node is closed.
struct V4l2 {
    buffers: Vec<Mapping>,
    fd: OwnedFd,
}

/// The memory of one of the driver's buffers, mapped for reading.
struct Mapping {
    start: NonNull<u8>,
    length: usize,
    /// The driver may write into it now.
    queued: bool,
}

// SAFETY: a mapping belongs to the process and not to a thread; the pointer is used through `V4l2` only, whose methods
// borrow it.
unsafe impl Send for Mapping {}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `map` got exactly this range from mmap, and no slice of it outlives the borrow of its device.
        if let Err(error) = unsafe { v4l2::munmap(self.start.as_ptr().cast(), self.length) } {
            log::warn!("a camera's buffer cannot be unmapped: {error}");
        }
    }
}

/// A structure that an ioctl may read and write whole.
///
/// # Safety
/// Every pattern of bytes is a value of it, and the kernel follows no pointer in it for MMAP buffers.
unsafe trait Argument {}
// SAFETY: integers, and unions of integers, throughout; the pointers in the union of v4l2_buffer are for other kinds of
// memory, and those in v4l2_format for overlays.
unsafe impl Argument for v4l2_buffer {}
// SAFETY: as above.
unsafe impl Argument for v4l2_capability {}
// SAFETY: as above.
unsafe impl Argument for v4l2_fmtdesc {}
// SAFETY: as above.
unsafe impl Argument for v4l2_format {}
// SAFETY: as above.
unsafe impl Argument for v4l2_frmivalenum {}
// SAFETY: as above.
unsafe impl Argument for v4l2_frmsizeenum {}
// SAFETY: as above.
unsafe impl Argument for v4l2_requestbuffers {}
// SAFETY: as above.
unsafe impl Argument for v4l2_streamparm {}
// SAFETY: an integer.
unsafe impl Argument for libc::c_int {}

/// A structure of zeros: the kernel expects fields that are not set to be zero.
fn blank<T: Argument>() -> T {
    // SAFETY: every pattern of bytes is a value of an Argument.
    unsafe { zeroed() }
}

impl V4l2 {
    fn ioctl<T: Argument>(&self, request: vidioc::_IOC_TYPE, argument: &mut T) -> io::Result<()> {
        // The request's number contains the number of bytes that the kernel will touch (linux/ioctl.h: bits 16 to 29).
        if (request >> 16) & 0x3fff != size_of::<T>() as vidioc::_IOC_TYPE {
            return Err(io::Error::other("an ioctl got a structure of the wrong size"));
        }
        loop {
            // SAFETY: `argument` has the length that the request names, any bytes that the kernel writes are a value of
            // it, and it is borrowed for the whole call.
            match unsafe { v4l2::ioctl(self.fd.as_raw_fd(), request, (&raw mut *argument).cast()) } {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                outcome => return outcome,
            }
        }
    }

    fn request_buffers(&self, count: u32) -> io::Result<u32> {
        let mut request: v4l2_requestbuffers = blank();
        (request.count, request.type_, request.memory) = (count, VIDEO_CAPTURE, MEMORY_MMAP);
        self.ioctl(vidioc::VIDIOC_REQBUFS, &mut request)?;
        Ok(request.count)
    }

    fn map_one(&self, index: u32) -> io::Result<Mapping> {
        let mut buffer = buffer(index);
        self.ioctl(vidioc::VIDIOC_QUERYBUF, &mut buffer)?;
        let length = buffer.length as usize;
        // SAFETY: the kernel filled the union with an offset, because the buffer's memory is MMAP; any value of it is a
        // u32.
        let offset = i64::from(unsafe { buffer.m.offset });
        let fd = self.fd.as_raw_fd();
        // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
        let start = unsafe { v4l2::mmap(null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, fd, offset) }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Mapping { start, length, queued: false })
    }

    fn switch(&self, request: vidioc::_IOC_TYPE) -> io::Result<()> {
        self.ioctl(request, &mut (VIDEO_CAPTURE as libc::c_int))
    }
}

fn buffer(index: u32) -> v4l2_buffer {
    let mut buffer: v4l2_buffer = blank();
    (buffer.index, buffer.type_, buffer.memory) = (index, VIDEO_CAPTURE, MEMORY_MMAP);
    buffer
}

/// Whether an enumeration ended because the list is complete, and not because the camera is gone.
fn is_end_of_list(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOTTY))
}

impl Device for V4l2 {
    fn capability(&mut self) -> io::Result<Capability> {
        let mut found: v4l2_capability = blank();
        self.ioctl(vidioc::VIDIOC_QUERYCAP, &mut found)?;
        let of_node = found.capabilities & V4L2_CAP_DEVICE_CAPS != 0;
        let device_caps = if of_node { found.device_caps } else { found.capabilities };
        Ok(Capability::new(&found.driver, &found.card, &found.bus_info, device_caps))
    }

    fn formats(&mut self) -> io::Result<Vec<FourCC>> {
        let mut formats = Vec::new();
        for index in 0..MAX_ENUMERATED {
            let mut found: v4l2_fmtdesc = blank();
            (found.index, found.type_) = (index, VIDEO_CAPTURE);
            match self.ioctl(vidioc::VIDIOC_ENUM_FMT, &mut found) {
                Ok(()) => formats.push(FourCC::from(found.pixelformat)),
                Err(error) if is_end_of_list(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(formats)
    }

    fn sizes(&mut self, format: FourCC) -> io::Result<Sizes> {
        let mut sizes = Vec::new();
        for index in 0..MAX_ENUMERATED {
            let mut found: v4l2_frmsizeenum = blank();
            (found.index, found.pixel_format) = (index, format.into());
            match self.ioctl(vidioc::VIDIOC_ENUM_FRAMESIZES, &mut found) {
                Ok(()) if found.type_ == DISCRETE_SIZE => {
                    // SAFETY: the type says which member of the union is filled, and each is integers only.
                    let size = unsafe { found.__bindgen_anon_1.discrete };
                    sizes.push([size.width, size.height]);
                }
                Ok(()) => {
                    // SAFETY: as above; for both other types it is this one.
                    let range = unsafe { found.__bindgen_anon_1.stepwise };
                    return Ok(Sizes::Range {
                        least: [range.min_width, range.min_height],
                        most: [range.max_width, range.max_height],
                        step: [range.step_width.max(1), range.step_height.max(1)],
                    });
                }
                Err(error) if is_end_of_list(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(if sizes.is_empty() { Sizes::Unknown } else { Sizes::List(sizes) })
    }

    fn intervals(&mut self, format: FourCC, width: u32, height: u32) -> io::Result<Intervals> {
        let mut intervals = Vec::new();
        for index in 0..MAX_ENUMERATED {
            let mut found: v4l2_frmivalenum = blank();
            (found.index, found.pixel_format, found.width, found.height) = (index, format.into(), width, height);
            match self.ioctl(vidioc::VIDIOC_ENUM_FRAMEINTERVALS, &mut found) {
                // SAFETY: the type says which member of the union is filled, and each is integers only.
                Ok(()) if found.type_ == DISCRETE_INTERVAL => {
                    intervals.push(fraction(unsafe { found.__bindgen_anon_1.discrete }))
                }
                Ok(()) => {
                    // SAFETY: as above; for both other types it is this one.
                    let range = unsafe { found.__bindgen_anon_1.stepwise };
                    return Ok(Intervals::Range { least: fraction(range.min), most: fraction(range.max) });
                }
                Err(error) if is_end_of_list(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(if intervals.is_empty() { Intervals::Unknown } else { Intervals::List(intervals) })
    }

    fn set_format(&mut self, format: FourCC, width: u32, height: u32) -> io::Result<Agreed> {
        let mut wanted: v4l2_format = blank();
        wanted.type_ = VIDEO_CAPTURE;
        // SAFETY: all members of the union are integers, and zero so far.
        let pix = unsafe { &mut wanted.fmt.pix };
        (pix.width, pix.height, pix.pixelformat, pix.priv_) = (width, height, format.into(), V4L2_PIX_FMT_PRIV_MAGIC);
        self.ioctl(vidioc::VIDIOC_S_FMT, &mut wanted)?;
        // SAFETY: the type says that the driver filled this member; it is integers only.
        let pix = unsafe { wanted.fmt.pix };
        Ok(Agreed {
            format: FourCC::from(pix.pixelformat),
            width: pix.width,
            height: pix.height,
            bytes_per_line: pix.bytesperline,
            size_image: pix.sizeimage,
            field: pix.field,
            colorspace: pix.colorspace,
            // SAFETY: both members of the union are the same integer.
            ycbcr_encoding: unsafe { pix.__bindgen_anon_1.ycbcr_enc },
            quantization: pix.quantization,
        })
    }

    fn set_interval(&mut self, interval: Option<Fraction>) -> io::Result<Option<Fraction>> {
        let mut parameters: v4l2_streamparm = blank();
        parameters.type_ = VIDEO_CAPTURE;
        let request = match interval {
            Some(Fraction { numerator, denominator }) => {
                parameters.parm.capture.timeperframe = v4l2_fract { numerator, denominator };
                vidioc::VIDIOC_S_PARM
            }
            None => vidioc::VIDIOC_G_PARM,
        };
        match self.ioctl(request, &mut parameters) {
            Ok(()) => {}
            Err(error) if is_end_of_list(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
        // SAFETY: the type says that the driver filled this member; it is integers only.
        let capture = unsafe { parameters.parm.capture };
        let reported = capture.capability & V4L2_CAP_TIMEPERFRAME != 0;
        Ok(Some(fraction(capture.timeperframe)).filter(|found| reported && found.rate().is_some()))
    }

    fn map(&mut self, count: u32) -> io::Result<Vec<usize>> {
        let count = self.request_buffers(count)?.min(MAX_BUFFERS);
        for index in 0..count {
            let mapping = self.map_one(index)?;
            self.buffers.push(mapping);
        }
        Ok(self.buffers.iter().map(|buffer| buffer.length).collect())
    }

    fn release(&mut self) -> io::Result<()> {
        self.buffers.clear();
        self.request_buffers(0).map(drop)
    }

    fn queue(&mut self, index: usize) -> io::Result<()> {
        let mut buffer = buffer(index as u32);
        let mapping = self.buffers.get_mut(index).ok_or(io::ErrorKind::InvalidInput)?;
        // Before the call: from within it on, the driver may write.
        let before = std::mem::replace(&mut mapping.queued, true);
        let outcome = self.ioctl(vidioc::VIDIOC_QBUF, &mut buffer);
        if outcome.is_err() {
            self.buffers[index].queued = before;
        }
        outcome
    }

    fn dequeue(&mut self) -> io::Result<Filled> {
        let mut found = buffer(0);
        self.ioctl(vidioc::VIDIOC_DQBUF, &mut found)?;
        let index = found.index as usize;
        let mapping =
            self.buffers.get_mut(index).ok_or_else(|| io::Error::other("the driver returned an unknown buffer"))?;
        mapping.queued = false;
        let monotonic = found.flags & V4L2_BUF_FLAG_TIMESTAMP_MASK == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
        Ok(Filled {
            index,
            bytes_used: found.bytesused as usize,
            flagged: found.flags & V4L2_BUF_FLAG_ERROR != 0,
            sequence: found.sequence,
            stamp: if monotonic { stamp(found.timestamp) } else { None },
        })
    }

    fn start(&mut self) -> io::Result<()> {
        self.switch(vidioc::VIDIOC_STREAMON)
    }

    fn stop(&mut self) -> io::Result<()> {
        self.switch(vidioc::VIDIOC_STREAMOFF)?;
        self.buffers.iter_mut().for_each(|buffer| buffer.queued = false);
        Ok(())
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<Readiness> {
        let mut fds = [PollFd::from_borrowed_fd(self.fd.as_fd(), PollFlags::IN)];
        let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
        if poll(&mut fds, Some(&timeout))? == 0 {
            return Ok(Readiness::NotYet);
        }
        Ok(if fds[0].revents() == PollFlags::IN { Readiness::Ready } else { Readiness::Complaint })
    }

    fn bytes(&self, index: usize) -> &[u8] {
        match self.buffers.get(index) {
            // SAFETY: the range is mapped as long as the mapping lives, which is borrowed; the driver does not write
            // into a buffer that is not queued, and queueing it borrows the device mutably.
            Some(Mapping { start, length, queued: false }) => unsafe { slice::from_raw_parts(start.as_ptr(), *length) },
            _ => &[],
        }
    }
}

fn fraction(v4l2_fract { numerator, denominator }: v4l2_fract) -> Fraction {
    Fraction { numerator, denominator }
}

fn stamp(time: timeval) -> Option<Duration> {
    let microseconds = u32::try_from(time.tv_usec).ok().filter(|microseconds| *microseconds < 1_000_000)?;
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, microseconds * 1000))
}
