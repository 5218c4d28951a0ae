//! The worth of a purifier, measured on labelled photographs and the very files that ship.
//!
//! Two threat models, which never share a table. *Transfer*: the attacker knows the classifier and not the purifier;
//! the adversarial pictures are made on the classifier alone. *Adaptive*: the attacker knows both, and its gradient
//! goes through both. The attacks use the photographs that the classifier gets right (the papers' protocol), or all.
//!
//! - [`photographs`] lists the data, [`Batch`] loads a part of it.
//! - [`Subjects`] are the models under test; [`EngineUnderTest`] judges with the engine that ships.
//! - [`evaluate`] measures under a [`Protocol`]; [`Results`] keeps what it found, per photograph.
//! - [`self_check`] asks whether attacks do on these models what attacks must do.
//! - [`Report`] makes the numbers, each a [`Share`](statistics::Share) with its interval.

mod batch;
mod engine;
mod error;
mod measure;
pub mod photographs;
mod protocol;
mod report;
mod results;
mod self_check;
pub mod statistics;
mod subjects;

pub use batch::Batch;
pub use engine::{EngineUnderTest, Outcome};
pub use error::{Error, FolderProblem, ResultsProblem};
pub use measure::evaluate;
pub use photographs::Photograph;
pub use protocol::{BATCH, CLEAN, Protocol};
pub use report::{Adaptive, Model, Pairing, Report, Transfer};
pub use results::{Record, Results};
pub use self_check::{Item, SelfCheck, Views, check, self_check};
pub use subjects::{Attacker, Subjects};
