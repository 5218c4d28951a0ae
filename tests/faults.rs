//! Faults are states: each fault of a camera has a name, a count and a way back, and none ends the loop.

mod service_parts;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use purecam::frame::{Frame, Picture};
use purecam::service::{Degradation, Ended, Health, Input, Machine, Numbers, Outlet, State, Withheld, run};
use purecam::sink::{Published, Sink};
use purecam::source::{Fault, FrameSource, Offer, Opener, Reason, SkipCause, Skipped, SourceError};
use purecam::time::{Clock, Stop};
use service_parts::{ManualClock, Scripted, judgement, parts};

/// What the camera does next.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Happens {
    /// It opens.
    Opens,
    /// It cannot be opened.
    Refuses(Reason),
    /// Its driver's library panics while it is being opened.
    PanicsAtOpening,
    Shoots,
    /// A frame arrives that cannot be used.
    Spoils(SkipCause),
    /// It stops giving frames.
    Breaks(Reason),
}

use Happens::*;

type Steps = Arc<Mutex<VecDeque<Happens>>>;

fn fault(reason: Reason) -> SourceError {
    Fault::new(reason, "camera", "does what the script says").into()
}

/// Opens a camera that follows a script. The stream ends with the script.
fn opener(steps: &Steps, clock: &Arc<JumpingClock>) -> Opener {
    let (steps, clock) = (steps.clone(), clock.clone());
    Box::new(move || {
        let step = steps.lock().unwrap().pop_front();
        match step {
            Some(Opens) => Ok(Box::new(Camera { steps: steps.clone(), clock: clock.clone(), sequence: 0 })),
            Some(Refuses(reason)) => Err(fault(reason)),
            Some(PanicsAtOpening) => panic!("a driver's nonsense"),
            None => Err(SourceError::Over),
            Some(other) => unreachable!("{other:?} before the camera was opened"),
        }
    })
}

struct Camera {
    steps: Steps,
    clock: Arc<JumpingClock>,
    sequence: u64,
}

impl FrameSource for Camera {
    fn next(&mut self, frame: &mut Frame, _: &Stop) -> Result<Offer, SourceError> {
        let step = self.steps.lock().unwrap().pop_front();
        match step {
            Some(Shoots) => {
                (frame.sequence, frame.captured) = (self.sequence, self.clock.now());
                self.sequence += 1;
                Ok(Offer::Frame)
            }
            Some(Spoils(cause)) => Ok(Offer::Skipped(Skipped { cause, problem: "a frame".to_owned() })),
            Some(Breaks(reason)) => Err(fault(reason)),
            None => Ok(Offer::Ended),
            Some(other) => unreachable!("{other:?} while the camera was open"),
        }
    }
}

/// Time passes only when somebody waits for it, and then at once. The watch never checks: these tests call `tick`.
#[derive(Default)]
struct JumpingClock(Mutex<Duration>);

impl Clock for JumpingClock {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.now()
    }

    fn wait_until(&self, until: Duration, stop: &Stop) -> bool {
        if thread::current().name() == Some("watch") {
            stop.wait_for_request();
            return false;
        }
        let mut now = self.0.lock().unwrap();
        *now = until.max(*now);
        !stop.is_requested()
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn publish(&mut self, _: &Published) -> io::Result<()> {
        Ok(())
    }
}

/// The result of a loop whose camera did `steps`: the states that it went through, its numbers, and how much time
/// passed.
struct Outcome {
    states: Vec<State>,
    ended: Ended,
    time: Duration,
}

fn outcome(steps: impl IntoIterator<Item = Happens>) -> Outcome {
    let steps: Steps = Arc::new(Mutex::new(steps.into_iter().collect()));
    let clock = Arc::new(JumpingClock::default());
    let judge = |frame: &Frame| Ok(judgement(frame, Duration::ZERO));
    let manual = Arc::new(ManualClock::default());
    let mut parts = parts(opener(&steps, &clock), Box::new(Scripted(judge)), Box::new(Nowhere), manual);
    let health = Arc::new(Health::new(clock.clone(), Arc::default()));
    parts.health = health.clone();
    let ended = run(parts).unwrap();
    let states = health.snapshot().history.iter().map(|change| change.to).collect();
    Outcome { states, ended, time: clock.now() }
}

#[test]
fn a_camera_that_is_there_starts_warms_up_runs_and_stops() {
    let Outcome { states, ended, time } = outcome([Opens, Shoots, Shoots]);
    assert_eq!(states, [State::Starting, State::WarmingUp, State::Running, State::Stopping]);
    assert_eq!((ended.numbers.frames, time), (2, Duration::ZERO));
}

#[test]
fn every_fault_of_an_open_camera_is_a_state_with_its_reason_and_passes() {
    for reason in Reason::ALL {
        let Outcome { states, ended, time } = outcome([Opens, Shoots, Breaks(reason), Opens, Shoots]);
        let expected = [
            State::Starting,
            State::WarmingUp,
            State::Running,
            State::Reconnecting(reason),
            State::WarmingUp,
            State::Running,
            State::Stopping,
        ];
        assert_eq!(states, expected);
        assert!(ended.source.is_none(), "{reason:?} ended the loop");
        assert_eq!(ended.numbers.reconnects[reason as usize], 1);
        assert_eq!(time, Duration::from_millis(100), "the first attempt after a fault comes at once");
    }
}

#[test]
fn every_fault_at_opening_is_a_state_with_its_reason_and_passes() {
    for reason in Reason::ALL {
        let Outcome { states, ended, .. } = outcome([Refuses(reason), Refuses(reason), Opens, Shoots]);
        let expected =
            [State::Starting, State::Reconnecting(reason), State::WarmingUp, State::Running, State::Stopping];
        assert_eq!(states, expected);
        assert_eq!(ended.numbers.reconnects[reason as usize], 2);
    }
}

#[test]
fn attempts_become_rarer_up_to_two_seconds_and_a_frame_makes_them_quick_again() {
    let refusals = [Refuses(Reason::Absent); 8];
    let Outcome { time, .. } = outcome(refusals.into_iter().chain([Opens, Shoots, Breaks(Reason::Unplugged), Opens]));
    // 0.1 + 0.2 + 0.4 + 0.8 + 1.6 + 2 + 2 + 2, and 0.1 after the frame.
    assert_eq!(time, Duration::from_millis(9_200));
}

#[test]
fn a_camera_that_opens_and_never_gives_a_frame_is_asked_ever_more_rarely() {
    let round = [Opens, Breaks(Reason::TimedOut)];
    let Outcome { time, .. } = outcome([round; 4].into_iter().flatten().chain([Opens]));
    assert_eq!(time, Duration::from_millis(100 + 200 + 400 + 800));
}

#[test]
fn a_panic_while_opening_is_a_fault_like_others() {
    let Outcome { states, ended, .. } = outcome([PanicsAtOpening, Opens, Shoots]);
    let expected =
        [State::Starting, State::Reconnecting(Reason::Io), State::WarmingUp, State::Running, State::Stopping];
    assert_eq!(states, expected);
    assert!(ended.source.is_none());
}

#[test]
fn ten_unusable_frames_in_a_row_are_a_state_and_one_good_frame_ends_it() {
    let spoilt = [Spoils(SkipCause::Short); 10];
    let Outcome { states, ended, .. } =
        outcome([Opens, Shoots].into_iter().chain(spoilt).chain([Shoots, Spoils(SkipCause::Flagged), Shoots]));
    let unusable = State::Degraded(Degradation::Unusable);
    let expected = [State::Starting, State::WarmingUp, State::Running, unusable, State::Running, State::Stopping];
    assert_eq!(states, expected);
    assert_eq!(ended.numbers.skipped, [1, 10, 0]);
}

/// Gives a picture each tenth of a second, once the one before it has been judged.
struct Still {
    health: Arc<Health>,
    clock: Arc<JumpingClock>,
    sequence: u64,
    is_live: bool,
    picture: fn(u64) -> Picture,
}

impl FrameSource for Still {
    fn next(&mut self, frame: &mut Frame, _: &Stop) -> Result<Offer, SourceError> {
        let judged = || {
            let numbers = self.health.snapshot().numbers;
            numbers.verdicts + numbers.all_withheld()
        };
        while judged() < self.sequence {
            thread::yield_now();
        }
        if self.sequence == 150 {
            return Ok(Offer::Ended);
        }
        *self.clock.0.lock().unwrap() += Duration::from_millis(100);
        (frame.picture, frame.sequence) = ((self.picture)(self.sequence), self.sequence);
        frame.captured = self.clock.now();
        self.sequence += 1;
        Ok(Offer::Frame)
    }

    fn is_live(&self) -> bool {
        self.is_live
    }
}

/// What fifteen seconds of a source come to.
fn seen(is_live: bool, picture: fn(u64) -> Picture) -> (Vec<State>, Numbers) {
    let clock = Arc::new(JumpingClock::default());
    let health = Arc::new(Health::new(clock.clone(), Arc::default()));
    let source = Still { health: health.clone(), clock, sequence: 0, is_live, picture };
    let judge = |frame: &Frame| Ok(judgement(frame, Duration::ZERO));
    let manual = Arc::new(ManualClock::default());
    let mut parts = parts(service_parts::once(source), Box::new(Scripted(judge)), Box::new(Nowhere), manual);
    parts.health = health.clone();
    let numbers = run(parts).unwrap().numbers;
    (health.snapshot().history.iter().map(|change| change.to).collect(), numbers)
}

/// A slope from dark to bright, to which a level is added where `noise` says so.
fn slope(mut noise: impl FnMut() -> bool) -> Picture {
    let rgb = (0..32 * 24 * 3).map(|at| (at / 12) as u8 + u8::from(noise())).collect();
    Picture { width: 32, height: 24, rgb }
}

/// The same with noise of one level that is another in each frame.
fn noisy(sequence: u64) -> Picture {
    let mut state = sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    slope(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state & 1 == 1
    })
}

#[test]
fn a_camera_that_repeats_its_picture_is_frozen_and_its_verdicts_are_withheld() {
    let (states, numbers) = seen(true, |_| slope(|| false));
    let frozen = State::Degraded(Degradation::Frozen);
    assert_eq!(states, [State::Starting, State::WarmingUp, State::Running, frozen, State::Stopping]);
    assert_eq!((numbers.verdicts, numbers.withheld["frozen"]), (100, 50), "from ten seconds on");
}

#[test]
fn a_covered_camera_is_flat_and_sees_again_with_the_first_picture_that_is_not() {
    let (states, numbers) = seen(true, |sequence| {
        if sequence >= 120 { noisy(sequence) } else { Picture { width: 32, height: 24, rgb: vec![3; 32 * 24 * 3] } }
    });
    let flat = State::Degraded(Degradation::Flat);
    assert_eq!(states, [State::Starting, State::WarmingUp, State::Running, flat, State::Running, State::Stopping]);
    assert_eq!((numbers.verdicts, numbers.withheld["flat"]), (130, 20));
}

#[test]
fn noise_of_one_level_and_a_still_picture_of_a_file_are_no_fault() {
    let expected = [State::Starting, State::WarmingUp, State::Running, State::Stopping];
    for (is_live, picture) in [(true, noisy as fn(u64) -> Picture), (false, |_| slope(|| false))] {
        let (states, numbers) = seen(is_live, picture);
        assert_eq!((&states[..], numbers.verdicts), (&expected[..], 150), "live: {is_live}");
    }
}

#[test]
fn a_sink_that_panics_is_made_again_with_the_header_and_is_a_state_meanwhile() {
    /// Panics at its first line if it is the first of its kind.
    struct Fragile(bool, Arc<Mutex<Vec<u64>>>);
    impl Sink for Fragile {
        fn publish(&mut self, published: &Published) -> io::Result<()> {
            assert!(!self.0, "as the test wants");
            self.1.lock().unwrap().push(published.event.as_ref().unwrap().verdict.seq);
            Ok(())
        }
    }
    /// Gives frames until the sink has got some.
    struct Patient(Arc<Mutex<Vec<u64>>>, u64);
    impl FrameSource for Patient {
        fn next(&mut self, frame: &mut Frame, _: &Stop) -> Result<Offer, SourceError> {
            thread::sleep(Duration::from_millis(1));
            frame.sequence = self.1;
            self.1 += 1;
            Ok(if self.0.lock().unwrap().len() < 3 { Offer::Frame } else { Offer::Ended })
        }
    }
    let (seen, headers) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let remake = {
        let (seen, headers) = (seen.clone(), headers.clone());
        Box::new(move |header: &[u8]| -> io::Result<Box<dyn Sink>> {
            headers.lock().unwrap().push(header.to_vec());
            // The first attempt fails too.
            match headers.lock().unwrap().len() {
                1 => Err(io::Error::other("not yet")),
                _ => Ok(Box::new(Fragile(false, seen.clone()))),
            }
        })
    };
    let clock = Arc::new(JumpingClock::default());
    let judge = |frame: &Frame| Ok(judgement(frame, Duration::ZERO));
    let source = service_parts::once(Patient(seen.clone(), 0));
    let mut parts = parts(source, Box::new(Scripted(judge)), Box::new(Nowhere), Arc::default());
    parts.health = Arc::new(Health::new(clock, Arc::default()));
    let health = parts.health.clone();
    parts.outlets.push(Outlet::optional("fragile", Box::new(Fragile(true, seen.clone())), true, remake));
    let ended = run(parts).unwrap();
    assert!(ended.sink.is_none(), "{:?}", ended.sink);
    assert_eq!(*headers.lock().unwrap(), [b"{}\n", b"{}\n"]);
    assert!(seen.lock().unwrap().is_sorted() && seen.lock().unwrap()[0] > 0);
    let sink = ended.numbers.sinks.iter().find(|sink| sink.name == "fragile").unwrap();
    assert_eq!((sink.faults, &sink.fault), (1, &None));
    assert!(sink.dropped >= 1 && sink.written >= 3, "{sink:?}");
    let output = State::Degraded(Degradation::Output);
    assert!(health.snapshot().history.iter().any(|change| change.to == output));
}

#[test]
fn a_sink_that_can_never_be_made_again_does_not_hold_up_the_end() {
    struct Broken;
    impl Sink for Broken {
        fn publish(&mut self, _: &Published) -> io::Result<()> {
            Err(io::ErrorKind::Other.into())
        }
    }
    let steps: Steps = Arc::new(Mutex::new([Opens, Shoots, Shoots].into()));
    let clock = Arc::new(JumpingClock::default());
    let judge = |frame: &Frame| Ok(judgement(frame, Duration::ZERO));
    let mut parts = parts(opener(&steps, &clock), Box::new(Scripted(judge)), Box::new(Nowhere), Arc::default());
    parts.health = Arc::new(Health::new(clock, Arc::default()));
    let remake = Box::new(|_: &[u8]| -> io::Result<Box<dyn Sink>> { panic!("as the test wants") });
    parts.outlets.push(Outlet::optional("broken", Box::new(Broken), false, remake));
    let numbers = run(parts).unwrap().numbers;
    let sink = numbers.sinks.iter().find(|sink| sink.name == "broken").unwrap();
    assert_eq!(
        (sink.written, sink.dropped, sink.fault.as_ref().unwrap().problem.kind),
        (0, numbers.verdicts, "failed")
    );
}

#[test]
fn within_three_seconds_without_a_verdict_the_service_is_not_ready_and_being_unsure_is_an_answer() {
    let ward = Ward::new(None);
    ward.seconds(1, 5);
    let verdict = judgement(&Frame::default(), Duration::ZERO);
    ward.health.verdict(&verdict);
    let ready = || ward.health.snapshot().ready();
    assert_eq!(ready(), Ok(()));
    ward.seconds(2, 5);
    assert_eq!(ready(), Ok(()));
    ward.seconds(1, 5);
    assert_eq!(ready(), Err("no verdict for 3.0 s; running".to_owned()));
    // Ten unsure frames of an empty scene are no alarm.
    (0..10).for_each(|_| _ = ward.health.unsure());
    assert_eq!((ready(), ward.health.state()), (Ok(()), State::Running));
    ward.seconds(3, 5);
    assert!(ready().is_err());
    ward.health.verdict(&verdict);
    (0..10).for_each(|_| _ = ward.health.withheld("purify-not-finite"));
    assert_eq!(ready(), Err("degraded (withheld)".to_owned()));
    // The models answer again.
    ward.health.unsure();
    assert_eq!((ready(), ward.health.state()), (Ok(()), State::Running));
    ward.health.inference.busy(ward.clock.now());
    ward.seconds(12, 5);
    let why = "hung: the thread 'inference' has been busy with one frame for 12 s; restart purecam";
    assert_eq!((ward.health.snapshot().live(), ready()), (Err(why.to_owned()), Err(why.to_owned())));
}

#[test]
fn a_slow_camera_is_ready_between_its_frames_and_a_hang_shows_while_the_camera_is_lost() {
    let ward = Ward::new(Some(0.5));
    ward.health.frame(0, 0);
    ward.health.verdict(&judgement(&Frame::default(), Duration::ZERO));
    ward.seconds(5, 0);
    assert_eq!(ward.health.snapshot().ready(), Ok(()));
    ward.seconds(1, 0);
    assert!(ward.health.snapshot().ready().is_err());
    ward.health.on(Input::Fault(Reason::Absent));
    assert_eq!(ward.health.snapshot().live(), Ok(()));
    ward.health.capture.busy(ward.clock.now());
    ward.seconds(11, 0);
    assert!(ward.health.snapshot().live().is_err(), "a driver that never opens needs a restart");
}

/// A health whose time the test moves.
struct Ward {
    clock: Arc<ManualClock>,
    health: Health,
}

impl Ward {
    fn new(agreed: Option<f64>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let health = Health::new(clock.clone(), Arc::default());
        health.opened(agreed);
        Self { clock, health }
    }

    /// Passes `count` seconds, each with as many frames and a tick. Returns whether all threads were alive in each.
    fn seconds(&self, count: usize, frames_per_second: u64) -> bool {
        (0..count).fold(true, |_, _| {
            for _ in 0..frames_per_second {
                self.health.frame(0, 0);
            }
            self.clock.advance(1000);
            self.health.tick(Duration::from_secs(10))
        })
    }
}

#[test]
fn a_camera_below_half_of_its_agreed_rate_is_slow_until_it_is_not() {
    let ward = Ward::new(Some(30.0));
    ward.seconds(20, 29);
    assert_eq!(ward.health.state(), State::Running);
    ward.seconds(20, 7);
    assert_eq!(ward.health.state(), State::Degraded(Degradation::Slow));
    ward.seconds(20, 30);
    assert_eq!(ward.health.state(), State::Running);
}

#[test]
fn a_source_that_agreed_to_no_rate_is_never_slow() {
    let ward = Ward::new(None);
    ward.seconds(20, 30);
    ward.seconds(20, 1);
    assert_eq!(ward.health.state(), State::Running);
}

#[test]
fn a_thread_that_is_at_one_frame_for_too_long_hangs_and_the_watchdog_is_not_fed() {
    let ward = Ward::new(None);
    assert!(ward.seconds(1, 1));
    ward.health.capture.busy(ward.clock.now());
    assert!(ward.seconds(10, 1), "ten seconds are not longer than ten seconds");
    assert!(!ward.seconds(1, 0));
    assert_eq!(ward.health.state(), State::Degraded(Degradation::Hung));
    ward.health.capture.idle();
    assert!(ward.seconds(1, 1));
    assert_eq!(ward.health.state(), State::Running);
    ward.health.inference.busy(ward.clock.now());
    assert!(!ward.seconds(11, 1), "a model hangs and nobody notices");
}

#[test]
fn a_thread_that_takes_no_frame_for_too_long_hangs_too() {
    let ward = Ward::new(None);
    let call = || ward.health.inference.called(ward.clock.now());
    call();
    for _ in 0..10 {
        assert!(ward.seconds(1, 1));
        // The wait counts from the first frame, not from the newest.
        call();
    }
    assert!(!ward.seconds(1, 1), "a thread stands still and nobody notices");
    assert_eq!(ward.health.state(), State::Degraded(Degradation::Hung));
    ward.health.inference.idle();
    assert!(ward.seconds(1, 1));
    // A frame that arrives during the work on another does not restart that work's time.
    ward.health.inference.busy(ward.clock.now());
    ward.seconds(6, 1);
    call();
    assert!(!ward.seconds(5, 1));
}

#[test]
fn ten_frames_in_a_row_without_a_verdict_are_a_state_and_one_verdict_ends_it() {
    let ward = Ward::new(None);
    ward.seconds(1, 1);
    for _ in 0..9 {
        ward.health.withheld("purify-not-finite");
    }
    assert_eq!(ward.health.state(), State::Running);
    ward.health.withheld("purify-not-finite");
    assert_eq!(ward.health.state(), State::Degraded(Degradation::Withheld));
    ward.health.verdict(&judgement(&Frame::default(), Duration::ZERO));
    assert_eq!(ward.health.state(), State::Running);
}

#[test]
fn nothing_leads_back_from_stopping_and_the_history_stays_short() {
    let mut machine = Machine::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    for round in 0..1000 {
        let at = Duration::from_secs(round);
        machine.on(Input::Opened, at, SystemTime::UNIX_EPOCH);
        machine.on(Input::Fault(Reason::Io), at, SystemTime::UNIX_EPOCH);
    }
    assert_eq!(machine.history().count(), 64);
    machine.on(Input::Stop, Duration::ZERO, SystemTime::UNIX_EPOCH);
    let inputs = [Input::Opened, Input::Frame, Input::Fault(Reason::Io), Input::Degraded(Degradation::Hung, true)];
    for input in inputs {
        assert_eq!(machine.on(input, Duration::ZERO, SystemTime::UNIX_EPOCH), None);
        assert_eq!(machine.now().to, State::Stopping);
    }
}

#[test]
fn a_verdict_about_a_frame_that_is_too_old_is_withheld_before_and_after_the_models() {
    let clock = Arc::new(ManualClock::default());
    let numbers = |age_before: u64, takes: u64| -> Numbers {
        let (shots, time) = (clock.clone(), clock.clone());
        struct Old(Arc<ManualClock>, u64, bool);
        impl FrameSource for Old {
            fn next(&mut self, frame: &mut Frame, _: &Stop) -> Result<Offer, SourceError> {
                if std::mem::replace(&mut self.2, true) {
                    return Ok(Offer::Ended);
                }
                frame.captured = self.0.now();
                self.0.advance(self.1);
                Ok(Offer::Frame)
            }
        }
        let judge = move |frame: &Frame| {
            time.advance(takes);
            Ok(judgement(frame, time.now() - frame.captured))
        };
        let source = service_parts::once(Old(shots, age_before, false));
        let mut parts = parts(source, Box::new(Scripted(judge)), Box::new(Nowhere), clock.clone());
        parts.limits.max_age = Duration::from_millis(200);
        run(parts).unwrap().numbers
    };
    assert_eq!(numbers(100, 100).verdicts, 1, "an age of exactly the bound is not above it");
    for (before, takes) in [(201, 0), (100, 101)] {
        let numbers = numbers(before, takes);
        assert_eq!((numbers.verdicts, numbers.withheld["stale"]), (0, 1));
    }
}

#[test]
fn a_judge_that_withholds_for_its_own_reasons_is_counted_by_them() {
    let steps: Steps = Arc::new(Mutex::new([Opens, Shoots].into()));
    let clock = Arc::new(JumpingClock::default());
    let judge = |_: &Frame| Err(Withheld::Unsure { confidence: 0.2, least: 0.5 });
    let manual = Arc::new(ManualClock::default());
    let parts = parts(opener(&steps, &clock), Box::new(Scripted(judge)), Box::new(Nowhere), manual);
    let numbers = run(parts).unwrap().numbers;
    assert_eq!((numbers.verdicts, numbers.unsure, numbers.all_withheld()), (0, 1, 0));
}
