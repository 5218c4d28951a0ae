//! Named threads that are joined with a time-out: the standard library has only joining without one.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::passing::NoThread;

/// A running thread.
#[derive(Debug)]
pub struct Worker {
    /// Nothing is ever sent: the thread's end closes the channel.
    running: Receiver<()>,
    thread: JoinHandle<()>,
}

impl Worker {
    /// Starts `work` on a thread called `name`.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (guard, running): (Sender<()>, _) = channel();
        let thread = Builder::new().name(name.to_owned()).spawn(move || {
            // Dropped last, even if the work panics.
            let _guard = guard;
            work();
        });
        let thread = thread.map_err(|cause| NoThread::error(name, cause))?;
        Ok(Self { running, thread })
    }

    /// The thread's name.
    pub fn name(&self) -> &str {
        self.thread.thread().name().unwrap_or_default()
    }

    /// Waits until the thread ends, for at most `patience`, and joins it. Returns `false` if it is still busy: it is
    /// then left behind, and the log says so. A panic counts as an end: the panic hook has reported it.
    pub fn join_within(self, patience: Duration) -> bool {
        let ended = self.running.recv_timeout(patience) == Err(RecvTimeoutError::Disconnected);
        if ended {
            drop(self.thread.join());
        } else {
            log::warn!("still busy and left behind: {}", self.name());
        }
        ended
    }

    /// Joins all `workers`, waiting for at most `patience` in total. Returns the names of those that were left behind.
    pub fn join_all_within(workers: Vec<Self>, patience: Duration) -> Vec<String> {
        let end = Instant::now() + patience;
        let busy = workers.into_iter().filter_map(|worker| {
            let name = worker.name().to_owned();
            let left = end.saturating_duration_since(Instant::now());
            (!worker.join_within(left)).then_some(name)
        });
        busy.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Stop;

    #[test]
    fn a_worker_that_ends_or_panics_is_joined_and_one_that_is_busy_is_left() {
        let stop = Stop::new();
        let busy = stop.clone();
        let workers = vec![
            Worker::spawn("done", || {}).unwrap(),
            Worker::spawn("panicking", || panic!("as the test wants")).unwrap(),
            Worker::spawn("busy", move || busy.wait_for_request()).unwrap(),
        ];
        assert!(workers.iter().map(Worker::name).eq(["done", "panicking", "busy"]));
        // Printing a panic with its back trace takes a while on a machine that is busy.
        let patience = Duration::from_secs(10);
        let mut workers = workers.into_iter();
        assert!(workers.by_ref().take(2).all(|worker| worker.join_within(patience)));
        assert_eq!(Worker::join_all_within(workers.collect(), Duration::from_millis(200)), ["busy"]);
        stop.request();
    }
}
