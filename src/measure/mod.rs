//! Measuring the running system: latencies to three digits, and what the machine was doing meanwhile.

mod latency;
mod machine;
mod process;
mod report;

pub use latency::{Latencies, Quantiles, Recorder, SERIES};
pub use machine::{Machine, Zone};
pub use process::Process;
pub use report::{Benchmark, Comparison, Doubt, SCHEMA};
