//! What the process takes of the machine, from `/proc/self`, under the names that Prometheus' own clients use.

use std::fs;

use rustix::time::{ClockId, clock_gettime};

/// Clock ticks a second in `/proc`: a constant of Linux's interface on every architecture that purecam is built for.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the process takes now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Of all threads, in user and kernel mode together.
    pub cpu_seconds: f64,
    pub resident_bytes: u64,
    pub open_fds: u64,
    pub threads: u64,
    /// Seconds since 1970.
    pub start_time_seconds: f64,
}

impl Process {
    /// Nothing where there is no `/proc`.
    pub fn now() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        Some(Self {
            cpu_seconds: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
            resident_bytes: number(&status, "VmRSS:")? * 1024,
            threads: number(&status, "Threads:")?,
            // One of the descriptors is the folder's own.
            open_fds: (fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1),
            start_time_seconds: start_time()?,
        })
    }
}

/// The number that follows `key` at the beginning of a line.
fn number(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok()
}

fn start_time() -> Option<f64> {
    let booted = number(&fs::read_to_string("/proc/stat").ok()?, "btime ")?;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name, which may contain anything, in brackets; the start is the 22nd.
    let (_, rest) = stat.rsplit_once(')')?;
    let ticks: f64 = rest.split_whitespace().nth(19)?.parse().ok()?;
    Some(booted as f64 + ticks / TICKS_PER_SECOND)
}
