//! The loop: capture, inference, the watch and every sink, each on a thread of its own.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::capture::capture;
use super::gallery::Gallery;
use super::health::{Health, SILENCE};
use super::inference::{Inference, Replacement};
use super::judge::Judge;
use super::numbers::Numbers;
use super::outlet::Outlet;
use super::shared::Shared;
use super::sight::SightLimits;
use super::watch::{Notifier, Ready, watch};
use crate::sink::Broadcast;
use crate::source::{Opener, SourceError};
use crate::time::Stop;
use crate::worker::Worker;

/// How long the threads may take to notice that the end was requested. The end comes within a second, even if a model
/// needs longer than that for one frame.
const GRACE: Duration = Duration::from_millis(700);

/// What a loop is made of.
pub struct Parts {
    /// Opens the source, again after each fault.
    pub open: Opener,
    /// The models.
    pub judge: Box<dyn Judge>,
    /// Where a reload puts the judge that is to take over.
    pub replacement: Arc<Replacement>,
    /// State, numbers and signs of life; whoever shows them has a clone.
    pub health: Arc<Health>,
    /// Where verdicts are published; the outlets read from it.
    pub broadcast: Broadcast,
    /// The sinks.
    pub outlets: Vec<Outlet>,
    /// Where viewers of pictures take them from.
    pub galleries: Vec<Arc<Gallery>>,
    /// The service manager.
    pub notifier: Box<dyn Notifier>,
    /// Ends the loop from outside.
    pub stop: Stop,
    /// Its bounds.
    pub limits: Limits,
}

/// The bounds of a loop.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Ends the loop after this many verdicts; `None` is no limit.
    pub frames: Option<u64>,
    /// A verdict about an older frame is withheld.
    pub max_age: Duration,
    /// A thread that is busy with one frame for longer than this hangs.
    pub patience: Duration,
    /// After this time without a verdict the service is not ready.
    pub silence: Duration,
    /// When a live camera's pictures are worth nothing.
    pub sight: SightLimits,
    /// When to report readiness.
    pub ready: Ready,
}

impl Default for Limits {
    fn default() -> Self {
        let (max_age, patience) = (Duration::from_secs(1), Duration::from_secs(10));
        let sight = SightLimits::default();
        Self { frames: None, max_age, patience, silence: SILENCE, sight, ready: Ready::AtFirstFrame }
    }
}

/// How a loop ended.
#[derive(Debug)]
pub struct Ended {
    /// What was counted up to the end.
    pub numbers: Numbers,
    /// Why the source failed for good, if it did.
    pub source: Option<SourceError>,
    /// Which essential sink failed, and why.
    pub sink: Option<(&'static str, io::Error)>,
}

/// Runs until the source ends, the end is requested, an essential sink fails, or there are enough verdicts.
///
/// # Errors
/// The system has no thread left.
pub fn run(parts: Parts) -> io::Result<Ended> {
    let Parts { open, judge, replacement, health, broadcast, outlets, galleries, mut notifier, stop, limits } = parts;
    health.set_judge(&*judge);
    let shared = Arc::new(Shared::new(health.clone(), stop.clone(), outlets.len()));
    let mut crew = Crew { shared: shared.clone(), workers: Vec::new() };
    for mut outlet in outlets {
        let lines = broadcast.subscribe();
        crew.start(outlet.name, move |shared| {
            let outcome = outlet.run(lines, &shared.health, &shared.stop);
            shared.outlet_ended(&outlet, outcome);
        })?;
    }
    let Limits { frames, max_age, patience, silence, sight, ready } = limits;
    health.set_silence(silence);
    let mut inference = Inference::new(judge, replacement, broadcast, galleries, max_age, sight);
    crew.start("inference", move |shared| {
        inference.run(shared, frames);
        shared.work_ended();
    })?;
    crew.start("capture", |shared| capture(open, shared))?;
    crew.start("watch", move |shared| watch(&shared.health, &mut *notifier, ready, patience, &shared.stop))?;
    stop.wait_for_request();
    Worker::join_all_within(crew.workers, GRACE);
    let numbers = health.snapshot().numbers;
    Ok(Ended { numbers, source: shared.take_source_error(), sink: shared.take_sink_error() })
}

/// The loop's threads.
struct Crew {
    shared: Arc<Shared>,
    workers: Vec<Worker>,
}

impl Crew {
    /// Starts a named thread. If that fails, the others are told to stop.
    fn start(&mut self, name: &str, work: impl FnOnce(&Shared) + Send + 'static) -> io::Result<()> {
        let shared = self.shared.clone();
        let worker = Worker::spawn(name, move || work(&shared));
        self.workers.push(worker.inspect_err(|_| self.shared.stop.request())?);
        Ok(())
    }
}
