//! What cameras there are, what they offer, and which one would be chosen: what `purecam probe` shows.

use std::path::PathBuf;

use serde::Serialize;

use super::choose;
use super::device::{Device, Fraction, Intervals, Machine, Node, Sizes};
use super::negotiate;
use super::pixels::PixelFormat;
use super::{Fault, Wanted};

/// All video nodes of a machine.
#[derive(Debug)]
pub struct Probe {
    pub nodes: Vec<Report>,
    pub chosen: Result<Chosen, Fault>,
}

/// A video node.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    pub path: PathBuf,
    pub by_id: Option<PathBuf>,
    pub card: String,
    pub driver: String,
    pub bus: String,
    pub state: State,
    /// Why it is not a camera, or why it cannot be asked; nothing for a camera.
    pub problem: Option<String>,
    pub formats: Vec<Offered>,
}

/// What can be done with a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A camera that nobody uses.
    Free,
    /// A camera that another program uses.
    Busy,
    /// Something else than a camera.
    NoCamera,
    /// This user may not open it.
    Denied,
    /// It cannot be opened or asked for another reason.
    #[default]
    Failed,
}

/// A format in one size, or in a range of sizes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Offered {
    /// Four-character code.
    pub format: String,
    /// Whether purecam can read it.
    pub readable: bool,
    pub width: u32,
    pub height: u32,
    /// The largest [width, height], where any size from `width` x `height` to this can be had.
    pub up_to: Option<[u32; 2]>,
    /// Frames a second, highest first.
    pub rates: Vec<f64>,
}

/// What `purecam run` would open.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chosen {
    pub path: PathBuf,
    pub format: &'static str,
    pub width: u32,
    pub height: u32,
    pub rate: Option<f64>,
    pub why: String,
}

/// Asks every node of a machine. Changes nothing: a camera that another program uses goes on.
pub fn probe(machine: &dyn Machine, wanted: &Wanted) -> Probe {
    Probe {
        nodes: machine.nodes().into_iter().map(|node| report(machine, node)).collect(),
        chosen: choose(machine, wanted),
    }
}

fn choose(machine: &dyn Machine, wanted: &Wanted) -> Result<Chosen, Fault> {
    let choose::Found { mut device, name, path, .. } = choose::find(machine, &wanted.device, None)?;
    let modes = negotiate::modes(&mut *device, wanted, &name)?;
    let candidate = negotiate::best(&modes, wanted, &name)?;
    Ok(Chosen {
        path,
        format: candidate.format.name(),
        width: candidate.width,
        height: candidate.height,
        rate: candidate.rate(),
        why: negotiate::why(&candidate, wanted),
    })
}

fn report(machine: &dyn Machine, Node { path, by_id, .. }: Node) -> Report {
    let report = Report { path, by_id, ..Report::default() };
    let mut device = match machine.open(&report.path) {
        Ok(device) => device,
        Err(error) => {
            let denied = matches!(error.raw_os_error(), Some(libc::EACCES | libc::EPERM));
            let state = if denied { State::Denied } else { State::Failed };
            return Report { state, problem: Some(error.to_string()), ..report };
        }
    };
    let capability = match device.capability() {
        Ok(capability) => capability,
        Err(error) => return Report { problem: Some(error.to_string()), ..report },
    };
    let problem = capability.not_a_camera().map(str::to_owned);
    let report = Report { card: capability.card, driver: capability.driver, bus: capability.bus, problem, ..report };
    if report.problem.is_some() {
        return Report { state: State::NoCamera, ..report };
    }
    match offers(&mut *device) {
        Err(error) => Report { problem: Some(error.to_string()), ..report },
        Ok(formats) => {
            // The driver says so without touching the other program's stream.
            let busy = device.release().is_err_and(|error| error.raw_os_error() == Some(libc::EBUSY));
            Report { state: if busy { State::Busy } else { State::Free }, formats, ..report }
        }
    }
}

fn offers(device: &mut dyn Device) -> std::io::Result<Vec<Offered>> {
    let mut offers = Vec::new();
    for code in device.formats()? {
        let readable = PixelFormat::of(code).is_some();
        let format = String::from_utf8_lossy(&code.repr).trim().to_owned();
        let (sizes, up_to) = match device.sizes(code)? {
            Sizes::Unknown => (Vec::new(), None),
            Sizes::List(sizes) => (sizes, None),
            Sizes::Range { least, most, .. } => (vec![least], Some(most)),
        };
        for [width, height] in sizes {
            let rates = rates(&device.intervals(code, width, height)?);
            offers.push(Offered { format: format.clone(), readable, width, height, up_to, rates });
        }
    }
    Ok(offers)
}

fn rates(intervals: &Intervals) -> Vec<f64> {
    let mut rates: Vec<f64> = match intervals {
        Intervals::Unknown => Vec::new(),
        Intervals::List(list) => list.iter().copied().filter_map(Fraction::rate).collect(),
        Intervals::Range { least, most } => [*least, *most].into_iter().filter_map(Fraction::rate).collect(),
    };
    rates.sort_by(|a, b| b.total_cmp(a));
    rates
}
