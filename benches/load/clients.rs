//! Well-behaved clients, and readers that read nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a client waits before it checks whether it is time to leave.
const LOOK_UP: Duration = Duration::from_millis(200);

/// What clients received, counted by kind.
#[derive(Default)]
pub struct Tally(BTreeMap<String, u64>);

impl Tally {
    pub fn count(&mut self, what: &str, count: u64) {
        if count > 0 {
            *self.0.entry(what.to_owned()).or_default() += count;
        }
    }

    pub fn add(&mut self, other: Self) {
        other.0.into_iter().for_each(|(what, count)| self.count(&what, count));
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = self.0.iter().map(|(what, count)| format!("{count} {what}")).collect();
        f.write_str(&counts.join(", "))
    }
}

/// Tells clients when to leave.
#[derive(Clone, Default)]
pub struct Leave(Arc<AtomicBool>);

impl Leave {
    pub fn is_now(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Sleeps for `time`, or until it is time to leave. Returns whether to stay.
    pub fn sleep(&self, time: Duration) -> bool {
        let began = Instant::now();
        while !self.is_now() && began.elapsed() < time {
            thread::sleep(LOOK_UP.min(time.saturating_sub(began.elapsed())));
        }
        !self.is_now()
    }
}

/// Clients on threads of their own, until they leave.
#[derive(Default)]
pub struct Clients {
    leave: Leave,
    threads: Vec<JoinHandle<Tally>>,
}

impl Clients {
    /// `count` people with the page open: both pictures, the verdicts, and the status once a second.
    pub fn viewers(page: SocketAddr, count: usize) -> Self {
        let mut clients = Self::default();
        for _ in 0..count {
            for (place, what, mark) in [
                ("/stream.mjpg?raw", "raw pictures", "Purecam-Frame:"),
                ("/stream.mjpg?purified", "purified pictures", "Purecam-Frame:"),
                ("/api/verdicts", "events", "event: verdict"),
            ] {
                clients.start(move |leave| watch(page, place, what, mark.as_bytes(), leave));
            }
            clients.start(move |leave| poll(page, leave));
        }
        clients
    }

    /// `count` readers of the socket that read nothing.
    pub fn idle_readers(socket: &Path, count: usize) -> Self {
        let mut clients = Self::default();
        let socket = socket.to_owned();
        clients.start(move |leave| {
            let mut tally = Tally::default();
            let readers: Vec<_> = (0..count).filter_map(|_| UnixStream::connect(&socket).ok()).collect();
            tally.count("socket readers that read nothing", readers.len() as u64);
            while leave.sleep(Duration::from_secs(1)) {}
            tally
        });
        clients
    }

    /// A reader of the socket that reads every line.
    pub fn reader(socket: &Path) -> Self {
        let mut clients = Self::default();
        let socket = socket.to_owned();
        clients.start(move |leave| {
            let mut tally = Tally::default();
            if let Ok(stream) = UnixStream::connect(&socket)
                && stream.set_read_timeout(Some(LOOK_UP)).is_ok()
            {
                let lines = count_marks(stream, b"\n", leave);
                tally.count("lines read from the socket", lines);
            }
            tally
        });
        clients
    }

    pub fn start(&mut self, work: impl FnOnce(&Leave) -> Tally + Send + 'static) {
        let leave = self.leave.clone();
        self.threads.push(thread::spawn(move || work(&leave)));
    }

    /// Ends them, and returns what they received.
    pub fn leave(self) -> Tally {
        self.leave.0.store(true, Ordering::Relaxed);
        let mut tally = Tally::default();
        // What a client that panicked received is not counted.
        self.threads.into_iter().filter_map(|thread| thread.join().ok()).for_each(|other| tally.add(other));
        tally
    }
}

/// Reads an endless answer.
fn watch(page: SocketAddr, place: &str, what: &str, mark: &[u8], leave: &Leave) -> Tally {
    let mut tally = Tally::default();
    while !leave.is_now() {
        let Some(stream) = ask(page, place, LOOK_UP) else { continue };
        tally.count("streams opened", 1);
        tally.count(what, count_marks(stream, mark, leave));
    }
    tally
}

/// Requests the status once a second.
fn poll(page: SocketAddr, leave: &Leave) -> Tally {
    let mut tally = Tally::default();
    while leave.sleep(Duration::from_secs(1)) {
        tally.count("status answers", u64::from(get(page, "/api/status").is_some()));
    }
    tally
}

/// Reads until the end or until it is time to leave, and counts how often `mark` came.
fn count_marks(mut stream: impl Read, mark: &[u8], leave: &Leave) -> u64 {
    let (mut marks, mut tail) = (0, Vec::new());
    let mut buffer = vec![0; 64 << 10];
    while !leave.is_now() {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                tail.extend_from_slice(&buffer[..length]);
                marks += tail.windows(mark.len()).filter(|window| *window == mark).count() as u64;
                // A mark may be cut in two.
                tail.drain(..tail.len().saturating_sub(mark.len() - 1));
            }
            Err(error) if is_timeout(&error) => {}
            Err(_) => break,
        }
    }
    marks
}

/// The body of an answer, if its status is 200.
pub fn get(page: SocketAddr, place: &str) -> Option<Vec<u8>> {
    let mut answer = Vec::new();
    ask(page, place, Duration::from_secs(10))?.read_to_end(&mut answer).ok()?;
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    answer.starts_with(b"HTTP/1.1 200").then(|| answer.split_off(head + 4))
}

/// Sends a request; each read waits for `timeout` at most.
fn ask(page: SocketAddr, place: &str, timeout: Duration) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(page).ok()?;
    stream.set_read_timeout(Some(timeout)).ok()?;
    write!(stream, "GET {place} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    Some(stream)
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}
