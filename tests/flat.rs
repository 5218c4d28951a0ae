//! Constant memory: after warm-up our own stages allocate nothing, and a hundred thousand frames leave nothing behind.

mod service_parts;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use purecam::engine::{Classifier, Description, Purifier, Shipped};
use purecam::frame::Frame;
use purecam::measure::Process;
use purecam::service::{Gallery, Health, Judge, Judgement, Options, Pipeline, Withheld, run};
use purecam::sink::{JsonLines, Published, Sink};
use purecam::source::{FrameSource, Offer, SourceError};
use purecam::time::{Clock, Stop};
use service_parts::{ManualClock, once, parts};

/// The system's allocator, which counts its calls and the bytes in use.
struct Counting;

static CALLS: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);

// SAFETY: every call is passed on to the system's allocator as it is; counting touches no memory of the caller's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        LIVE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promises are those that the system's allocator requires.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        LIVE.fetch_add(size as i64 - layout.size() as i64, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The counts are the whole process's, so the tests of this file go one after the other.
static ALONE: Mutex<()> = Mutex::new(());

/// The machine's time, but the watch never runs: its work, once a second, belongs to no frame.
struct Unwatched;

impl Clock for Unwatched {
    fn now(&self) -> Duration {
        purecam::time::SystemClock.now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1)
    }

    fn wait_until(&self, _: Duration, stop: &Stop) -> bool {
        if thread::current().name() == Some("watch") {
            stop.wait_for_request();
        }
        !stop.is_requested()
    }
}

/// A camera of 640 x 480 pixels that is always ready. Its picture moves.
struct Tireless {
    sequence: u64,
    end: u64,
}

impl FrameSource for Tireless {
    fn next(&mut self, frame: &mut Frame, _: &Stop) -> Result<Offer, SourceError> {
        if self.sequence == self.end {
            return Ok(Offer::Ended);
        }
        let picture = &mut frame.picture;
        (picture.width, picture.height) = (640, 480);
        picture.rgb.resize(640 * 480 * 3, 0);
        let row = (self.sequence % 480) as usize * 640 * 3;
        picture.rgb[row..row + 640 * 3].fill(self.sequence as u8);
        (frame.sequence, frame.captured) = (self.sequence, purecam::time::SystemClock.now());
        self.sequence += 1;
        // The models are slower than this; a moment's sleep leaves them the processor.
        thread::sleep(Duration::from_micros(if self.end == u64::MAX { 2000 } else { 0 }));
        Ok(Offer::Frame)
    }
}

/// A judge that looks at the count of allocations before its `from`-th and its `to`-th verdict.
struct Counted<J> {
    judge: J,
    verdicts: u64,
    from: u64,
    to: u64,
    counts: Arc<Mutex<[u64; 2]>>,
}

impl<J: Judge> Judge for Counted<J> {
    fn judge(&mut self, frame: &Frame, judgement: &mut Judgement) -> Result<(), Withheld> {
        for (place, at) in [self.from, self.to].into_iter().enumerate() {
            if self.verdicts == at {
                self.counts.lock().unwrap()[place] = CALLS.load(Ordering::Relaxed);
            }
        }
        self.verdicts += 1;
        self.judge.judge(frame, judgement)
    }

    fn picture(&self) -> Option<(&[f32], [usize; 2])> {
        self.judge.picture()
    }
}

fn shipped() -> (Purifier, Classifier) {
    let shipped = Shipped::find().unwrap();
    let purifier = Purifier::load(&shipped.purifier(), 1).unwrap();
    (purifier, Classifier::load(&shipped.classifier(), &Description::default()).unwrap())
}

#[test]
fn the_loop_allocates_nothing_per_frame_besides_what_the_engine_does() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // Each place of the broadcast has been used once by then.
    const FROM: u64 = 70;
    const FRAMES: u64 = 40;
    let clock: Arc<dyn Clock> = Arc::new(Unwatched);
    let (purifier, classifier) = shipped();
    let options = Options { smoothing: 3, compare_raw: true, ..Options::default() };
    let judge = Pipeline::new(Some(purifier), classifier, options, clock.clone());
    let counts = Arc::new(Mutex::new([0; 2]));
    let judge = Counted { judge, verdicts: 0, from: FROM, to: FROM + FRAMES, counts: counts.clone() };
    let sink = Box::new(JsonLines::new(io::sink()));
    let source = Tireless { sequence: 0, end: u64::MAX };
    let mut parts = parts(once(source), Box::new(judge), sink, Arc::new(ManualClock::default()));
    parts.health = Arc::new(Health::new(clock, Arc::default()));
    parts.limits.frames = Some(FROM + FRAMES + 1);
    // A viewer takes every exhibit and gives it back.
    let gallery = Arc::new(Gallery::of_everything());
    gallery.enter();
    let viewer = {
        let gallery = gallery.clone();
        thread::spawn(move || {
            while let Some(exhibit) = gallery.newest().take() {
                gallery.newest().give_back(exhibit);
            }
        })
    };
    parts.galleries = vec![gallery];
    let ended = run(parts).unwrap();
    viewer.join().unwrap();
    assert_eq!(ended.numbers.verdicts, FROM + FRAMES + 1);
    let [before, after] = *counts.lock().unwrap();

    let (mut purifier, mut classifier) = shipped();
    let image = vec![0.5; 3 * purifier.size()[0] * purifier.size()[1]];
    let mut purified = Vec::new();
    let mut engine = |frame: u64| {
        purifier.purify(&image, frame, &mut purified).unwrap();
        classifier.classify(&purified).unwrap();
        classifier.classify(&image).unwrap();
    };
    (0..FROM).for_each(&mut engine);
    let start = CALLS.load(Ordering::Relaxed);
    (0..FRAMES).for_each(&mut engine);
    let engine = CALLS.load(Ordering::Relaxed) - start;
    assert_eq!(after - before, engine, "allocations in {FRAMES} frames, of the loop and of the engine alone");
}

#[test]
fn a_hundred_thousand_frames_leave_nothing_behind() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    /// Looks at the process after ten thousand verdicts, and at the end.
    struct Inspector {
        verdicts: u64,
        looks: Arc<Mutex<Vec<(Process, i64)>>>,
    }
    impl Sink for Inspector {
        fn publish(&mut self, _: &Published) -> io::Result<()> {
            self.verdicts += 1;
            if matches!(self.verdicts, 10_000 | 100_000) {
                let process = Process::now().unwrap();
                self.looks.lock().unwrap().push((process, LIVE.load(Ordering::Relaxed)));
            }
            Ok(())
        }
    }
    let looks = Arc::new(Mutex::new(Vec::with_capacity(2)));
    let sink = Box::new(Inspector { verdicts: 0, looks: looks.clone() });
    let verdict = service_parts::judgement(&Frame::default(), Duration::ZERO);
    /// Gives the same verdict about every frame.
    struct Same(purecam::verdict::Verdict);
    impl Judge for Same {
        fn judge(&mut self, frame: &Frame, judgement: &mut Judgement) -> Result<(), Withheld> {
            judgement.verdict.clone_from(&self.0);
            judgement.verdict.seq = frame.sequence;
            Ok(())
        }
    }
    // Many frames are replaced and some lines missed: the loop runs until the sink has got a hundred thousand.
    let source = Tireless { sequence: 0, end: u64::MAX - 1 };
    let mut parts = parts(once(source), Box::new(Same(verdict)), sink, Arc::new(ManualClock::default()));
    parts.health = Arc::new(Health::new(Arc::new(Unwatched), Arc::default()));
    let (stop, seen) = (parts.stop.clone(), looks.clone());
    let timer = thread::spawn(move || {
        while seen.lock().unwrap().len() < 2 {
            thread::sleep(Duration::from_millis(20));
        }
        stop.request();
    });
    let ended = run(parts).unwrap();
    timer.join().unwrap();
    assert!(ended.numbers.verdicts >= 100_000);
    let looks = looks.lock().unwrap();
    let [(early, early_bytes), (late, late_bytes)] = looks[..] else { panic!("two looks, not {}", looks.len()) };
    assert_eq!((early.threads, early.open_files), (late.threads, late.open_files));
    // The frames in flight at the two moments may differ by one.
    assert!((late_bytes - early_bytes).abs() < 2 * 640 * 480 * 3, "{early_bytes} bytes became {late_bytes}");
    assert!(late.resident < early.resident + (8 << 20), "{} became {}", early.resident, late.resident);
}
