//! The service's state: a closed set of states, and one function that moves between them.
//!
//! ```text
//! starting -> warming-up -> running <-> degraded(reason)
//!                 ^            |
//!                 +--- reconnecting(reason)          any -> stopping
//! ```
//!
//! What happens is an [`Input`]. The state depends only on the inputs; the time of a change is passed in.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use crate::source::Reason;

/// How many changes the history keeps. A camera that comes and goes for months must not fill the memory.
const HISTORY: usize = 64;

/// What the service is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing has been opened yet.
    Starting,
    /// The camera is open; its first frames are still adjusting to the light.
    WarmingUp,
    /// Frames arrive and verdicts are published.
    Running,
    /// Frames arrive, but something is wrong.
    Degraded(Degradation),
    /// No frames arrive; the service tries to reopen the camera.
    Reconnecting(Reason),
    /// The end was requested.
    Stopping,
}

/// What is wrong, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Degradation {
    /// A thread has been busy with one frame for too long: a driver, a decoder or a model hangs.
    Hung,
    /// The camera's pictures are of one even colour: a covered lens, darkness, or no signal.
    Flat,
    /// The camera's pictures no longer change.
    Frozen,
    /// Ten frames in a row got no verdict.
    Withheld,
    /// Ten frames in a row could not be used.
    Unusable,
    /// The camera delivers less than half of its agreed frame rate.
    Slow,
    /// An output, or the live page, cannot do its work. Verdicts are not affected.
    Output,
}

impl Degradation {
    /// All of them, worst first.
    pub const ALL: [Self; 7] =
        [Self::Hung, Self::Flat, Self::Frozen, Self::Withheld, Self::Unusable, Self::Slow, Self::Output];

    /// Its name in logs, metrics and the status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hung => "hung",
            Self::Flat => "flat",
            Self::Frozen => "frozen",
            Self::Withheld => "withheld",
            Self::Unusable => "unusable",
            Self::Slow => "slow",
            Self::Output => "output",
        }
    }
}

impl State {
    /// The names of all states, without their reasons.
    pub const NAMES: [&'static str; 6] = ["starting", "warming-up", "running", "degraded", "reconnecting", "stopping"];

    /// Its name in logs, metrics and the status, without its reason.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::WarmingUp => "warming-up",
            Self::Running => "running",
            Self::Degraded(_) => "degraded",
            Self::Reconnecting(_) => "reconnecting",
            Self::Stopping => "stopping",
        }
    }

    /// Why the service is in this state; `None` if the state's name says it all.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Degraded(degradation) => Some(degradation.name()),
            Self::Reconnecting(reason) => Some(reason.name()),
            _ => None,
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.reason() {
            Some(reason) => write!(f, "{} ({reason})", self.name()),
            None => write!(f, "{}", self.name()),
        }
    }
}

/// What happens to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The source was opened.
    Opened,
    /// A usable frame has arrived.
    Frame,
    /// The source was lost, or cannot be opened.
    Fault(Reason),
    /// Something is wrong (true), or is right again (false).
    Degraded(Degradation, bool),
    /// The end was requested.
    Stop,
}

/// A change from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The new state.
    pub to: State,
    /// When it began, on the stream's clock.
    pub at: Duration,
    /// When it began, on the wall clock.
    pub wall: SystemTime,
}

/// The state, its history, and what is wrong.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The state if nothing were wrong.
    phase: State,
    /// How often each state began, by [`State::NAMES`].
    entered: [u64; State::NAMES.len()],
    /// What is wrong, by [`Degradation`].
    wrong: [bool; Degradation::ALL.len()],
    /// Oldest first; the last is the current state. Never empty.
    history: VecDeque<Change>,
}

impl Machine {
    /// Starting, since `at` on the stream's clock and `wall` on the wall clock.
    pub fn new(at: Duration, wall: SystemTime) -> Self {
        let mut history = VecDeque::with_capacity(HISTORY);
        history.push_back(Change { to: State::Starting, at, wall });
        let mut machine =
            Self { phase: State::Starting, entered: Default::default(), wrong: Default::default(), history };
        machine.count(State::Starting);
        machine
    }

    /// How often each state began, by [`State::NAMES`]. A change of the reason alone counts too.
    pub fn entered(&self) -> [u64; State::NAMES.len()] {
        self.entered
    }

    fn count(&mut self, state: State) {
        let of_name = State::NAMES.iter().zip(&mut self.entered).find(|(name, _)| **name == state.name());
        of_name.into_iter().for_each(|(_, count)| *count += 1);
    }

    /// The current state, and since when.
    pub fn now(&self) -> Change {
        // `new` puts the first change in, and a change is only removed when another follows: it is never empty.
        self.history[self.history.len() - 1]
    }

    /// The latest changes, oldest first.
    pub fn history(&self) -> impl Iterator<Item = &Change> {
        self.history.iter()
    }

    /// Takes note of what happened. Returns the states before and after if they differ.
    pub fn on(&mut self, input: Input, at: Duration, wall: SystemTime) -> Option<(State, State)> {
        self.phase = match (self.phase, input) {
            (State::Stopping, _) | (_, Input::Stop) => State::Stopping,
            (_, Input::Opened) => State::WarmingUp,
            (_, Input::Frame) => State::Running,
            (_, Input::Fault(reason)) => State::Reconnecting(reason),
            (phase, Input::Degraded(degradation, wrong)) => {
                self.wrong[degradation as usize] = wrong;
                phase
            }
        };
        if let Input::Opened | Input::Fault(_) = input {
            // What a lost camera did wrong says nothing about the next one.
            for of_camera in [Degradation::Flat, Degradation::Frozen, Degradation::Unusable, Degradation::Slow] {
                self.wrong[of_camera as usize] = false;
            }
        }
        let (before, after) = (self.now().to, self.visible());
        if before == after {
            return None;
        }
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Change { to: after, at, wall });
        self.count(after);
        Some((before, after))
    }

    /// The state with what is wrong. A thread that hangs is shown even without frames, because only a restart may help;
    /// the other degradations matter only while frames arrive.
    fn visible(&self) -> State {
        let worst = Degradation::ALL.into_iter().find(|degradation| self.wrong[*degradation as usize]);
        match (self.phase, worst) {
            (State::Stopping, _) => State::Stopping,
            (_, Some(Degradation::Hung)) => State::Degraded(Degradation::Hung),
            (State::Running, Some(worst)) => State::Degraded(worst),
            (State::WarmingUp, Some(Degradation::Unusable)) => State::Degraded(Degradation::Unusable),
            (phase, _) => phase,
        }
    }
}
