//! The loop, with a scripted camera, scripted models and a clock that only moves when told: newest wins, fail closed.

mod service_parts;

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use purecam::engine::InferenceError;
use purecam::frame::Frame;
use purecam::service::{Ended, Newest, Parts, Withheld, run};
use purecam::sink::{Published, Sink};
use purecam::source::{FrameSource, Offer, SkipCause, Skipped, SourceError};
use purecam::time::{Clock, Stop};
use purecam::verdict::Verdict;
use service_parts::{ManualClock, Scripted, judgement, once, parts as parts_of};

/// What the scripted camera does next.
enum Shot {
    Frame,
    Unreadable,
    Panic,
    Gone,
}

/// A camera that takes a picture on order, and reports when it waits for the next order.
struct Camera {
    orders: Receiver<Shot>,
    idle: Sender<()>,
    clock: Arc<ManualClock>,
    sequence: u64,
}

impl FrameSource for Camera {
    fn next(&mut self, frame: &mut Frame, _: &Stop) -> Result<Offer, SourceError> {
        self.idle.send(()).ok();
        let Ok(order) = self.orders.recv() else { return Ok(Offer::Ended) };
        match order {
            Shot::Frame => {
                (frame.sequence, frame.captured) = (self.sequence, self.clock.now());
                self.sequence += 1;
                Ok(Offer::Frame)
            }
            Shot::Unreadable => {
                Ok(Offer::Skipped(Skipped { cause: SkipCause::Corrupt, problem: "a frame of noise".to_owned() }))
            }
            Shot::Panic => panic!("a decoder that trusts its input"),
            Shot::Gone => Err(SourceError::NotAFile("unplugged".into())),
        }
    }
}

/// The other end of a [`Camera`].
struct Photographer {
    orders: Sender<Shot>,
    idle: Receiver<()>,
}

impl Photographer {
    /// Takes a picture and waits until it has reached the loop's slot.
    fn shoot(&self, shot: Shot) {
        self.orders.send(shot).unwrap();
        self.idle.recv().unwrap();
    }
}

fn camera(clock: &Arc<ManualClock>) -> (Camera, Photographer) {
    let (orders, to_take) = channel();
    let (idle, is_idle) = channel();
    let photographer = Photographer { orders, idle: is_idle };
    (Camera { orders: to_take, idle, clock: clock.clone(), sequence: 0 }, photographer)
}

/// Keeps the published verdicts.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Verdict>>>);

impl Sink for Kept {
    fn publish(&mut self, published: &Published) -> io::Result<()> {
        self.0.lock().unwrap().push(published.event.clone().unwrap().verdict);
        Ok(())
    }
}

impl Kept {
    fn sequence(&self) -> Vec<u64> {
        self.0.lock().unwrap().iter().map(|verdict| verdict.seq).collect()
    }
}

fn parts(
    source: Camera,
    judge: impl FnMut(&Frame) -> Result<Verdict, Withheld> + Send + 'static,
    sink: impl Sink + 'static,
) -> Parts {
    let clock = source.clock.clone();
    parts_of(once(source), Box::new(Scripted(judge)), Box::new(sink), clock)
}

/// Runs a loop whose camera does `shots`, one after another, each once the frame before it has been judged.
fn run_steps(
    shots: Vec<Shot>,
    mut judge: impl FnMut(&Frame) -> Result<Verdict, Withheld> + Send + 'static,
) -> (Ended, Kept) {
    let clock = Arc::new(ManualClock::default());
    let (source, photographer) = camera(&clock);
    let (judged, was_judged) = channel();
    let kept = Kept::default();
    let judge = move |frame: &Frame| {
        let _done = OnDrop(judged.clone());
        judge(frame)
    };
    let parts = parts(source, judge, kept.clone());
    let script = std::thread::spawn(move || {
        photographer.idle.recv().unwrap();
        for shot in shots {
            let is_frame = matches!(shot, Shot::Frame);
            let is_end = matches!(shot, Shot::Gone);
            photographer.orders.send(shot).unwrap();
            if is_frame {
                was_judged.recv().unwrap();
            }
            if !is_end {
                photographer.idle.recv().unwrap();
            }
        }
    });
    let ended = run(parts).unwrap();
    script.join().unwrap();
    (ended, kept)
}

/// Reports when it is dropped, even by a panic.
struct OnDrop(Sender<()>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.send(()).ok();
    }
}

#[test]
fn a_slow_purifier_never_makes_a_verdict_older() {
    const INTERVAL: u64 = 33;
    const PURIFICATION: u64 = 10 * INTERVAL + 16;
    let clock = Arc::new(ManualClock::default());
    let (source, photographer) = camera(&clock);
    photographer.orders.send(Shot::Frame).unwrap();
    let (mut rounds, mut photographer, time) = (0, Some(photographer), clock.clone());
    let judge = move |frame: &Frame| {
        rounds += 1;
        if let Some(photographer) = &photographer {
            if rounds == 1 {
                // The camera reported before the first frame and after it; from then on `shoot` takes its reports.
                (0..2).for_each(|_| photographer.idle.recv().unwrap());
            }
            // While the model works, the camera continues: ten frames, and half an interval.
            for _ in 0..10 {
                time.advance(INTERVAL);
                photographer.shoot(Shot::Frame);
            }
            time.advance(PURIFICATION - 10 * INTERVAL);
        } else {
            time.advance(PURIFICATION);
        }
        if rounds == 5 {
            photographer = None;
        }
        Ok(judgement(frame, time.now() - frame.captured))
    };
    let kept = Kept::default();
    let ended = run(parts(source, judge, kept.clone())).unwrap();
    assert_eq!(kept.sequence(), [0, 10, 20, 30, 40, 50], "a verdict is not about the newest frame");
    let ages: Vec<f64> = kept.0.lock().unwrap().iter().map(|verdict| verdict.age_ms).collect();
    let bound = (INTERVAL + PURIFICATION) as f64;
    assert!(ages.iter().all(|age| *age <= bound), "{ages:?} exceed {bound} ms");
    assert_eq!(ended.numbers.replaced, 5 * 9);
    assert_eq!(ended.numbers.frames, 51);
}

#[test]
fn a_newer_frame_takes_the_place_of_an_older_one_and_hands_its_buffer_back() {
    let newest = Newest::new();
    assert_eq!(newest.put("first"), None);
    assert_eq!(newest.put("second"), Some("first"));
    assert_eq!(newest.replaced(), 1);
    assert_eq!(newest.take(), Some("second"));
    newest.give_back("second");
    assert_eq!(newest.put("third"), Some("second"), "a buffer that was given back is not reused");
    assert_eq!(newest.replaced(), 1, "a frame that was taken counts as replaced");
    newest.close();
    assert_eq!(newest.take(), Some("third"), "closing loses the last frame");
    assert_eq!(newest.take(), None);
}

#[test]
fn a_stage_that_fails_or_panics_withholds_its_verdict_and_is_counted_by_cause() {
    let not_a_number = InferenceError::NotFinite { index: 3, found: "NaN".to_owned() };
    let judge = move |frame: &Frame| match frame.sequence {
        1 => Err(Withheld::Purify(not_a_number.clone())),
        2 => panic!("an assertion in a kernel"),
        3 => Err(Withheld::Classify(InferenceError::Engine("no memory".into()))),
        _ => Ok(judgement(frame, Duration::ZERO)),
    };
    let (ended, kept) = run_steps((0..6).map(|_| Shot::Frame).collect(), judge);
    assert_eq!(kept.sequence(), [0, 4, 5]);
    let withheld: Vec<_> = ended.numbers.withheld.into_iter().collect();
    let expected = [("classify-engine", 1), ("panic", 1), ("purify-not-finite", 1)];
    assert_eq!(withheld, expected.map(|(cause, count)| (cause.to_owned(), count)));
}

#[test]
fn a_frame_that_cannot_be_read_or_makes_its_decoder_panic_is_skipped_and_counted() {
    let shots = vec![Shot::Frame, Shot::Unreadable, Shot::Panic, Shot::Frame];
    let (ended, kept) = run_steps(shots, |frame| Ok(judgement(frame, Duration::ZERO)));
    assert_eq!(kept.sequence(), [0, 1]);
    assert_eq!((ended.numbers.all_skipped(), ended.numbers.verdicts), (2, 2));
}

#[test]
fn a_source_that_breaks_ends_the_loop_and_says_why() {
    let (ended, kept) = run_steps(vec![Shot::Frame, Shot::Gone], |frame| Ok(judgement(frame, Duration::ZERO)));
    assert_eq!(kept.sequence(), [0]);
    assert!(ended.source.unwrap().to_string().contains("unplugged"));
}

#[test]
fn the_loop_ends_after_the_requested_number_of_verdicts() {
    let clock = Arc::new(ManualClock::default());
    let (source, photographer) = camera(&clock);
    (0..100).for_each(|_| photographer.orders.send(Shot::Frame).unwrap());
    let kept = Kept::default();
    let mut parts = parts(source, |frame: &Frame| Ok(judgement(frame, Duration::ZERO)), kept.clone());
    parts.limits.frames = Some(1);
    // The camera would wait forever for another order; the end of its orders lets it notice that the loop has ended.
    drop(photographer);
    run(parts).unwrap();
    assert_eq!(kept.sequence().len(), 1);
}

#[test]
fn a_request_to_end_is_obeyed_while_the_source_waits() {
    /// Waits like the real sources: for a time or until the end is requested.
    struct Waiting;
    impl FrameSource for Waiting {
        fn next(&mut self, _: &mut Frame, stop: &Stop) -> Result<Offer, SourceError> {
            stop.wait(Duration::from_secs(3600));
            Ok(Offer::Ended)
        }
    }
    let judge = |frame: &Frame| Ok(judgement(frame, Duration::ZERO));
    let clock = Arc::new(ManualClock::default());
    let parts = parts_of(once(Waiting), Box::new(Scripted(judge)), Box::new(Kept::default()), clock);
    let stop = parts.stop.clone();
    let running = std::thread::spawn(move || run(parts).unwrap());
    stop.request();
    assert_eq!(running.join().unwrap().numbers.verdicts, 0);
}

#[test]
fn a_model_that_does_not_come_back_does_not_hold_up_the_end() {
    let clock = Arc::new(ManualClock::default());
    let (source, photographer) = camera(&clock);
    let (began, has_begun) = channel();
    let (_never, forever) = channel::<()>();
    let judge = move |frame: &Frame| {
        began.send(()).unwrap();
        forever.recv().ok();
        Ok(judgement(frame, Duration::ZERO))
    };
    let parts = parts(source, judge, Kept::default());
    let stop = parts.stop.clone();
    let running = std::thread::spawn(move || run(parts).unwrap());
    photographer.orders.send(Shot::Frame).unwrap();
    has_begun.recv().unwrap();
    stop.request();
    assert_eq!(running.join().unwrap().numbers.verdicts, 0);
}

#[test]
fn a_reader_that_takes_nothing_costs_the_loop_verdicts_but_no_time() {
    /// Blocks forever at its first verdict.
    struct Stuck(Receiver<()>);
    impl Sink for Stuck {
        fn publish(&mut self, _: &Published) -> io::Result<()> {
            self.0.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
        }
    }
    let clock = Arc::new(ManualClock::default());
    let (source, photographer) = camera(&clock);
    let (release, stuck) = channel();
    let (judged, was_judged) = channel();
    let judge = move |frame: &Frame| {
        judged.send(()).unwrap();
        Ok(judgement(frame, Duration::ZERO))
    };
    let parts = parts(source, judge, Stuck(stuck));
    let running = std::thread::spawn(move || run(parts).unwrap());
    for _ in 0..200 {
        photographer.orders.send(Shot::Frame).unwrap();
        was_judged.recv().unwrap();
    }
    drop(photographer);
    drop(release);
    let ended = running.join().unwrap();
    assert_eq!(ended.numbers.verdicts, 200);
    let (name, error) = ended.sink.unwrap();
    assert_eq!((name, error.kind()), ("sink", io::ErrorKind::BrokenPipe));
}
