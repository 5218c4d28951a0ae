//! A benchmark's result as a table for people, and beside an earlier one.

use std::fmt::{self, Display, Formatter};

use super::benchmark::{Benchmark, Doubt, FEW};
use super::latency::{Quantiles, SERIES};
use super::machine::Machine;

/// A difference below this share is noise on a quiet machine.
const NOISE: f64 = 0.05;

impl Display for Doubt {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::FewVerdicts { verdicts } => {
                write!(f, "{verdicts} verdicts are few for a 99th percentile; use --frames {FEW} or more")
            }
            Self::Governor { governor } => write!(
                f,
                "the clock follows the load (governor {governor}); `performance`, or jetson_clocks on a Jetson, keeps it up"
            ),
            Self::ClockScaled { mhz, most_mhz } => {
                write!(f, "the clock was at {mhz:.0} of {most_mhz:.0} MHz at the end")
            }
            Self::Throttled { events } => write!(f, "the board throttled {events} times: heat or current"),
            Self::Swap { bytes } => write!(f, "{} MiB are swapped out", bytes >> 20),
            Self::Neighbours { load, cores } => {
                write!(f, "other programs were busy before the run (load {load:.1} on {cores} cores)")
            }
        }
    }
}

impl Display for Benchmark {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {} verdicts\n", self.source, self.verdicts)?;
        writeln!(f, "{:<10}{:>9}{:>9}{:>9}{:>9}{:>9}", "ms", "mean", "p50", "p95", "p99", "max")?;
        for (name, quantiles) in &self.ms {
            let Quantiles { p50, p95, p99, max, mean } = quantiles;
            writeln!(f, "{name:<10}{mean:>9.2}{p50:>9.2}{p95:>9.2}{p99:>9.2}{max:>9.2}")?;
        }
        let Self { frames, replaced, missed, skipped, withheld, .. } = self;
        writeln!(f, "\n{} verdicts/s", show(self.per_second, 1))?;
        writeln!(
            f,
            "{frames} frames: {replaced} replaced by newer ones, {missed} missed by the camera, {skipped} unusable, \
             {withheld} withheld"
        )?;
        writeln!(f, "cold start to first verdict {} ms", show(self.cold_start_ms, 0))?;
        let mebibytes = |bytes: Option<u64>| show(bytes.map(|bytes| bytes as f64 / f64::from(1 << 20)), 1);
        writeln!(
            f,
            "processor {} ms per verdict, memory {} MiB resident, {} at most",
            show(self.cpu_ms_per_verdict, 1),
            mebibytes(self.resident_bytes),
            mebibytes(self.resident_peak_bytes)
        )?;
        write_machine(f, &self.after)?;
        self.doubts.iter().try_for_each(|doubt| writeln!(f, "doubtful: {doubt}"))
    }
}

fn write_machine(f: &mut Formatter<'_>, machine: &Machine) -> fmt::Result {
    write!(f, "{}, {} cores", machine.model.as_deref().unwrap_or("unknown machine"), machine.cores)?;
    if let Some(mhz) = machine.clock_mhz {
        write!(f, ", {mhz:.0} MHz")?;
    }
    machine.temperatures.iter().try_for_each(|zone| write!(f, ", {} {:.0} °C", zone.name, zone.celsius))?;
    writeln!(f)
}

/// A number with so many digits after the point, or `-`.
fn show(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
}

/// A table of a benchmark beside an earlier one.
pub struct Comparison<'a> {
    /// The result to compare with.
    pub earlier: &'a Benchmark,
    /// The new result.
    pub now: &'a Benchmark,
}

impl Display for Comparison<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { earlier, now } = self;
        writeln!(
            f,
            "{:<10}{:>10}{:>10}{:>9}{:>10}{:>10}{:>9}",
            "ms", "p50 then", "now", "ratio", "p99 then", "now", "ratio"
        )?;
        for name in SERIES {
            let (Some(then), Some(now)) = (earlier.series(name), now.series(name)) else { continue };
            let [half, tail] = [(then.p50, now.p50), (then.p99, now.p99)].map(|(then, now)| ratio(then, now));
            writeln!(
                f,
                "{name:<10}{:>10.2}{:>10.2}{half:>9}{:>10.2}{:>10.2}{tail:>9}",
                then.p50, now.p50, then.p99, now.p99
            )?;
        }
        if earlier.models != now.models {
            writeln!(f, "other models: they cause a part of the difference")?;
        }
        if earlier.after.model != now.after.model {
            writeln!(f, "another machine: {}", earlier.after.model.as_deref().unwrap_or("unknown"))?;
        }
        Ok(())
    }
}

/// `1.00`, with a `+` or `-` if the difference is more than noise.
fn ratio(then: f64, now: f64) -> String {
    if then <= 0.0 {
        return "-".to_owned();
    }
    let ratio = now / then;
    let mark = if (ratio - 1.0).abs() > NOISE { if ratio > 1.0 { " +" } else { " -" } } else { "  " };
    format!("{ratio:.2}{mark}")
}
