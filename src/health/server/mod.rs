//! The live page, the metrics and the streams: a small web server beside the loop.
//!
//! ```text
//! loop --broadcast--> "verdicts" (bridge) --watch--> "http" (all connections) --> clients
//!     \--gallery----> "pictures" (encodes) -watch-/
//! ```
//!
//! The loop publishes as it does for every sink and waits for nobody. Three threads do the rest, however many clients
//! there are, and a fourth reads kept files from their disk while somebody asks for them.

mod access;
mod context;
mod pictures;
mod routes;
mod settings;
mod stall;
mod streams;

pub use access::Token;
pub use settings::{Bounds, ServerSettings, StartError, TokenProblem};

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};

use crate::service::{Gallery, Health};
use crate::sink::{Album, Broadcast};
use crate::time::Stop;
use crate::worker::Worker;
use access::Access;
use context::{Context, Seat};
use pictures::Pictures;
use stall::Stalling;

/// Bytes that the kernel buffers for a slow client: with its default of megabytes a viewer would see old pictures.
const SEND_BUFFER: u32 = 128 << 10;

/// Bytes that hyper buffers for a connection, in each direction.
const CONNECTION_BUFFER: usize = 32 << 10;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 64;

/// How long the end waits for the server's threads. Each of them looks for the end at least every 100 ms.
const PATIENCE: Duration = Duration::from_millis(500);

/// The answer to a connection above the bound.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/plain\r\n\
                      Retry-After: 5\r\nContent-Length: 32\r\n\r\ntoo many connections; try later\n";

/// The web server. It ends when it is stopped or dropped.
pub struct Server {
    address: SocketAddr,
    context: Arc<Context>,
    stop: Stop,
    /// Dropping it ends all connections.
    open: Option<oneshot::Sender<()>>,
    workers: Vec<Worker>,
}

impl Server {
    /// Listens, and serves on threads of its own until it is stopped.
    ///
    /// `gallery` must be one of the loop's; its viewers are this server's clients. `album`: the suspicious frames that
    /// are kept, if they are.
    ///
    /// # Errors
    /// It cannot listen, or the system has no thread left.
    pub fn start(
        settings: ServerSettings,
        health: Arc<Health>,
        broadcast: Broadcast,
        gallery: Arc<Gallery>,
        album: Option<Arc<Album>>,
    ) -> Result<Self, StartError> {
        let ServerSettings { listen, token, bounds } = settings;
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            // Reads kept files: a disk may be slow.
            .max_blocking_threads(1)
            .thread_name("kept")
            .build()?;
        let listener = bind(listen, &runtime).map_err(|cause| StartError::Bind { listen, cause })?;
        let address = listener.local_addr()?;
        let (publisher, lines) = watch::channel(Bytes::new());
        let pictures = Arc::new(Pictures::new(gallery));
        let access = Access::new(token, address.port());
        let subscriber = broadcast.subscribe();
        let context = Arc::new(Context::new(health, broadcast, pictures, album, lines, access, bounds));
        let (open, closed) = oneshot::channel();
        let stop = Stop::new();
        let mut server =
            Self { address, context: context.clone(), stop: stop.clone(), open: Some(open), workers: Vec::new() };
        let (pictures, interval) = (context.pictures.clone(), bounds.picture_interval);
        let on_stop = stop.clone();
        server.spawn("pictures", move || pictures.run(interval, &on_stop))?;
        server.spawn("verdicts", move || streams::bridge(subscriber, &publisher, &stop))?;
        server.spawn("http", move || {
            // The runtime ends the connections when it is dropped.
            runtime.block_on(serve(listener, context, closed));
        })?;
        Ok(server)
    }

    /// The address it listens on; port 0 in the settings is replaced by the port that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The page's URL, for a browser.
    pub fn url(&self) -> String {
        let (address, port) = (self.address, self.address.port());
        match self.context.access.host_name() {
            Some(name) if address.ip().is_unspecified() => format!("http://{name}:{port}/"),
            _ => format!("http://{address}/"),
        }
    }

    /// Open connections.
    pub fn connections(&self) -> usize {
        self.context.connections()
    }

    /// Pictures encoded so far.
    pub fn encoded(&self) -> u64 {
        self.context.pictures.encoded()
    }

    /// Ends all connections and waits for the threads, for half a second at most.
    pub fn stop(self) {}

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.workers.push(Worker::spawn(name, work)?);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.request();
        self.open = None;
        self.context.pictures.close();
        Worker::join_all_within(std::mem::take(&mut self.workers), PATIENCE);
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
async fn serve(listener: TcpListener, context: Arc<Context>, mut closed: oneshot::Receiver<()>) {
    let mut failures: u64 = 0;
    loop {
        let accepted = tokio::select! {
            _ = &mut closed => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => match context.seat() {
                Some(seat) => drop(tokio::spawn(converse(stream, seat))),
                None => turn_away(stream),
            },
            Err(error) => {
                failures += 1;
                if failures.is_power_of_two() {
                    log::warn!("the live page cannot accept a connection: {error} ({failures} so far)");
                }
                // If descriptors have run out, an immediate retry would only waste processor time.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Serves one connection to its end. Its errors concern only its client.
async fn converse(stream: TcpStream, seat: Seat) {
    let bounds = seat.context().bounds;
    // If it cannot be set, answers are only slower.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Stalling::new(stream, bounds.stall_time));
    let answer = service_fn(|request| routes::answer(request, seat.context().clone()));
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

/// Answers that there is no place, without waiting for anything: what does not fit into the socket's buffer is lost.
fn turn_away(stream: TcpStream) {
    if let Ok(mut stream) = stream.into_std() {
        // The stream does not block. Reading what has arrived keeps the system from resetting the connection before the
        // client has read the answer.
        let _ = stream.write(FULL);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read(&mut [0; 4096]);
    }
}
