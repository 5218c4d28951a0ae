//! The connection's own thread: it connects, sends, and connects again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rumqttc::{Connection, Event, Packet, Request};

use crate::contain::contain;
use crate::sink::retry::Retry;
use crate::time::{Clock, Stop};

/// What the connection's thread reports to the sink.
#[derive(Default)]
pub(super) struct Link {
    /// Number of the present connection, counted from 1; 0 while there is none.
    pub connection: AtomicU64,
    /// Verdicts that were on their way when a connection broke.
    pub lost: AtomicU64,
}

/// The work of the connection's thread.
pub(super) struct ConnectionLoop {
    pub connection: Connection,
    /// Connections so far.
    pub connections: u64,
    pub link: Arc<Link>,
    /// The topic of verdicts.
    pub topic: String,
    pub retry: Retry,
    pub clock: Arc<dyn Clock>,
}

impl ConnectionLoop {
    /// Connects, sends and connects again until the end is requested and the broker has closed the connection.
    pub fn run(&mut self, stop: &Stop) {
        loop {
            let problem = match contain(|| self.connection.recv()) {
                Ok(Ok(Ok(event))) => {
                    self.note(&event);
                    continue;
                }
                Ok(Ok(Err(error))) => error.to_string(),
                // The sink is gone.
                Ok(Err(_)) => return,
                Err(panic) => panic,
            };
            self.link.connection.store(0, Ordering::Release);
            self.discard();
            if stop.is_requested() {
                return;
            }
            self.retry.failed(&problem);
            if !self.clock.wait_until(self.retry.due(), stop) {
                return;
            }
            // What the sink sent before it saw that the connection is gone would come too late as well.
            self.discard();
        }
    }

    fn note(&mut self, event: &Event) {
        if let Event::Incoming(Packet::ConnAck(_)) = event {
            self.connections += 1;
            self.retry.succeeded();
            self.link.connection.store(self.connections, Ordering::Release);
        }
    }

    /// Discards what a broken connection leaves, and counts the verdicts in it.
    fn discard(&mut self) {
        let eventloop = &mut self.connection.eventloop;
        eventloop.clean();
        let is_verdict =
            |request: &Request| matches!(request, Request::Publish(publish) if publish.topic == self.topic);
        let waited = eventloop.pending.drain(..).filter(is_verdict).count();
        // rumqttc keeps this one across a reconnection, and would wait for its acknowledgement for ever.
        let collided = eventloop.state.collision.take().is_some();
        self.link.lost.fetch_add((waited + usize::from(collided)) as u64, Ordering::Relaxed);
    }
}
