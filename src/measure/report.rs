//! The numbers of a benchmark: for people a table, for programs JSON, and what is doubtful about them.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::latency::{Quantiles, SERIES};
use super::machine::Machine;
use crate::verdict::Models;

/// Below this the 99th percentile is the word of one or two frames.
const FEW: u64 = 200;
/// A clock below this share of its most was scaled down.
const FULL_CLOCK: f64 = 0.9;
/// A difference below this share is noise on a quiet machine.
const NOISE: f64 = 0.05;

/// What a benchmark found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Benchmark {
    pub schema: u32,
    pub generator: String,
    pub source: String,
    pub models: Models,
    /// Verdicts that were measured, after those that were left out.
    pub verdicts: u64,
    /// By stage, in milliseconds; `age` is the frame's at its verdict.
    pub ms: Vec<(String, Quantiles)>,
    pub per_second: Option<f64>,
    pub frames: u64,
    pub replaced: u64,
    pub missed: u64,
    pub skipped: u64,
    pub withheld: u64,
    /// From the process's start to its first verdict, in milliseconds.
    pub cold_start_ms: Option<f64>,
    /// Processor seconds a verdict, of all threads.
    pub cpu_ms_per_verdict: Option<f64>,
    pub resident_bytes: Option<u64>,
    pub resident_peak_bytes: Option<u64>,
    pub before: Machine,
    pub after: Machine,
    pub doubts: Vec<Doubt>,
}

/// The version of [`Benchmark`]'s JSON.
pub const SCHEMA: u32 = 1;

/// A reason not to trust the numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "doubt")]
pub enum Doubt {
    FewVerdicts { verdicts: u64 },
    Governor { governor: String },
    ClockScaled { mhz: f64, most_mhz: f64 },
    Throttled { events: u64 },
    Swap { bytes: u64 },
    Neighbours { load: f64, cores: usize },
}

impl Doubt {
    /// All doubts about `verdicts` that were measured between two looks at the machine.
    pub fn all(verdicts: u64, before: &Machine, after: &Machine) -> Vec<Self> {
        let few = (verdicts < FEW).then_some(Self::FewVerdicts { verdicts });
        let governor = after.governor.clone().filter(|governor| governor != "performance");
        let scaled = after.clock_mhz.zip(after.clock_most_mhz).filter(|(mhz, most)| *mhz < FULL_CLOCK * most);
        let events = after.throttled.zip(before.throttled).map(|(after, before)| after.saturating_sub(before));
        let load = before.load.filter(|load| *load > 0.5 * before.cores as f64);
        let doubts = [
            few,
            governor.map(|governor| Self::Governor { governor }),
            scaled.map(|(mhz, most_mhz)| Self::ClockScaled { mhz, most_mhz }),
            events.filter(|events| *events > 0).map(|events| Self::Throttled { events }),
            (after.swap_used > 0).then_some(Self::Swap { bytes: after.swap_used }),
            load.map(|load| Self::Neighbours { load, cores: before.cores }),
        ];
        doubts.into_iter().flatten().collect()
    }
}

impl Display for Doubt {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::FewVerdicts { verdicts } => {
                write!(f, "{verdicts} verdicts are few for a 99th percentile; --frames {FEW} or more says more")
            }
            Self::Governor { governor } => write!(
                f,
                "the clock follows the load (governor {governor}); `performance` keeps it up, as a Jetson's jetson_clocks does"
            ),
            Self::ClockScaled { mhz, most_mhz } => {
                write!(f, "the clock was at {mhz:.0} of {most_mhz:.0} MHz at the end")
            }
            Self::Throttled { events } => write!(f, "the board throttled {events} times: heat or current"),
            Self::Swap { bytes } => write!(f, "{} MiB are swapped out", bytes >> 20),
            Self::Neighbours { load, cores } => {
                write!(f, "other programs were busy before it began (load {load:.1} on {cores} cores)")
            }
        }
    }
}

impl Benchmark {
    /// The quantiles of one series.
    pub fn series(&self, name: &str) -> Option<&Quantiles> {
        self.ms.iter().find_map(|(series, quantiles)| (series == name).then_some(quantiles))
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
            "processor {} ms a verdict, memory {} MiB resident, {} at most",
            show(self.cpu_ms_per_verdict, 1),
            mebibytes(self.resident_bytes),
            mebibytes(self.resident_peak_bytes)
        )?;
        write_machine(f, &self.after)?;
        self.doubts.iter().try_for_each(|doubt| writeln!(f, "doubtful: {doubt}"))
    }
}

fn write_machine(f: &mut Formatter<'_>, machine: &Machine) -> fmt::Result {
    write!(f, "{}, {} cores", machine.model.as_deref().unwrap_or("machine unknown"), machine.cores)?;
    if let Some(mhz) = machine.clock_mhz {
        write!(f, ", {mhz:.0} MHz")?;
    }
    machine.temperatures.iter().try_for_each(|zone| write!(f, ", {} {:.0} °C", zone.name, zone.celsius))?;
    writeln!(f)
}

fn show(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
}

/// A benchmark beside an earlier one.
pub struct Comparison<'a> {
    pub earlier: &'a Benchmark,
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
            writeln!(f, "other models: what differs is theirs, too")?;
        }
        if earlier.after.model != now.after.model {
            writeln!(f, "another machine: {}", earlier.after.model.as_deref().unwrap_or("unknown"))?;
        }
        Ok(())
    }
}

/// `1.00`, marked where it is more than noise.
fn ratio(then: f64, now: f64) -> String {
    if then <= 0.0 {
        return "-".to_owned();
    }
    let ratio = now / then;
    let mark = if (ratio - 1.0).abs() > NOISE { if ratio > 1.0 { " +" } else { " -" } } else { "  " };
    format!("{ratio:.2}{mark}")
}
