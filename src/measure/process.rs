//! The resources that this process uses, from /proc: time, memory, threads, files.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// One look at /proc/self.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Processor time in user and kernel mode, of all threads.
    pub cpu: Duration,
    /// Resident memory now, in bytes.
    pub resident: u64,
    /// The most resident memory so far, in bytes.
    pub resident_peak: u64,
    /// How many threads it has.
    pub threads: u64,
    /// How many file descriptors are open.
    pub open_files: u64,
    /// When it started, counted from the machine's start.
    pub started: Duration,
    /// How often a page had to be read from the disk.
    pub major_faults: u64,
}

impl Process {
    /// This process now; `None` if there is no /proc.
    pub fn now() -> Option<Self> {
        Self::read(Path::new("/proc/self"))
    }

    /// The same for the process of another folder of /proc; `None` if a file or field is missing.
    pub fn read(folder: &Path) -> Option<Self> {
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        // The command's name is in brackets and may hold anything, brackets too.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let ticks = |count: u64| Duration::from_millis(count * 1000 / TICKS_PER_SECOND);
        let status = fs::read_to_string(folder.join("status")).ok()?;
        let kilobytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
        };
        Some(Self {
            cpu: ticks(field(11)? + field(12)?),
            resident: kilobytes("VmRSS:")?,
            resident_peak: kilobytes("VmHWM:")?,
            threads: field(17)?,
            open_files: fs::read_dir(folder.join("fd")).map_or(0, |entries| entries.count() as u64),
            started: ticks(field(19)?),
            major_faults: field(9)?,
        })
    }
}

/// USER_HZ, the unit of times in /proc; the same on every Linux that Rust supports.
const TICKS_PER_SECOND: u64 = 100;
