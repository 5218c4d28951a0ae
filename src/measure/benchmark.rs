//! The result of a benchmark, how it is put together from a run, and what is doubtful about it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::latency::{Quantiles, Recorder, SERIES};
use super::machine::Machine;
use super::process::Process;
use crate::service::Numbers;
use crate::text;
use crate::verdict::Models;

/// With fewer verdicts, the 99th percentile rests on one or two frames.
pub(super) const FEW: u64 = 200;
/// A clock below this share of its maximum was scaled down.
const FULL_CLOCK: f64 = 0.9;

/// The version of [`Benchmark`]'s JSON.
pub const SCHEMA: u32 = 1;

/// The result of a benchmark.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Benchmark {
    /// [`SCHEMA`] of the purecam that wrote it.
    pub schema: u32,
    /// The program and its version.
    pub generator: String,
    /// The source's address, such as `demo:`.
    pub source: String,
    /// The models that ran.
    pub models: Models,
    /// Measured verdicts, without those that were left out.
    pub verdicts: u64,
    /// By stage, in milliseconds; `age` is the frame's age at its verdict.
    pub ms: Vec<(String, Quantiles)>,
    /// Verdicts per second; `None` for fewer than two verdicts.
    pub per_second: Option<f64>,
    /// Frames that arrived and could be used.
    pub frames: u64,
    /// Frames that a newer one replaced before the models were free.
    pub replaced: u64,
    /// Frames that the camera numbered but did not deliver.
    pub missed: u64,
    /// Frames that could not be used.
    pub skipped: u64,
    /// Frames without a verdict.
    pub withheld: u64,
    /// From the process's start to its first verdict, in milliseconds.
    pub cold_start_ms: Option<f64>,
    /// Processor milliseconds per verdict, of all threads.
    pub cpu_ms_per_verdict: Option<f64>,
    /// Resident memory at the end.
    pub resident_bytes: Option<u64>,
    /// The most resident memory so far.
    pub resident_peak_bytes: Option<u64>,
    /// The machine before the run.
    pub before: Machine,
    /// The machine after the run.
    pub after: Machine,
    /// Reasons not to trust the numbers.
    pub doubts: Vec<Doubt>,
}

/// Why an earlier result cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("{} cannot be read: {cause}", .file.display())]
    Read {
        file: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// The file holds something else.
    #[error("{} is not a result of 'purecam bench --json': {cause}; make one first", .file.display())]
    Malformed {
        file: PathBuf,
        #[source]
        cause: serde_json::Error,
    },
}

impl Benchmark {
    /// Puts together the result of a run that has just ended: `recorder` was its sink, `numbers` are its counts, and
    /// `before` is the machine before it. `None` if no verdict counts.
    pub fn of_run(
        source: &str,
        models: &Arc<Models>,
        recorder: &Recorder,
        numbers: &Numbers,
        before: Machine,
    ) -> Option<Self> {
        let (after, process, latencies) = (Machine::now(), Process::now(), recorder.latencies());
        if latencies.count() == 0 {
            return None;
        }
        let series = SERIES.iter().map(|name| (*name).to_owned());
        let cold_start = recorder.first_verdict().zip(process).map(|(first, process)| cold_start_ms(first, &process));
        Some(Self {
            schema: SCHEMA,
            generator: concat!("purecam ", env!("CARGO_PKG_VERSION")).to_owned(),
            source: source.to_owned(),
            models: (**models).clone(),
            verdicts: latencies.count(),
            ms: series.zip(latencies.quantiles()).collect(),
            per_second: latencies.per_second(),
            frames: numbers.frames,
            replaced: numbers.replaced,
            missed: numbers.missed,
            skipped: numbers.all_skipped(),
            withheld: numbers.all_withheld(),
            cold_start_ms: cold_start,
            cpu_ms_per_verdict: process.map(|process| process.cpu.as_secs_f64() * 1e3 / numbers.verdicts.max(1) as f64),
            resident_bytes: process.map(|process| process.resident),
            resident_peak_bytes: process.map(|process| process.resident_peak),
            doubts: Doubt::all(latencies.count(), &before, &after),
            before,
            after,
        })
    }

    /// Reads the output of an earlier `purecam bench --json`.
    ///
    /// # Errors
    /// The file, which cannot be read or holds something else.
    pub fn read(file: &Path) -> Result<Self, ReadError> {
        let text = text::read(file).map_err(|cause| ReadError::Read { file: file.to_owned(), cause })?;
        serde_json::from_str(&text).map_err(|cause| ReadError::Malformed { file: file.to_owned(), cause })
    }

    /// The quantiles of one of [`SERIES`].
    pub fn series(&self, name: &str) -> Option<&Quantiles> {
        self.ms.iter().find_map(|(series, quantiles)| (series == name).then_some(quantiles))
    }
}

/// From the process's start to its first verdict. Both count from the machine's start, as CLOCK_MONOTONIC does on a
/// board that does not sleep.
fn cold_start_ms(first_verdict: Duration, process: &Process) -> f64 {
    first_verdict.saturating_sub(process.started).as_secs_f64() * 1e3
}

/// A reason not to trust the numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "doubt")]
pub enum Doubt {
    /// Too few verdicts for a 99th percentile.
    FewVerdicts { verdicts: u64 },
    /// The clock follows the load.
    Governor { governor: String },
    /// The clock was not at its maximum at the end.
    ClockScaled { mhz: f64, most_mhz: f64 },
    /// The board slowed itself down during the run.
    Throttled { events: u64 },
    /// Memory was swapped out at the end.
    Swap { bytes: u64 },
    /// Other programs were busy before the run.
    Neighbours { load: f64, cores: usize },
}

impl Doubt {
    /// All doubts about `verdicts` verdicts that were measured between two looks at the machine.
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
