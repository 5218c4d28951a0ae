//! What the threads of a service report to each other and to the outside: state, numbers, signs of life.
//!
//! One lock, held for microseconds: whoever shows these takes a [`Snapshot`] and works on that.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::beat::Beat;
use super::judge::Judge;
use super::numbers::{Numbers, OutputFault, Rate, SinkNumbers};
use super::sight::Blind;
use super::state::{Change, Degradation, Input, Machine, State};
use crate::frame::Framing;
use crate::sink::Problem;
use crate::time::Clock;
use crate::verdict::{Models, Verdict};

/// How many frames in a row must fail, or get no verdict, before that is a state and not an accident.
const IN_A_ROW: u32 = 10;

/// A camera below this share of its agreed rate is slow.
const SLOW: f64 = 0.5;

/// After this time without a verdict the service is not ready, unless frames are rarer. With the second between two
/// looks of a monitor it is noticed within three and a half.
pub const SILENCE: Duration = Duration::from_millis(2500);

/// The same for rarer frames, in intervals between them.
const SILENT_INTERVALS: f64 = 2.5;

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
    /// The camera's name and the machine's boot, as every verdict carries them.
    pub(super) origin: (Arc<str>, Option<Arc<str>>),
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
    /// The machine's present boot, if it is known.
    pub boot_id: Option<String>,
}

impl Identity {
    /// The camera's name: the unit's instance, or the source if it is the only one.
    pub fn camera(&self) -> &str {
        self.instance.as_deref().unwrap_or(&self.source)
    }
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
    /// Frames without a verdict, those that were unsure included.
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
    /// When the models were last unsure.
    unsure_at: Option<Duration>,
    /// After this time without a verdict they have stopped.
    silence: Duration,
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
    /// How often each state began, by [`State::NAMES`].
    pub entered: [u64; State::NAMES.len()],
    /// The camera's name.
    pub camera: Arc<str>,
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
    /// How long ago a frame was seen that the models were not sure of.
    pub unsure_age: Option<Duration>,
    /// After this time without a verdict they have stopped.
    pub silence: Duration,
    /// The thread, of capture and inference, that has been busy with one thing for longer, and for how long.
    pub busiest: (&'static str, Duration),
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
            unsure_at: None,
            silence: SILENCE,
        };
        Self {
            clock,
            inner: Mutex::new(inner),
            capture: Beat::default(),
            inference: Beat::default(),
            identity: Identity::default(),
            origin: Default::default(),
        }
    }

    /// The same service, with a name.
    pub fn named(self, identity: Identity) -> Self {
        let origin = (identity.camera().into(), identity.boot_id.as_deref().map(Into::into));
        Self { identity, origin, ..self }
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
        let busy = [("capture", &self.capture), ("inference", &self.inference)];
        let busy = busy.map(|(thread, beat)| (thread, beat.busy_for(now)));
        let inner = self.inner.lock();
        let by_rate = inner.agreed_rate.and_then(|rate| Duration::try_from_secs_f64(SILENT_INTERVALS / rate).ok());
        Snapshot {
            now,
            state: inner.machine.now(),
            history: inner.machine.history().copied().collect(),
            entered: inner.machine.entered(),
            camera: self.origin.0.clone(),
            numbers: inner.numbers.clone(),
            frame_rate: inner.frame_rate.per_second(),
            verdict_rate: inner.verdict_rate.per_second(),
            agreed_rate: inner.agreed_rate,
            models: inner.models.clone(),
            threshold: inner.threshold,
            framing: inner.framing,
            last: inner.last.clone(),
            last_age: inner.last.is_some().then(|| now.saturating_sub(inner.last_at)),
            unsure_age: inner.unsure_at.map(|at| now.saturating_sub(at)),
            silence: inner.silence.max(by_rate.unwrap_or_default()),
            busiest: if busy[1].1 > busy[0].1 { busy[1] } else { busy[0] },
        }
    }

    /// Changes the numbers through `change`, and returns its result.
    pub fn count<T>(&self, change: impl FnOnce(&mut Numbers) -> T) -> T {
        change(&mut self.inner.lock().numbers)
    }

    /// After `silence` without a verdict the service is not ready; longer if the source agreed to a lower rate.
    pub fn set_silence(&self, silence: Duration) {
        self.inner.lock().silence = silence;
    }

    /// A sink begins its work. Returns its place among the numbers. If it is `required`, the service is not ready while
    /// it fails.
    pub fn add_sink(&self, name: &'static str, required: bool) -> usize {
        self.count(|numbers| {
            numbers.sinks.push(SinkNumbers { name, required, ..SinkNumbers::default() });
            numbers.sinks.len() - 1
        })
    }

    /// The sink at `place` fails for this reason, or works again.
    pub fn sink_problem(&self, place: usize, problem: Option<Problem>) {
        let since = self.clock.now();
        self.output_problem(|numbers| {
            let sink = &mut numbers.sinks[place];
            sink.faults += u64::from(sink.fault.is_none() && problem.is_some());
            sink.fault = renewed(sink.fault.take(), problem, since);
        });
    }

    /// The live page cannot be served for this reason, or is served again.
    pub fn page_problem(&self, problem: Option<Problem>) {
        let since = self.clock.now();
        self.output_problem(|numbers| numbers.page = renewed(numbers.page.take(), problem, since));
    }

    fn output_problem(&self, change: impl FnOnce(&mut Numbers)) {
        let any = self.count(|numbers| {
            change(numbers);
            numbers.failing().next().is_some()
        });
        self.on(Input::Degraded(Degradation::Output, any));
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
            withheld: numbers.all_withheld() + numbers.unsure,
        };
        drop(inner);
        if recovered {
            self.on(Input::Degraded(Degradation::Withheld, false));
        }
        counts
    }

    /// The models have seen a frame and are not sure of it: that is an answer, and no failure. Returns how many such
    /// frames there were.
    pub fn unsure(&self) -> u64 {
        let now = self.clock.now();
        let (count, recovered) = {
            let mut inner = self.inner.lock();
            inner.numbers.unsure += 1;
            inner.unsure_at = Some(now);
            (inner.numbers.unsure, std::mem::take(&mut inner.withheld_in_a_row) >= IN_A_ROW)
        };
        if recovered {
            self.on(Input::Degraded(Degradation::Withheld, false));
        }
        count
    }

    /// From this frame on the camera is blind, or sees again.
    pub fn sees(&self, blind: Option<Blind>) {
        let states = [(Degradation::Flat, Blind::Flat), (Degradation::Frozen, Blind::Frozen)];
        for (degradation, of) in states {
            self.on(Input::Degraded(degradation, blind == Some(of)));
        }
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

/// The fault that goes on, begins or ends.
fn renewed(before: Option<OutputFault>, problem: Option<Problem>, now: Duration) -> Option<OutputFault> {
    problem.map(|problem| OutputFault { problem, since: before.map_or(now, |before| before.since) })
}

fn log_change(change: Option<(State, State)>) {
    match change {
        Some((before, after @ (State::Degraded(_) | State::Reconnecting(_)))) => log::warn!("{before} -> {after}"),
        Some((before, after)) => log::info!("{before} -> {after}"),
        None => {}
    }
}
