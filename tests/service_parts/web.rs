//! A web server with a scripted loop, and clients that talk to it byte by byte.
#![allow(dead_code, reason = "every test file uses some of them")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use purecam::frame::Picture;
use purecam::health::server::{Bounds, Server, ServerSettings, Token};
use purecam::service::{Exhibit, Gallery, Health, Identity};
use purecam::sink::{Album, Broadcast, Event};
use purecam::time::{Clock, SystemClock};
use purecam::verdict::{ClassifierFile, Files, Guess, Models, Verdict};

/// How long a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// The server and what the loop would share with it.
pub struct Web {
    pub server: Server,
    pub health: Arc<Health>,
    pub broadcast: Broadcast,
    pub gallery: Arc<Gallery>,
}

impl Web {
    pub fn open() -> Self {
        Self::bounded(Bounds::default())
    }

    pub fn bounded(bounds: Bounds) -> Self {
        Self::with(bounds, None)
    }

    pub fn with(bounds: Bounds, token: Option<Token>) -> Self {
        Self::showing(bounds, token, None)
    }

    /// A server that shows the frames of `album`.
    pub fn showing(mut bounds: Bounds, token: Option<Token>, album: Option<Arc<Album>>) -> Self {
        bounds.picture_interval = Duration::ZERO;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let files = Files {
            classifier: ClassifierFile { name: "classifier.onnx".to_owned(), ..Default::default() },
            ..Default::default()
        };
        let models = Models { purifier: Some("aa".to_owned()), classifier: "bb".to_owned(), files };
        let (source, instance) = ("camera:1".to_owned(), Some("front".to_owned()));
        let identity = Identity { source, host: Some("robot".into()), instance, ..Identity::default() };
        let health = Arc::new(Health::new(clock, Arc::new(models)).named(identity));
        let (broadcast, gallery) = (Broadcast::new(b"{\"schema\":1}\n"), Arc::new(Gallery::of_everything()));
        let settings = ServerSettings { listen: "127.0.0.1:0".parse().unwrap(), token, bounds };
        let server = Server::start(settings, health.clone(), broadcast.clone(), gallery.clone(), album).unwrap();
        Self { server, health, broadcast, gallery }
    }

    pub fn client(&self) -> Client {
        Client::connect(self.server.address())
    }

    /// The answer to a GET on a connection of its own.
    pub fn get(&self, place: &str) -> Answer {
        self.client().get(place, "")
    }

    /// Publishes a verdict as the loop does.
    pub fn publish(&self, seq: u64) {
        let guess = |label: &str| Guess { label: label.into(), index: 0, confidence: 0.5, wnid: None };
        let verdict = Verdict { seq, label: "tench".into(), top: vec![guess("tench")], ..Verdict::default() };
        self.health.verdict(&verdict);
        self.broadcast.publish(|published| {
            serde_json::to_writer(&mut published.line, &verdict).unwrap();
            published.line.push(b'\n');
            let raw = Some(guess("church"));
            published.event = Some(Event { verdict, raw, staged: None, verdicts: 1, replaced: 0, withheld: 0 });
        });
    }

    /// Shows a frame of noise as the loop does: only if somebody looks.
    pub fn show(&self, seq: u64, [height, width]: [u32; 2]) {
        if self.gallery.viewers() == 0 {
            return;
        }
        let mut noise = seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let rgb = (0..width * height * 3).map(|_| {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            noise as u8
        });
        let verdict = Verdict { seq, captured_at: SystemTime::UNIX_EPOCH, ..Verdict::default() };
        let raw = Picture { width, height, rgb: rgb.collect() };
        let purified = [0.0_f32, 0.5, 2.0].into_iter().flat_map(|value| [value; 32 * 48]).collect();
        drop(self.gallery.newest().put(Exhibit { raw, purified, size: [32, 48], verdict }));
    }

    /// Waits until there are `count` viewers.
    pub fn wait_for_viewers(&self, count: usize) {
        wait_until("viewers", || self.gallery.viewers() == count);
    }

    /// Waits until `count` connections are open.
    pub fn wait_for_connections(&self, count: usize) {
        wait_until("connections", || self.server.connections() == count);
    }
}

/// Waits for something that must happen.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// One connection.
pub struct Client {
    pub stream: TcpStream,
    /// Bytes that were read but not used yet.
    ahead: Vec<u8>,
}

/// The server's answer.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let is_it = |line: &&str| line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name));
        self.head.lines().find(is_it).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, ahead: Vec::new() }
    }

    pub fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// Sends a GET with additional headers (each with its line break), and reads the answer.
    pub fn get(&mut self, place: &str, headers: &str) -> Answer {
        self.ask("GET", place, headers);
        self.answer()
    }

    pub fn ask(&mut self, method: &str, place: &str, headers: &str) {
        self.send(&format!("{method} {place} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"));
    }

    /// Reads an answer with a `Content-Length`.
    pub fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        answer.body = self.take(length);
        answer
    }

    /// Reads an answer's head.
    pub fn head(&mut self) -> Answer {
        let head = String::from_utf8(self.until(b"\r\n\r\n")).unwrap();
        let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{head}"));
        Answer { code, head, body: Vec::new() }
    }

    /// Reads up to and including `end`.
    pub fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.ahead.windows(end.len()).position(|window| window == end) {
                return self.take(at + end.len());
            }
            assert!(self.more(), "the connection ended before {:?}", String::from_utf8_lossy(end));
        }
    }

    pub fn take(&mut self, length: usize) -> Vec<u8> {
        while self.ahead.len() < length {
            assert!(self.more(), "the connection ended too early");
        }
        self.ahead.drain(..length).collect()
    }

    /// One part of a Motion JPEG stream over HTTP/1.0: its frame's number, and its picture.
    pub fn part(&mut self) -> (u64, Vec<u8>) {
        let head = String::from_utf8(self.until(b"\r\n\r\n")).unwrap();
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse::<u64>();
        let jpeg = self.take(field("Content-Length:").unwrap() as usize);
        assert_eq!(self.until(b"--frame\r\n"), b"\r\n--frame\r\n");
        (field("Purecam-Frame:").unwrap(), jpeg)
    }

    /// Waits until the server closes the connection. Returns what it sent before.
    pub fn end(&mut self) -> String {
        while self.more() {}
        String::from_utf8_lossy(&self.ahead).into_owned()
    }

    /// Reads some more bytes. Returns false at the end.
    fn more(&mut self) -> bool {
        let mut buffer = [0; 65536];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(length) => {
                self.ahead.extend(&buffer[..length]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Opens a Motion JPEG stream over HTTP/1.0: its parts are not chunked.
pub fn stream(web: &Web, kind: &str) -> Client {
    let mut client = web.client();
    client.send(&format!("GET /stream.mjpg?{kind} HTTP/1.0\r\nHost: localhost\r\n\r\n"));
    let head = client.head();
    assert_eq!(head.header("content-type"), Some("multipart/x-mixed-replace; boundary=frame"));
    assert_eq!(client.until(b"--frame\r\n"), b"--frame\r\n");
    client
}
