//! The watch: once a second it checks whether the loop is alive, and reports to the service manager.

use std::time::Duration;

use super::health::{Health, Snapshot};
use super::state::{Input, State};
use crate::time::Stop;

/// The time between two checks.
const EVERY: Duration = Duration::from_secs(1);

/// What the watch reports to: systemd, or nobody.
pub trait Notifier: Send {
    /// Capture and inference are alive, but the first frame has not arrived yet: the start takes longer.
    fn starting(&mut self);
    /// The service is up.
    fn ready(&mut self);
    /// Capture and inference are alive. Not called while one of them hangs.
    fn alive(&mut self);
    /// A status line for people; called when it changes.
    fn status(&mut self, status: &str);
    /// The service is about to end.
    fn stopping(&mut self);
}

/// Reports to nobody.
pub struct Silent;

impl Notifier for Silent {
    fn starting(&mut self) {}
    fn ready(&mut self) {}
    fn alive(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn stopping(&mut self) {}
}

/// When to report to the service manager that the service is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// Once the first frame has arrived.
    AtFirstFrame,
    /// As soon as the models are warm.
    AtOnce,
}

/// Watches until the end is requested. A thread that is busy with one thing for longer than `patience` hangs.
pub(super) fn watch(health: &Health, notifier: &mut dyn Notifier, ready: Ready, patience: Duration, stop: &Stop) {
    let clock = health.clock().clone();
    let mut is_ready = false;
    let mut reported = String::new();
    loop {
        let alive = health.tick(patience);
        let snapshot = health.snapshot();
        if !is_ready && (ready == Ready::AtOnce || snapshot.numbers.frames > 0) {
            is_ready = true;
            notifier.ready();
        }
        match (alive, is_ready) {
            (true, true) => notifier.alive(),
            (true, false) => notifier.starting(),
            (false, _) => {}
        }
        let status = status(&snapshot);
        if status != reported {
            notifier.status(&status);
            reported = status;
        }
        if !clock.wait_until(clock.now() + EVERY, stop) {
            break;
        }
    }
    health.on(Input::Stop);
    notifier.stopping();
}

/// The line that `systemctl status` shows.
fn status(snapshot: &Snapshot) -> String {
    let state = snapshot.state.to;
    let rate = |rate: Option<f64>| rate.map_or("-".to_owned(), |rate| format!("{rate:.1}"));
    let (frames, verdicts) = (rate(snapshot.frame_rate), rate(snapshot.verdict_rate));
    let failing = snapshot.numbers.failing().map(|(key, fault, _)| format!("; {key} {}", fault.problem.kind));
    let failing: String = failing.collect();
    match &snapshot.last {
        Some(last) if matches!(state, State::Running | State::Degraded(_)) => {
            format!("{state}: {frames} frames/s, {verdicts} verdicts/s, age {:.0} ms{failing}", last.age_ms)
        }
        _ => format!("{state}{failing}"),
    }
}
