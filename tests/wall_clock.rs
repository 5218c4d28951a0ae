//! A wall clock that jumps changes the times that people read, and nothing else.

mod service_parts;

use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use purecam::frame::Frame;
use purecam::service::{Health, State, Withheld, run};
use purecam::sink::{Published, Sink};
use purecam::source::{Fault, FrameSource, Offer, Opener, Reason, SourceError};
use purecam::time::{Clock, Stop};
use serde_json::Value;
use service_parts::{ManualClock, Scripted, judgement, parts};

const FRAMES: u64 = 20;

/// When the wall clock jumps, on the stream's own clock.
const JUMP: Duration = Duration::from_millis(950);

/// Time passes only when a test lets it. The wall clock counts from `before` up to the jump, and from `after`
/// afterwards.
struct Jumping {
    now: Mutex<Duration>,
    before: SystemTime,
    after: SystemTime,
}

impl Jumping {
    fn pass(&self, milliseconds: u64) {
        *self.now.lock().unwrap() += Duration::from_millis(milliseconds);
    }
}

impl Clock for Jumping {
    fn now(&self) -> Duration {
        *self.now.lock().unwrap()
    }

    fn wall(&self) -> SystemTime {
        let now = self.now();
        if now < JUMP { self.before + now } else { self.after + now }
    }

    /// The watch never checks: the source calls `tick` once per frame.
    fn wait_until(&self, until: Duration, stop: &Stop) -> bool {
        if thread::current().name() == Some("watch") {
            stop.wait_for_request();
            return false;
        }
        let mut now = self.now.lock().unwrap();
        *now = until.max(*now);
        !stop.is_requested()
    }
}

/// Delivers a frame once the one before has been judged; the cable is pulled after half of them.
struct Camera {
    clock: Arc<Jumping>,
    health: Arc<Health>,
    sequence: Arc<Mutex<u64>>,
    is_new: bool,
}

impl Camera {
    /// Frames that have been judged and counted.
    fn judged(&self) -> u64 {
        let numbers = self.health.snapshot().numbers;
        numbers.verdicts + numbers.all_withheld()
    }
}

impl FrameSource for Camera {
    fn next(&mut self, frame: &mut Frame, _: &Stop) -> Result<Offer, SourceError> {
        let mut sequence = self.sequence.lock().unwrap();
        while self.judged() < *sequence {
            thread::yield_now();
        }
        self.health.tick(Duration::from_secs(10));
        if *sequence == FRAMES / 2 && !self.is_new {
            return Err(Fault::new(Reason::Unplugged, "camera", "was unplugged").into());
        }
        if *sequence == FRAMES {
            return Ok(Offer::Ended);
        }
        self.is_new = false;
        self.clock.pass(70);
        (frame.sequence, frame.captured, frame.captured_at) = (*sequence, self.clock.now(), self.clock.wall());
        *sequence += 1;
        Ok(Offer::Frame)
    }
}

/// Remembers what was published.
struct Lines(Arc<Mutex<Vec<Value>>>);

impl Sink for Lines {
    fn publish(&mut self, published: &Published) -> io::Result<()> {
        self.0.lock().unwrap().push(serde_json::from_slice(&published.line)?);
        Ok(())
    }
}

/// The result of a stream whose wall clock jumped, without the times of capture.
#[derive(Debug, PartialEq)]
struct Outcome {
    verdicts: Vec<Value>,
    states: Vec<(State, Duration)>,
    rate: Option<f64>,
    stale: u64,
}

fn outcome(before: SystemTime, after: SystemTime) -> (Outcome, Vec<String>) {
    let clock = Arc::new(Jumping { now: Mutex::default(), before, after });
    let health = Arc::new(Health::new(clock.clone(), Arc::default()));
    let sequence = Arc::new(Mutex::new(0));
    let open: Opener = {
        let (clock, health) = (clock.clone(), health.clone());
        Box::new(move || {
            let (clock, health) = (clock.clone(), health.clone());
            Ok(Box::new(Camera { clock, health, sequence: sequence.clone(), is_new: true }))
        })
    };
    let judge = {
        let (clock, health) = (clock.clone(), health.clone());
        move |frame: &Frame| -> Result<_, Withheld> {
            // The frame's arrival is counted first, so that time never passes in two threads at once.
            while health.snapshot().numbers.frames <= frame.sequence {
                thread::yield_now();
            }
            // One frame takes too long.
            clock.pass(if frame.sequence == 4 { 100 } else { 30 });
            Ok(judgement(frame, clock.now() - frame.captured))
        }
    };
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Box::new(Lines(lines.clone()));
    let mut parts = parts(open, Box::new(Scripted(judge)), sink, Arc::new(ManualClock::default()));
    (parts.health, parts.limits.max_age) = (health.clone(), Duration::from_millis(50));
    let numbers = run(parts).unwrap().numbers;
    let snapshot = health.snapshot();
    let mut verdicts = std::mem::take(&mut *lines.lock().unwrap());
    let captured = verdicts.iter_mut().filter_map(|verdict| verdict.as_object_mut()?.remove("captured_at"));
    let captured = captured.map(|at| at.as_str().unwrap().to_owned()).collect();
    let states = snapshot.history.iter().map(|change| (change.to, change.at)).collect();
    let stale = numbers.withheld.get("stale").copied().unwrap_or(0);
    (Outcome { verdicts, states, rate: snapshot.frame_rate, stale }, captured)
}

#[test]
fn a_wall_clock_that_jumps_changes_no_verdict_no_state_and_no_rate() {
    let years = |years: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(years * 365 * 86_400);
    let now = years(56);
    let (steady, captured) = outcome(now, now);
    assert_eq!((steady.verdicts.len(), steady.stale), (FRAMES as usize - 1, 1));
    assert!(steady.states.iter().any(|(state, _)| *state == State::Reconnecting(Reason::Unplugged)));
    assert!(captured.is_sorted());
    for (after, year) in [(years(0), "1970"), (years(55), "2024"), (years(200), "2169")] {
        let (jumped, captured) = outcome(now, after);
        assert_eq!(jumped, steady, "after a jump to {year}");
        assert!(captured[0].starts_with("2025") && captured[18].starts_with(year), "{captured:?}");
    }
}
