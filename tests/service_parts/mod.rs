//! A clock that moves only on demand, a judge whose work is a closure, and a loop made of them.
#![allow(dead_code, reason = "every test file uses some of them")]

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, SystemTime};

use purecam::frame::Frame;
use purecam::service::{Health, Judge, Judgement, Limits, Outlet, Parts, Replacement, Silent, Withheld};
use purecam::sink::{Broadcast, Sink};
use purecam::source::{FrameSource, Opener, SourceError};
use purecam::time::{Clock, Stop};
use purecam::verdict::{Guess, Models, Verdict};

/// A clock that stands still until it is moved.
#[derive(Default)]
pub struct ManualClock {
    now: Mutex<Duration>,
    moved: Condvar,
}

impl ManualClock {
    pub fn advance(&self, milliseconds: u64) {
        *self.now.lock().unwrap() += Duration::from_millis(milliseconds);
        self.moved.notify_all();
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        *self.now.lock().unwrap()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.now()
    }

    fn wait_until(&self, until: Duration, stop: &Stop) -> bool {
        let mut now = self.now.lock().unwrap();
        while *now < until && !stop.is_requested() {
            // A request to end cannot wake this clock, so it checks for one every millisecond.
            now = self.moved.wait_timeout(now, Duration::from_millis(1)).unwrap().0;
        }
        !stop.is_requested()
    }
}

/// A judge whose work is a closure.
pub struct Scripted<F>(pub F);

impl<F: FnMut(&Frame) -> Result<Verdict, Withheld> + Send> Judge for Scripted<F> {
    fn judge(&mut self, frame: &Frame, judgement: &mut Judgement) -> Result<(), Withheld> {
        judgement.verdict = (self.0)(frame)?;
        Ok(())
    }
}

/// A verdict about `frame`, which is `age` old.
pub fn judgement(frame: &Frame, age: Duration) -> Verdict {
    let guess = Guess { label: "tench".into(), index: 0, confidence: 1.0, wnid: None };
    Verdict {
        seq: frame.sequence,
        captured_at: frame.captured_at,
        age_ms: age.as_secs_f64() * 1e3,
        label: guess.label.clone(),
        confidence: 1.0,
        top: vec![guess],
        purified: true,
        models: Arc::new(Models { purifier: Some("p".into()), classifier: "c".into(), ..Models::default() }),
        ..Verdict::default()
    }
}

/// Opens a source once.
pub fn once(source: impl FrameSource + 'static) -> Opener {
    let mut source = Some(source);
    Box::new(move || source.take().map(|source| Box::new(source) as Box<dyn FrameSource>).ok_or(SourceError::Over))
}

/// A loop with one essential sink and no time limits.
pub fn parts(open: Opener, judge: Box<dyn Judge>, sink: Box<dyn Sink>, clock: Arc<ManualClock>) -> Parts {
    Parts {
        open,
        judge,
        replacement: Arc::new(Replacement::default()),
        health: Arc::new(Health::new(clock, Arc::default())),
        broadcast: Broadcast::new(b"{}\n"),
        outlets: vec![Outlet::essential("sink", sink)],
        galleries: Vec::new(),
        notifier: Box::new(Silent),
        stop: Stop::new(),
        limits: Limits { max_age: Duration::MAX, patience: Duration::MAX, ..Limits::default() },
    }
}
