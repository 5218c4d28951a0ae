//! What the threads of a service report to each other and to the outside: state, numbers, signs of life.
//!
//! One lock, held for microseconds: whoever shows these takes a [`Snapshot`] and works on that.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::beat::Beat;
use super::judge::Judge;
use super::numbers::{Numbers, Rate};
use super::state::{Change, Degradation, Input, Machine, State};
use crate::frame::Framing;
use crate::time::Clock;
use crate::verdict::{Models, Verdict};

/// How many frames in a row must fail, or get no verdict, before that is a state and not an accident.
const IN_A_ROW: u32 = 10;

/// A camera below this share of its agreed rate is slow.
const SLOW: f64 = 0.5;

/// The health of one service, shared by its threads.
pub struct Health {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    /// Signs of life of the capture thread.
    pub capture: Beat,
    /// Signs of life of the inference thread.
    pub inference: Beat,
    /// Which service this is.
    pub identity: Identity,
}

/// Which service this is: a fleet has many, with a page each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The source as the configuration names it; empty if there is none.
    pub source: String,
    /// The machine's host name, if it is known.
    pub host: Option<String>,
    /// The instance of the systemd unit, `front` of `purecam@front.service`; `None` if it is not one of several.
    pub instance: Option<String>,
}

/// What was counted up to a verdict, and with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Published verdicts.
    pub verdicts: u64,
    /// The suspicious ones among them.
    pub suspicious: u64,
    /// Frames that a newer one replaced.
    pub replaced: u64,
    /// Frames without a verdict.
    pub withheld: u64,
}

struct Inner {
    machine: Machine,
    numbers: Numbers,
    frame_rate: Rate,
    verdict_rate: Rate,
    /// Frames per second that the source agreed to.
    agreed_rate: Option<f64>,
    unusable_in_a_row: u32,
    withheld_in_a_row: u32,
    models: Arc<Models>,
    threshold: Option<f32>,
    framing: Framing,
    last: Option<Verdict>,
    /// When the newest verdict was published.
    last_at: Duration,
}

/// All of it at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When it was taken, on the stream's clock.
    pub now: Duration,
    /// The current state, and since when.
    pub state: Change,
    /// The latest changes of state, oldest first; the last is the current state.
    pub history: Vec<Change>,
    /// All counts.
    pub numbers: Numbers,
    /// Frames per second over the last seconds; `None` if that is not known yet.
    pub frame_rate: Option<f64>,
    /// Verdicts per second over the last seconds; `None` if that is not known yet.
    pub verdict_rate: Option<f64>,
    /// Frames per second that the source agreed to, if it did.
    pub agreed_rate: Option<f64>,
    /// SHA-256 of the models that are in use.
    pub models: Arc<Models>,
    /// The least suspicion, in 0..1, that marks a verdict as suspicious; `None` if it is not measured.
    pub threshold: Option<f32>,
    /// Where in a frame the models look.
    pub framing: Framing,
    /// The newest verdict.
    pub last: Option<Verdict>,
    /// How long ago the newest verdict was published.
    pub last_age: Option<Duration>,
}

impl Health {
    /// Of a service that starts now, by `clock`, with these models.
    pub fn new(clock: Arc<dyn Clock>, models: Arc<Models>) -> Self {
        let inner = Inner {
            machine: Machine::new(clock.now(), clock.wall()),
            numbers: Numbers::default(),
            frame_rate: Rate::default(),
            verdict_rate: Rate::default(),
            agreed_rate: None,
            unusable_in_a_row: 0,
            withheld_in_a_row: 0,
            models,
            threshold: None,
            framing: Framing::default(),
            last: None,
            last_at: Duration::ZERO,
        };
        Self {
            clock,
            inner: Mutex::new(inner),
            capture: Beat::default(),
            inference: Beat::default(),
            identity: Identity::default(),
        }
    }

    /// The same service, with a name.
    pub fn named(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// The stream's clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The current state.
    pub fn state(&self) -> State {
        self.inner.lock().machine.now().to
    }

    /// A copy of everything.
    pub fn snapshot(&self) -> Snapshot {
        let now = self.clock.now();
        let inner = self.inner.lock();
        Snapshot {
            now,
            state: inner.machine.now(),
            history: inner.machine.history().copied().collect(),
            numbers: inner.numbers.clone(),
            frame_rate: inner.frame_rate.per_second(),
            verdict_rate: inner.verdict_rate.per_second(),
            agreed_rate: inner.agreed_rate,
            models: inner.models.clone(),
            threshold: inner.threshold,
            framing: inner.framing,
            last: inner.last.clone(),
            last_age: inner.last.is_some().then(|| now.saturating_sub(inner.last_at)),
        }
    }

    /// Changes the numbers through `change`, and returns its result.
    pub fn count<T>(&self, change: impl FnOnce(&mut Numbers) -> T) -> T {
        change(&mut self.inner.lock().numbers)
    }

    /// Takes note of what happened, and logs a change of state.
    pub fn on(&self, input: Input) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let change = {
            let mut inner = self.inner.lock();
            if let Input::Opened | Input::Fault(_) = input {
                inner.frame_rate.restart();
                inner.unusable_in_a_row = 0;
            }
            inner.machine.on(input, now, wall)
        };
        log_change(change);
    }

    /// The source is open. `agreed_rate`: frames per second, if it agreed to a rate.
    pub fn opened(&self, agreed_rate: Option<f64>) {
        self.inner.lock().agreed_rate = agreed_rate;
        self.on(Input::Opened);
    }

    /// A frame has arrived. `replaced`: how many frames the slot has replaced since the start. `missed`: how many
    /// frames the camera has missed since the frame before.
    pub fn frame(&self, replaced: u64, missed: u64) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut inner = self.inner.lock();
        inner.numbers.frames += 1;
        inner.numbers.replaced = replaced;
        inner.numbers.missed += missed;
        let recovered = std::mem::take(&mut inner.unusable_in_a_row) >= IN_A_ROW;
        let changes = [
            recovered.then(|| inner.machine.on(Input::Degraded(Degradation::Unusable, false), now, wall)).flatten(),
            inner.machine.on(Input::Frame, now, wall),
        ];
        drop(inner);
        changes.into_iter().for_each(log_change);
    }

    /// A frame could not be used.
    pub fn unusable(&self) {
        let in_a_row = {
            let mut inner = self.inner.lock();
            inner.unusable_in_a_row += 1;
            inner.unusable_in_a_row
        };
        if in_a_row == IN_A_ROW {
            self.on(Input::Degraded(Degradation::Unusable, true));
        }
    }

    /// A verdict is being published. Returns what was counted up to it.
    pub fn verdict(&self, verdict: &Verdict) -> Counts {
        let now = self.clock.now();
        let mut inner = self.inner.lock();
        inner.numbers.count_verdict(verdict);
        match &mut inner.last {
            Some(last) => last.clone_from(verdict),
            last => *last = Some(verdict.clone()),
        }
        inner.last_at = now;
        let recovered = std::mem::take(&mut inner.withheld_in_a_row) >= IN_A_ROW;
        let numbers = &inner.numbers;
        let counts = Counts {
            verdicts: numbers.verdicts,
            suspicious: numbers.suspicious,
            replaced: numbers.replaced,
            withheld: numbers.all_withheld(),
        };
        drop(inner);
        if recovered {
            self.on(Input::Degraded(Degradation::Withheld, false));
        }
        counts
    }

    /// A frame gets no verdict. Returns how many there were for this cause.
    pub fn withheld(&self, cause: &str) -> u64 {
        let (count, in_a_row) = {
            let mut inner = self.inner.lock();
            inner.withheld_in_a_row += 1;
            (inner.numbers.count_withheld(cause), inner.withheld_in_a_row)
        };
        if in_a_row == IN_A_ROW {
            self.on(Input::Degraded(Degradation::Withheld, true));
        }
        count
    }

    /// From now on verdicts come from `judge`.
    pub fn set_judge(&self, judge: &dyn Judge) {
        let mut inner = self.inner.lock();
        if let Some(models) = judge.models() {
            inner.models = models;
        }
        (inner.threshold, inner.framing) = (judge.threshold(), judge.framing());
    }

    /// To be called about once a second. Updates the rates, and checks for a slow camera and for a thread that has been
    /// busy with one thing, or has left one waiting, for longer than `patience`. Returns whether capture and inference
    /// are alive.
    pub fn tick(&self, patience: Duration) -> bool {
        let now = self.clock.now();
        let slow = {
            let mut inner = self.inner.lock();
            let (frames, verdicts) = (inner.numbers.frames, inner.numbers.verdicts);
            inner.frame_rate.sample(frames, now);
            inner.verdict_rate.sample(verdicts, now);
            let running = matches!(inner.machine.now().to, State::Running | State::Degraded(_));
            let full = inner.frame_rate.is_full();
            (running && full).then(|| {
                inner
                    .agreed_rate
                    .zip(inner.frame_rate.per_second())
                    .is_some_and(|(agreed, found)| found < SLOW * agreed)
            })
        };
        if let Some(slow) = slow {
            self.on(Input::Degraded(Degradation::Slow, slow));
        }
        let hung = [&self.capture, &self.inference].iter().any(|beat| beat.busy_for(now) > patience);
        self.on(Input::Degraded(Degradation::Hung, hung));
        !hung
    }
}

fn log_change(change: Option<(State, State)>) {
    match change {
        Some((before, after @ (State::Degraded(_) | State::Reconnecting(_)))) => log::warn!("{before} -> {after}"),
        Some((before, after)) => log::info!("{before} -> {after}"),
        None => {}
    }
}
