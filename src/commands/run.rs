//! `purecam run`: purify and classify a stream of frames until it ends or the user does.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::outputs::{self, Keeper};
use super::{Failure, NO_SIGNALS, because, models};
use crate::cli;
use crate::config::{self, Config, Said};
use crate::console;
use crate::health::{self, Systemd};
use crate::host;
use crate::logging;
use crate::service::{
    self, Ended, Fresh, Health, Identity, Limits, Newest, Options, Parts, Pipeline, Ready, Replacement, SILENCE,
    SightLimits,
};
use crate::sink::Broadcast;
use crate::source::{FrameRate, SourceUri, opener};
use crate::time::{Clock, Stop, SystemClock};
use crate::verdict::Header;
use crate::worker::Worker;

/// The rate of files and of the demonstration, unless the configuration gives one. It is in range, or this would not
/// compile.
pub(super) const DEFAULT_RATE: FrameRate = FrameRate::new(15.0).unwrap();

/// How long the end waits for the threads beside the loop. A reload that is still loading models is left behind.
const PATIENCE: Duration = Duration::from_millis(50);

/// Runs the loop until its source ends, a signal comes, or there are enough verdicts.
pub fn run(args: &cli::Run, json: bool) -> Result<(), Failure> {
    let stop = Stop::new();
    let reloads = Arc::new(Newest::new());
    let signals = Listener::start(&stop, &reloads)?;
    let said = args.settings.said(json);
    let config = said.effective()?.config;
    logging::set_level(config.log.level.into());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let uri = uri(&config)?;
    let is_demo = uri == SourceUri::Demo;
    let watched = !json && is_demo && can_draw();
    // The demonstration shows that the raw verdict fails, on a terminal or on the page.
    let shown = watched || is_demo && config.http.listen.is_some();
    models::share_threads(&config)?;
    let pipeline = pipeline(&config, shown, &clock)?;
    let (source, host, instance) = (uri.to_string(), host::name(), health::instance());
    let identity = Identity { source, host, instance, boot_id: host::boot_id() };
    let header = header_line(&pipeline, &config, &identity, config.run.max_age_ms)?;
    let open =
        opener(&uri, config.source.wanted(), DEFAULT_RATE, pipeline.size(), clock.clone()).map_err(Failure::failed)?;
    let broadcast = Broadcast::new(&header);
    let health = Arc::new(Health::new(clock.clone(), pipeline.models().clone()).named(identity.clone()));
    let replacement = Arc::new(Replacement::default());
    let reloader = start_reloader(said, config.clone(), shown, &reloads, &replacement, &health)?;
    let outlets = outputs::outlets(watched, &config, &header, &health)?;
    let keeper = Keeper::start(&config.detect, &health, &stop)?;
    let album = keeper.as_ref().map(|keeper| keeper.album.clone());
    let page = outputs::page(&config.http, &health, &broadcast, album)?;
    let galleries = keeper.iter().map(|keeper| &keeper.gallery).chain(page.iter().map(|page| &page.gallery));
    let galleries = galleries.cloned().collect();
    let parts = Parts {
        open,
        judge: Box::new(pipeline),
        replacement,
        health,
        broadcast,
        outlets,
        galleries,
        notifier: Box::new(Systemd::from_environment()),
        stop: stop.clone(),
        limits: limits(args, &config),
    };
    let ended = service::run(parts)?;
    if let Some(keeper) = keeper {
        keeper.finish();
    }
    drop(page);
    signals.handle.close();
    reloads.close();
    Worker::join_all_within(vec![signals.worker, reloader], PATIENCE);
    finish(ended)
}

/// The models, checked and warm, and how they judge. With `compare_raw`, raw frames are classified too. Changes nothing
/// that running models use.
pub(super) fn pipeline(config: &Config, compare_raw: bool, clock: &Arc<dyn Clock>) -> Result<Pipeline, Failure> {
    let loaded = models::load(config)?;
    match &loaded.purifier {
        Some(purifier) => models::warn_of_idle_seed(config, purifier),
        None => log::warn!("running without a purifier, because purifier.enabled is false; every verdict says so"),
    }
    let defaults = Options::default();
    let options = Options {
        top: config.classifier.top_k.unwrap_or(defaults.top),
        smoothing: config.verdict.smoothing as usize,
        min_confidence: config.verdict.min_confidence as f32,
        compare_raw: loaded.purifier.is_some() && (config.detect.enabled || compare_raw),
        threshold: config.detect.threshold as f32,
        framing: config.source.framing(),
    };
    Ok(Pipeline::new(loaded.purifier, loaded.classifier, options, clock.clone()))
}

/// The stream's header as JSON, with its line break.
fn header_line(pipeline: &Pipeline, config: &Config, identity: &Identity, max_age_ms: u64) -> Result<Vec<u8>, Failure> {
    let header = Header {
        camera: Some(identity.camera().to_owned()),
        boot_id: identity.boot_id.clone(),
        max_age_ms: Some(max_age_ms),
        ..Header::new(pipeline.models().clone(), config.sha256())
    };
    let mut line = serde_json::to_vec(&header).map_err(Failure::failed)?;
    line.push(b'\n');
    Ok(line)
}

fn limits(args: &cli::Run, config: &Config) -> Limits {
    let ready = match config.run.ready {
        config::Ready::Frame => Ready::AtFirstFrame,
        config::Ready::AtOnce => Ready::AtOnce,
    };
    // A source with one frame every half minute hangs only after one and a half minutes.
    let interval = config.source.fps.unwrap_or(DEFAULT_RATE).interval();
    let patience = Limits::default().patience.max(3 * interval);
    let max_age = config.run.max_age();
    let silence = SILENCE.max(interval.saturating_mul(5) / 2).max(max_age);
    Limits { frames: args.frames, max_age, patience, silence, sight: sight(&config.source), ready }
}

/// When a camera's pictures are worth nothing.
pub(super) fn sight(source: &config::Source) -> SightLimits {
    let after = |milliseconds| (milliseconds > 0).then(|| Duration::from_millis(milliseconds));
    let (frozen_after, flat_after) = (after(source.frozen_after_ms), after(source.flat_after_ms));
    SightLimits { frozen_after, flat_after, flat_levels: source.flat_levels }
}

/// The thread that handles signals: SIGINT and SIGTERM end the loop, SIGHUP reloads.
struct Listener {
    /// Ends the thread when it is closed.
    handle: Handle,
    worker: Worker,
}

impl Listener {
    fn start(stop: &Stop, reloads: &Arc<Newest<()>>) -> Result<Self, Failure> {
        let on_interrupt = stop.clone();
        super::on_interrupt(move || on_interrupt.request())?;
        let signals = Signals::new([SIGTERM, SIGHUP]);
        let mut signals = signals.map_err(|error| Failure::failed(because(NO_SIGNALS, error)))?;
        let handle = signals.handle();
        let (stop, reloads) = (stop.clone(), reloads.clone());
        let worker = Worker::spawn("signals", move || {
            for signal in signals.forever() {
                match signal {
                    SIGHUP => drop(reloads.put(())),
                    _ => stop.request(),
                }
            }
        })?;
        Ok(Self { handle, worker })
    }
}

/// Starts the thread that loads new models at each request.
fn start_reloader(
    said: Said,
    running: Config,
    compare_raw: bool,
    reloads: &Arc<Newest<()>>,
    replacement: &Arc<Replacement>,
    health: &Arc<Health>,
) -> io::Result<Worker> {
    let (reloads, replacement, health) = (reloads.clone(), replacement.clone(), health.clone());
    let load = move |health: &Health| {
        let config = said.effective()?.config;
        let pipeline = pipeline(&config, compare_raw, health.clock())?;
        // A reload does not change the bound on the age.
        let header = header_line(&pipeline, &config, &health.identity, running.run.max_age_ms)?;
        logging::set_level(config.log.level.into());
        for table in fixed_tables(&running, &config) {
            log::warn!("[{table}] has changed; restart purecam to apply that");
        }
        Ok(Fresh { judge: Box::new(pipeline), header })
    };
    Worker::spawn("reload", move || {
        let load = || load(&health).map_err(|failure: Failure| failure.to_string());
        service::reload(&reloads, &replacement, &health, load);
    })
}

/// The tables that differ and that a reload does not apply.
fn fixed_tables(running: &Config, new: &Config) -> impl Iterator<Item = &'static str> {
    let kept = |Config { detect, .. }: &Config| {
        (detect.keep_dir.clone().filter(|_| detect.enabled), detect.keep_files, detect.keep_bytes)
    };
    let differ = [
        ("source", running.source != new.source),
        ("run", running.run != new.run),
        ("detect", kept(running) != kept(new)),
        ("output", running.output != new.output),
        ("http", running.http != new.http),
    ];
    differ.into_iter().filter_map(|(table, differs)| differs.then_some(table))
}

/// Which source: the configuration's, or the demonstration for a newcomer on a terminal.
fn uri(config: &Config) -> Result<SourceUri, Failure> {
    let newcomer = || io::stdout().is_terminal().then_some(SourceUri::Demo);
    config.source.uri.clone().or_else(newcomer).ok_or_else(|| {
        let expected = "'camera:', 'demo:' or 'file:PATH', or [source] uri in a --config file";
        Failure::usage(format!("no source: give {expected}"))
    })
}

/// A stream that ended is a success, unless all its frames were skipped or withheld.
fn finish(ended: Ended) -> Result<(), Failure> {
    let Ended { numbers, source, sink } = ended;
    console::note(format_args!("purecam: {numbers}"));
    if let Some(error) = source {
        return Err(Failure::failed(error));
    }
    match sink {
        // The reader has closed the pipe.
        Some((_, error)) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Some((name, error)) => {
            return Err(Failure::failed(because(format!("verdicts cannot be written to {name}"), error)));
        }
        None => {}
    }
    if numbers.verdicts == 0 && numbers.all_skipped() + numbers.all_withheld() > 0 {
        return Err(Failure::failed("there was no verdict; the lines above say why"));
    }
    Ok(())
}

/// Whether standard output is a terminal on which a view can be drawn.
fn can_draw() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
