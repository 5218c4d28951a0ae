//! A sink's own thread: it reads the broadcast at its own pace, so a slow sink delays only itself.

use std::io;
use std::time::Duration;

use super::health::Health;
use super::numbers::SinkNumbers;
use crate::contain::contain;
use crate::sink::{Next, Published, Sink, Subscriber};

/// How long a sink waits for a verdict before it looks after its readers.
const IDLE_AFTER: Duration = Duration::from_millis(200);

/// A sink and what its failure means.
pub struct Outlet {
    /// The name under which it is counted, and the name of its thread.
    pub name: &'static str,
    /// Where the verdicts go.
    pub sink: Box<dyn Sink>,
    /// Whether the service ends when this sink fails. True for standard output: its reader has closed the pipe.
    pub essential: bool,
}

impl Outlet {
    /// Publishes until the stream ends or the sink fails.
    pub(super) fn run(&mut self, mut lines: Subscriber, health: &Health) -> io::Result<()> {
        let place = health.count(|numbers| {
            numbers.sinks.push(SinkNumbers { name: self.name, written: 0, dropped: 0 });
            numbers.sinks.len() - 1
        });
        let mut published = Published::default();
        let mut missed_in_all = 0;
        loop {
            let (outcome, written) = match lines.next(IDLE_AFTER, &mut published) {
                Next::Closed => {
                    // A panic of a sink that is over costs nothing any more.
                    contain(|| self.sink.finish()).ok();
                    let dropped = missed_in_all + self.sink.dropped();
                    health.count(|numbers| numbers.sinks[place].dropped = dropped);
                    return Ok(());
                }
                Next::TimedOut => (contain(|| self.sink.idle()), 0),
                Next::Line { missed } => {
                    missed_in_all += missed;
                    (contain(|| self.sink.publish(&published)), 1)
                }
            };
            let outcome = outcome.unwrap_or_else(|panic| Err(io::Error::other(panic)));
            let dropped = missed_in_all + self.sink.dropped();
            health.count(|numbers| {
                let numbers = &mut numbers.sinks[place];
                numbers.written += if outcome.is_ok() { written } else { 0 };
                numbers.dropped = dropped;
            });
            outcome?;
        }
    }
}
