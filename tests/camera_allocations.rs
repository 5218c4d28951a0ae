//! Nothing is allocated per frame of a camera, by the count of a counting allocator.
#![cfg(target_os = "linux")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use purecam::frame::{Fit, Flip, Frame, Framing, Picture, Proportions};
use purecam::source::camera::{
    Agreed, Capability, Device, Filled, Fraction, Intervals, Machine, Node, PixelFormat, Readiness, Sizes, Wanted,
    Which,
};
use purecam::source::{Camera, Offer};
use purecam::time::{Clock, Stop};
use v4l::FourCC;

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is the system allocator's; the counter is a number of this thread's own that allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of GlobalAlloc, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1)
    }

    fn wait_until(&self, _: Duration, stop: &Stop) -> bool {
        !stop.is_requested()
    }
}

const SIZE: [u32; 2] = [640, 480];

/// A camera that always has one more frame, and allocates nothing for it.
#[derive(Clone)]
struct Steady {
    format: PixelFormat,
    bytes: Arc<Vec<u8>>,
    length: usize,
    queued: [bool; 4],
    ready: bool,
    sequence: u32,
}

impl Machine for Steady {
    fn nodes(&self) -> Vec<Node> {
        vec![Node { path: "/dev/video0".into(), number: 0, by_id: None }]
    }

    fn open(&self, _: &Path) -> io::Result<Box<dyn Device>> {
        Ok(Box::new(self.clone()))
    }
}

impl Device for Steady {
    fn capability(&mut self) -> io::Result<Capability> {
        Ok(Capability::new(b"fake", b"Steady", b"usb-0", 0x0400_0001))
    }

    fn formats(&mut self) -> io::Result<Vec<FourCC>> {
        Ok(vec![self.format.fourcc()])
    }

    fn sizes(&mut self, _: FourCC) -> io::Result<Sizes> {
        Ok(Sizes::List(vec![SIZE]))
    }

    fn intervals(&mut self, _: FourCC, _: u32, _: u32) -> io::Result<Intervals> {
        Ok(Intervals::Unknown)
    }

    fn set_format(&mut self, format: FourCC, width: u32, height: u32) -> io::Result<Agreed> {
        Ok(Agreed {
            format,
            width,
            height,
            bytes_per_line: self.format.least_stride(width).unwrap_or(0),
            size_image: 3 * width * height,
            field: 1,
            colorspace: 8,
            ycbcr_encoding: 0,
            quantization: 0,
        })
    }

    fn set_interval(&mut self, _: Option<Fraction>) -> io::Result<Option<Fraction>> {
        Ok(None)
    }

    fn map(&mut self, _: u32) -> io::Result<Vec<usize>> {
        Ok(vec![self.bytes.len(); 4])
    }

    fn release(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn queue(&mut self, index: usize) -> io::Result<()> {
        self.queued[index] = true;
        Ok(())
    }

    fn dequeue(&mut self) -> io::Result<Filled> {
        if !std::mem::take(&mut self.ready) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let index = self.queued.iter().position(|queued| *queued).unwrap();
        self.queued[index] = false;
        self.sequence += 1;
        Ok(Filled { index, bytes_used: self.length, flagged: false, sequence: self.sequence, stamp: None })
    }

    fn start(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn stop(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn wait(&mut self, _: Duration) -> io::Result<Readiness> {
        self.ready = true;
        Ok(Readiness::Ready)
    }

    fn bytes(&self, _: usize) -> &[u8] {
        &self.bytes
    }
}

/// What 50 frames allocate after the first ten.
fn of_fifty_frames(format: PixelFormat, bytes: Vec<u8>, length: usize) -> u64 {
    let camera = Steady { format, bytes: Arc::new(bytes), length, queued: [false; 4], ready: false, sequence: 0 };
    let mut source = Camera::opener_on(
        Box::new(camera),
        Which::First,
        Wanted { skip_frames: Some(0), ..Wanted::default() },
        Arc::new(Still),
    )()
    .unwrap();
    let (mut frame, stop) = (Frame::default(), Stop::new());
    let mut next = || assert_eq!(source.next(&mut frame, &stop).unwrap(), Offer::Frame);
    (0..10).for_each(|_| next());
    allocations(|| (0..50).for_each(|_| next()))
}

#[test]
fn a_raw_frame_allocates_nothing() {
    for format in PixelFormat::ALL.into_iter().filter(|format| *format != PixelFormat::Mjpg) {
        let length = 3 * SIZE[0] as usize * SIZE[1] as usize;
        assert_eq!(of_fifty_frames(format, vec![100; length], length), 0, "{format:?}");
    }
}

#[test]
fn a_compressed_frame_allocates_what_its_decoder_does_and_no_more() {
    use zune_jpeg::JpegDecoder;
    use zune_jpeg::zune_core::bytestream::ZCursor;
    use zune_jpeg::zune_core::options::DecoderOptions;

    let [width, height] = SIZE;
    let rgb: Vec<u8> = (0..width * height * 3).map(|at| (at / 7) as u8).collect();
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 80)
        .encode(&rgb, width, height, image::ExtendedColorType::Rgb8)
        .unwrap();
    let mut out = vec![0; rgb.len()];
    let options = DecoderOptions::new_fast().set_strict_mode(true);
    let alone =
        allocations(|| JpegDecoder::new_with_options(ZCursor::new(&jpeg), options).decode_into(&mut out).unwrap());
    let length = jpeg.len();
    jpeg.resize(rgb.len(), 0);
    let found = of_fifty_frames(PixelFormat::Mjpg, jpeg, length);
    assert!(found <= 50 * alone, "{found} for 50 frames, of which the decoder needs {}", 50 * alone);
}

#[test]
fn a_framing_allocates_nothing_after_the_first_frame() {
    let [width, height] = SIZE;
    let rgb = (0..3 * width * height).map(|at| (at / 7) as u8).collect();
    let picture = Picture { width, height, rgb };
    let mut count = 0;
    for region in [Framing::default().region, [0.25, 0.1, 0.5, 0.6]] {
        for fit in [Proportions::Crop, Proportions::Pad, Proportions::Stretch] {
            for rotate in [0, 90, 180, 270] {
                for flip in [Flip::None, Flip::Horizontal, Flip::Vertical] {
                    let framing = Framing { region, fit, rotate, flip };
                    let (mut fit, mut planes) = (Fit::framed([64, 48], framing), Vec::new());
                    let mut frame = || fit.planes(&picture, &mut planes).unwrap();
                    assert!(allocations(&mut frame) > 0, "{framing:?}: the first frame makes the buffers");
                    assert_eq!(allocations(|| (0..10).for_each(|_| frame())), 0, "{framing:?}");
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 72);
}
