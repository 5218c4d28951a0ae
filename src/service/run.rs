//! The loop: capture, inference, the watch and every sink on threads of their own, the newest frame between the first two.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::capture::capture;
use super::gallery::Gallery;
use super::health::Health;
use super::inference::{Inference, Replacement};
use super::newest::Newest;
use super::numbers::Numbers;
use super::outlet::Outlet;
use super::pipeline::Judge;
use super::watch::{Notifier, Ready, watch};
use crate::frame::Frame;
use crate::sink::Broadcast;
use crate::source::{Opener, SourceError};
use crate::time::Stop;
use crate::worker::Worker;

/// How long a thread may take to notice that the end was requested. Who asks for the end gets it within a second, even
/// where a model needs longer than that for one frame.
const GRACE: Duration = Duration::from_millis(700);

/// What a loop is made of.
pub struct Parts {
    pub open: Opener,
    pub judge: Box<dyn Judge>,
    /// Where a reload puts the judge that is to take over.
    pub replacement: Arc<Replacement>,
    pub health: Arc<Health>,
    /// Where verdicts are published; the outlets read from it.
    pub broadcast: Broadcast,
    pub outlets: Vec<Outlet>,
    /// Who wants to see pictures.
    pub galleries: Vec<Arc<Gallery>>,
    pub notifier: Box<dyn Notifier>,
    /// Ends the loop from outside.
    pub stop: Stop,
    pub limits: Limits,
}

/// The bounds of a loop.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Ends the loop after so many verdicts.
    pub frames: Option<u64>,
    /// A verdict about an older frame is withheld.
    pub max_age: Duration,
    /// A thread that is at one frame for longer than this hangs.
    pub patience: Duration,
    pub ready: Ready,
}

impl Default for Limits {
    fn default() -> Self {
        let (max_age, patience) = (Duration::from_secs(1), Duration::from_secs(10));
        Self { frames: None, max_age, patience, ready: Ready::AtFirstFrame }
    }
}

/// How a loop came to its end.
#[derive(Debug)]
pub struct Ended {
    pub numbers: Numbers,
    /// Why the source gave up, where it did.
    pub source: Option<SourceError>,
    /// Which essential sink gave up, and why, where one did.
    pub sink: Option<(&'static str, io::Error)>,
}

/// What the threads share.
pub(super) struct Shared {
    pub newest: Newest<Frame>,
    pub health: Arc<Health>,
    pub stop: Stop,
    /// Inference and the outlets that still have verdicts to make or to write. The last of them ends the loop.
    at_work: AtomicUsize,
    source: Mutex<Option<SourceError>>,
    sink: Mutex<Option<(&'static str, io::Error)>>,
}

/// Runs until the source ends, the end is requested, an essential sink is gone, or there are enough verdicts.
pub fn run(parts: Parts) -> io::Result<Ended> {
    let Parts { open, judge, replacement, health, broadcast, outlets, galleries, mut notifier, stop, limits } = parts;
    let shared = Arc::new(Shared {
        newest: Newest::new(),
        health: health.clone(),
        stop: stop.clone(),
        at_work: AtomicUsize::new(1 + outlets.len()),
        source: Mutex::default(),
        sink: Mutex::default(),
    });
    let mut crew = Crew { shared: shared.clone(), workers: Vec::new() };
    for mut outlet in outlets {
        let lines = broadcast.subscribe();
        crew.start(outlet.name, move |shared| {
            let outcome = outlet.run(lines, &shared.health);
            shared.sink_ended(&outlet, outcome);
        })?;
    }
    let Limits { frames, max_age, patience, ready } = limits;
    let mut inference = Inference::new(judge, replacement, broadcast, galleries, max_age);
    crew.start("inference", move |shared| {
        inference.run(shared, frames);
        shared.work_ended();
    })?;
    crew.start("capture", |shared| capture(open, shared))?;
    crew.start("watch", move |shared| watch(&shared.health, &mut *notifier, ready, patience, &shared.stop))?;
    stop.wait_for_request();
    let busy = Worker::join_all_within(crew.workers, GRACE);
    if !busy.is_empty() {
        log::warn!("still busy and left behind: {}", busy.join(", "));
    }
    let numbers = health.snapshot().numbers;
    Ok(Ended { numbers, source: taken(&shared.source), sink: taken(&shared.sink) })
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

impl Shared {
    /// The source has given up; no frames come any more.
    pub fn source_failed(&self, error: SourceError) {
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn sink_ended(&self, outlet: &Outlet, outcome: io::Result<()>) {
        match outcome {
            Err(error) if outlet.essential => {
                *self.sink.lock().unwrap_or_else(PoisonError::into_inner) = Some((outlet.name, error));
                self.stop.request();
            }
            Err(error) => log::error!("{} takes no more verdicts: {error}", outlet.name),
            Ok(()) => {}
        }
        self.work_ended();
    }

    fn work_ended(&self) {
        if self.at_work.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.stop.request();
        }
    }
}

fn taken<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// The first, second, fourth, eighth ... of its kind: a fault that comes with every frame must not fill the disk.
pub(super) fn is_worth_a_line(count: u64) -> bool {
    count.is_power_of_two()
}
