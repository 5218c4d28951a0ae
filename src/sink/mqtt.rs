//! Verdicts to an MQTT broker.
//!
//! | topic | what | retained |
//! |---|---|---|
//! | `TOPIC/verdict` | every verdict, as JSON | no |
//! | `TOPIC/header` | the stream's header: schema, models, configuration | yes |
//! | `TOPIC/state` | the service's state, `offline` after its end, however it came | yes |
//!
//! A broker that is gone is tried again for ever. Verdicts that cannot be sent at once are dropped and counted: a subscriber
//! gets none that waited for the broker to come back.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fs, io};

use rumqttc::{Client, Connection, Event, LastWill, MqttOptions, Packet, QoS, Request, Transport};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::retry::Retry;
use super::{Published, Sink};
use crate::config::Mqtt;
use crate::contain::contain;
use crate::host;
use crate::time::{Clock, Stop};
use crate::worker::Worker;

/// Messages on their way to the connection. More are dropped.
const WAITING: usize = 64;

/// Messages that the broker has not acknowledged. By default mosquitto takes 20 of one client at a time and, in this version
/// of MQTT, throws more away without a word.
const IN_FLIGHT: u16 = 16;

/// How often a silent connection is tried out. A broker notices after one and a half times this that a client is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The longest verdict that is sent. rumqttc ends the connection over a longer one.
const LONGEST: usize = 256 << 10;

/// How long the end waits for the broker to hear of it. Past that, the broker publishes the last will, which is the same.
const FAREWELL: Duration = Duration::from_millis(400);

/// The state after the end, and the last will.
const OFFLINE: &str = "offline";

/// Why there can be no connection, ever.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    #[error("[output.mqtt] topic is '{0}': expected a name without '+', '#' and NUL, as in purecam/front")]
    Topic(String),
    #[error("[output.mqtt] qos is {0}: expected 0, 1 or 2")]
    Qos(u8),
    #[error("[output.mqtt] password_file needs a username with it")]
    NoUsername,
    #[error("[output.mqtt] password_file {} cannot be read: {cause}", .file.display())]
    Password { file: PathBuf, cause: io::Error },
    #[error("[output.mqtt] password_file {} can be read by everybody: chmod o-rwx it", .file.display())]
    OpenPassword { file: PathBuf },
    #[error("[output.mqtt] ca_file {}: no certificates can be read from it: {cause}", .file.display())]
    Authorities { file: PathBuf, cause: String },
    #[error("[output.mqtt] mqtts needs certificates to trust, and this system has none that can be read: give ca_file")]
    NoAuthorities,
    #[error("TLS cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the connection's thread cannot be started: {0}")]
    Thread(io::Error),
}

/// Publishes verdicts, the header and the state.
pub struct MqttSink {
    client: Client,
    line: Arc<Line>,
    topics: Topics,
    qos: QoS,
    header: Vec<u8>,
    /// The state now, in words.
    state: Box<dyn Fn() -> String + Send>,
    /// What this connection has been told.
    greeted: u64,
    header_said: bool,
    state_said: String,
    dropped: u64,
    stop: Stop,
    /// The connection's thread; `None` once it is being joined.
    worker: Option<Worker>,
}

struct Topics {
    verdict: String,
    header: String,
    state: String,
}

/// What the connection's thread tells the sink.
#[derive(Default)]
struct Line {
    /// Which connection there is, counted from 1; 0 while there is none.
    connection: AtomicU64,
    /// Verdicts that were on their way when a connection broke.
    lost: AtomicU64,
}

impl MqttSink {
    /// Begins to connect. `state` says the service's state whenever it is asked.
    pub fn new(
        mqtt: &Mqtt,
        header: &[u8],
        state: impl Fn() -> String + Send + 'static,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, MqttError> {
        let topics = Topics::new(&mqtt.topic)?;
        let qos = match mqtt.qos {
            0 => QoS::AtMostOnce,
            1 => QoS::AtLeastOnce,
            2 => QoS::ExactlyOnce,
            other => return Err(MqttError::Qos(other)),
        };
        let (client, mut connection) = Client::new(options(mqtt, &topics)?, WAITING);
        connection.eventloop.network_options.set_tcp_nodelay(true);
        let (line, stop) = (Arc::new(Line::default()), Stop::new());
        let retry = Retry::new(clock.clone(), format!("broker {}", mqtt.url));
        let mut dialogue =
            Dialogue { connection, connections: 0, line: line.clone(), topic: topics.verdict.clone(), retry, clock };
        let until = stop.clone();
        let worker = Worker::spawn("broker", move || dialogue.run(&until)).map_err(MqttError::Thread)?;
        Ok(Self {
            client,
            line,
            topics,
            qos,
            header: trimmed(header).to_vec(),
            state: Box::new(state),
            greeted: 0,
            header_said: false,
            state_said: String::new(),
            dropped: 0,
            stop,
            worker: Some(worker),
        })
    }

    /// Tells a new connection the header and the state, and an old one the state that has changed. Returns whether there is
    /// a connection that knows the header.
    fn attend(&mut self) -> bool {
        let connection = self.line.connection.load(Ordering::Acquire);
        if connection == 0 {
            return false;
        }
        if self.greeted != connection {
            (self.greeted, self.header_said) = (connection, false);
            self.state_said.clear();
        }
        if !self.header_said {
            self.header_said = self.retain(&self.topics.header, &self.header);
        }
        let state = (self.state)();
        if state != self.state_said && self.retain(&self.topics.state, state.as_bytes()) {
            self.state_said = state;
        }
        self.header_said
    }

    /// Returns whether there was room for the message.
    fn retain(&self, topic: &str, message: &[u8]) -> bool {
        // Acknowledgements of one kind come in order; rumqttc would give a number away again that still waits for its own.
        let qos = if self.qos == QoS::ExactlyOnce { self.qos } else { QoS::AtLeastOnce };
        self.client.try_publish(topic, qos, true, message).is_ok()
    }
}

impl Sink for MqttSink {
    fn publish(&mut self, published: &Published) -> io::Result<()> {
        let line = trimmed(&published.line);
        if published.event.is_none() {
            self.header.clear();
            self.header.extend_from_slice(line);
            self.header_said = false;
            self.attend();
            return Ok(());
        }
        let sent = self.attend()
            && line.len() <= LONGEST
            && self.client.try_publish(&self.topics.verdict, self.qos, false, line).is_ok();
        self.dropped += u64::from(!sent);
        Ok(())
    }

    fn idle(&mut self) -> io::Result<()> {
        self.attend();
        Ok(())
    }

    fn dropped(&self) -> u64 {
        self.dropped + self.line.lost.load(Ordering::Relaxed)
    }
}

impl Drop for MqttSink {
    /// Says `offline` and hangs up. Where there is no time or no room for that, the broker says it as the last will.
    fn drop(&mut self) {
        let connected = self.line.connection.load(Ordering::Acquire) != 0;
        self.stop.request();
        if connected && self.retain(&self.topics.state, OFFLINE.as_bytes()) {
            self.client.try_disconnect().ok();
        }
        let patience = if connected { FAREWELL } else { FAREWELL / 8 };
        if let Some(worker) = self.worker.take() {
            worker.join_within(patience);
        }
    }
}

impl Topics {
    fn new(topic: &str) -> Result<Self, MqttError> {
        if topic.is_empty() || topic.contains(['+', '#', '\0']) {
            return Err(MqttError::Topic(topic.to_owned()));
        }
        let below = |name: &str| format!("{topic}/{name}");
        Ok(Self { verdict: below("verdict"), header: below("header"), state: below("state") })
    }
}

/// The connection's own thread.
struct Dialogue {
    connection: Connection,
    connections: u64,
    line: Arc<Line>,
    /// Of verdicts.
    topic: String,
    retry: Retry,
    clock: Arc<dyn Clock>,
}

impl Dialogue {
    /// Connects, sends and connects again until the end is requested and the broker has closed the connection.
    fn run(&mut self, stop: &Stop) {
        loop {
            let problem = match contain(|| self.connection.recv()) {
                Ok(Ok(Ok(event))) => {
                    self.take_note(&event);
                    continue;
                }
                Ok(Ok(Err(error))) => error.to_string(),
                // The sink is gone.
                Ok(Err(_)) => return,
                Err(panic) => panic,
            };
            self.line.connection.store(0, Ordering::Release);
            self.forget();
            if stop.is_requested() {
                return;
            }
            self.retry.failed(&problem);
            if !self.clock.wait_until(self.retry.due(), stop) {
                return;
            }
            // What the sink has sent before it saw that there is no connection would come too late, too.
            self.forget();
        }
    }

    fn take_note(&mut self, event: &Event) {
        if let Event::Incoming(Packet::ConnAck(_)) = event {
            self.connections += 1;
            self.retry.succeeded();
            self.line.connection.store(self.connections, Ordering::Release);
        }
    }

    /// Throws away what a broken connection leaves, and counts the verdicts in it.
    fn forget(&mut self) {
        let eventloop = &mut self.connection.eventloop;
        eventloop.clean();
        let is_verdict =
            |request: &Request| matches!(request, Request::Publish(publish) if publish.topic == self.topic);
        let waited = eventloop.pending.drain(..).filter(is_verdict).count();
        // rumqttc keeps this one over a reconnection, and would wait for ever for its acknowledgement.
        let collided = eventloop.state.collision.take().is_some();
        self.line.lost.fetch_add((waited + usize::from(collided)) as u64, Ordering::Relaxed);
    }
}

fn options(mqtt: &Mqtt, topics: &Topics) -> Result<MqttOptions, MqttError> {
    let client_id = mqtt
        .client_id
        .clone()
        .unwrap_or_else(|| format!("purecam-{}", host::name().unwrap_or_else(|| "unnamed".to_owned())));
    let mut options = MqttOptions::new(client_id, &mqtt.url.host, mqtt.url.port);
    options.set_keep_alive(KEEP_ALIVE).set_inflight(IN_FLIGHT).set_clean_session(true);
    // What a broker says to a client that subscribes to nothing is short.
    options.set_max_packet_size(4096, LONGEST + 4096);
    options.set_last_will(LastWill::new(&topics.state, OFFLINE, QoS::AtLeastOnce, true));
    match (&mqtt.username, &mqtt.password_file) {
        (Some(username), Some(file)) => drop(options.set_credentials(username, password(file)?)),
        (Some(username), None) => drop(options.set_credentials(username, "")),
        (None, Some(_)) => return Err(MqttError::NoUsername),
        (None, None) => {}
    }
    if mqtt.url.tls {
        options.set_transport(Transport::tls_with_config(tls(mqtt.ca_file.as_deref())?.into()));
    }
    Ok(options)
}

/// The first line of a file that not everybody may read.
fn password(file: &Path) -> Result<String, MqttError> {
    use std::os::unix::fs::MetadataExt;
    let failed = |cause| MqttError::Password { file: file.to_owned(), cause };
    if fs::metadata(file).map_err(failed)?.mode() & 0o007 != 0 {
        return Err(MqttError::OpenPassword { file: file.to_owned() });
    }
    let text = fs::read_to_string(file).map_err(failed)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// TLS that trusts the authorities of a file, or the system's.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, MqttError> {
    let mut authorities = RootCertStore::empty();
    match ca_file {
        Some(file) => {
            let failed = |cause: String| MqttError::Authorities { file: file.to_owned(), cause };
            for certificate in CertificateDer::pem_file_iter(file).map_err(|error| failed(error.to_string()))? {
                let certificate = certificate.map_err(|error| failed(error.to_string()))?;
                authorities.add(certificate).map_err(|error| failed(error.to_string()))?;
            }
            if authorities.is_empty() {
                return Err(failed("it has none".to_owned()));
            }
        }
        None => {
            authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if authorities.is_empty() {
                return Err(MqttError::NoAuthorities);
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(authorities).with_no_client_auth())
}

/// A line without its line break.
fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}
