//! The service for a long time, as fast as the models can: memory, threads and descriptors must not grow.
//!
//! Everything that holds resources is on: suspicion, the ring of kept frames, a file that is rotated again and again, a
//! socket with a reader, the page with a viewer.

use std::error::Error;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use purecam::measure::Process;

use super::clients::Clients;
use super::service::{Service, median};

/// The time between two samples.
const EVERY: Duration = Duration::from_secs(10);

/// The least number of samples, for a short soak.
const LOOKS: u32 = 30;

/// The share of the samples that is left out at the beginning: caches, rings and files fill up first.
const WARM_UP: f64 = 0.2;

/// What is watched: its name, its unit, and how much the line fitted through all samples may rise from first to last.
const WATCHED: [(&str, &str, f64); 3] =
    [("resident memory", "MiB", 4.0), ("threads", "", 0.9), ("descriptors", "", 0.9)];

/// Runs for `minutes` with `rate` frames per second.
pub fn run(minutes: f64, rate: f64) -> Result<ExitCode, Box<dyn Error>> {
    let kept = tempfile::tempdir()?;
    let variables = [
        ("PURECAM_DETECT_ENABLED", "true".to_owned()),
        ("PURECAM_DETECT_KEEP_DIR", kept.path().join("kept").display().to_string()),
        ("PURECAM_DETECT_KEEP_FILES", "60".to_owned()),
        // Never withhold for age, whatever else the machine does: this does not measure time.
        ("PURECAM_RUN_MAX_AGE_MS", "60000".to_owned()),
        ("PURECAM_OUTPUT_FILE_BYTES", (256 << 10).to_string()),
        ("PURECAM_OUTPUT_FILE_COUNT", "3".to_owned()),
    ];
    let service = Service::start("demo:", rate, &variables)?;
    let clients = [Clients::viewers(service.page(), 1), Clients::reader(&service.socket())];
    let length = Duration::from_secs_f64(60.0 * minutes);
    let every = EVERY.min(length / LOOKS);
    let began = Instant::now();
    let mut looks = Vec::new();
    while began.elapsed() < length {
        thread::sleep(every);
        looks.push((began.elapsed(), service.process()?));
    }
    let files = std::fs::read_dir(service.folder())?.count() + std::fs::read_dir(kept.path().join("kept"))?.count();
    let mut tally = service.tally()?;
    tally.count("files at the end", files as u64);
    clients.into_iter().for_each(|clients| tally.add(clients.leave()));
    println!("{minutes} minutes of demo: at {rate} frames/s: {:.1} verdicts/s", rate_of(&service, began));
    println!("{tally}\n");
    let passed = report(&looks[(looks.len() as f64 * WARM_UP) as usize..]);
    service.end()?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn rate_of(service: &Service, began: Instant) -> f64 {
    service.verdicts() as f64 / began.elapsed().as_secs_f64()
}

/// Prints a table. Returns whether nothing grew by more than is allowed.
fn report(looks: &[(Duration, Process)]) -> bool {
    println!("{} samples of /proc, the first fifth of the time left out\n", looks.len());
    println!("| what | least | median | most | growth of the fitted line | allowed |\n|---|---|---|---|---|---|");
    let value = |process: &Process, watched: usize| match watched {
        0 => process.resident as f64 / f64::from(1 << 20),
        1 => process.threads as f64,
        _ => process.open_files as f64,
    };
    let mut passed = true;
    for (watched, (name, unit, allowed)) in WATCHED.into_iter().enumerate() {
        let points: Vec<_> = looks.iter().map(|(at, process)| (at.as_secs_f64(), value(process, watched))).collect();
        let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let growth = growth(&points);
        println!("| {name} {unit} | {least:.1} | {:.1} | {most:.1} | {growth:+.2} | {allowed:.1} |", median(values));
        passed &= growth <= allowed;
    }
    // This distinguishes what fills up and then stays from what grows without end.
    let sixths = looks.chunks(looks.len().div_ceil(6).max(1));
    let medians = sixths.map(|sixth| median(sixth.iter().map(|(_, process)| value(process, 0)).collect()));
    let medians: Vec<String> = medians.map(|mebibytes| format!("{mebibytes:.1}")).collect();
    println!("\nresident memory by sixths of the time, median MiB: {}", medians.join(", "));
    passed
}

/// How far the least-squares line through the points, (time, value), rises from the first to the last.
fn growth(points: &[(f64, f64)]) -> f64 {
    let count = points.len().max(1) as f64;
    let mean = |part: fn(&(f64, f64)) -> f64| points.iter().map(part).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let covariance: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let variance: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let span = points.last().zip(points.first()).map_or(0.0, |(last, first)| last.0 - first.0);
    if variance > 0.0 { covariance / variance * span } else { 0.0 }
}
