//! In what state the service is: a closed set, and one function that moves between them.
//!
//! ```text
//! starting -> warming-up -> running <-> degraded(reason)
//!                 ^            |
//!                 +--- reconnecting(reason)          any -> stopping
//! ```
//!
//! What happens is an [`Input`]; what becomes of it does not depend on anything but the inputs and the injected time.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use crate::source::Reason;

/// Changes that the history keeps. A camera that comes and goes for months must not fill the memory.
const HISTORY: usize = 64;

/// The states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing has been opened yet.
    Starting,
    /// The camera is open; its first frames are still adjusting to the light.
    WarmingUp,
    /// Frames come and verdicts go.
    Running,
    /// Frames come, but something is not as it should be.
    Degraded(Degradation),
    /// No frames come; the camera is opened again and again.
    Reconnecting(Reason),
    /// The end was requested.
    Stopping,
}

/// What is not as it should be, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Degradation {
    /// A thread has been at one frame for too long: a driver, a decoder or a model hangs.
    Hung,
    /// Frame after frame gets no verdict.
    Withheld,
    /// Frame after frame cannot be used.
    Unusable,
    /// The camera gives less than half of the frames that it agreed to.
    Slow,
}

impl Degradation {
    pub const ALL: [Self; 4] = [Self::Hung, Self::Withheld, Self::Unusable, Self::Slow];

    pub fn name(self) -> &'static str {
        match self {
            Self::Hung => "hung",
            Self::Withheld => "withheld",
            Self::Unusable => "unusable",
            Self::Slow => "slow",
        }
    }
}

impl State {
    /// The names of all states, without their reasons.
    pub const NAMES: [&'static str; 6] = ["starting", "warming-up", "running", "degraded", "reconnecting", "stopping"];

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

    /// Why it is so, where there is more to say than the state's name.
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
    /// A frame that can be used has arrived.
    Frame,
    /// The source gives no frames any more, or cannot be opened.
    Fault(Reason),
    /// Something is not as it should be, or is so again.
    Degraded(Degradation, bool),
    /// The end was requested.
    Stop,
}

/// A change from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub to: State,
    /// On the stream's own clock.
    pub at: Duration,
    /// For people.
    pub wall: SystemTime,
}

/// The state, how it came to it, and what is wrong beneath it.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The state as if nothing were degraded.
    phase: State,
    /// By [`Degradation`].
    wrong: [bool; Degradation::ALL.len()],
    /// Oldest first; its last is the state now.
    history: VecDeque<Change>,
}

impl Machine {
    pub fn new(at: Duration, wall: SystemTime) -> Self {
        let mut history = VecDeque::with_capacity(HISTORY);
        history.push_back(Change { to: State::Starting, at, wall });
        Self { phase: State::Starting, wrong: [false; Degradation::ALL.len()], history }
    }

    /// The state now, and since when.
    pub fn now(&self) -> Change {
        // It holds the first state from the beginning, and only what is followed by another is let go.
        self.history[self.history.len() - 1]
    }

    /// The latest changes, oldest first.
    pub fn history(&self) -> impl Iterator<Item = &Change> {
        self.history.iter()
    }

    /// Takes note of what happened. Returns the state before and the state after, where they differ.
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
            // What the camera that is gone did wrong says nothing of the one that comes.
            self.wrong[Degradation::Slow as usize] = false;
            self.wrong[Degradation::Unusable as usize] = false;
        }
        let (before, after) = (self.now().to, self.visible());
        if before == after {
            return None;
        }
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Change { to: after, at, wall });
        Some((before, after))
    }

    /// A thread that hangs hides whether there are frames at all; the other degradations matter only where there are.
    fn visible(&self) -> State {
        let worst = Degradation::ALL.into_iter().find(|degradation| self.wrong[*degradation as usize]);
        match (self.phase, worst) {
            (State::Running, Some(worst)) => State::Degraded(worst),
            (State::WarmingUp | State::Starting, Some(Degradation::Hung)) => State::Degraded(Degradation::Hung),
            (State::WarmingUp, Some(Degradation::Unusable)) => State::Degraded(Degradation::Unusable),
            (phase, _) => phase,
        }
    }
}
