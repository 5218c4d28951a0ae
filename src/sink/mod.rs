//! Where verdicts go.

mod lines;
mod live;

pub use lines::JsonLines;
pub use live::LiveView;

use std::io;

use crate::frame::Staged;
use crate::verdict::{Guess, Tally, Verdict};

/// A verdict on its way out, with what only a live view shows.
#[derive(Clone, Debug)]
pub struct Event {
    pub verdict: Verdict,
    /// The most probable class of the frame before purification, where it was asked for.
    pub raw: Option<Guess>,
    pub staged: Option<Staged>,
    /// What has become of the stream's frames up to this verdict.
    pub tally: Tally,
}

/// Takes verdicts. It runs on a thread of its own: where it is slow, verdicts are dropped and counted, and the loop
/// goes on.
pub trait Sink: Send {
    fn publish(&mut self, event: &Event) -> io::Result<()>;
}
