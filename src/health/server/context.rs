//! What all connections share, and the count of connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::body::Bytes;
use tokio::sync::watch;

use super::access::Access;
use super::pictures::Pictures;
use super::settings::Bounds;
use crate::service::Health;
use crate::sink::{Album, Broadcast};

/// What all connections share.
pub(super) struct Context {
    pub health: Arc<Health>,
    /// What the loop publishes; it has the stream's header.
    pub broadcast: Broadcast,
    pub pictures: Arc<Pictures>,
    /// The suspicious frames that are kept; `None` if none are.
    pub album: Option<Arc<Album>>,
    /// The newest verdict as a server-sent event.
    pub lines: watch::Receiver<Bytes>,
    pub access: Access,
    pub bounds: Bounds,
    connections: AtomicUsize,
}

impl Context {
    /// Of a server without connections.
    pub fn new(
        health: Arc<Health>,
        broadcast: Broadcast,
        pictures: Arc<Pictures>,
        album: Option<Arc<Album>>,
        lines: watch::Receiver<Bytes>,
        access: Access,
        bounds: Bounds,
    ) -> Self {
        Self { health, broadcast, pictures, album, lines, access, bounds, connections: AtomicUsize::new(0) }
    }

    /// Open connections.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// A place for one more connection, if there is one. Only the accepting thread calls this, so check and increment
    /// cannot race.
    pub fn seat(self: &Arc<Self>) -> Option<Seat> {
        (self.connections() < self.bounds.connections).then(|| {
            self.connections.fetch_add(1, Ordering::Relaxed);
            Seat(self.clone())
        })
    }
}

/// A connection's place, free again when it is dropped.
pub(super) struct Seat(Arc<Context>);

impl Seat {
    /// What the connection shares with the others.
    pub fn context(&self) -> &Arc<Context> {
        &self.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
