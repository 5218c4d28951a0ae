//! The live page, the metrics and the streams: a small web server beside the loop.
//!
//! ```text
//! loop --broadcast--> "verdicts" (bridge) --watch--> "http" (all connections) --> clients
//!     \--gallery----> "pictures" (encodes) -watch-/
//! ```
//!
//! The loop writes where it writes anyway and waits for nobody. Three threads do the rest, however many clients there are.

mod access;
mod pictures;
mod routes;
mod settings;
mod stall;
mod streams;

pub use access::Token;
pub use settings::{Bounds, Settings, StartError, TokenProblem};

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};

use crate::service::{Gallery, Health};
use crate::sink::Broadcast;
use crate::time::Stop;
use access::Access;
use pictures::Pictures;
use stall::Stalling;

/// Bytes that the kernel keeps for a client that is slow: with its usual megabytes a viewer would see the past.
const SEND_BUFFER: u32 = 128 << 10;

/// Bytes that hyper keeps for a connection, either way.
const CONNECTION_BUFFER: usize = 32 << 10;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 64;

/// What the one connection too many is told.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/plain\r\n\
                      Retry-After: 5\r\nContent-Length: 42\r\n\r\nthere are too many connections; try later\n";

/// What all connections share.
struct House {
    health: Arc<Health>,
    broadcast: Broadcast,
    pictures: Arc<Pictures>,
    /// The newest verdict as a server-sent event.
    lines: watch::Receiver<Bytes>,
    access: Access,
    bounds: Bounds,
    connections: AtomicUsize,
}

/// The server; it ends when stopped or dropped.
pub struct Server {
    address: SocketAddr,
    house: Arc<House>,
    stop: Stop,
    /// Ends the connections by its disappearance.
    open: Option<oneshot::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Listens, and serves from threads of its own until it is stopped.
    ///
    /// `gallery` must be one of the loop's; its viewers are this server's clients.
    pub fn start(
        settings: Settings,
        health: Arc<Health>,
        broadcast: Broadcast,
        gallery: Arc<Gallery>,
    ) -> Result<Self, StartError> {
        let Settings { listen, token, bounds } = settings;
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = bind(listen, &runtime).map_err(|cause| StartError::Bind { listen, cause })?;
        let address = listener.local_addr()?;
        let (publisher, lines) = watch::channel(Bytes::new());
        let pictures = Arc::new(Pictures::new(gallery));
        let access = Access::new(token, address.port());
        let subscriber = broadcast.subscribe();
        let connections = AtomicUsize::new(0);
        let house = Arc::new(House { health, broadcast, pictures, lines, access, bounds, connections });
        let (open, closed) = oneshot::channel();
        let stop = Stop::new();
        let mut server =
            Self { address, house: house.clone(), stop: stop.clone(), open: Some(open), threads: Vec::new() };
        let (pictures, interval) = (house.pictures.clone(), bounds.picture_interval);
        let on_stop = stop.clone();
        server.spawn("pictures", move || pictures.run(interval, &on_stop))?;
        server.spawn("verdicts", move || streams::bridge(subscriber, &publisher, &stop))?;
        server.spawn("http", move || {
            // The runtime takes the connections with it when it goes.
            runtime.block_on(serve(listener, house, closed));
        })?;
        Ok(server)
    }

    /// Where it listens, with the port that the system chose where none was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to type into a browser.
    pub fn url(&self) -> String {
        let (address, port) = (self.address, self.address.port());
        match self.house.access.host_name() {
            Some(name) if address.ip().is_unspecified() => format!("http://{name}:{port}/"),
            _ => format!("http://{address}/"),
        }
    }

    /// Connections at the moment.
    pub fn connections(&self) -> usize {
        self.house.connections()
    }

    /// Pictures encoded so far.
    pub fn encoded(&self) -> u64 {
        self.house.pictures.encoded()
    }

    /// Ends all connections and waits for the threads, which takes a moment.
    pub fn stop(self) {}

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(thread::Builder::new().name(name.to_owned()).spawn(work)?);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.request();
        self.open = None;
        self.house.pictures.close();
        // Their panics have been said where they happened.
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

impl House {
    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// A place for one more connection, where there is one. Only the server's own thread asks.
    fn seat(self: &Arc<Self>) -> Option<Seat> {
        (self.connections() < self.bounds.connections).then(|| {
            self.connections.fetch_add(1, Ordering::Relaxed);
            Seat(self.clone())
        })
    }
}

/// A connection's place, free again when it is dropped.
struct Seat(Arc<House>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

fn bind(listen: SocketAddr, runtime: &Runtime) -> io::Result<TcpListener> {
    let _inside = runtime.enter();
    let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    // Connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(listen)?;
    socket.listen(BACKLOG)
}

/// Accepts connections until `closed` resolves.
async fn serve(listener: TcpListener, house: Arc<House>, mut closed: oneshot::Receiver<()>) {
    let mut failures: u64 = 0;
    loop {
        let accepted = tokio::select! {
            _ = &mut closed => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => match house.seat() {
                Some(seat) => drop(tokio::spawn(converse(stream, seat))),
                None => turn_away(stream),
            },
            Err(error) => {
                failures += 1;
                if failures.is_power_of_two() {
                    log::warn!("the live page cannot accept a connection: {error} ({failures} so far)");
                }
                // Out of descriptors: asking again at once would only burn the processor.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Serves one connection to its end. What goes wrong with it is its client's concern.
async fn converse(stream: TcpStream, seat: Seat) {
    let bounds = seat.0.bounds;
    // Where it cannot be set, answers are only slower.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Stalling::new(stream, bounds.stall_time));
    let answer = service_fn(|request| routes::answer(request, seat.0.clone()));
    let outcome = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.request_time)
        .max_header_size(bounds.header_bytes)
        .max_buf_size(CONNECTION_BUFFER)
        .serve_connection(io, answer)
        .await;
    if let Err(error) = outcome {
        log::debug!("a connection to the live page ended: {error}");
    }
}

/// Says that there is no place, without waiting for anything: what does not fit is not said.
fn turn_away(stream: TcpStream) {
    if let Ok(mut stream) = stream.into_std() {
        // The stream does not block. Reading what has come keeps the system from resetting the connection before the
        // client has read why it ends.
        let _ = stream.write(FULL);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read(&mut [0; 4096]);
    }
}
