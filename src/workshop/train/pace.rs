//! How long the parts of a run take, and what that makes of the rest.

use std::collections::VecDeque;
use std::time::Duration;

/// Parts of one kind that the mean is of: enough to be steady, few enough to follow a change.
const RECENT: usize = 50;

/// The parts of a run that are still to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Steps.
    pub steps: u64,
    /// Preparations between them.
    pub preparations: u64,
    /// Validations.
    pub validations: u64,
}

/// The durations of a run's latest parts.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    steps: Recent,
    preparations: Recent,
    validations: Recent,
}

/// Durations of parts of one kind.
#[derive(Clone, Debug, Default)]
struct Recent(VecDeque<Duration>);

impl Recent {
    fn push(&mut self, took: Duration) {
        self.0.truncate(RECENT - 1);
        self.0.push_front(took);
    }

    /// `None` before the first part.
    fn mean(&self) -> Option<Duration> {
        let count = u32::try_from(self.0.len()).ok()?;
        self.0.iter().sum::<Duration>().checked_div(count)
    }
}

impl Pace {
    /// Notes a step.
    pub fn step(&mut self, took: Duration) {
        self.steps.push(took);
    }

    /// Notes what had to be made before a step.
    pub fn preparation(&mut self, took: Duration) {
        self.preparations.push(took);
    }

    /// Notes a validation.
    pub fn validation(&mut self, took: Duration) {
        self.validations.push(took);
    }

    /// Steps a second, without what lies between them; 0 before the first.
    pub fn steps_per_second(&self) -> f64 {
        self.steps.mean().map_or(0.0, |mean| 1.0 / mean.as_secs_f64().max(1e-9))
    }

    /// The time that the rest will take. Parts of a kind that has not been seen count as nothing.
    pub fn left(&self, ahead: Ahead) -> Duration {
        let part = |recent: &Recent, count: u64| recent.mean().unwrap_or_default().as_secs_f64() * count as f64;
        let seconds = part(&self.steps, ahead.steps)
            + part(&self.preparations, ahead.preparations)
            + part(&self.validations, ahead.validations);
        // Counts of a run that nobody could wait for may overflow a duration.
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_rest_is_made_of_its_parts_and_follows_the_latest() {
        let mut pace = Pace::default();
        let ahead = Ahead { steps: 10, preparations: 2, validations: 1 };
        assert_eq!((pace.left(ahead), pace.steps_per_second()), (Duration::ZERO, 0.0));
        pace.preparation(60 * SECOND);
        pace.step(SECOND);
        pace.step(3 * SECOND);
        assert_eq!(pace.left(ahead), 140 * SECOND);
        pace.validation(7 * SECOND);
        assert_eq!(pace.left(ahead), 147 * SECOND);
        (0..RECENT).for_each(|_| pace.step(SECOND / 2));
        assert_eq!((pace.left(Ahead { steps: 10, ..Ahead::default() }), pace.steps_per_second()), (5 * SECOND, 2.0));
        assert_eq!(pace.left(Ahead { steps: u64::MAX, ..ahead }).max(Duration::MAX), Duration::MAX);
    }
}
