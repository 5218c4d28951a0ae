//! Time, the request to stop, and the waits between attempts. A clock is always passed in, so that a test of a slow
//! model or of a time-out takes no time itself.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::{Condvar, Mutex};

/// The source of a stream's time.
pub trait Clock: Send + Sync {
    /// Time since the clock's own origin; never goes back.
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

/// A request to stop that many threads can wait for. Clones are the same request.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Nobody has asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks every holder to stop and wakes those that wait.
    pub fn request(&self) {
        *self.0.0.lock() = true;
        self.0.1.notify_all();
    }

    /// Whether somebody has asked.
    pub fn is_requested(&self) -> bool {
        *self.0.0.lock()
    }

    /// Waits until somebody asks.
    pub fn wait_for_request(&self) {
        self.0.1.wait_while(&mut self.0.0.lock(), |requested| !*requested);
    }

    /// Waits for `timeout`, or until somebody asks. Returns true if nobody has asked.
    pub fn wait(&self, timeout: Duration) -> bool {
        let mut requested = self.0.0.lock();
        self.0.1.wait_while_for(&mut requested, |requested| !*requested, timeout);
        !*requested
    }
}

/// Exponential back-off: the first wait, then twice as long after each failure, up to the longest.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Waits from `first` to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// The longest wait.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The wait before the next attempt.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (2 * wait).min(self.longest);
        wait
    }

    /// The attempt succeeded: the next failure is a new one.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_again_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        let mut waits = |count: usize| -> Vec<u128> { (0..count).map(|_| backoff.wait().as_millis()).collect() };
        assert_eq!(waits(7), [100, 200, 400, 800, 1600, 2000, 2000]);
        backoff.reset();
        let next = [backoff.wait(), backoff.wait()];
        assert_eq!(next, [100, 200].map(Duration::from_millis));
    }

    #[test]
    fn a_backoff_whose_longest_wait_is_its_first_never_grows() {
        let second = Duration::from_secs(1);
        let mut backoff = Backoff::new(second, second);
        assert_eq!([backoff.wait(), backoff.wait(), backoff.longest()], [second; 3]);
    }

    #[test]
    fn a_request_to_stop_ends_every_wait_and_all_clones_see_it() {
        let stop = Stop::new();
        assert!(stop.wait(Duration::ZERO), "nobody has asked");
        let clone = stop.clone();
        let waiting = std::thread::spawn(move || clone.wait(Duration::from_secs(3600)));
        stop.request();
        assert!(!waiting.join().unwrap());
        assert!(stop.is_requested());
        stop.wait_for_request();
        assert!(!SystemClock.wait_until(Duration::MAX, &stop));
    }
}
