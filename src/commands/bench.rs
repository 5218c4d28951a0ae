//! `purecam bench`: how long a verdict takes on this machine, and whether that is fast enough.

use std::sync::Arc;
use std::time::Duration;

use super::{Failure, models, run};
use crate::cli;
use crate::console;
use crate::measure::{Benchmark, Comparison, Machine, Recorder};
use crate::service::{self, Ended, Health, Limits, Outlet, Parts, Replacement, Silent};
use crate::sink::Broadcast;
use crate::source::{FrameRate, SourceUri, opener};
use crate::time::{Clock, Stop, SystemClock};

/// The rate of files and of the demonstration, unless the configuration gives one: a camera's. It is in range, or this
/// would not compile.
const DEFAULT_RATE: FrameRate = FrameRate::new(30.0).unwrap();

/// Runs the loop without an output and reports its latencies.
///
/// # Errors
/// [`Failure::TooSlow`] if `--max-p99-ms` is exceeded; what keeps the loop from running; a source that is too short.
pub fn bench(args: &cli::Bench, json: bool) -> Result<(), Failure> {
    let earlier = args.compare.as_deref().map(Benchmark::read).transpose();
    let earlier = earlier.map_err(Failure::usage)?;
    let stop = stop_on_interrupt()?;
    let before = Machine::now();
    let config = args.settings.said().effective()?.config;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    models::share_threads(&config)?;
    let pipeline = run::pipeline(&config, false, &clock)?;
    let models = pipeline.models().clone();
    let uri = config.source.uri.clone().unwrap_or(SourceUri::Demo);
    let open =
        opener(&uri, config.source.wanted(), DEFAULT_RATE, pipeline.size(), clock.clone()).map_err(Failure::failed)?;
    let recorder = Recorder::new(args.left_out, clock.clone());
    let parts = Parts {
        open,
        judge: Box::new(pipeline),
        replacement: Arc::new(Replacement::default()),
        health: Arc::new(Health::new(clock, models.clone())),
        broadcast: Broadcast::new(b""),
        outlets: vec![Outlet::essential("recorder", Box::new(recorder.clone()))],
        galleries: Vec::new(),
        notifier: Box::new(Silent),
        stop,
        limits: Limits {
            frames: Some(args.frames + args.left_out),
            max_age: Duration::MAX,
            sight: run::sight(&config.source),
            ..Limits::default()
        },
    };
    let Ended { numbers, source, .. } = service::run(parts)?;
    if let Some(error) = source {
        return Err(Failure::failed(error));
    }
    let benchmark = Benchmark::of_run(&uri.to_string(), &models, &recorder, &numbers, before).ok_or_else(|| {
        let (verdicts, left_out) = (numbers.verdicts, args.left_out);
        Failure::failed(format!(
            "{uri} gave {verdicts} verdicts, and the first {left_out} do not count: give a longer source or --left-out 0"
        ))
    })?;
    print(&benchmark, earlier.as_ref(), json)?;
    gate(&benchmark, args.max_p99_ms)
}

/// A stop that Ctrl-C requests.
fn stop_on_interrupt() -> Result<Stop, Failure> {
    let stop = Stop::new();
    let requested = stop.clone();
    super::on_interrupt(move || requested.request())?;
    Ok(stop)
}

/// The table, or the JSON line; and the comparison with an earlier result.
fn print(benchmark: &Benchmark, earlier: Option<&Benchmark>, json: bool) -> Result<(), Failure> {
    if json {
        let text = serde_json::to_string(benchmark).map_err(Failure::failed)?;
        console::print_line(text)?;
    } else {
        console::print(benchmark)?;
    }
    if let Some(earlier) = earlier {
        let comparison = Comparison { earlier, now: benchmark };
        // Programs read the JSON line alone.
        let text = comparison.to_string();
        if json { console::note(text.trim_end()) } else { console::print_line(format_args!("\n{}", text.trim_end()))? }
    }
    Ok(())
}

/// Fails if the 99th percentile of the verdicts' total times is above the bound, in milliseconds.
fn gate(benchmark: &Benchmark, bound: Option<f64>) -> Result<(), Failure> {
    let found = benchmark.series("total").map(|quantiles| quantiles.p99);
    match (bound, found) {
        (Some(bound), Some(found)) if found > bound => Err(Failure::too_slow(format!(
            "the 99th percentile of a verdict's time is {found:.2} ms, --max-p99-ms allows {bound:.2} ms"
        ))),
        _ => Ok(()),
    }
}
