//! Moments of the wall clock, which the guest program, purecam's verdicts and its history of states share.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How many times slower than a board the emulated machine may be: what is promised within a second is expected within
/// this many.
pub const ALLOWANCE: u32 = 2;

/// Seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Moment(f64);

impl Moment {
    pub fn now() -> Self {
        Self(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64())
    }

    /// Reads RFC 3339 in UTC, as purecam writes it: `2026-11-23T00:11:05.123Z`.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let mut date = date.splitn(3, '-').map(str::parse::<i64>);
        let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
        let mut time = time.splitn(3, ':').map(str::parse::<f64>);
        let (hours, minutes, seconds) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
        // Days since 1970 of the Gregorian calendar, whose years are counted from March.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
        Some(Self(days as f64 * 86_400.0 + hours * 3_600.0 + minutes * 60.0 + seconds))
    }

    /// Seconds from an earlier moment to this one; negative where it is later.
    pub fn since(self, earlier: Self) -> f64 {
        self.0 - earlier.0
    }

    pub fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }

    pub fn plus(self, seconds: f64) -> Self {
        Self(self.0 + seconds)
    }
}

/// Asks every 50 ms until there is an answer. What is an error ends it; no answer in time is one.
pub fn wait_for<T>(
    what: &str,
    within: Duration,
    mut ask: impl FnMut() -> crate::Outcome<Option<T>>,
) -> crate::Outcome<T> {
    let begun = std::time::Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if begun.elapsed() > within {
            return Err(format!("{what}: not within {:.0} s", within.as_secs_f64()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Seconds since the kernel started.
pub fn uptime() -> f64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    text.split_whitespace().next().and_then(|seconds| seconds.parse().ok()).unwrap_or(f64::NAN)
}
