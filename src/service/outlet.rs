//! A sink's own thread: it reads the broadcast at its own pace, so a slow sink delays only itself. A sink that fails or
//! panics is made again, unless it is essential.

use std::io;
use std::time::Duration;

use super::health::Health;
use super::shared::is_worth_a_line;
use crate::contain::contain;
use crate::sink::{Next, Problem, Published, Sink, Subscriber};
use crate::time::{Backoff, Stop};

/// How long a sink waits for a verdict before it looks after its readers.
const IDLE_AFTER: Duration = Duration::from_millis(200);

/// The wait before a sink that failed is made again; it doubles with each failure that follows.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest such wait. A sink that has worked for longer than this has recovered.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Makes a sink again, whose stream begins with this header.
pub type Remake = Box<dyn FnMut(&[u8]) -> io::Result<Box<dyn Sink>> + Send>;

/// A sink and what its failure means.
pub struct Outlet {
    /// The name under which it is counted, and the name of its thread.
    pub name: &'static str,
    /// Where the verdicts go; `None` while it is made again.
    sink: Option<Box<dyn Sink>>,
    /// `None`: the service ends when this sink fails.
    remake: Option<Remake>,
    /// Whether the service is not ready while this sink fails.
    required: bool,
}

impl Outlet {
    /// A sink whose failure ends the service: the reader of standard output has closed the pipe.
    pub fn essential(name: &'static str, sink: Box<dyn Sink>) -> Self {
        Self { name, sink: Some(sink), remake: None, required: true }
    }

    /// A sink that is made again by `remake` when it fails. With `required`, the service is not ready meanwhile.
    pub fn optional(name: &'static str, sink: Box<dyn Sink>, required: bool, remake: Remake) -> Self {
        Self { name, sink: Some(sink), remake: Some(remake), required }
    }

    /// Whether the service ends when this sink fails.
    pub fn is_essential(&self) -> bool {
        self.remake.is_none()
    }

    /// Publishes until the stream ends, the end is requested while the sink fails, or an essential sink fails.
    pub(super) fn run(&mut self, mut lines: Subscriber, health: &Health, stop: &Stop) -> io::Result<()> {
        let mut report = Report { health, place: health.add_sink(self.name, self.required), missed: 0, problem: None };
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        let mut failures = 0;
        let clock = health.clock();
        loop {
            let began = clock.now();
            let outcome = match &mut self.sink {
                Some(sink) => publish_all(&mut **sink, &mut lines, &mut report),
                None => self.make_again(&lines).map(|()| false),
            };
            let error = match outcome {
                Ok(true) => return Ok(()),
                Ok(false) => continue,
                Err(error) if self.is_essential() => return Err(error),
                Err(error) => error,
            };
            failures += 1;
            if is_worth_a_line(failures) {
                log::error!("{} failed and is started again: {error} ({failures} so far)", self.name);
            }
            if let Some(sink) = self.sink.take() {
                report.missed += contain(|| sink.dropped()).unwrap_or_default();
                // A panic while it is dropped ends nothing either.
                contain(|| drop(sink)).ok();
            }
            report.say(Some(Problem { kind: "failed", detail: error.to_string() }));
            if clock.now().saturating_sub(began) > LONGEST_WAIT {
                backoff.reset();
            }
            if !clock.wait_until(clock.now() + backoff.wait(), stop) {
                return Ok(());
            }
            // What was published meanwhile would come too late.
            report.missed += lines.skip();
            report.count(0, 0);
            if self.sink.is_none() && lines.is_over() {
                return Ok(());
            }
        }
    }

    fn make_again(&mut self, lines: &Subscriber) -> io::Result<()> {
        let Some(remake) = &mut self.remake else { return Ok(()) };
        let header = lines.header();
        self.sink = Some(contain(|| remake(&header)).unwrap_or_else(|panic| Err(io::Error::other(panic)))?);
        Ok(())
    }
}

/// Publishes until the stream ends; `Ok` is always true. An error or a panic is one of the sink's.
fn publish_all(sink: &mut dyn Sink, lines: &mut Subscriber, report: &mut Report<'_>) -> io::Result<bool> {
    let mut published = Published::default();
    loop {
        let (outcome, written) = match lines.next(IDLE_AFTER, &mut published) {
            Next::Closed => {
                // A panic of a sink that is over costs nothing any more.
                contain(|| sink.finish()).ok();
                report.count(0, sink.dropped());
                return Ok(true);
            }
            Next::TimedOut => (contain(|| sink.idle()), 0),
            Next::Line { missed } => {
                report.missed += missed;
                (contain(|| sink.publish(&published)), 1)
            }
        };
        let outcome = outcome.unwrap_or_else(|panic| Err(io::Error::other(panic)));
        if outcome.is_err() {
            report.missed += written;
        }
        outcome?;
        report.count(written, sink.dropped());
        report.say(sink.problem());
    }
}

/// What an outlet reports of its sink.
struct Report<'a> {
    health: &'a Health,
    /// The sink's place among the numbers.
    place: usize,
    /// Lines that were missed before the sink, or by those before it.
    missed: u64,
    /// What was last reported.
    problem: Option<Problem>,
}

impl Report<'_> {
    fn count(&self, written: u64, dropped: u64) {
        self.health.count(|numbers| {
            let numbers = &mut numbers.sinks[self.place];
            numbers.written += written;
            numbers.dropped = self.missed + dropped;
        });
    }

    fn say(&mut self, problem: Option<Problem>) {
        if problem != self.problem {
            self.health.sink_problem(self.place, problem.clone());
            self.problem = problem;
        }
    }
}
