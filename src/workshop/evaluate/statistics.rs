//! Shares with their uncertainty.

use serde::Serialize;

/// The 97.5 % point of the normal distribution: intervals cover 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The share of right answers, with its 95 % interval (Wilson 1927).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// Right answers.
    pub right: usize,
    /// All answers.
    pub of: usize,
    /// `right / of`; 0 if nothing was counted.
    pub share: f64,
    /// Lower end of the interval, 0..1.
    pub low: f64,
    /// Upper end of the interval, 0..1.
    pub high: f64,
}

impl Share {
    /// `right` answers of `of`; without any, the interval is all of 0..1.
    pub fn new(right: usize, of: usize) -> Self {
        if of == 0 {
            return Self { right, of, share: 0.0, low: 0.0, high: 1.0 };
        }
        let (share, n) = (right as f64 / of as f64, of as f64);
        let centre = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        Self { right, of, share, low: (centre - half).max(0.0), high: (centre + half).min(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_agrees_with_published_values() {
        // Newcombe 1998 (Statistics in Medicine 17, table I, method 3): 81 of 263 and 0 of 20.
        let share = Share::new(81, 263);
        assert!((share.low - 0.2553).abs() < 5e-5 && (share.high - 0.3662).abs() < 5e-5, "{share:?}");
        let none = Share::new(0, 20);
        assert!(none.low == 0.0 && (none.high - 0.1611).abs() < 5e-5, "{none:?}");
    }
}
