//! Outputs for verdicts.
//!
//! The loop writes into a [`Broadcast`] and never waits. Each sink reads from it on its own thread
//! (`service/outlet.rs`). A slow sink misses lines, which are counted, and delays nothing else.

mod album;
mod broadcast;
mod file;
mod keep;
mod lines;
mod live;
#[cfg(feature = "mqtt")]
mod mqtt;
mod outlook;
mod retry;
mod socket;

pub use album::{Album, KeptFrame, NotKept};
pub use broadcast::{Broadcast, Next, Published, Subscriber};
pub use file::FileSink;
pub use keep::{KeepRing, TooFewFiles};
pub use lines::JsonLines;
pub use live::LiveView;
#[cfg(feature = "mqtt")]
pub use mqtt::{MqttError, MqttSink};
pub use outlook::Outlook;
pub use socket::{BACKLOG, READERS, SocketError, SocketSink};

use std::io;

use crate::frame::Staged;
use crate::verdict::{Guess, Verdict};

/// A verdict on its way out, with what only a live view shows.
#[derive(Debug)]
pub struct Event {
    /// The verdict about the frame.
    pub verdict: Verdict,
    /// The most probable class of the frame before purification; `None` if the loop does not classify raw frames.
    pub raw: Option<Guess>,
    /// What the demonstration shows in this frame; `None` for other sources.
    pub staged: Option<Staged>,
    /// Verdicts so far, including this one.
    pub verdicts: u64,
    /// Frames so far that newer ones replaced before they were classified.
    pub replaced: u64,
    /// Frames so far whose verdict was withheld.
    pub withheld: u64,
}

impl Clone for Event {
    fn clone(&self) -> Self {
        let Self { staged, verdicts, replaced, withheld, .. } = *self;
        Self { verdict: self.verdict.clone(), raw: self.raw.clone(), staged, verdicts, replaced, withheld }
    }

    /// Allocates nothing if `self` has held as many classes before.
    fn clone_from(&mut self, source: &Self) {
        self.verdict.clone_from(&source.verdict);
        self.raw.clone_from(&source.raw);
        let Self { staged, verdicts, replaced, withheld, .. } = *source;
        (self.staged, self.verdicts, self.replaced, self.withheld) = (staged, verdicts, replaced, withheld);
    }
}

/// What keeps a sink from giving verdicts away at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The kind, one word that follows the sink's key: `unreachable`.
    pub kind: &'static str,
    /// Why, for the person who reads it.
    pub detail: String,
}

/// Takes verdicts. It runs on its own thread: if it is slow, it misses some, and the loop goes on.
pub trait Sink: Send {
    /// Takes one line, a verdict or a new header. A lost reader, an unreachable broker or a full disk is no error: the
    /// sink recovers by itself and counts what was lost in [`dropped`](Self::dropped).
    ///
    /// # Errors
    /// This sink cannot go on.
    fn publish(&mut self, published: &Published) -> io::Result<()>;

    /// Called when there was nothing to publish for a moment: to accept, to connect, to flush.
    ///
    /// # Errors
    /// This sink cannot go on.
    fn idle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Called once, after the last line: hands over what still waits, and counts what nobody takes any more in
    /// [`dropped`](Self::dropped). It may take a few tenths of a second.
    fn finish(&mut self) {}

    /// Lines so far that a reader of this sink did not get.
    fn dropped(&self) -> u64 {
        0
    }

    /// What keeps it from giving verdicts away now; `None` while nothing does.
    fn problem(&self) -> Option<Problem> {
        None
    }
}
