//! Where verdicts go.
//!
//! The loop writes into a [`Broadcast`] and never waits. Every sink reads from it on a thread of its own
//! (`service/outlet.rs`); a slow one misses lines, which are counted, and costs nobody else anything.

mod broadcast;
mod lines;
mod live;

pub use broadcast::{Broadcast, Next, Published, Subscriber};
pub use lines::JsonLines;
pub use live::LiveView;

use std::io;

use crate::frame::Staged;
use crate::verdict::{Guess, Verdict};

/// A verdict on its way out, with what only a live view shows.
#[derive(Debug)]
pub struct Event {
    pub verdict: Verdict,
    /// The most probable class of the frame before purification, where it was asked for.
    pub raw: Option<Guess>,
    pub staged: Option<Staged>,
    /// Verdicts up to this one, frames that newer ones replaced, frames without a verdict.
    pub verdicts: u64,
    pub replaced: u64,
    pub withheld: u64,
}

impl Clone for Event {
    fn clone(&self) -> Self {
        let Self { staged, verdicts, replaced, withheld, .. } = *self;
        Self { verdict: self.verdict.clone(), raw: self.raw.clone(), staged, verdicts, replaced, withheld }
    }

    /// Allocates nothing where `self` has held as many classes before.
    fn clone_from(&mut self, source: &Self) {
        self.verdict.clone_from(&source.verdict);
        self.raw.clone_from(&source.raw);
        let Self { staged, verdicts, replaced, withheld, .. } = *source;
        (self.staged, self.verdicts, self.replaced, self.withheld) = (staged, verdicts, replaced, withheld);
    }
}

/// Takes verdicts. It runs on a thread of its own: where it is slow, it misses some, and the loop goes on.
pub trait Sink: Send {
    /// Takes one line, a verdict or a new header. An error means that this sink cannot go on; what it can mend itself (a reader or a broker that
    /// is gone, a full disk) it mends itself, and says how much was lost in [`dropped`](Self::dropped).
    fn publish(&mut self, published: &Published) -> io::Result<()>;

    /// Is called when there has been nothing to publish for a moment: to accept, to connect, to flush.
    fn idle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Lines that some reader of this sink did not get, ever.
    fn dropped(&self) -> u64 {
        0
    }
}
