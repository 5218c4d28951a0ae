//! Which cameras there are, what they offer, and which one would be chosen: the contents of `purecam probe`.

use std::path::PathBuf;

use serde::Serialize;

use super::choose::{self, Which};
use super::device::{Device, Fraction, Intervals, Machine, Node, Sizes};
use super::negotiate;
use super::pixels::PixelFormat;
use super::wanted::Wanted;
use crate::source::Fault;
use crate::text;

/// All video nodes of a machine.
#[derive(Debug)]
pub struct Probe {
    /// By their numbers.
    pub nodes: Vec<Report>,
    /// The mode that `purecam run` would use, or why it could not run.
    pub chosen: Result<Chosen, Fault>,
}

/// A video node.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// `/dev/videoN`.
    #[serde(serialize_with = "text::serialize")]
    pub path: PathBuf,
    /// The link under `/dev/v4l/by-id` that leads to it, if udev made one.
    #[serde(serialize_with = "text::serialize_some")]
    pub by_id: Option<PathBuf>,
    /// The name that the device gives itself; empty if it could not be asked.
    pub card: String,
    /// The kernel's driver; empty if it could not be asked.
    pub driver: String,
    /// Where the device is plugged in; empty if it could not be asked.
    pub bus: String,
    /// What can be done with it now.
    pub state: Availability,
    /// Why it is not a camera, or why it cannot be asked; `None` for a camera.
    pub problem: Option<String>,
    /// What a camera offers; empty for anything else.
    pub formats: Vec<Offered>,
}

/// What can be done with a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    /// A camera that no program uses.
    Free,
    /// A camera that another program uses.
    Busy,
    /// Not a camera.
    NoCamera,
    /// This user may not open it.
    Denied,
    /// It cannot be opened, or does not answer, for another reason.
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
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The largest [width, height], if every size from `width` x `height` to this one is available.
    pub up_to: Option<[u32; 2]>,
    /// Frames per second, highest first; empty if the driver does not report them.
    pub rates: Vec<f64>,
}

/// What `purecam run` would open.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chosen {
    /// The camera's node, or the path that the user gave.
    #[serde(serialize_with = "text::serialize")]
    pub path: PathBuf,
    /// Four-character code.
    pub format: &'static str,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames per second; `None` if the driver does not report them.
    pub rate: Option<f64>,
    /// Why this mode is the best, in words.
    pub why: String,
}

/// Asks every node of a machine. Changes nothing: another program's stream is not disturbed.
pub fn probe(machine: &dyn Machine, which: &Which, wanted: &Wanted) -> Probe {
    Probe {
        nodes: machine.nodes().into_iter().map(|node| report(machine, node)).collect(),
        chosen: choose(machine, which, wanted),
    }
}

fn choose(machine: &dyn Machine, which: &Which, wanted: &Wanted) -> Result<Chosen, Fault> {
    let choose::Found { mut device, name, path, .. } = choose::find(machine, which, None)?;
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
            let state = if denied { Availability::Denied } else { Availability::Failed };
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
        return Report { state: Availability::NoCamera, ..report };
    }
    match offers(&mut *device) {
        Err(error) => Report { problem: Some(error.to_string()), ..report },
        Ok(formats) => {
            // The driver answers this without touching the other program's stream.
            let busy = device.release().is_err_and(|error| error.raw_os_error() == Some(libc::EBUSY));
            Report { state: if busy { Availability::Busy } else { Availability::Free }, formats, ..report }
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
