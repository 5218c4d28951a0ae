//! Verdicts to an MQTT broker.
//!
//! | topic | message | retained |
//! |---|---|---|
//! | `TOPIC/verdict` | every verdict, as JSON | no |
//! | `TOPIC/header` | the stream's header: schema, models, configuration | yes |
//! | `TOPIC/state` | the service's state; `offline` after its end, even after a crash | yes |
//!
//! If the broker cannot be reached, connecting is retried for ever. Without a connection verdicts are dropped and
//! counted. While a connection takes nothing, the newest verdict waits here and is sent if it is still young enough: a
//! subscriber never gets one that waited for long. MQTT 3.1.1, which this is, has no expiry of messages in the broker.

mod connection;
mod settings;

pub use settings::MqttError;

use std::io;
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rumqttc::{Client, QoS};

use super::retry::Retry;
use super::{Outlook, Problem, Published, Sink};
use crate::config::{BrokerUrl, Mqtt};
use crate::contain::contain;
use crate::passing::NoThread;
use crate::time::{Clock, Stop};
use crate::worker::Worker;
use connection::{ConnectionLoop, Link, Waiting};
use settings::{LONGEST, OFFLINE, Settings, Topics};

/// Messages that may wait for the connection's thread. More are dropped.
const WAITING: usize = 64;

/// A connection that has not begun to send a verdict for this long gets no more: they would become old in its queue.
const STUCK: Duration = Duration::from_millis(50);

/// How long the end waits for the farewell to reach the broker. Later the broker publishes the last will, which is the
/// same.
const FAREWELL: Duration = Duration::from_millis(400);

/// How often the end looks whether the broker has taken everything.
const GLANCE: Duration = Duration::from_millis(5);

/// How long [`MqttSink::outlook`] waits for the broker to accept a connection.
const PATIENCE: Duration = Duration::from_secs(3);

/// Publishes verdicts, the header and the state.
pub struct MqttSink {
    /// Its name in the log.
    broker: String,
    client: Client,
    link: Arc<Link>,
    topics: Topics,
    qos: QoS,
    header: Vec<u8>,
    /// The present state, as it is published.
    state: Box<dyn Fn() -> String + Send>,
    /// The connection that has got what follows; 0 before the first.
    greeted: u64,
    header_sent: bool,
    state_sent: String,
    clock: Arc<dyn Clock>,
    /// A verdict about an older frame is not sent.
    max_age: Duration,
    /// The newest verdict, while the connection is stuck; empty if there is none.
    next: Vec<u8>,
    /// When its frame was captured, by the clock.
    captured: Option<Duration>,
    dropped: u64,
    /// Once the sink is over: verdicts that were handed over and that the broker has not taken.
    missing: Option<u64>,
    stop: Stop,
    /// The connection's thread; `None` once it is being joined.
    worker: Option<Worker>,
}

impl MqttSink {
    /// Starts to connect. `header` is a line with its line break; `state` returns the service's present state. A verdict
    /// about a frame older than `max_age`, by `clock`, is not sent.
    ///
    /// # Errors
    /// The settings can never work, or a file that they name cannot be used. An unreachable broker is not an error.
    pub fn new(
        mqtt: &Mqtt,
        header: &[u8],
        state: impl Fn() -> String + Send + 'static,
        max_age: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, MqttError> {
        let Settings { options, topics, qos } = Settings::new(mqtt)?;
        // It asserts that it gets its descriptors.
        let made = contain(|| Client::new(options, WAITING));
        let (client, mut connection) =
            made.map_err(|panic| MqttError::Thread(NoThread::error("broker", io::Error::other(panic))))?;
        connection.eventloop.network_options.set_tcp_nodelay(true);
        let (link, stop) = (Arc::new(Link::default()), Stop::new());
        let retry = Retry::new(clock.clone(), format!("broker {}", mqtt.url));
        let mut work = ConnectionLoop::new(connection, link.clone(), retry, clock.clone());
        let until = stop.clone();
        let worker = Worker::spawn("broker", move || work.run(&until)).map_err(MqttError::Thread)?;
        Ok(Self {
            broker: format!("broker {}", mqtt.url),
            client,
            link,
            topics,
            qos,
            header: trimmed(header).to_vec(),
            state: Box::new(state),
            greeted: 0,
            header_sent: false,
            state_sent: String::new(),
            clock,
            max_age,
            next: Vec::new(),
            captured: None,
            dropped: 0,
            missing: None,
            stop,
            worker: Some(worker),
        })
    }

    /// What a start would find: whether the broker accepts a TCP connection, and whether the password would be readable
    /// on the network. Sends nothing: a second client with the same name would take a running purecam's connection.
    ///
    /// # Errors
    /// As of [`MqttSink::new`].
    pub fn outlook(mqtt: &Mqtt) -> Result<Vec<Outlook>, MqttError> {
        Settings::new(mqtt)?;
        let reached = match reach(&mqtt.url) {
            Ok(()) => Outlook::Ready(format!("{}, topic {}: accepts connections", mqtt.url, mqtt.topic)),
            Err(error) => Outlook::Waits(format!("{} cannot be reached: {error}", mqtt.url)),
        };
        let exposed = mqtt.password_file.is_some() && !mqtt.url.tls && !is_this_machine(&mqtt.url.host);
        let caution =
            exposed.then(|| Outlook::Caution(format!("{}: the password is sent unencrypted; use mqtts:", mqtt.url)));
        Ok([Some(reached), caution].into_iter().flatten().collect())
    }

    /// Sends the header and the state to a new connection, and a changed state to an old one. Returns whether there is
    /// a connection that has got the header.
    fn attend(&mut self) -> bool {
        let connection = self.link.connection.load(Ordering::Acquire);
        if connection == 0 {
            return false;
        }
        if self.greeted != connection {
            (self.greeted, self.header_sent) = (connection, false);
            self.state_sent.clear();
        }
        if !self.header_sent {
            self.header_sent = self.retain(&self.topics.header, &self.header);
        }
        let state = (self.state)();
        if state != self.state_sent && self.retain(&self.topics.state, state.as_bytes()) {
            self.state_sent = state;
        }
        self.header_sent
    }

    /// Publishes a retained message. Returns whether there was room for it.
    fn retain(&self, topic: &str, message: &[u8]) -> bool {
        // Acknowledgements of one kind come in order. With two kinds, rumqttc would reuse a number that still waits for
        // its acknowledgement.
        let qos = if self.qos == QoS::ExactlyOnce { self.qos } else { QoS::AtLeastOnce };
        let mut handed = self.link.handed.lock();
        let taken = self.client.try_publish(topic, qos, true, message).is_ok();
        handed.queue.extend(taken.then(|| Waiting { is_verdict: false, since: self.clock.now() }));
        taken
    }

    /// Whether the connection sends what it is given.
    fn is_stuck(&self) -> bool {
        let handed = self.link.handed.lock();
        let oldest = handed.queue.iter().find(|waiting| waiting.is_verdict);
        oldest.is_some_and(|oldest| self.clock.now().saturating_sub(oldest.since) > STUCK)
    }

    /// Sends the verdict that waits, if the connection is not stuck. It is dropped and counted if it has become too old or
    /// there is no connection.
    fn turn(&mut self) {
        let is_connected = self.attend();
        if self.next.is_empty() {
            return;
        }
        let age = self.captured.map(|captured| self.clock.now().saturating_sub(captured));
        let is_fresh = age.is_none_or(|age| age <= self.max_age);
        if is_connected && is_fresh && self.is_stuck() {
            return;
        }
        let sent = is_connected && is_fresh && self.send(&self.next);
        self.dropped += u64::from(!sent);
        self.next.clear();
    }

    /// Publishes a verdict. Returns whether there was room for it.
    fn send(&self, verdict: &[u8]) -> bool {
        let mut handed = self.link.handed.lock();
        let taken = self.client.try_publish(&self.topics.verdict, self.qos, false, verdict).is_ok();
        handed.queue.extend(taken.then(|| Waiting { is_verdict: true, since: self.clock.now() }));
        handed.verdicts += u64::from(taken);
        taken
    }

    /// Verdicts that were handed over and of which it is not known that the broker has read them.
    fn missing(&self) -> u64 {
        let handed = self.link.handed.lock().verdicts;
        handed.saturating_sub(self.link.read.load(Ordering::Relaxed))
    }

    /// Verdicts that were lost with broken connections.
    fn lost(&self) -> u64 {
        self.link.lost.load(Ordering::Relaxed)
    }
}

impl Sink for MqttSink {
    fn publish(&mut self, published: &Published) -> io::Result<()> {
        let line = trimmed(&published.line);
        // Whatever comes, the verdict that waits is no longer the newest, or is one of other models.
        self.dropped += u64::from(!self.next.is_empty());
        self.next.clear();
        match &published.event {
            None => {
                self.header.clear();
                self.header.extend_from_slice(line);
                self.header_sent = false;
            }
            Some(_) if line.len() > LONGEST => self.dropped += 1,
            Some(event) => {
                self.next.extend_from_slice(line);
                self.captured = event.verdict.captured_monotonic_ns.map(Duration::from_nanos);
            }
        }
        self.turn();
        Ok(())
    }

    fn idle(&mut self) -> io::Result<()> {
        self.turn();
        Ok(())
    }

    fn problem(&self) -> Option<Problem> {
        self.link.problem.lock().clone().map(|detail| Problem { kind: "unreachable", detail })
    }

    fn dropped(&self) -> u64 {
        self.dropped + self.missing.unwrap_or_else(|| self.lost())
    }

    /// Publishes `offline` and disconnects. If there is no time or no room for that, the broker publishes the last
    /// will. What it has not taken by then is counted.
    fn finish(&mut self) {
        let Some(worker) = self.worker.take() else { return };
        self.turn();
        let held = u64::from(!std::mem::take(&mut self.next).is_empty());
        self.dropped += held;
        let lost = self.lost();
        let connected = self.link.connection.load(Ordering::Acquire) != 0;
        self.stop.request();
        let patience = if connected { FAREWELL } else { FAREWELL / 8 };
        let end = Instant::now() + patience;
        if connected && self.retain(&self.topics.state, OFFLINE.as_bytes()) {
            // A broker that is told of the end at once forgets what is not acknowledged yet.
            while self.missing() > self.lost() && Instant::now() < end {
                thread::sleep(GLANCE);
            }
            self.client.try_disconnect().ok();
        }
        worker.join_within(end.saturating_duration_since(Instant::now()));
        let missing = self.missing();
        self.missing = Some(missing);
        let waited = missing.saturating_sub(lost) + held;
        if waited > 0 {
            let broker = &self.broker;
            log::warn!("{broker}: {waited} verdicts still waited for it at the end and are counted as not taken");
        }
    }
}

impl Drop for MqttSink {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Opens a TCP connection to the broker, and closes it. On a thread of its own: a name server that does not answer
/// would otherwise hold it up for longer than `PATIENCE`.
fn reach(url: &BrokerUrl) -> io::Result<()> {
    let (host, port) = (url.host.clone(), url.port);
    let (send, outcome) = channel();
    let worker = Worker::spawn("broker", move || drop(send.send(connect(&host, port))))?;
    let outcome = match outcome.recv_timeout(PATIENCE) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => Err(timed_out()),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the attempt panicked")),
    };
    // A thread that still waits for the name server ends with the process.
    worker.join_within(Duration::ZERO);
    outcome
}

/// Tries each address of `host` in turn. The error is that of the last.
fn connect(host: &str, port: u16) -> io::Result<()> {
    let mut outcome = Err(io::Error::new(io::ErrorKind::NotFound, "its name has no address"));
    for address in (host, port).to_socket_addrs()? {
        outcome = TcpStream::connect_timeout(&address, PATIENCE).map(drop);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} seconds", PATIENCE.as_secs()))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A line without its line break.
fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}
