//! Frames per second: their range, and the waits between frames that are offered at a steady rate.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::{Clock, Stop};

/// Frames per second, from [`LOWEST`](Self::LOWEST) to [`HIGHEST`](Self::HIGHEST), both included.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct FrameRate(f64);

impl FrameRate {
    /// The lowest rate: a frame every hundred seconds.
    pub const LOWEST: f64 = 0.01;
    /// The highest rate. More would only measure how fast files can be decoded.
    pub const HIGHEST: f64 = 1000.0;
    /// One frame per second.
    pub const ONE: Self = Self(1.0);

    /// A rate in frames per second; `None` if it is out of range or not a number.
    pub const fn new(per_second: f64) -> Option<Self> {
        if Self::LOWEST <= per_second && per_second <= Self::HIGHEST { Some(Self(per_second)) } else { None }
    }

    /// Frames per second.
    pub const fn per_second(self) -> f64 {
        self.0
    }

    /// The time between two frames, from a millisecond to 100 seconds.
    pub fn interval(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.0)
    }
}

/// A number that is not a [`FrameRate`].
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "{0} is not a frame rate; expected a number of frames per second from {lowest} to {highest}",
    lowest = FrameRate::LOWEST,
    highest = FrameRate::HIGHEST
)]
pub struct NotARate(f64);

impl TryFrom<f64> for FrameRate {
    type Error = NotARate;

    fn try_from(per_second: f64) -> Result<Self, NotARate> {
        Self::new(per_second).ok_or(NotARate(per_second))
    }
}

impl From<FrameRate> for f64 {
    fn from(rate: FrameRate) -> Self {
        rate.0
    }
}

/// When frames of a steady rate are due.
pub(super) struct Pace {
    interval: Duration,
    /// When the next frame is due; `None` before the first.
    due: Option<Duration>,
}

impl Pace {
    /// A pace whose first frame is due at once.
    pub fn new(rate: FrameRate) -> Self {
        Self { interval: rate.interval(), due: None }
    }

    /// Waits until the next frame is due. A late frame delays those after it: none is made
    /// up. Returns false, at once, when `stop` is requested.
    pub fn wait(&mut self, clock: &dyn Clock, stop: &Stop) -> bool {
        let now = clock.now();
        let due = self.due.unwrap_or(now);
        if !clock.wait_until(due, stop) {
            return false;
        }
        self.due = Some(due.max(now) + self.interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_a_range_and_both_ends_belong_to_it() {
        for per_second in [0.01, 29.97, 1000.0] {
            assert_eq!(FrameRate::try_from(per_second).map(f64::from), Ok(per_second));
        }
        for per_second in [0.0, -1.0, 0.0099, 1000.1, f64::NAN, f64::INFINITY, 1e9] {
            let error = FrameRate::try_from(per_second).unwrap_err().to_string();
            assert!(error.contains("from 0.01 to 1000"), "{error}");
        }
    }
}
