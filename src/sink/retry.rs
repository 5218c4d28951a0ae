//! Trying again what failed: when, and how often to say so.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use crate::time::{Backoff, Clock};

/// The wait after the first failure; it doubles with each one that follows.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait: what was mended is used again within it.
const LONGEST: Duration = Duration::from_secs(5);
/// A fault that lasts for months is said so often at most.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// The back-off of one thing that can fail and come back.
pub(super) struct Retry {
    clock: Arc<dyn Clock>,
    /// What cannot be done while it fails, as the subject of a log line.
    what: String,
    backoff: Backoff,
    /// While it fails: when to try again.
    due: Option<Duration>,
    /// While it works: since when, unless it never failed.
    works_since: Option<Duration>,
    said: Option<Duration>,
    /// Whether the log says that it fails.
    known: bool,
}

impl Retry {
    pub fn new(clock: Arc<dyn Clock>, what: String) -> Self {
        Self {
            clock,
            what,
            backoff: Backoff::new(FIRST, LONGEST),
            due: None,
            works_since: None,
            said: None,
            known: false,
        }
    }

    /// Whether to try: always, except for a while after a failure.
    pub fn is_due(&self) -> bool {
        self.clock.now() >= self.due()
    }

    /// When to try again; at once, where nothing has failed.
    pub fn due(&self) -> Duration {
        self.due.unwrap_or_default()
    }

    /// An attempt has failed.
    pub fn failed(&mut self, problem: &dyn Display) {
        let now = self.clock.now();
        // What works for a moment only, again and again, must not be tried without a pause.
        if self.works_since.take().is_some_and(|since| now.saturating_sub(since) >= LONGEST) {
            self.backoff.reset();
        }
        self.due = Some(now + self.backoff.wait());
        if self.said.is_none_or(|said| now.saturating_sub(said) >= SAID_EVERY) {
            log::warn!("{}: {problem}; trying again", self.what);
            (self.said, self.known) = (Some(now), true);
        }
    }

    /// An attempt has succeeded.
    pub fn succeeded(&mut self) {
        if self.due.take().is_some() {
            self.works_since = Some(self.clock.now());
            if std::mem::take(&mut self.known) {
                log::info!("{}: works again", self.what);
            }
        }
    }
}
