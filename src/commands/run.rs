//! `purecam run`: purify and classify a stream of frames until it ends or the user does.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

#[cfg(target_os = "linux")]
use super::probe;
use super::{Failure, models};
use crate::cli;
use crate::config::Config;
use crate::frame::{Clock, Stop, SystemClock};
use crate::service::{self, Ended, Parts, Pipeline};
use crate::sink::{JsonLines, LiveView, Sink};
#[cfg(target_os = "linux")]
use crate::source::Camera;
use crate::source::{Demo, Files, FrameSource, SourceError};
use crate::verdict::Header;

/// Frames a second where nobody says otherwise.
const DEFAULT_RATE: f64 = 15.0;
/// Classes that a verdict names where nobody says otherwise.
const DEFAULT_TOP: usize = 3;

/// Runs the loop.
pub fn run(args: &cli::Run, json: bool) -> Result<(), Failure> {
    let stop = Stop::new();
    let on_signal = stop.clone();
    ctrlc::set_handler(move || on_signal.request())
        .map_err(|error| Failure::Failed(format!("signals cannot be handled: {error}")))?;
    let config = Config::load(args.models.config.as_deref()).map_err(|error| Failure::Hopeless(error.to_string()))?;
    let loaded = models::load(&args.models, &config, true)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let top = config.classifier.top_k.unwrap_or(DEFAULT_TOP);
    let mut pipeline = Pipeline::new(loaded.purifier, loaded.classifier, top, clock.clone());
    let uri = uri(args, &config)?;
    let fps = args.fps.or(config.source.fps);
    let source = match uri.starts_with("camera:") {
        #[cfg(target_os = "linux")]
        true => Camera::opener(probe::wanted(&uri, &args.camera, fps)?, clock.clone())(),
        _ => open(&uri, fps.unwrap_or(DEFAULT_RATE), pipeline.size(), clock.clone()),
    };
    let source = source.map_err(refused)?;
    let header = Header::new(pipeline.models().clone(), config.sha256.clone());
    let sink: Box<dyn Sink> = if !json && uri == "demo:" && can_draw() {
        pipeline = pipeline.compare_raw();
        Box::new(LiveView::new(io::stdout(), has_colours(), clock))
    } else {
        Box::new(JsonLines::new(io::stdout(), &header)?)
    };
    let parts = Parts { source, judge: Box::new(pipeline), sink, stop: stop.clone(), frames: args.frames };
    finish(service::run(parts)?)
}

/// Which source: the argument's, the configuration's, or the demonstration for a newcomer on a terminal.
fn uri(args: &cli::Run, config: &Config) -> Result<String, Failure> {
    let said = args.source.clone().or_else(|| config.source.uri.clone());
    let newcomer = || io::stdout().is_terminal().then(|| "demo:".to_owned());
    said.or_else(newcomer).ok_or_else(|| {
        Failure::Usage(
            "no source: give 'camera:', 'demo:' or 'file:PATH', or [source] uri in a --config file".to_owned(),
        )
    })
}

fn open(uri: &str, rate: f64, size: [usize; 2], clock: Arc<dyn Clock>) -> Result<Box<dyn FrameSource>, SourceError> {
    match uri.split_once(':') {
        Some(("demo", "")) => Ok(Box::new(Demo::new(size, rate, clock)?)),
        Some(("file", path)) if !path.is_empty() => Ok(Box::new(Files::open(Path::new(path), rate, clock)?)),
        _ => Err(SourceError::Unknown(uri.to_owned())),
    }
}

fn refused(error: SourceError) -> Failure {
    match error {
        SourceError::Unknown(_) | SourceError::Rate(_) => Failure::Usage(error.to_string()),
        error => Failure::Failed(error.to_string()),
    }
}

/// A stream that ended is done; one that never came to a verdict has failed.
fn finish(ended: Ended) -> Result<(), Failure> {
    let Ended { tally, source, sink } = ended;
    eprintln!("purecam: {tally}");
    if let Some(error) = source {
        return Err(Failure::Failed(error.to_string()));
    }
    match sink {
        // The reader has read enough.
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Some(error) => return Err(Failure::Failed(format!("verdicts cannot be written: {error}"))),
        None => {}
    }
    if tally.verdicts == 0 && tally.skipped + tally.withheld.values().sum::<u64>() > 0 {
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
