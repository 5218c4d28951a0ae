//! Where `purecam run` sends its verdicts, and the keeper of suspicious frames: from the configuration to things that run.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::Failure;
use crate::config::{Detect, Http, Output};
#[cfg(feature = "http")]
use crate::health::server;
use crate::service::{self, Gallery, Health, Outlet};
use crate::sink::{Broadcast, FileSink, JsonLines, KeepRing, LiveView, Sink, SocketError, SocketSink};
use crate::time::{Clock, Stop};
use crate::worker::Worker;

/// How long the end waits for a frame that is being kept.
const PATIENCE: Duration = Duration::from_millis(200);

/// What takes the verdicts, in the order of the `[output]` table. Who watches sees a view instead of lines.
pub fn outlets(
    watched: bool,
    output: &Output,
    header: &[u8],
    health: &Arc<Health>,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Outlet>, Failure> {
    let mut outlets = Vec::new();
    let mut add = |name, sink: Box<dyn Sink>, essential| outlets.push(Outlet { name, sink, essential });
    if watched {
        add("terminal", Box::new(LiveView::new(io::stdout(), has_colours(), clock.clone())), true);
    } else if output.stdout {
        let mut lines = JsonLines::new(io::stdout());
        lines.write_line(header)?;
        add("stdout", Box::new(lines), true);
    }
    if let Some(file) = &output.file {
        let file = FileSink::new(file, output.file_bytes, output.file_count, header, clock.clone());
        add("file", Box::new(file), false);
    }
    if let Some(path) = &output.socket {
        let failed = |error: SocketError| Failure::Failed(format!("[output] socket: {error}"));
        add("socket", Box::new(SocketSink::new(path, header).map_err(failed)?), false);
    }
    if let Some(mqtt) = &output.mqtt {
        add("mqtt", broker(mqtt, header, health, clock)?, false);
    }
    Ok(outlets)
}

#[cfg(feature = "mqtt")]
fn broker(
    mqtt: &crate::config::Mqtt,
    header: &[u8],
    health: &Arc<Health>,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Sink>, Failure> {
    let health = health.clone();
    let state = move || health.state().to_string();
    let sink = crate::sink::MqttSink::new(mqtt, header, state, clock.clone());
    Ok(Box::new(sink.map_err(|error| Failure::Hopeless(error.to_string()))?))
}

#[cfg(not(feature = "mqtt"))]
fn broker(_: &crate::config::Mqtt, _: &[u8], _: &Arc<Health>, _: &Arc<dyn Clock>) -> Result<Box<dyn Sink>, Failure> {
    Err(Failure::Hopeless("[output.mqtt]: this purecam was built without the feature 'mqtt'".to_owned()))
}

/// The thread that keeps suspicious frames.
pub struct Keeper {
    pub gallery: Arc<Gallery>,
    worker: Worker,
}

impl Keeper {
    /// Starts it, where suspicious frames are to be kept.
    pub fn start(detect: &Detect, health: &Arc<Health>, stop: &Stop) -> Result<Option<Self>, Failure> {
        let Some(folder) = detect.keep_dir.as_deref().filter(|_| detect.enabled) else { return Ok(None) };
        let ring = KeepRing::new(folder, detect.keep_files, detect.keep_bytes, health.clock().clone());
        let mut ring = ring.map_err(|error| Failure::Hopeless(format!("[detect] {error}")))?;
        let gallery = Arc::new(Gallery::of_suspicious());
        let (shown, health, stop) = (gallery.clone(), health.clone(), stop.clone());
        let worker = Worker::spawn("keep", move || {
            service::keep(&shown, &health, &stop, |exhibit| {
                ring.keep(&exhibit.raw, (&exhibit.purified, exhibit.size), &exhibit.verdict)
            });
        })?;
        Ok(Some(Self { gallery, worker }))
    }

    /// Lets it finish the frame that it is at, if that does not take too long.
    pub fn finish(self) {
        self.gallery.newest().close();
        self.worker.join_within(PATIENCE);
    }
}

/// The live page, while it lives.
pub struct Page {
    pub gallery: Arc<Gallery>,
    #[cfg(feature = "http")]
    _server: server::Server,
}

/// The live page, where it is asked for.
#[cfg(feature = "http")]
pub fn page(http: &Http, health: &Arc<Health>, broadcast: &Broadcast) -> Result<Option<Page>, Failure> {
    let Some(listen) = http.listen else { return Ok(None) };
    let failed = |error: server::StartError| match error.is_hopeless() {
        true => Failure::Hopeless(error.to_string()),
        false => Failure::Failed(error.to_string()),
    };
    let settings = server::ServerSettings::new(listen, http.token_file.as_deref()).map_err(failed)?;
    let gallery = Arc::new(Gallery::of_everything());
    let server = server::Server::start(settings, health.clone(), broadcast.clone(), gallery.clone()).map_err(failed)?;
    eprintln!("purecam: live page at {}", server.url());
    Ok(Some(Page { gallery, _server: server }))
}

#[cfg(not(feature = "http"))]
pub fn page(http: &Http, _: &Arc<Health>, _: &Broadcast) -> Result<Option<Page>, Failure> {
    match http.listen {
        None => Ok(None),
        Some(_) => Err(Failure::Hopeless("[http]: this purecam was built without the feature 'http'".to_owned())),
    }
}

fn has_colours() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}
