//! Answers that come part by part: verdicts as server-sent events, pictures as Motion JPEG, the content of files.
//!
//! A part is made when its client has room for it, from what is newest at that time: a slow client skips, and nothing
//! is queued for it.

use std::convert::Infallible;
use std::fs::File;
use std::future::Future;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::pictures::{BOUNDARY, Look};
use crate::frame::Staged;
use crate::sink::{Broadcast, Event, Next, Published, Subscriber};
use crate::time::Stop;
use crate::verdict::{Guess, Verdict};

/// How long the bridge waits for a line before it checks whether the end was requested.
const IDLE_AFTER: Duration = Duration::from_millis(100);

/// Bytes of a file that are read at once: 64 slow clients must not hold 64 files in memory.
const CHUNK: u64 = 64 << 10;

/// Makes the parts of an answer, one after another.
pub(super) trait Feed: Send + 'static {
    /// The next part; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Option<Bytes>> + Send;
}

/// A part on its way, and the feed that it comes from.
type Coming<F> = Pin<Box<dyn Future<Output = Option<(Bytes, F)>> + Send>>;

/// The body of an answer, made by a feed.
pub(super) struct Stream<F>(Option<Coming<F>>);

impl<F: Feed> Stream<F> {
    /// All parts of `feed`.
    pub fn new(feed: F) -> Self {
        Self(Some(Self::next_of(feed)))
    }

    /// A body of unknown length that nobody reads: the answer to a HEAD request.
    pub fn unread() -> Self {
        Self(None)
    }

    fn next_of(mut feed: F) -> Coming<F> {
        Box::pin(async move { feed.next().await.map(|part| (part, feed)) })
    }
}

impl<F: Feed> Body for Stream<F> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(coming) = &mut self.0 else { return Poll::Ready(None) };
        let part = ready!(coming.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(part.map(|(part, feed)| {
            self.0 = Some(Self::next_of(feed));
            Ok(Frame::data(part))
        }))
    }
}

/// Motion JPEG: `multipart/x-mixed-replace`.
pub(super) struct MotionJpeg {
    look: Look,
    /// Sent again if nothing newer arrives, so that a client that is gone is noticed.
    last: Option<Bytes>,
    heartbeat: Duration,
    has_begun: bool,
}

impl MotionJpeg {
    /// The pictures of `look`; one is repeated after each `heartbeat` without a new one.
    pub fn new(look: Look, heartbeat: Duration) -> Self {
        Self { look, last: None, heartbeat, has_begun: false }
    }
}

impl Feed for MotionJpeg {
    async fn next(&mut self) -> Option<Bytes> {
        if !std::mem::replace(&mut self.has_begun, true) {
            return Some(format!("--{BOUNDARY}\r\n").into());
        }
        loop {
            match (timeout(self.heartbeat, self.look.next()).await, &self.last) {
                (Ok(shot), _) => {
                    let part = shot?.part;
                    self.last = Some(part.clone());
                    return Some(part);
                }
                (Err(_), Some(last)) => return Some(last.clone()),
                (Err(_), None) => {}
            }
        }
    }
}

/// Verdicts as server-sent events.
pub(super) struct Events {
    /// Each value is a whole event.
    lines: watch::Receiver<Bytes>,
    /// The stream's header, until it is sent.
    header: Option<Bytes>,
    heartbeat: Duration,
}

impl Events {
    /// The header, then the events in `lines`; a comment after each `heartbeat` without one.
    pub fn new(mut lines: watch::Receiver<Bytes>, broadcast: &Broadcast, heartbeat: Duration) -> Self {
        lines.mark_unchanged();
        let header = String::from_utf8_lossy(&broadcast.header()).trim_end().to_owned();
        let header = Some(format!("retry: 2000\nevent: header\ndata: {header}\n\n").into());
        Self { lines, header, heartbeat }
    }
}

impl Feed for Events {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(header) = self.header.take() {
            return Some(header);
        }
        match timeout(self.heartbeat, self.lines.changed()).await {
            Ok(changed) => changed.ok().map(|()| self.lines.borrow_and_update().clone()),
            Err(_) => Some(Bytes::from_static(b": nothing new\n\n")),
        }
    }
}

/// The content of a file. If it cannot be read to its end, the answer ends too early; a client sees that by its length.
pub(super) struct FileContent {
    file: Arc<File>,
    left: u64,
}

impl FileContent {
    /// The first `length` bytes of `file`, which has at least as many.
    pub fn new(file: File, length: u64) -> Self {
        Self { file: Arc::new(file), left: length }
    }
}

impl Feed for FileContent {
    async fn next(&mut self) -> Option<Bytes> {
        let mut chunk = vec![0; self.left.min(CHUNK) as usize];
        self.left -= chunk.len() as u64;
        if chunk.is_empty() {
            return None;
        }
        let file = self.file.clone();
        let read = spawn_blocking(move || (&*file).read_exact(&mut chunk).map(|()| chunk));
        Some(read.await.ok()?.ok()?.into())
    }
}

/// An event's data: the verdict, and what only a live view shows.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    verdict: &'a Verdict,
    /// The most probable class of the frame before purification, if raw frames are classified.
    raw: Option<&'a Guess>,
    /// What the demonstration knows about its own frame.
    staged: Option<Staging>,
}

#[derive(Serialize)]
struct Staging {
    attacked: bool,
}

/// Passes what the loop publishes to the server's clients, until the end is requested or the loop has ended.
pub(super) fn bridge(mut from: Subscriber, to: &watch::Sender<Bytes>, stop: &Stop) {
    let mut published = Published::default();
    let mut number: u64 = 0;
    while !stop.is_requested() {
        match from.next(IDLE_AFTER, &mut published) {
            Next::Closed => break,
            Next::TimedOut => {}
            Next::Line { missed } => {
                number += 1 + missed;
                // One receiver is the server's own; those of the clients are its clones.
                if to.receiver_count() > 1
                    && let Some(event) = event(number, &published)
                {
                    to.send_replace(event);
                }
            }
        }
    }
}

fn event(number: u64, published: &Published) -> Option<Bytes> {
    let (name, data) = match &published.event {
        Some(Event { verdict, raw, staged, .. }) => {
            let staged = staged.map(|Staged { attacked, .. }| Staging { attacked });
            ("verdict", serde_json::to_string(&Shown { verdict, raw: raw.as_ref(), staged }).ok()?)
        }
        None => ("header", String::from_utf8_lossy(&published.line).trim_end().to_owned()),
    };
    Some(format!("event: {name}\nid: {number}\ndata: {data}\n\n").into())
}
