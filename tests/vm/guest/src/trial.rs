//! One fault after another on one running purecam: inject, see it shown, take it away, see it over.

use std::time::Duration;

use serde_json::Value;

use crate::Outcome;
use crate::clock::{ALLOWANCE, Moment, wait_for};
use crate::purecam::Purecam;
use crate::report::{Report, Times};

/// Running again within this after the fault's end.
const AGAIN: f64 = 5.0;
/// The longest that a fault may take to show: the camera's patience for its first frame is 4 s.
const SHOWN: Duration = Duration::from_secs(10);
/// A frame may be on its way when the fault begins.
const ON_ITS_WAY: f64 = 0.3;

/// How purecam says that something is wrong.
#[derive(Clone, Copy, Debug)]
pub enum Shows {
    /// A state with its reason.
    State(&'static str, &'static str),
    /// A count of `/api/status`, by its JSON pointer.
    Count(&'static str),
    /// A line of the log.
    Log(&'static str),
    /// Not at all: it costs nothing that anybody could see.
    Nothing,
}

impl std::fmt::Display for Shows {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::State(state, reason) => write!(out, "{state} ({reason})"),
            Self::Count(pointer) => write!(out, "{}", pointer.trim_start_matches('/').replace('/', " ")),
            Self::Log(_) => write!(out, "log"),
            Self::Nothing => write!(out, "-"),
        }
    }
}

/// A fault that is to be injected.
pub struct Fault {
    pub name: &'static str,
    pub shows: Shows,
    /// Whether no frame that can be used comes until it is taken away.
    pub blinds: bool,
}

/// A running purecam and the camera that is broken beneath it.
pub struct Trial<'a> {
    pub purecam: Purecam,
    pub camera: &'static str,
    pub report: &'a mut Report,
}

impl Trial<'_> {
    /// Injects a fault that passes by itself.
    pub fn passing(&mut self, name: &'static str, shows: Shows, inject: impl FnOnce() -> Outcome) {
        self.fault(&Fault { name, shows, blinds: false }, inject, || Ok(()));
    }

    /// Injects a fault, waits until it shows, takes it away, waits until it is over, and reports.
    pub fn fault(&mut self, fault: &Fault, inject: impl FnOnce() -> Outcome, lift: impl FnOnce() -> Outcome) {
        let outcome = self.go_through(fault, inject, lift);
        self.report.row(self.camera, fault.name, &fault.shows.to_string(), outcome);
    }

    fn go_through(
        &mut self,
        fault: &Fault,
        inject: impl FnOnce() -> Outcome,
        lift: impl FnOnce() -> Outcome,
    ) -> Outcome<Times> {
        let patience = Duration::from_secs_f64(AGAIN) * ALLOWANCE;
        self.wait_for_state(patience, |status| is_running(&status["state"]).then_some(()))?;
        let count = self.count(fault.shows)?;
        let begun = Moment::now();
        inject()?;
        let noticed = self.wait_until_it_shows(fault.shows, begun, count)?;
        // What passes by itself is over as soon as it has begun.
        let ended = if fault.blinds { Moment::now() } else { begun };
        lift()?;
        let running = match (fault.shows, noticed) {
            (Shows::State(..), Some(noticed)) => self.wait_for_running_since(noticed.max(ended), patience)?,
            _ if fault.blinds => self.wait_for_running_since(ended, patience)?,
            // There is nothing to run again from: what comes behind it is to be as what came before.
            _ => begun.plus(ON_ITS_WAY),
        };
        let verdict = self.purecam.wait_for_verdict(running, patience)?;
        let unseen = begun.plus(ON_ITS_WAY);
        if let (true, Some(seen)) = (fault.blinds, self.purecam.verdicts_after(unseen).first())
            && seen.captured < ended
        {
            return Err(format!("a verdict about a frame of {:.1} s after the fault", seen.captured.since(begun)));
        }
        if running.since(ended) > patience.as_secs_f64() {
            return Err(format!("running again only after {:.1} s", running.since(ended)));
        }
        Ok(Times {
            noticed: noticed.map(|noticed| noticed.since(begun)),
            running: (fault.blinds || matches!(fault.shows, Shows::State(..))).then(|| running.since(ended)),
            verdict: Some(verdict.read.since(ended)),
        })
    }

    /// When it showed; nothing where it is not to be seen.
    fn wait_until_it_shows(&mut self, shows: Shows, begun: Moment, before: u64) -> Outcome<Option<Moment>> {
        let shown = match shows {
            Shows::Nothing => return Ok(None),
            Shows::State(state, reason) => self.wait_for_state(SHOWN * ALLOWANCE, |status| {
                first_since(status, begun, |change| change["state"] == state && change["reason"] == reason)
            }),
            Shows::Count(_) | Shows::Log(_) => wait_for("the fault in count or log", SHOWN * ALLOWANCE, || {
                Ok((self.count(shows)? > before).then(Moment::now))
            }),
        };
        shown.map(Some).map_err(|problem| format!("not shown as {shows}: {problem}"))
    }

    fn wait_for_running_since(&mut self, since: Moment, within: Duration) -> Outcome<Moment> {
        self.wait_for_state(within, |status| first_since(status, since, is_running))
    }

    /// Waits until `look`, given `/api/status`, has found what it looks for.
    fn wait_for_state<T>(&mut self, within: Duration, look: impl Fn(&Value) -> Option<T>) -> Outcome<T> {
        let mut last = Value::Null;
        let found = wait_for("the state", within, || {
            last = self.purecam.status()?;
            Ok(look(&last))
        });
        found.map_err(|problem| {
            format!("{problem}; the state is {}; purecam said: {}", last["state"], self.purecam.last_words())
        })
    }

    fn count(&mut self, shows: Shows) -> Outcome<u64> {
        match shows {
            Shows::Count(pointer) => {
                let status = self.purecam.status()?;
                status.pointer(pointer).and_then(Value::as_u64).ok_or_else(|| format!("/api/status has no {pointer}"))
            }
            Shows::Log(text) => Ok(self.purecam.count_in_log(text)),
            Shows::State(..) | Shows::Nothing => Ok(0),
        }
    }
}

/// Frames come and verdicts go. An emulated camera that does not reach its rate is slow, and nothing worse.
fn is_running(state: &Value) -> bool {
    state["state"] == "running" || state["state"] == "degraded" && state["reason"] == "slow"
}

/// When the state first became one that `is_it` agrees to, at or after a moment.
fn first_since(status: &Value, since: Moment, is_it: impl Fn(&Value) -> bool) -> Option<Moment> {
    // The history has milliseconds.
    let since = since.plus(-0.001);
    let changes = status["history"].as_array()?.iter().filter(|change| is_it(change));
    changes.filter_map(|change| Moment::parse(change["since"].as_str()?)).find(|moment| *moment >= since)
}
