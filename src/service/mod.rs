//! The loop that turns frames into verdicts, the state it is in, and what it counts.
//!
//! ```text
//! capture --newest frame--> inference --broadcast--> outlets (sinks)
//!     \                        |   \---galleries---> page, keep
//!      +------- health --------+          (pictures, while somebody looks)
//!                 |
//!               watch ------> notifier (systemd)
//! ```

mod beat;
mod capture;
mod gallery;
mod health;
mod inference;
mod judge;
mod keep;
mod newest;
mod numbers;
mod outlet;
mod pipeline;
mod readiness;
mod reload;
mod run;
mod shared;
mod sight;
mod smoothing;
mod state;
mod suspicion;
mod watch;

pub use beat::Beat;
pub use gallery::{Exhibit, Gallery};
pub use health::{Counts, Health, Identity, SILENCE, Snapshot};
pub use inference::{Fresh, Replacement};
pub use judge::{Judge, Judgement, Withheld};
pub use keep::keep;
pub use newest::Newest;
pub use numbers::{BOUNDS, Histogram, Numbers, OutputFault, STAGES, SinkNumbers};
pub use outlet::{Outlet, Remake};
pub use pipeline::{Options, Pipeline};
pub use reload::reload;
pub use run::{Ended, Limits, Parts, run};
pub use sight::{Blind, Sight, SightLimits};
pub use smoothing::Smoothing;
pub use state::{Change, Degradation, Input, Machine, State};
pub use suspicion::suspicion;
pub use watch::{Notifier, Ready, Silent};
