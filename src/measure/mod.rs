//! Measures the running system: latencies to three digits, and the state of the machine meanwhile.

mod benchmark;
mod latency;
mod machine;
mod process;
mod report;

pub use benchmark::{Benchmark, Doubt, ReadError, SCHEMA};
pub use latency::{Latencies, Quantiles, Recorder, SERIES, medians};
pub use machine::{Machine, Zone};
pub use process::Process;
pub use report::Comparison;
