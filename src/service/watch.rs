//! The watch: once a second it looks whether the loop is alive, and tells the service manager.

use std::time::Duration;

use super::health::{Health, Snapshot};
use super::state::{Input, State};
use crate::time::Stop;

/// How often the watch looks.
const EVERY: Duration = Duration::from_secs(1);

/// Whoever wants to hear from the watch: systemd, or nobody.
pub trait Notifier: Send {
    /// Capture and inference are alive, and the first frame has not come yet: the start takes longer.
    fn starting(&mut self);
    /// The service does what it is there for.
    fn ready(&mut self);
    /// Capture and inference are alive. Is not called while one of them hangs.
    fn alive(&mut self);
    /// How it goes, for people.
    fn status(&mut self, status: &str);
    /// The end has begun.
    fn stopping(&mut self);
}

/// Nobody.
pub struct Silent;

impl Notifier for Silent {
    fn starting(&mut self) {}
    fn ready(&mut self) {}
    fn alive(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn stopping(&mut self) {}
}

/// When the service manager hears that the service is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// Once the first frame has arrived.
    AtFirstFrame,
    /// As soon as the models are warm.
    AtOnce,
}

/// Watches until the end is requested.
pub(super) fn watch(health: &Health, notifier: &mut dyn Notifier, ready: Ready, patience: Duration, stop: &Stop) {
    let clock = health.clock().clone();
    let mut is_ready = false;
    let mut said = String::new();
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
        if status != said {
            notifier.status(&status);
            said = status;
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
    match &snapshot.last {
        Some(last) if matches!(state, State::Running | State::Degraded(_)) => {
            format!("{state}: {frames} frames/s, {verdicts} verdicts/s, age {:.0} ms", last.age_ms)
        }
        _ => format!("{state}"),
    }
}
