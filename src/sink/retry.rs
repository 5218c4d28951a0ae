//! When to retry what failed, and how often to log it.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use crate::time::{Backoff, Clock};

/// The wait after the first failure; it doubles with each one that follows.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait: a repaired output is used again within it.
const LONGEST: Duration = Duration::from_secs(5);
/// A fault that lasts is logged at most this often.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The back-off of one output that can fail and recover.
pub(super) struct Retry {
    clock: Arc<dyn Clock>,
    /// The beginning of its log lines: the output, or what cannot be done while it fails.
    what: String,
    backoff: Backoff,
    /// While it fails: when to try again, by the clock.
    due: Option<Duration>,
    /// While it works: since when; `None` if it never failed.
    works_since: Option<Duration>,
    /// When a failure was last logged.
    logged: Option<Duration>,
    /// Whether the log's last word is that it fails.
    known: bool,
    /// While it fails: why.
    problem: Option<String>,
}

impl Retry {
    /// Nothing has failed yet. `what` begins each log line.
    pub fn new(clock: Arc<dyn Clock>, what: String) -> Self {
        Self {
            clock,
            what,
            backoff: Backoff::new(FIRST, LONGEST),
            due: None,
            works_since: None,
            logged: None,
            known: false,
            problem: None,
        }
    }

    /// Whether to try now: always, except for a while after a failure.
    pub fn is_due(&self) -> bool {
        self.clock.now() >= self.due()
    }

    /// When to try again, by the clock; 0, which is at once, if nothing has failed.
    pub fn due(&self) -> Duration {
        self.due.unwrap_or_default()
    }

    /// Why it fails; `None` while it works.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Notes a failed attempt; logs `problem` at most once per minute.
    pub fn failed(&mut self, problem: &dyn Display) {
        let now = self.clock.now();
        // An output that keeps working only for a moment must not be tried without a pause.
        if self.works_since.take().is_some_and(|since| now.saturating_sub(since) >= LONGEST) {
            self.backoff.reset();
        }
        self.due = Some(now + self.backoff.wait());
        self.problem = Some(problem.to_string());
        if self.logged.is_none_or(|logged| now.saturating_sub(logged) >= LOG_INTERVAL) {
            log::warn!("{}: {problem}; retrying", self.what);
            (self.logged, self.known) = (Some(now), true);
        }
    }

    /// Notes a successful attempt; logs it if the log's last word was a failure.
    pub fn succeeded(&mut self) {
        if self.due.take().is_some() {
            self.problem = None;
            self.works_since = Some(self.clock.now());
            if std::mem::take(&mut self.known) {
                log::info!("{}: works again", self.what);
            }
        }
    }
}
