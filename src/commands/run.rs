//! `purecam run`: purify and classify a stream of frames until it ends or the user does.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

#[cfg(target_os = "linux")]
use super::probe;
use super::{Failure, models, settings};
use crate::cli;
use crate::config::{self, Config, Said};
use crate::frame::{Clock, Stop, SystemClock};
use crate::health::Systemd;
use crate::service::{
    self, Ended, Fresh, Health, Limits, Newest, Options, Outlet, Parts, Pipeline, Ready, Replacement,
};
use crate::sink::{Broadcast, JsonLines, LiveView, Sink};
#[cfg(target_os = "linux")]
use crate::source::Camera;
use crate::source::{Demo, Files, FrameSource, Opener, SourceError};
use crate::verdict::Header;

/// Frames a second where nobody says otherwise.
const DEFAULT_RATE: f64 = 15.0;

/// Runs the loop.
pub fn run(args: &cli::Run, json: bool) -> Result<(), Failure> {
    let stop = Stop::new();
    let reloads = Arc::new(Newest::new());
    let signals = listen_to_signals(&stop, &reloads)?;
    let said = settings::said(&args.settings, json);
    let config = said.effective()?.config;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let uri = uri(&config)?;
    let watched = !json && uri == "demo:" && can_draw();
    let pipeline = pipeline(&config, watched, &clock)?;
    let header = header_line(&pipeline, &config)?;
    let rate = config.source.fps.unwrap_or(DEFAULT_RATE);
    let open = opener(&uri, &config, rate, pipeline.size(), clock.clone()).map_err(refused)?;
    let broadcast = Broadcast::new(&header);
    let health = Arc::new(Health::new(clock.clone(), pipeline.models().clone()));
    let replacement = Arc::new(Replacement::default());
    let reloader = start_reloader(said, watched, &reloads, &replacement, &health)?;
    let parts = Parts {
        open,
        judge: Box::new(pipeline),
        replacement,
        health,
        broadcast,
        outlets: outlets(watched, &config, &header, clock)?,
        galleries: Vec::new(),
        notifier: Box::new(Systemd),
        stop: stop.clone(),
        limits: limits(args, &config),
    };
    let ended = service::run(parts)?;
    signals.close();
    reloads.close();
    if reloader.is_finished() {
        // Its panics have been said where they happened.
        drop(reloader.join());
    }
    finish(ended)
}

/// The models and what they need to know, checked and warm.
pub(super) fn pipeline(config: &Config, watched: bool, clock: &Arc<dyn Clock>) -> Result<Pipeline, Failure> {
    let loaded = models::load(config, true)?;
    let defaults = Options::default();
    let options = Options {
        top: config.classifier.top_k.unwrap_or(defaults.top),
        smoothing: config.verdict.smoothing as usize,
        min_confidence: config.verdict.min_confidence as f32,
        compare_raw: config.detect.enabled || watched,
        threshold: config.detect.threshold as f32,
    };
    Ok(Pipeline::new(loaded.purifier, loaded.classifier, options, clock.clone()))
}

fn header_line(pipeline: &Pipeline, config: &Config) -> Result<Vec<u8>, Failure> {
    let header = Header::new(pipeline.models().clone(), config.sha256());
    let mut line = serde_json::to_vec(&header).map_err(|error| Failure::Failed(error.to_string()))?;
    line.push(b'\n');
    Ok(line)
}

/// What takes the verdicts.
fn outlets(watched: bool, config: &Config, header: &[u8], clock: Arc<dyn Clock>) -> io::Result<Vec<Outlet>> {
    let mut outlets = Vec::new();
    if watched {
        let sink: Box<dyn Sink> = Box::new(LiveView::new(io::stdout(), has_colours(), clock));
        outlets.push(Outlet { name: "terminal", sink, essential: true });
    } else if config.output.stdout {
        let mut lines = JsonLines::new(io::stdout());
        lines.write_line(header)?;
        outlets.push(Outlet { name: "stdout", sink: Box::new(lines), essential: true });
    }
    Ok(outlets)
}

fn limits(args: &cli::Run, config: &Config) -> Limits {
    let ready = match config.run.ready {
        config::Ready::Frame => Ready::AtFirstFrame,
        config::Ready::AtOnce => Ready::AtOnce,
    };
    Limits { frames: args.frames, max_age: Duration::from_millis(config.run.max_age_ms), ready, ..Limits::default() }
}

/// SIGINT and SIGTERM end the loop, SIGHUP reloads.
fn listen_to_signals(stop: &Stop, reloads: &Arc<Newest<()>>) -> Result<Handle, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(format!("signals cannot be handled: {error}"));
    let on_interrupt = stop.clone();
    ctrlc::set_handler(move || on_interrupt.request()).map_err(|error| failed(&error))?;
    let mut signals = Signals::new([SIGTERM, SIGHUP]).map_err(|error| failed(&error))?;
    let handle = signals.handle();
    let (stop, reloads) = (stop.clone(), reloads.clone());
    let listen = move || {
        for signal in signals.forever() {
            match signal {
                SIGHUP => drop(reloads.put(())),
                _ => stop.request(),
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
    Ok(handle)
}

/// The thread that loads new models when it is asked to.
fn start_reloader(
    said: Said,
    watched: bool,
    reloads: &Arc<Newest<()>>,
    replacement: &Arc<Replacement>,
    health: &Arc<Health>,
) -> io::Result<thread::JoinHandle<()>> {
    let (reloads, replacement, health) = (reloads.clone(), replacement.clone(), health.clone());
    let load = move |health: &Health| {
        let config = said.effective()?.config;
        let pipeline = pipeline(&config, watched, health.clock())?;
        let header = header_line(&pipeline, &config)?;
        Ok(Fresh { judge: Box::new(pipeline), header })
    };
    thread::Builder::new().name("reload".to_owned()).spawn(move || {
        let load = || load(&health).map_err(|failure: Failure| failure.to_string());
        service::reload(&reloads, &replacement, &health, load);
    })
}

/// Which source: the configuration's, or the demonstration for a newcomer on a terminal.
fn uri(config: &Config) -> Result<String, Failure> {
    let newcomer = || io::stdout().is_terminal().then(|| "demo:".to_owned());
    config.source.uri.clone().or_else(newcomer).ok_or_else(|| {
        Failure::Usage(
            "no source: give 'camera:', 'demo:' or 'file:PATH', or [source] uri in a --config file".to_owned(),
        )
    })
}

/// Opens what a source names. Files and the demonstration offer `rate` frames a second, a camera what it agrees to.
pub(super) fn opener(
    uri: &str,
    config: &Config,
    rate: f64,
    size: [usize; 2],
    clock: Arc<dyn Clock>,
) -> Result<Opener, SourceError> {
    #[cfg(target_os = "linux")]
    if let Some(wanted) = probe::wanted(uri, &config.source) {
        return Ok(Camera::opener(wanted, clock));
    }
    match uri.split_once(':') {
        Some(("demo", "")) => Ok(once(Demo::new(size, rate, clock)?)),
        Some(("file", path)) if !path.is_empty() => Ok(once(Files::open(Path::new(path), rate, clock)?)),
        _ => Err(SourceError::Unknown(uri.to_owned())),
    }
}

/// A source that is open already, and that nothing but its end can befall.
fn once(source: impl FrameSource + 'static) -> Opener {
    let mut source = Some(source);
    Box::new(move || match source.take() {
        Some(source) => Ok(Box::new(source)),
        None => Err(SourceError::Over),
    })
}

pub(super) fn refused(error: SourceError) -> Failure {
    match error {
        SourceError::Unknown(_) | SourceError::Rate(_) => Failure::Usage(error.to_string()),
        error => Failure::Failed(error.to_string()),
    }
}

/// A stream that ended is done; one that never came to a verdict has failed.
fn finish(ended: Ended) -> Result<(), Failure> {
    let Ended { numbers, source, sink } = ended;
    eprintln!("purecam: {numbers}");
    if let Some(error) = source {
        return Err(Failure::Failed(error.to_string()));
    }
    match sink {
        // The reader has read enough.
        Some((_, error)) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Some((name, error)) => return Err(Failure::Failed(format!("verdicts cannot be written to {name}: {error}"))),
        None => {}
    }
    if numbers.verdicts == 0 && numbers.all_skipped() + numbers.all_withheld() > 0 {
        return Err(Failure::Failed("there was not one verdict; the lines above say why".to_owned()));
    }
    Ok(())
}

/// Whether standard output is a terminal that can be drawn upon.
fn can_draw() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn has_colours() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}
