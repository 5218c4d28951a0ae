//! What the threads of a service tell each other and the world: state, numbers, signs of life.
//!
//! One lock, held for microseconds: whoever shows these things takes a [`Snapshot`] and works on that.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::numbers::{Numbers, Rate};
use super::state::{Change, Degradation, Input, Machine, State};
use crate::time::Clock;
use crate::verdict::{Models, Verdict};

/// Frames or verdicts in a row that fail before that is a state and not an accident.
const IN_A_ROW: u32 = 10;

/// The share of the agreed rate below which a camera is slow.
const SLOW: f64 = 0.5;

/// Shared by the threads of one service.
pub struct Health {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    /// Signs of life of capture and inference.
    pub capture: Beat,
    pub inference: Beat,
}

struct Inner {
    machine: Machine,
    numbers: Numbers,
    frame_rate: Rate,
    verdict_rate: Rate,
    /// Frames a second that the source agreed to.
    agreed: Option<f64>,
    unusable_in_a_row: u32,
    withheld_in_a_row: u32,
    models: Arc<Models>,
    last: Option<Verdict>,
    /// When the newest verdict was published.
    last_at: Duration,
}

/// All of it at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub now: Duration,
    pub state: Change,
    pub history: Vec<Change>,
    pub numbers: Numbers,
    /// A second, over the last seconds.
    pub frame_rate: Option<f64>,
    pub verdict_rate: Option<f64>,
    pub agreed_rate: Option<f64>,
    pub models: Arc<Models>,
    pub last: Option<Verdict>,
    /// How long ago the newest verdict was published.
    pub last_age: Option<Duration>,
}

impl Health {
    pub fn new(clock: Arc<dyn Clock>, models: Arc<Models>) -> Self {
        let inner = Inner {
            machine: Machine::new(clock.now(), clock.wall()),
            numbers: Numbers::default(),
            frame_rate: Rate::default(),
            verdict_rate: Rate::default(),
            agreed: None,
            unusable_in_a_row: 0,
            withheld_in_a_row: 0,
            models,
            last: None,
            last_at: Duration::ZERO,
        };
        Self { clock, inner: Mutex::new(inner), capture: Beat::default(), inference: Beat::default() }
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub fn state(&self) -> State {
        self.lock().machine.now().to
    }

    pub fn snapshot(&self) -> Snapshot {
        let now = self.clock.now();
        let inner = self.lock();
        Snapshot {
            now,
            state: inner.machine.now(),
            history: inner.machine.history().copied().collect(),
            numbers: inner.numbers.clone(),
            frame_rate: inner.frame_rate.per_second(),
            verdict_rate: inner.verdict_rate.per_second(),
            agreed_rate: inner.agreed,
            models: inner.models.clone(),
            last: inner.last.clone(),
            last_age: inner.last.is_some().then(|| now.saturating_sub(inner.last_at)),
        }
    }

    /// Changes numbers.
    pub fn count<T>(&self, change: impl FnOnce(&mut Numbers) -> T) -> T {
        change(&mut self.lock().numbers)
    }

    /// Takes note of what happened, and logs the change of state that comes of it.
    pub fn on(&self, input: Input) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let change = {
            let mut inner = self.lock();
            if let Input::Opened | Input::Fault(_) = input {
                inner.frame_rate.restart();
                inner.unusable_in_a_row = 0;
            }
            inner.machine.on(input, now, wall)
        };
        log_change(change);
    }

    /// The source is open and has agreed to so many frames a second.
    pub fn opened(&self, rate: Option<f64>) {
        self.lock().agreed = rate;
        self.on(Input::Opened);
    }

    /// A frame has arrived; the slot has replaced so many, the camera has missed so many since the one before.
    pub fn frame(&self, replaced: u64, missed: u64) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut inner = self.lock();
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
            let mut inner = self.lock();
            inner.unusable_in_a_row += 1;
            inner.unusable_in_a_row
        };
        if in_a_row == IN_A_ROW {
            self.on(Input::Degraded(Degradation::Unusable, true));
        }
    }

    /// A verdict is published. Returns verdicts, replaced and withheld frames up to it.
    pub fn verdict(&self, verdict: &Verdict) -> (u64, u64, u64) {
        let now = self.clock.now();
        let mut inner = self.lock();
        inner.numbers.count_verdict(verdict);
        match &mut inner.last {
            Some(last) => last.clone_from(verdict),
            last => *last = Some(verdict.clone()),
        }
        inner.last_at = now;
        let recovered = std::mem::take(&mut inner.withheld_in_a_row) >= IN_A_ROW;
        let numbers = &inner.numbers;
        let counts = (numbers.verdicts, numbers.replaced, numbers.all_withheld());
        drop(inner);
        if recovered {
            self.on(Input::Degraded(Degradation::Withheld, false));
        }
        counts
    }

    /// A frame gets no verdict. Returns how many there were for this cause.
    pub fn withheld(&self, cause: &str) -> u64 {
        let (count, in_a_row) = {
            let mut inner = self.lock();
            inner.withheld_in_a_row += 1;
            (inner.numbers.count_withheld(cause), inner.withheld_in_a_row)
        };
        if in_a_row == IN_A_ROW {
            self.on(Input::Degraded(Degradation::Withheld, true));
        }
        count
    }

    /// From now on verdicts come from these models.
    pub fn set_models(&self, models: Arc<Models>) {
        self.lock().models = models;
    }

    /// Called about once a second: rates, a slow camera, a thread that has been at one thing, or has left
    /// one waiting, for longer than `patience`. Returns whether capture and inference are alive.
    pub fn tick(&self, patience: Duration) -> bool {
        let now = self.clock.now();
        let slow = {
            let mut inner = self.lock();
            let (frames, verdicts) = (inner.numbers.frames, inner.numbers.verdicts);
            inner.frame_rate.sample(frames, now);
            inner.verdict_rate.sample(verdicts, now);
            let running = matches!(inner.machine.now().to, State::Running | State::Degraded(_));
            let full = inner.frame_rate.is_full();
            (running && full).then(|| {
                inner.agreed.zip(inner.frame_rate.per_second()).is_some_and(|(agreed, found)| found < SLOW * agreed)
            })
        };
        if let Some(slow) = slow {
            self.on(Input::Degraded(Degradation::Slow, slow));
        }
        let hung = [&self.capture, &self.inference].iter().any(|beat| beat.busy_for(now) > patience);
        self.on(Input::Degraded(Degradation::Hung, hung));
        !hung
    }

    /// Its fields are whole after every change, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_change(change: Option<(State, State)>) {
    match change {
        Some((before, after @ (State::Degraded(_) | State::Reconnecting(_)))) => log::warn!("{before} -> {after}"),
        Some((before, after)) => log::info!("{before} -> {after}"),
        None => {}
    }
}

/// Since when a thread has been busy with one thing, or has left one waiting.
#[derive(Debug)]
pub struct Beat(AtomicU64);

/// No time at all: the thread waits for work, or has ended.
const IDLE: u64 = u64::MAX;

impl Default for Beat {
    fn default() -> Self {
        Self(AtomicU64::new(IDLE))
    }
}

impl Beat {
    /// The thread begins something that must end soon.
    pub fn busy(&self, now: Duration) {
        self.0.store(millis(now), Ordering::Relaxed);
    }

    /// Something waits for the thread. If it does not take it up, it is as busy as if it had.
    pub fn called(&self, now: Duration) {
        // A thread that is at something already is late with that, and not with this.
        let _ = self.0.compare_exchange(IDLE, millis(now), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The thread waits, for as long as it takes.
    pub fn idle(&self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }

    /// How long it has been at one thing.
    pub fn busy_for(&self, now: Duration) -> Duration {
        match self.0.load(Ordering::Relaxed) {
            IDLE => Duration::ZERO,
            since => now.saturating_sub(Duration::from_millis(since)),
        }
    }
}

fn millis(now: Duration) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(0)
}
