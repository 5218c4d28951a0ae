//! Signs of life: whether a thread has been busy with one thing for too long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Since when a thread has been busy with one thing, or something has been waiting for it.
#[derive(Debug)]
pub struct Beat(AtomicU64);

/// Not a time: the thread waits for work, or has ended.
const IDLE: u64 = u64::MAX;

impl Default for Beat {
    fn default() -> Self {
        Self(AtomicU64::new(IDLE))
    }
}

impl Beat {
    /// The thread begins something that must end soon.
    pub fn busy(&self, now: Duration) {
        self.0.store(millis(now), Ordering::Relaxed);
    }

    /// Something waits for the thread. If the thread does not take it, that counts as being busy since then.
    pub fn called(&self, now: Duration) {
        // A thread that is already busy stays busy since its own beginning: the exchange then fails, as it should.
        let _ = self.0.compare_exchange(IDLE, millis(now), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The thread waits for work; this may take any time.
    pub fn idle(&self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }

    /// How long the thread has been busy with one thing; zero if it is idle.
    pub fn busy_for(&self, now: Duration) -> Duration {
        match self.0.load(Ordering::Relaxed) {
            IDLE => Duration::ZERO,
            since => now.saturating_sub(Duration::from_millis(since)),
        }
    }
}

/// Milliseconds of `now`; more than 64 bits of them, which no clock reaches, count as zero.
fn millis(now: Duration) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(0)
}
