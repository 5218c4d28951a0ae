//! `purecam bench`: how long a verdict takes on this machine, and whether that is fast enough.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Failure, run};
use crate::cli;
use crate::measure::{Benchmark, Comparison, Doubt, Machine, Process, Recorder, SCHEMA, SERIES};
use crate::service::{self, Ended, Health, Limits, Outlet, Parts, Replacement, Silent};
use crate::sink::Broadcast;
use crate::source::{FrameRate, SourceUri, opener};
use crate::time::{Clock, Stop, SystemClock};

/// The rate of files and of the demonstration, unless the configuration gives one: a camera's. It is in range, or this
/// would not compile.
const DEFAULT_RATE: FrameRate = FrameRate::new(30.0).unwrap();

/// Runs the loop without an output and reports its latencies.
pub fn bench(args: &cli::Bench, json: bool) -> Result<(), Failure> {
    let earlier = args.compare.as_deref().map(read).transpose()?;
    let stop = Stop::new();
    let on_interrupt = stop.clone();
    ctrlc::set_handler(move || on_interrupt.request())
        .map_err(|error| Failure::Failed(format!("signals cannot be handled: {error}")))?;
    let before = Machine::now();
    let config = args.settings.said(false).effective()?.config;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let pipeline = run::pipeline(&config, false, &clock)?;
    let models = pipeline.models().clone();
    let uri = config.source.uri.clone().unwrap_or(SourceUri::Demo);
    let open = opener(&uri, config.source.wanted(), DEFAULT_RATE, pipeline.size(), clock.clone())
        .map_err(|error| Failure::Failed(error.to_string()))?;
    let recorder = Recorder::new(args.left_out, clock.clone());
    let parts = Parts {
        open,
        judge: Box::new(pipeline),
        replacement: Arc::new(Replacement::default()),
        health: Arc::new(Health::new(clock.clone(), models.clone())),
        broadcast: Broadcast::new(b""),
        outlets: vec![Outlet { name: "recorder", sink: Box::new(recorder.clone()), essential: true }],
        galleries: Vec::new(),
        notifier: Box::new(Silent),
        stop,
        limits: Limits { frames: Some(args.frames + args.left_out), max_age: Duration::MAX, ..Limits::default() },
    };
    let Ended { numbers, source, .. } = service::run(parts)?;
    if let Some(error) = source {
        return Err(Failure::Failed(error.to_string()));
    }
    let (after, process, latencies) = (Machine::now(), Process::now(), recorder.latencies());
    if latencies.count() == 0 {
        let verdicts = numbers.verdicts;
        let left_out = args.left_out;
        return Err(Failure::Failed(format!(
            "{uri} gave {verdicts} verdicts, and the first {left_out} do not count: give a longer source or --left-out 0"
        )));
    }
    let series = SERIES.iter().map(|name| (*name).to_owned());
    let benchmark = Benchmark {
        schema: SCHEMA,
        generator: concat!("purecam ", env!("CARGO_PKG_VERSION")).to_owned(),
        source: uri.to_string(),
        models: (*models).clone(),
        verdicts: latencies.count(),
        ms: series.zip(latencies.quantiles()).collect(),
        per_second: latencies.per_second(),
        frames: numbers.frames,
        replaced: numbers.replaced,
        missed: numbers.missed,
        skipped: numbers.all_skipped(),
        withheld: numbers.all_withheld(),
        cold_start_ms: recorder
            .first_verdict()
            .zip(process)
            .map(|(first, process)| milliseconds(first, process.started)),
        cpu_ms_per_verdict: process.map(|process| process.cpu.as_secs_f64() * 1e3 / numbers.verdicts.max(1) as f64),
        resident_bytes: process.map(|process| process.resident),
        resident_peak_bytes: process.map(|process| process.resident_peak),
        doubts: Doubt::all(latencies.count(), &before, &after),
        before,
        after,
    };
    drop(latencies);
    print(&benchmark, earlier.as_ref(), json)?;
    gate(&benchmark, args.max_p99_ms)
}

/// The process's start is counted from the machine's, as CLOCK_MONOTONIC is on a board that does not sleep.
fn milliseconds(until: Duration, from: Duration) -> f64 {
    until.saturating_sub(from).as_secs_f64() * 1e3
}

fn read(path: &Path) -> Result<Benchmark, Failure> {
    let named = |problem: &dyn std::fmt::Display| Failure::Usage(format!("{} {problem}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| named(&format!("cannot be read: {error}")))?;
    serde_json::from_str(&text)
        .map_err(|error| named(&format!("is no result of 'purecam bench --json': {error}; make one first")))
}

fn print(benchmark: &Benchmark, earlier: Option<&Benchmark>, json: bool) -> Result<(), Failure> {
    if json {
        let text = serde_json::to_string(benchmark).map_err(|error| Failure::Failed(error.to_string()))?;
        anstream::println!("{text}");
    } else {
        anstream::print!("{benchmark}");
    }
    if let Some(earlier) = earlier {
        let comparison = Comparison { earlier, now: benchmark };
        // Programs read the JSON line alone.
        if json { anstream::eprint!("{comparison}") } else { anstream::print!("\n{comparison}") }
    }
    Ok(())
}

/// Fails where the 99th percentile of a frame's age at its verdict is above the bound.
fn gate(benchmark: &Benchmark, bound: Option<f64>) -> Result<(), Failure> {
    let found = benchmark.series("total").map(|quantiles| quantiles.p99);
    match (bound, found) {
        (Some(bound), Some(found)) if found > bound => Err(Failure::TooSlow(format!(
            "the 99th percentile of a verdict's time is {found:.2} ms, --max-p99-ms allows {bound:.2} ms"
        ))),
        _ => Ok(()),
    }
}
