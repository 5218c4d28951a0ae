//! The loop: capture, inference and output on threads of their own, the newest frame between the first two.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::newest::Newest;
use super::pipeline::{Judge, Withheld};
use crate::contain::contain;
use crate::frame::{Frame, Stop};
use crate::sink::{Event, Sink};
use crate::source::{FrameSource, Offer, SourceError};
use crate::verdict::Tally;

/// Verdicts that may wait for a slow sink. More would make old news of them.
const OUTPUT_QUEUE: usize = 64;

/// How long a thread may take to notice that the end was requested. Who asks for the end gets it within a second, even
/// where a model needs longer than that for one frame.
const GRACE: Duration = Duration::from_millis(700);

/// What a loop is made of.
pub struct Parts {
    pub source: Box<dyn FrameSource>,
    pub judge: Box<dyn Judge>,
    pub sink: Box<dyn Sink>,
    /// Ends the loop from outside.
    pub stop: Stop,
    /// Ends the loop after so many verdicts.
    pub frames: Option<u64>,
}

/// How a loop came to its end.
#[derive(Debug)]
pub struct Ended {
    pub tally: Tally,
    /// Why the source gave up, where it did.
    pub source: Option<SourceError>,
    /// Why the sink gave up, where it did.
    pub sink: Option<io::Error>,
}

/// What the threads share.
#[derive(Default)]
struct Shared {
    newest: Newest<Frame>,
    ended: Mutex<Option<Failures>>,
    tally: Mutex<Tally>,
}

#[derive(Default)]
struct Failures {
    source: Option<SourceError>,
    sink: Option<io::Error>,
}

/// Runs until the source ends, the end is requested, the sink is gone, or there are enough verdicts.
pub fn run(parts: Parts) -> io::Result<Ended> {
    let Parts { source, judge, sink, stop, frames } = parts;
    let shared = Arc::new(Shared::default());
    let (send, receive) = mpsc::sync_channel(OUTPUT_QUEUE);
    let (running, all_done) = mpsc::channel();
    let threads = [
        spawn("output", &shared, &stop, &running, move |shared, stop| output(sink, receive, shared, stop))?,
        spawn("inference", &shared, &stop, &running, move |shared, stop| infer(judge, send, shared, stop, frames))?,
        spawn("capture", &shared, &stop, &running, move |shared, stop| capture(source, shared, stop))?,
    ];
    drop(running);
    stop.wait_for_request();
    if all_done.recv_timeout(GRACE) == Err(RecvTimeoutError::Timeout) {
        log::warn!("a thread is still busy; it is left behind");
    } else {
        // Their panics have been said where they happened, and each thread's part has ended either way.
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }
    let Failures { source, sink } = lock(&shared.ended).take().unwrap_or_default();
    Ok(Ended { tally: shared.tally(), source, sink })
}

/// Starts a named thread. `running` says by its disappearance that the thread has ended.
fn spawn(
    name: &str,
    shared: &Arc<Shared>,
    stop: &Stop,
    running: &mpsc::Sender<()>,
    work: impl FnOnce(&Shared, &Stop) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let (shared, stop, running) = (shared.clone(), stop.clone(), running.clone());
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        work(&shared, &stop);
        drop(running);
    })
}

/// Puts every frame into the slot, where it waits for nobody.
fn capture(mut source: Box<dyn FrameSource>, shared: &Shared, stop: &Stop) {
    let mut frame = Frame::default();
    while !stop.is_requested() {
        // A decoder that panics has met a file that it should have refused.
        match contain(|| source.next(&mut frame, stop)) {
            Ok(Ok(Offer::Frame)) => {
                shared.change(|tally| tally.frames += 1);
                frame = shared.newest.put(frame).unwrap_or_default();
            }
            Ok(Ok(Offer::Skipped(skipped))) => shared.skip(&skipped.problem),
            Err(panic) => shared.skip(&panic),
            Ok(Ok(Offer::Ended)) => break,
            Ok(Err(error)) => {
                shared.fail(|failures| failures.source = Some(error));
                break;
            }
        }
    }
    shared.newest.close();
}

/// Judges the newest frame, again and again.
fn infer(mut judge: Box<dyn Judge>, send: SyncSender<Event>, shared: &Shared, stop: &Stop, frames: Option<u64>) {
    let mut published = 0;
    while frames.is_none_or(|frames| published < frames) {
        let Some(frame) = shared.newest.take() else { return };
        if stop.is_requested() {
            return;
        }
        match contain(|| judge.judge(&frame)).unwrap_or_else(|panic| Err(Withheld::Panic(panic))) {
            Ok(judgement) => {
                let tally = shared.change(|tally| tally.verdicts += 1);
                let event = Event { verdict: judgement.verdict, raw: judgement.raw, staged: frame.staged, tally };
                match send.try_send(event) {
                    Ok(()) => published += 1,
                    Err(TrySendError::Full(_)) => drop(shared.change(|tally| tally.unpublished += 1)),
                    Err(TrySendError::Disconnected(_)) => return,
                }
            }
            Err(withheld) => shared.withhold(&frame, &withheld),
        }
        shared.newest.give_back(frame);
    }
    // There are enough. Output ends once it has written what is on its way, and its end is that of capture.
}

/// Hands verdicts to the sink. Its end is the end of the loop.
fn output(mut sink: Box<dyn Sink>, receive: Receiver<Event>, shared: &Shared, stop: &Stop) {
    let failed = receive
        .iter()
        .find_map(|event| contain(|| sink.publish(&event)).unwrap_or_else(|panic| Err(io::Error::other(panic))).err());
    shared.fail(|failures| failures.sink = failed);
    stop.request();
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut Tally)) -> Tally {
        let mut tally = lock(&self.tally);
        change(&mut tally);
        tally.replaced = self.newest.replaced();
        tally.clone()
    }

    fn tally(&self) -> Tally {
        self.change(|_| ())
    }

    fn fail(&self, change: impl FnOnce(&mut Failures)) {
        change(lock(&self.ended).get_or_insert_default());
    }

    fn skip(&self, problem: &str) {
        let tally = self.change(|tally| tally.skipped += 1);
        if is_worth_a_line(tally.skipped) {
            log::warn!("skipped: {problem} ({} so far)", tally.skipped);
        }
    }

    fn withhold(&self, frame: &Frame, withheld: &Withheld) {
        let cause = withheld.cause();
        let tally = self.change(|tally| *tally.withheld.entry(cause.clone()).or_default() += 1);
        let count = tally.withheld.get(&cause).copied().unwrap_or_default();
        if is_worth_a_line(count) {
            log::warn!("no verdict about frame {}: {withheld} ({count} so far)", frame.sequence);
        }
    }
}

/// The first, second, fourth, eighth ... of its kind: a fault that comes with every frame must not fill the disk.
fn is_worth_a_line(count: u64) -> bool {
    count.is_power_of_two()
}

/// The tally and the failures are whole after every change, so a panic elsewhere does not spoil them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
