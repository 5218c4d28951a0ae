//! Where `purecam run` sends its verdicts, and the keeper of suspicious frames: from the configuration to running
//! parts. Beside each part stands what `purecam check` reports of it, through the same constructor or the same sink's
//! `outlook`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{Failure, because};
use crate::config::{Config, Detect, Http, Mqtt, Output, RequiredOutput};
use crate::console;
#[cfg(feature = "http")]
use crate::health::server;
use crate::service::{self, Gallery, Health, Outlet, Remake};
#[cfg(feature = "http")]
use crate::sink::Problem;
use crate::sink::{
    Album, Broadcast, FileSink, JsonLines, KeepRing, LiveView, Outlook, Sink, SocketError, SocketSink, TooFewFiles,
};
use crate::time::Stop;
#[cfg(feature = "http")]
use crate::time::{Backoff, Clock, SystemClock};
use crate::worker::Worker;

/// How long the end waits for a frame that is being kept.
const PATIENCE: Duration = Duration::from_millis(200);

/// An item of `purecam check`, and what a start would find.
pub type Item = (&'static str, Result<Outlook, Failure>);

/// The sinks, in the order of the `[output]` table. If `watched`, a view on the terminal takes the place of JSON lines.
///
/// # Errors
/// What the configuration says of a sink can never work. A path, a broker or a disk that is not there is no error.
pub fn outlets(watched: bool, config: &Config, header: &[u8], health: &Arc<Health>) -> Result<Vec<Outlet>, Failure> {
    let (output, clock) = (&config.output, health.clock());
    let mut outlets = Vec::new();
    if watched {
        let view = LiveView::new(io::stdout(), has_colours(), console::columns, clock.clone());
        outlets.push(Outlet::essential("terminal", Box::new(view)));
    } else if output.stdout {
        let mut lines = JsonLines::new(io::stdout());
        // A reader that is gone already ends the loop at its first verdict, as one that goes later.
        lines.write_line(header).or_else(|error| if is_closed(&error) { Ok(()) } else { Err(error) })?;
        outlets.push(Outlet::essential("stdout", Box::new(lines)));
    }
    let mut add = |name, key, mut make: Make| -> Result<(), Failure> {
        let sink = make(header)?;
        let remake: Remake = Box::new(move |header| make(header).map_err(io::Error::other));
        outlets.push(Outlet::optional(name, sink, output.required.contains(&key), remake));
        Ok(())
    };
    let max_age = config.run.max_age();
    if let Some(file) = output.file.clone() {
        let (clock, file_bytes, file_count) = (clock.clone(), output.file_bytes, output.file_count);
        let make = move |header: &[u8]| Ok(FileSink::new(&file, file_bytes, file_count, header, clock.clone()));
        add("file", RequiredOutput::File, boxed(make))?;
    }
    if let Some(path) = output.socket.clone() {
        let clock = clock.clone();
        let make = move |header: &[u8]| SocketSink::new(&path, header, max_age, clock.clone()).map_err(no_socket);
        add("socket", RequiredOutput::Socket, boxed(make))?;
    }
    if let Some(mqtt) = output.mqtt.clone() {
        let health = health.clone();
        add("mqtt", RequiredOutput::Mqtt, Box::new(move |header| broker(&mqtt, header, &health, max_age)))?;
    }
    Ok(outlets)
}

/// Makes a sink whose stream begins with a header.
type Make = Box<dyn FnMut(&[u8]) -> Result<Box<dyn Sink>, Failure> + Send>;

fn boxed<S: Sink + 'static>(mut make: impl FnMut(&[u8]) -> Result<S, Failure> + Send + 'static) -> Make {
    Box::new(move |header| make(header).map(|sink| Box::new(sink) as Box<dyn Sink>))
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
fn broker(mqtt: &Mqtt, header: &[u8], health: &Arc<Health>, max_age: Duration) -> Result<Box<dyn Sink>, Failure> {
    let (health, clock) = (health.clone(), health.clock().clone());
    let state = move || health.state().to_string();
    let sink = crate::sink::MqttSink::new(mqtt, header, state, max_age, clock).map_err(Failure::of_file)?;
    Ok(Box::new(sink))
}

#[cfg(feature = "mqtt")]
fn broker_outlooks(mqtt: &Mqtt) -> Vec<Item> {
    const ITEM: &str = "output.mqtt";
    match crate::sink::MqttSink::outlook(mqtt) {
        Ok(outlooks) => outlooks.into_iter().map(|outlook| (ITEM, Ok(outlook))).collect(),
        Err(error) => vec![(ITEM, Err(Failure::of_file(error)))],
    }
}

#[cfg(not(feature = "mqtt"))]
fn broker(_: &Mqtt, _: &[u8], _: &Arc<Health>, _: Duration) -> Result<Box<dyn Sink>, Failure> {
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

/// The live page. It is served until this is dropped; if it cannot be served yet, that is tried again.
pub struct Page {
    /// Its pictures come from here.
    pub gallery: Arc<Gallery>,
    #[cfg(feature = "http")]
    _serving: Serving,
}

/// A server, or the thread that tries to start it.
#[cfg(feature = "http")]
enum Serving {
    Now { _server: server::Server },
    Later { stop: Stop, worker: Option<Worker> },
}

#[cfg(feature = "http")]
impl Drop for Serving {
    fn drop(&mut self) {
        if let Self::Later { stop, worker } = self {
            stop.request();
            worker.take().map(|worker| worker.join_within(PAGE_PATIENCE));
        }
    }
}

/// How long the end waits for a page that was started late: as long as for the server itself, and a little longer.
#[cfg(feature = "http")]
const PAGE_PATIENCE: Duration = Duration::from_millis(600);

/// The waits between two attempts to serve the page: a port that is free again is used within the longest.
#[cfg(feature = "http")]
const PAGE_WAITS: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(2)];

/// Starts the live page, if it is configured. It shows what is in `album`. A port that is taken, or an address that the
/// machine does not have yet, is a state: it is tried again for as long as the service runs.
#[cfg(feature = "http")]
pub fn page(
    http: &Http,
    health: &Arc<Health>,
    broadcast: &Broadcast,
    album: Option<Arc<Album>>,
) -> Result<Option<Page>, Failure> {
    let Some(settings) = page_settings(http)? else { return Ok(None) };
    let gallery = Arc::new(Gallery::of_everything());
    let serve = {
        let (health, broadcast, gallery) = (health.clone(), broadcast.clone(), gallery.clone());
        move || serve(settings.clone(), &health, &broadcast, &gallery, album.clone())
    };
    let serving = match serve() {
        Ok(server) => {
            announce(&server);
            Serving::Now { _server: server }
        }
        Err(error) if error.is_hopeless() => return Err(Failure::hopeless(error)),
        Err(error) => {
            log::warn!("{error}; the service runs without it, and tries again");
            health.page_problem(Some(unavailable(&error)));
            let (stop, health) = (Stop::new(), health.clone());
            let until = stop.clone();
            let worker = Worker::spawn("page", move || serve_late(serve, &health, &until))?;
            Serving::Later { stop, worker: Some(worker) }
        }
    };
    Ok(Some(Page { gallery, _serving: serving }))
}

/// Tries to serve the page until that works, and serves it until the end is requested.
#[cfg(feature = "http")]
fn serve_late(serve: impl Fn() -> Result<server::Server, server::StartError>, health: &Health, stop: &Stop) {
    let mut backoff = Backoff::new(PAGE_WAITS[0], PAGE_WAITS[1]);
    let clock = health.clock();
    while clock.wait_until(clock.now() + backoff.wait(), stop) {
        match serve() {
            Ok(server) => {
                announce(&server);
                health.page_problem(None);
                return stop.wait_for_request();
            }
            Err(error) => health.page_problem(Some(unavailable(&error))),
        }
    }
}

#[cfg(feature = "http")]
fn unavailable(error: &server::StartError) -> Problem {
    Problem { kind: "unavailable", detail: error.to_string() }
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
    let served = match serve(settings, &health, &broadcast, &Arc::new(Gallery::of_everything()), None) {
        Ok(_) => Ok(Outlook::Ready(format!("{listen}: free"))),
        Err(error) if error.is_hopeless() => Err(Failure::hopeless(error)),
        Err(error) => Ok(Outlook::Without(error.to_string())),
    };
    token.map(|token| ("http.token_file", token)).into_iter().chain([("http.listen", served)]).collect()
}

#[cfg(feature = "http")]
fn page_settings(http: &Http) -> Result<Option<server::ServerSettings>, Failure> {
    let settings = http.listen.map(|listen| server::ServerSettings::new(listen, http.token_file.as_deref()));
    settings.transpose().map_err(Failure::of_file)
}

#[cfg(feature = "http")]
fn serve(
    settings: server::ServerSettings,
    health: &Arc<Health>,
    broadcast: &Broadcast,
    gallery: &Arc<Gallery>,
    album: Option<Arc<Album>>,
) -> Result<server::Server, server::StartError> {
    server::Server::start(settings, health.clone(), broadcast.clone(), gallery.clone(), album)
}

#[cfg(feature = "http")]
fn announce(server: &server::Server) {
    console::note(format_args!("purecam: live page at {}", server.url()));
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
