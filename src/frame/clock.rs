//! Time and the end, both passed in: a test of a slow model or of a timeout then takes no time itself.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Where a stream gets its time from.
pub trait Clock: Send + Sync {
    /// Time since an origin of the clock's own; never goes back.
    fn now(&self) -> Duration;
    /// The wall clock.
    fn wall(&self) -> SystemTime;
    /// Waits until `now()` reaches `until`. Returns false, at once, when `stop` is requested.
    fn wait_until(&self, until: Duration, stop: &Stop) -> bool;
}

/// The machine's own clocks; `now` is CLOCK_MONOTONIC, by which Linux stamps the frames of a camera.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        // CLOCK_MONOTONIC counts from the machine's start, so neither part is ever negative.
        Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn wait_until(&self, until: Duration, stop: &Stop) -> bool {
        stop.wait(until.saturating_sub(self.now()))
    }
}

/// A request to end that many threads can wait for. Clones are the same request.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everybody to end; wakes those who wait.
    pub fn request(&self) {
        // A poisoned flag is still a flag: a bool cannot be half written.
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    pub fn is_requested(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the end is requested.
    pub fn wait_for_request(&self) {
        let stopped = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The guard that comes back is of no use: nothing ever takes the request back.
        drop(self.0.1.wait_while(stopped, |stopped| !*stopped));
    }

    /// Waits for `timeout`, or less where the end is requested meanwhile. Returns whether to go on.
    pub fn wait(&self, timeout: Duration) -> bool {
        let stopped = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (stopped, _) =
            self.0.1.wait_timeout_while(stopped, timeout, |stopped| !*stopped).unwrap_or_else(PoisonError::into_inner);
        !*stopped
    }
}
