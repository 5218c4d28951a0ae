//! What viewers, readers, a broker and hostile clients cost the loop: slices of one run, alternately without and with
//! them.
//!
//! `cargo bench --profile release --features mqtt --bench load [-- LOAD...]`. The real binary reads a clip of 640 x 480
//! pixels at a rate well below what the models can do, because this measures disturbance: a machine without processor
//! time to spare has none for JPEG pictures either. Each slice with a load is compared with the quiet one before it,
//! because on a shared machine only neighbouring slices are comparable. Fails if the median of these ratios is below
//! 0.95, or if descriptors or threads are left behind.
//!
//! `-- --soak MINUTES` runs as fast as the models can and fails if memory, threads or descriptors grow (`soak.rs`).

mod broker;
mod clients;
mod hostile;
#[path = "../scene/mod.rs"]
mod scene;
mod service;
mod soak;

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use broker::Broker;
use clap::{Parser, ValueEnum};
use clients::{Clients, Tally};
use service::{Service, Slice, median};

/// The least share of the quiet rate that a load may leave.
const LEAST: f64 = 0.95;

/// How long the broker is away.
const AWAY: Duration = Duration::from_secs(30);

/// The pause between two slices: clients connect and leave, and caches settle.
const PAUSE: Duration = Duration::from_secs(2);

/// Longer than the server's longest patience with a client.
const GONE_AFTER: Duration = Duration::from_secs(20);

#[derive(Parser)]
struct Arguments {
    /// The loads to measure [default: all, one after another]
    loads: Vec<Load>,
    /// Frames per second
    #[arg(long, default_value_t = 6.0)]
    rate: f64,
    /// Length of a slice in seconds
    #[arg(long, default_value_t = 10)]
    slice: u64,
    /// Number of slices with the load; the same number runs without
    #[arg(long, default_value_t = 5)]
    pairs: u32,
    /// Run as fast as the models can for this long, and watch memory, threads and descriptors
    #[arg(long, value_name = "MINUTES")]
    soak: Option<f64>,
    /// Cargo passes this to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Load {
    /// Eight page viewers: both Motion JPEG streams, the events, and the status once a second
    Viewers,
    /// Ten socket readers that read nothing
    Readers,
    /// The MQTT broker is away for 30 s
    Broker,
    /// A thousand hostile HTTP requests
    Hostile,
    /// All of them at once
    Together,
}

impl Load {
    fn has(self, other: Self) -> bool {
        self == other || self == Self::Together
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let Some(minutes) = arguments.soak {
        return soak::run(minutes, arguments.rate.max(60.0));
    }
    let loads = if arguments.loads.is_empty() { Load::value_variants() } else { &arguments.loads };
    let Arguments { rate, slice, pairs, .. } = arguments;
    println!(
        "{rate} frames/s of 640 x 480 as Motion JPEG, {pairs} slices of {slice} s with each load and {pairs} without\n"
    );
    println!(
        "| load | verdicts/s without, with | ratio: median (least) | age p50 | age p99 | ms | descriptors | threads |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut notes = Vec::new();
    let mut passed = true;
    for load in loads {
        match show(*load, &arguments)? {
            Some(shown) => {
                println!("{}", shown.row());
                passed &= shown.passes();
                notes.push(format!("{load:?}: {}", shown.tally));
            }
            None => notes.push(format!("{load:?}: skipped, {}", Broker::MISSING)),
        }
    }
    println!(
        "\nwithout, with; age and ms (decode to classify) in milliseconds; descriptors and threads before, after\n"
    );
    notes.iter().for_each(|note| println!("{note}"));
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a load did to the loop.
struct Shown {
    load: Load,
    quiet: Vec<Slice>,
    loaded: Vec<Slice>,
    /// Descriptors and threads, before and after.
    held: [(u64, u64); 2],
    tally: Tally,
}

impl Shown {
    /// Each loaded slice's rate over that of the quiet one before it.
    fn ratios(&self) -> Vec<f64> {
        self.loaded.iter().zip(&self.quiet).map(|(loaded, quiet)| loaded.rate / quiet.rate).collect()
    }

    fn passes(&self) -> bool {
        median(self.ratios()) >= LEAST && self.held[0] == self.held[1]
    }

    fn row(&self) -> String {
        let both = |value: &dyn Fn(&[Slice]) -> f64| format!("{:.1}, {:.1}", value(&self.quiet), value(&self.loaded));
        let rate = both(&|slices| median(slices.iter().map(|slice| slice.rate).collect()));
        let ratios = self.ratios();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let age = |share: f64| both(&|slices: &[Slice]| Slice::age_quantile(slices, share));
        let ms = both(&|slices| median(slices.iter().flat_map(|slice| slice.ms.iter().copied()).collect()));
        let [(descriptors, threads), (descriptors_after, threads_after)] = self.held;
        format!(
            "| {:?} | {rate} | {:.3} ({least:.3}) | {} | {} | {ms} | {descriptors}, {descriptors_after} | {threads}, {threads_after} |",
            self.load,
            median(ratios),
            age(0.5),
            age(0.99)
        )
    }
}

/// Runs the service alternately without and with a load. `None` if this machine or build lacks what the load needs.
fn show(load: Load, arguments: &Arguments) -> Result<Option<Shown>, Box<dyn Error>> {
    let mut broker = if load.has(Load::Broker) { Broker::start()? } else { None };
    if load == Load::Broker && broker.is_none() {
        return Ok(None);
    }
    let slice = Duration::from_secs(arguments.slice);
    let loaded_slice = if broker.is_some() { slice.max(AWAY) } else { slice };
    let lasts = (slice + loaded_slice + 4 * PAUSE) * arguments.pairs + 3 * GONE_AFTER;
    let folder = tempfile::tempdir()?;
    let clip = clip(folder.path(), (lasts.as_secs_f64() * arguments.rate) as usize)?;
    let variables = broker.iter().map(|broker| ("PURECAM_OUTPUT_MQTT_URL", broker.url())).collect::<Vec<_>>();
    let service = Service::start(&format!("file:{}", clip.display()), arguments.rate, &variables)?;
    thread::sleep(PAUSE);
    let before = service.held()?;
    let mut shown = Shown { load, quiet: Vec::new(), loaded: Vec::new(), held: [before; 2], tally: Tally::default() };
    for _ in 0..arguments.pairs {
        shown.quiet.push(service.slice(slice)?);
        let clients = begin(load, &service, broker.as_mut(), loaded_slice);
        shown.loaded.push(service.slice(loaded_slice)?);
        clients.into_iter().for_each(|clients| shown.tally.add(clients.leave()));
        if let Some(broker) = &mut broker {
            broker.come_back()?;
            // Longer than the longest wait between two attempts to connect.
            thread::sleep(Duration::from_secs(6));
        }
        thread::sleep(PAUSE);
    }
    shown.tally.add(service.tally()?);
    shown.held[1] = service.held_at_last(before, GONE_AFTER)?;
    service.end()?;
    Ok(Some(shown))
}

fn begin(load: Load, service: &Service, broker: Option<&mut Broker>, lasts: Duration) -> Vec<Clients> {
    let mut clients = Vec::new();
    if load.has(Load::Viewers) {
        clients.push(Clients::viewers(service.page(), 8));
    }
    if load.has(Load::Readers) {
        clients.push(Clients::idle_readers(&service.socket(), 10));
    }
    if load.has(Load::Hostile) {
        clients.push(hostile::clients(service.page(), 1000, lasts));
    }
    if let Some(broker) = broker {
        broker.go_away();
    }
    clients
}

/// Writes a clip of `frames` frames: eight different ones, repeated.
fn clip(folder: &Path, frames: usize) -> Result<PathBuf, Box<dyn Error>> {
    let path = folder.join("clip.mjpg");
    let pictures: Vec<_> =
        (0..8).map(|first| scene::jpeg(&scene::picture(640, 480, first)?)).collect::<Result<_, _>>()?;
    let mut file = File::create(&path)?;
    pictures.iter().cycle().take(frames).try_for_each(|jpeg| file.write_all(jpeg))?;
    Ok(path)
}
