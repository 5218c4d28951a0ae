//! The state of the machine: temperatures, clocks, throttling, swap, load. What a board does not show is `None`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A temperature sensor and its reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Zone {
    /// The kernel's name of the thermal zone.
    pub name: String,
    /// Its temperature in degrees Celsius.
    pub celsius: f64,
}

/// One look at the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The board's or the processor's name.
    pub model: Option<String>,
    /// Processor cores that this process may use.
    pub cores: usize,
    /// All sensors that are switched on.
    pub temperatures: Vec<Zone>,
    /// The clock of the fastest core now.
    pub clock_mhz: Option<f64>,
    /// The highest clock that a core may have.
    pub clock_most_mhz: Option<f64>,
    /// The policy that sets the clock: `performance` keeps it up, the others follow the load.
    pub governor: Option<String>,
    /// How often the processor was slowed down for its heat, or a Tegra board had an over-current or thermal event.
    pub throttled: Option<u64>,
    /// Bytes that are swapped out.
    pub swap_used: u64,
    /// The load average of the last minute, with this process.
    pub load: Option<f64>,
}

impl Machine {
    /// The machine's state now.
    pub fn now() -> Self {
        Self::read(Path::new("/"))
    }

    /// The same from the /sys and /proc below another root, for tests.
    pub fn read(root: &Path) -> Self {
        let cpus = folders(&root.join("sys/devices/system/cpu"), "cpu");
        let frequencies = |file: &str| {
            let kilohertz = cpus.iter().filter_map(|cpu| number(&cpu.join("cpufreq").join(file)));
            kilohertz.fold(None, |most: Option<f64>, value| Some(most.map_or(value, |most| most.max(value))))
        };
        Self {
            model: model(root),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            temperatures: temperatures(root),
            clock_mhz: frequencies("scaling_cur_freq").map(|kilohertz| kilohertz / 1e3),
            clock_most_mhz: frequencies("cpuinfo_max_freq").map(|kilohertz| kilohertz / 1e3),
            governor: cpus.iter().find_map(|cpu| text(&cpu.join("cpufreq/scaling_governor"))),
            throttled: throttled(root, &cpus),
            swap_used: swap_used(root),
            load: text(&root.join("proc/loadavg")).and_then(|line| line.split_whitespace().next()?.parse().ok()),
        }
    }
}

/// The board's name in its firmware; if there is none, the processor's.
fn model(root: &Path) -> Option<String> {
    let board = text(&root.join("proc/device-tree/model"));
    board.or_else(|| {
        let cpuinfo = text(&root.join("proc/cpuinfo"))?;
        let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    })
}

fn temperatures(root: &Path) -> Vec<Zone> {
    let zone = |folder: PathBuf| {
        let celsius = number(&folder.join("temp"))? / 1e3;
        // A Tegra sensor that is switched off reads -256 or 0.
        (celsius > 0.0).then(|| Zone { name: text(&folder.join("type")).unwrap_or_default(), celsius })
    };
    folders(&root.join("sys/class/thermal"), "thermal_zone").into_iter().filter_map(zone).collect()
}

/// x86 counts per core; Tegra's SoC-therm counts throttling events and over-currents in files of its own.
fn throttled(root: &Path, cpus: &[PathBuf]) -> Option<u64> {
    let cores = cpus.iter().filter_map(|cpu| number(&cpu.join("thermal_throttle/core_throttle_count")));
    let tegra = folders(&root.join("sys/class/hwmon"), "hwmon")
        .into_iter()
        .flat_map(|hwmon| ["oc1_event_cnt", "oc2_event_cnt", "oc3_event_cnt"].map(|file| number(&hwmon.join(file))));
    let counts: Vec<f64> = cores.chain(tegra.flatten()).collect();
    (!counts.is_empty()).then(|| counts.iter().sum::<f64>() as u64)
}

fn swap_used(root: &Path) -> u64 {
    let meminfo = text(&root.join("proc/meminfo")).unwrap_or_default();
    let kilobytes = |key: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    kilobytes("SwapTotal:").saturating_sub(kilobytes("SwapFree:")) << 10
}

/// The folders whose names are `prefix` and a number, in the order of the numbers.
fn folders(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let numbered = |path: PathBuf| {
        let number = path.file_name()?.to_str()?.strip_prefix(prefix)?.parse::<u32>().ok()?;
        Some((number, path))
    };
    let mut folders: Vec<_> = entries.flatten().filter_map(|entry| numbered(entry.path())).collect();
    folders.sort();
    folders.into_iter().map(|(_, path)| path).collect()
}

fn text(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let text = text.trim_matches(|char: char| char.is_whitespace() || char == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

fn number(path: &Path) -> Option<f64> {
    text(path)?.parse().ok()
}
