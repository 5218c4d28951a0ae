//! Where `purecam run` sends its verdicts, and the keeper of suspicious frames: from the configuration to running
//! parts. Beside each part stands what `purecam check` reports of it, through the same constructor or the same sink's
//! `outlook`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{Failure, because};
use crate::config::{Config, Detect, Http, Mqtt, Output};
use crate::console;
#[cfg(feature = "http")]
use crate::health::server;
use crate::service::{self, Gallery, Health, Outlet};
use crate::sink::{
    Album, Broadcast, FileSink, JsonLines, KeepRing, LiveView, Outlook, Sink, SocketError, SocketSink, TooFewFiles,
};
#[cfg(feature = "http")]
use crate::time::SystemClock;
use crate::time::{Clock, Stop};
use crate::worker::Worker;

/// How long the end waits for a frame that is being kept.
const PATIENCE: Duration = Duration::from_millis(200);

/// An item of `purecam check`, and what a start would find.
pub type Item = (&'static str, Result<Outlook, Failure>);

/// The sinks, in the order of the `[output]` table. If `watched`, a view on the terminal takes the place of JSON lines.
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
        add("terminal", Box::new(LiveView::new(io::stdout(), has_colours(), console::columns, clock.clone())), true);
    } else if output.stdout {
        let mut lines = JsonLines::new(io::stdout());
        // A reader that is gone already ends the loop at its first verdict, as one that goes later.
        lines.write_line(header).or_else(|error| if is_closed(&error) { Ok(()) } else { Err(error) })?;
        add("stdout", Box::new(lines), true);
    }
    if let Some(file) = &output.file {
        let file = FileSink::new(file, output.file_bytes, output.file_count, header, clock.clone());
        add("file", Box::new(file), false);
    }
    if let Some(path) = &output.socket {
        add("socket", Box::new(SocketSink::new(path, header).map_err(no_socket)?), false);
    }
    if let Some(mqtt) = &output.mqtt {
        add("mqtt", broker(mqtt, header, health, clock)?, false);
    }
    Ok(outlets)
}

/// What a start would find of each configured output, the page, and the keeper.
pub fn outlooks(config: &Config) -> Vec<Item> {
    let Output { file, socket, mqtt, .. } = &config.output;
    let mut items = Vec::new();
    items.extend(file.as_deref().map(|file| ("output.file", Ok(FileSink::outlook(file)))));
    items.extend(socket.as_deref().map(|path| ("output.socket", SocketSink::outlook(path).map_err(no_socket))));
    items.extend(mqtt.iter().flat_map(broker_outlooks));
    items.extend(page_outlooks(&config.http));
    let Detect { keep_files, keep_bytes, .. } = config.detect;
    items.extend(
        kept_in(&config.detect)
            .map(|folder| ("detect.keep_dir", KeepRing::outlook(folder, keep_files, keep_bytes).map_err(no_ring))),
    );
    items
}

fn no_socket(error: SocketError) -> Failure {
    match error.is_hopeless() {
        true => Failure::hopeless(because("[output] socket", error)),
        false => Failure::failed(because("[output] socket", error)),
    }
}

#[cfg(feature = "mqtt")]
fn broker(mqtt: &Mqtt, header: &[u8], health: &Arc<Health>, clock: &Arc<dyn Clock>) -> Result<Box<dyn Sink>, Failure> {
    let health = health.clone();
    let state = move || health.state().to_string();
    let sink = crate::sink::MqttSink::new(mqtt, header, state, clock.clone()).map_err(Failure::hopeless)?;
    Ok(Box::new(sink))
}

#[cfg(feature = "mqtt")]
fn broker_outlooks(mqtt: &Mqtt) -> Vec<Item> {
    const ITEM: &str = "output.mqtt";
    match crate::sink::MqttSink::outlook(mqtt) {
        Ok(outlooks) => outlooks.into_iter().map(|outlook| (ITEM, Ok(outlook))).collect(),
        Err(error) => vec![(ITEM, Err(Failure::hopeless(error)))],
    }
}

#[cfg(not(feature = "mqtt"))]
fn broker(_: &Mqtt, _: &[u8], _: &Arc<Health>, _: &Arc<dyn Clock>) -> Result<Box<dyn Sink>, Failure> {
    Err(lacks("mqtt", "[output.mqtt]"))
}

#[cfg(not(feature = "mqtt"))]
fn broker_outlooks(_: &Mqtt) -> Vec<Item> {
    vec![("output.mqtt", Err(lacks("mqtt", "[output.mqtt]")))]
}

#[cfg(not(all(feature = "mqtt", feature = "http")))]
fn lacks(feature: &str, table: &str) -> Failure {
    Failure::hopeless(format!("{table}: this purecam was built without the feature '{feature}'"))
}

/// The folder for suspicious frames; `None` if none are kept.
fn kept_in(detect: &Detect) -> Option<&std::path::Path> {
    detect.keep_dir.as_deref().filter(|_| detect.enabled)
}

fn no_ring(error: TooFewFiles) -> Failure {
    Failure::hopeless(format!("[detect] {error}"))
}

/// The thread that keeps suspicious frames.
pub struct Keeper {
    /// Its suspicious frames come from here.
    pub gallery: Arc<Gallery>,
    /// What it has kept.
    pub album: Arc<Album>,
    worker: Worker,
}

impl Keeper {
    /// Starts it, if suspicious frames are to be kept.
    pub fn start(detect: &Detect, health: &Arc<Health>, stop: &Stop) -> Result<Option<Self>, Failure> {
        let Some(folder) = kept_in(detect) else { return Ok(None) };
        let clock = health.clock().clone();
        let mut ring = KeepRing::new(folder, detect.keep_files, detect.keep_bytes, clock).map_err(no_ring)?;
        let (gallery, album) = (Arc::new(Gallery::of_suspicious()), ring.album());
        let (shown, health, stop) = (gallery.clone(), health.clone(), stop.clone());
        let worker = Worker::spawn("keep", move || {
            service::keep(&shown, &health, &stop, |exhibit| {
                ring.keep(&exhibit.raw, (&exhibit.purified, exhibit.size), &exhibit.verdict)
            });
        })?;
        Ok(Some(Self { gallery, album, worker }))
    }

    /// Lets it finish its present frame, if that does not take too long.
    pub fn finish(self) {
        self.gallery.newest().close();
        self.worker.join_within(PATIENCE);
    }
}

/// The live page. It is served until this is dropped.
pub struct Page {
    /// Its pictures come from here.
    pub gallery: Arc<Gallery>,
    #[cfg(feature = "http")]
    server: server::Server,
}

/// Starts the live page, if it is configured. It shows what is in `album`.
#[cfg(feature = "http")]
pub fn page(
    http: &Http,
    health: &Arc<Health>,
    broadcast: &Broadcast,
    album: Option<Arc<Album>>,
) -> Result<Option<Page>, Failure> {
    let Some(settings) = page_settings(http)? else { return Ok(None) };
    let page = serve(settings, health, broadcast, album)?;
    console::note(format_args!("purecam: live page at {}", page.server.url()));
    Ok(Some(page))
}

/// Reads the token, then listens for a moment.
#[cfg(feature = "http")]
fn page_outlooks(http: &Http) -> Vec<Item> {
    let settings = match page_settings(http) {
        Ok(Some(settings)) => settings,
        Ok(None) => return Vec::new(),
        Err(failure) => return vec![("http.token_file", Err(failure))],
    };
    let token = http.token_file.as_ref().map(|file| Ok(Outlook::Ready(file.display().to_string())));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let health = Arc::new(Health::new(clock, Arc::default()));
    let broadcast = Broadcast::new(b"");
    // Without it, the page's threads would wait for a verdict before they end.
    broadcast.close();
    let listen = settings.listen;
    let served = serve(settings, &health, &broadcast, None).map(|_| Outlook::Ready(format!("{listen}: free")));
    token.map(|token| ("http.token_file", token)).into_iter().chain([("http.listen", served)]).collect()
}

#[cfg(feature = "http")]
fn page_settings(http: &Http) -> Result<Option<server::ServerSettings>, Failure> {
    let settings = http.listen.map(|listen| server::ServerSettings::new(listen, http.token_file.as_deref()));
    settings.transpose().map_err(no_page)
}

#[cfg(feature = "http")]
fn serve(
    settings: server::ServerSettings,
    health: &Arc<Health>,
    broadcast: &Broadcast,
    album: Option<Arc<Album>>,
) -> Result<Page, Failure> {
    let gallery = Arc::new(Gallery::of_everything());
    let server = server::Server::start(settings, health.clone(), broadcast.clone(), gallery.clone(), album);
    Ok(Page { gallery, server: server.map_err(no_page)? })
}

#[cfg(feature = "http")]
fn no_page(error: server::StartError) -> Failure {
    match error.is_hopeless() {
        true => Failure::hopeless(error),
        false => Failure::failed(error),
    }
}

#[cfg(not(feature = "http"))]
pub fn page(http: &Http, _: &Arc<Health>, _: &Broadcast, _: Option<Arc<Album>>) -> Result<Option<Page>, Failure> {
    http.listen.map_or(Ok(None), |_| Err(lacks("http", "[http]")))
}

#[cfg(not(feature = "http"))]
fn page_outlooks(http: &Http) -> Vec<Item> {
    http.listen.map(|_| ("http.listen", Err(lacks("http", "[http]")))).into_iter().collect()
}

fn has_colours() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

fn is_closed(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}
