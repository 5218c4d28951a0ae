//! The connection's own thread: it connects, sends, and connects again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rumqttc::{Connection, Event, Outgoing, Packet};

use super::settings::IN_FLIGHT;
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
    /// Verdicts that the connection has taken: written to it with quality of service 0, acknowledged with 1, completed with 2.
    pub taken: AtomicU64,
    /// Those of them of which it is known that the broker has read them.
    pub read: AtomicU64,
    /// What the sink has handed over.
    pub handed: Mutex<Handed>,
    /// Why there is no connection, after an attempt that failed; `None` while there is one.
    pub problem: Mutex<Option<String>>,
}

/// What the sink has handed over to the connection's thread.
#[derive(Default)]
pub(super) struct Handed {
    /// Verdicts so far.
    pub verdicts: u64,
    /// The messages that are not sent yet, in their order.
    pub queue: VecDeque<Waiting>,
}

/// A message that is not sent yet.
#[derive(Clone, Copy)]
pub(super) struct Waiting {
    pub is_verdict: bool,
    /// When it was handed over, by the clock.
    pub since: Duration,
}

/// A message that waits for its acknowledgement.
#[derive(Clone, Copy, Default)]
struct Sent {
    is_verdict: bool,
    /// The value of [`Link::taken`] when it was sent.
    before: u64,
}

/// The work of the connection's thread.
pub(super) struct ConnectionLoop {
    connection: Connection,
    /// Connections so far.
    connections: u64,
    link: Arc<Link>,
    retry: Retry,
    clock: Arc<dyn Clock>,
    /// By packet identifier.
    sent: [Sent; IN_FLIGHT as usize + 1],
    /// The value of [`Link::taken`] when the broker was last pinged.
    pinged: u64,
}

impl ConnectionLoop {
    /// Nothing is connected yet.
    pub fn new(connection: Connection, link: Arc<Link>, retry: Retry, clock: Arc<dyn Clock>) -> Self {
        Self { connection, connections: 0, link, retry, clock, sent: Default::default(), pinged: 0 }
    }

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
            *self.link.problem.lock() = Some(problem.clone());
            self.retry.failed(&problem);
            if !self.clock.wait_until(self.retry.due(), stop) {
                return;
            }
            // What the sink sent before it saw that the connection is gone would come too late as well.
            self.discard();
        }
    }

    fn note(&mut self, event: &Event) {
        let taken = self.link.taken.load(Ordering::Relaxed);
        match event {
            Event::Incoming(Packet::ConnAck(_)) => {
                self.connections += 1;
                self.retry.succeeded();
                *self.link.problem.lock() = None;
                self.link.connection.store(self.connections, Ordering::Release);
            }
            Event::Outgoing(Outgoing::Publish(identifier)) => {
                let waiting = self.link.handed.lock().queue.pop_front();
                let is_verdict = waiting.is_some_and(|waiting| waiting.is_verdict);
                match self.sent.get_mut(usize::from(*identifier)) {
                    // Without an acknowledgement, a message has no identifier.
                    _ if *identifier == 0 => {
                        self.link.taken.fetch_add(u64::from(is_verdict), Ordering::Relaxed);
                    }
                    Some(sent) => *sent = Sent { is_verdict, before: taken },
                    None => {}
                }
            }
            Event::Incoming(Packet::PubAck(ack)) => self.acknowledged(ack.pkid),
            // With quality of service 2, a broker that has received a message passes it on only when it is released.
            Event::Incoming(Packet::PubComp(ack)) => self.acknowledged(ack.pkid),
            Event::Outgoing(Outgoing::PingReq) => self.pinged = taken,
            Event::Incoming(Packet::PingResp) => {
                self.link.read.fetch_max(self.pinged, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// The broker reads in order: it has this message, and those that were written before it.
    fn acknowledged(&mut self, identifier: u16) {
        let Some(sent) = self.sent.get_mut(usize::from(identifier)) else { return };
        let Sent { is_verdict, before } = std::mem::take(sent);
        let known = match is_verdict {
            true => self.link.taken.fetch_add(1, Ordering::Relaxed) + 1,
            false => before,
        };
        self.link.read.fetch_max(known, Ordering::Relaxed);
    }

    /// Discards what a broken connection leaves, and counts the verdicts in it.
    fn discard(&mut self) {
        // rumqttc keeps these across a reconnection.
        let events = std::mem::take(&mut self.connection.eventloop.state.events);
        events.iter().for_each(|event| self.note(event));
        let link = self.link.clone();
        // Nothing is handed over in between.
        let mut handed = link.handed.lock();
        let eventloop = &mut self.connection.eventloop;
        eventloop.clean();
        eventloop.pending.clear();
        // It would wait for its acknowledgement for ever.
        eventloop.state.collision = None;
        handed.queue.clear();
        self.sent = Default::default();
        let taken = link.taken.load(Ordering::Relaxed);
        link.read.store(taken, Ordering::Relaxed);
        link.lost.store(handed.verdicts.saturating_sub(taken), Ordering::Relaxed);
    }
}
