//! Latencies of every stage in histograms of fixed size, exact to three digits however long the run.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use crate::sink::{Published, Sink};
use crate::time::Clock;
use crate::verdict::{Milliseconds, Verdict};

/// The longest latency that a histogram tells apart from longer ones, in microseconds: five minutes.
const LONGEST: u64 = 300_000_000;

/// The series of latencies, in the order of a report: the stages, their total, and the frame's age at its verdict.
pub const SERIES: [&str; 6] = ["decode", "resize", "purify", "classify", "total", "age"];

/// Quantiles of one series, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest value.
    pub max: f64,
    /// Arithmetic mean.
    pub mean: f64,
}

/// One histogram for each of [`SERIES`].
#[derive(Debug)]
pub struct Latencies {
    series: [Histogram<u64>; SERIES.len()],
    /// When the first and the newest verdict that count came.
    first: Option<Duration>,
    newest: Duration,
    /// How many verdicts are still to be left out.
    left_out: u64,
}

impl Latencies {
    fn new(left_out: u64) -> Self {
        // The bounds are constants: 1 < LONGEST, 3 digits.
        let series = std::array::from_fn(|_| {
            Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are those that the type allows")
        });
        Self { series, first: None, newest: Duration::ZERO, left_out }
    }

    fn record(&mut self, verdict: &Verdict, now: Duration) {
        if self.left_out > 0 {
            self.left_out -= 1;
            return;
        }
        self.first.get_or_insert(now);
        self.newest = now;
        let ms = &verdict.ms;
        let values = [ms.decode, ms.resize, ms.purify, ms.classify, ms.total, verdict.age_ms];
        for (histogram, ms) in self.series.iter_mut().zip(values) {
            histogram.saturating_record((ms * 1e3).round() as u64);
        }
    }

    /// How many verdicts count.
    pub fn count(&self) -> u64 {
        self.series[0].len()
    }

    /// Verdicts per second between the first and the newest; `None` for fewer than two.
    pub fn per_second(&self) -> Option<f64> {
        let seconds = self.newest.saturating_sub(self.first?).as_secs_f64();
        (seconds > 0.0).then(|| (self.count() - 1) as f64 / seconds)
    }

    /// The quantiles of each of [`SERIES`].
    pub fn quantiles(&self) -> [Quantiles; SERIES.len()] {
        let ms = |microseconds: u64| microseconds as f64 / 1e3;
        std::array::from_fn(|index| {
            let histogram = &self.series[index];
            let at = |quantile| ms(histogram.value_at_quantile(quantile));
            Quantiles {
                p50: at(0.5),
                p95: at(0.95),
                p99: at(0.99),
                max: ms(histogram.max()),
                mean: (histogram.mean().round() / 1e3).max(0.0),
            }
        })
    }
}

/// The median of each stage over `times`; `None` if there are none.
pub fn medians(times: &[Milliseconds]) -> Option<Milliseconds> {
    let median = |stage: fn(&Milliseconds) -> f64| {
        let mut stage: Vec<f64> = times.iter().map(stage).collect();
        stage.sort_by(f64::total_cmp);
        stage.get(stage.len() / 2).copied()
    };
    Some(Milliseconds {
        decode: median(|ms| ms.decode)?,
        resize: median(|ms| ms.resize)?,
        purify: median(|ms| ms.purify)?,
        classify: median(|ms| ms.classify)?,
        total: median(|ms| ms.total)?,
    })
}

/// A sink that measures the verdicts it gets. Clones share their histograms.
#[derive(Clone)]
pub struct Recorder {
    latencies: Arc<Mutex<Latencies>>,
    first_verdict: Arc<Mutex<Option<Duration>>>,
    clock: Arc<dyn Clock>,
}

impl Recorder {
    /// Leaves out the first `left_out` verdicts: caches and clocks are not warm yet.
    pub fn new(left_out: u64, clock: Arc<dyn Clock>) -> Self {
        let latencies = Arc::new(Mutex::new(Latencies::new(left_out)));
        Self { latencies, first_verdict: Arc::default(), clock }
    }

    /// The histograms so far; recording waits while the guard is held.
    pub fn latencies(&self) -> MutexGuard<'_, Latencies> {
        self.latencies.lock()
    }

    /// When the first verdict came, left out or not, on the clock.
    pub fn first_verdict(&self) -> Option<Duration> {
        *self.first_verdict.lock()
    }
}

impl Sink for Recorder {
    fn publish(&mut self, published: &Published) -> io::Result<()> {
        let Some(event) = &published.event else { return Ok(()) };
        let now = self.clock.now();
        self.first_verdict.lock().get_or_insert(now);
        self.latencies().record(&event.verdict, now);
        Ok(())
    }
}
