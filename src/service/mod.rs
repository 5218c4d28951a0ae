//! The loop that turns frames into verdicts, and the one slot between camera and models.

mod newest;
mod pipeline;
mod run;

pub use newest::Newest;
pub use pipeline::{Judge, Judgement, Pipeline, Withheld};
pub use run::{Ended, Parts, run};
