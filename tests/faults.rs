//! Faults are states: each fault of a camera has a name, a count and a way back, and none ends the loop.

mod service_parts;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use purecam::frame::Frame;
use purecam::service::{Degradation, Ended, Health, Input, Machine, Numbers, State, Withheld, run};
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
    assert_eq!((numbers.verdicts, numbers.withheld["unsure"]), (0, 1));
}
