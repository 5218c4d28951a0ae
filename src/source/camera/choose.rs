//! Which camera: by its node, a link to it, its number, its name, or the first one; and the same one again after a replug.

use std::path::{Path, PathBuf};

use super::device::{Capability, Device, Machine, Node};
use super::fault::{Doing, fault};
use super::pixels::PixelFormat;
use super::{Fault, Reason};

/// A camera as its user calls it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// The first node that captures in a format that can be read.
    #[default]
    First,
    /// `/dev/videoN`.
    Number(u32),
    /// The name that the camera gives itself, or a part of it.
    Name(String),
    /// A link that udev keeps for this camera, or any other path.
    Path(PathBuf),
}

impl Which {
    /// Reads what follows `camera:` in a source.
    pub fn parse(text: &str) -> Self {
        let number = |text: &str| text.parse().ok();
        if text.is_empty() {
            Self::First
        } else if let Some(number) = number(text).or_else(|| text.strip_prefix("/dev/video").and_then(number)) {
            Self::Number(number)
        } else if text.starts_with('/') {
            Self::Path(text.into())
        } else {
            Self::Name(text.to_owned())
        }
    }
}

impl std::fmt::Display for Which {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::First => write!(out, "the camera"),
            Self::Number(number) => write!(out, "the camera /dev/video{number}"),
            Self::Name(name) => write!(out, "the camera '{name}'"),
            Self::Path(path) => write!(out, "the camera {}", path.display()),
        }
    }
}

/// How a camera is known again when it comes back, perhaps as another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its link, where that is its own: twins without serial numbers share one, which leads to either.
    pub by_id: Option<PathBuf>,
    pub card: String,
    pub bus: String,
    /// There was no other camera of its name.
    pub alone: bool,
}

/// A camera that was found and opened.
pub struct Found {
    pub device: Box<dyn Device>,
    /// The camera as its user calls it, with its node and its own name.
    pub name: String,
    pub path: PathBuf,
    pub identity: Identity,
}

/// Finds a camera: the one that was there before, or the one that is asked for.
///
/// A camera that has been seen once stays the camera: after a replug another one never takes its place unasked, because a
/// robot would then look into another direction without a word.
pub fn find(machine: &dyn Machine, which: &Which, before: Option<&Identity>) -> Result<Found, Fault> {
    match (which, before) {
        (Which::Path(path), _) => open(machine, path, None, which).and_then(|opened| opened.expect_camera(which)),
        (_, Some(identity)) => find_again(machine, which, identity),
        (Which::Number(number), None) => {
            let path = PathBuf::from(format!("/dev/video{number}"));
            let by_id = machine.nodes().into_iter().find(|node| node.path == path).and_then(|node| node.by_id);
            open(machine, &path, by_id, which).and_then(|opened| opened.expect_camera(which))
        }
        (Which::Name(name), None) => find_named(machine, which, name),
        (Which::First, None) => find_first(machine, which),
    }
}

/// Completes what a camera that was opened for the first time will be known by.
pub fn remember(machine: &dyn Machine, mut identity: Identity) -> Identity {
    let twins = cameras(machine, &Which::First, &identity.card);
    identity.alone = twins.len() <= 1;
    if twins.iter().any(|twin| twin.by_id.is_none()) {
        identity.by_id = None;
    }
    identity
}

fn find_first(machine: &dyn Machine, which: &Which) -> Result<Found, Fault> {
    let nobody = "is not there: this machine has no camera; check its cable, and see 'purecam probe'";
    let readable = |mut opened: Opened| {
        let formats = opened.device.formats().unwrap_or_default();
        let can_be_read = formats.into_iter().any(|code| PixelFormat::of(code).is_some());
        if can_be_read {
            return Ok(opened.into_found(which));
        }
        let detail =
            format!("offers no format that can be read; 'purecam probe' lists what {} offers", opened.path.display());
        Err(Fault { reason: Reason::Format, device: opened.name(which), detail })
    };
    pick(machine, which, nobody, |_| true, readable)
}

fn find_named(machine: &dyn Machine, which: &Which, name: &str) -> Result<Found, Fault> {
    let nobody = "is not there; check its cable, and see 'purecam probe' for the names of those that are";
    let lower = name.to_lowercase();
    let exactly = |card: &Capability| card.card == name;
    let partly = |card: &Capability| card.card.to_lowercase().contains(&lower);
    let found = |opened: Opened| Ok(opened.into_found(which));
    pick(machine, which, nobody, exactly, found).or_else(|_| pick(machine, which, nobody, partly, found))
}

/// By its link; else by plug and name; else, where it was and is the only one of its name, at another plug.
fn find_again(machine: &dyn Machine, which: &Which, identity: &Identity) -> Result<Found, Fault> {
    let nodes = machine.nodes();
    let linked = nodes.into_iter().find(|node| identity.by_id.is_some() && node.by_id == identity.by_id);
    if let Some(Node { path, by_id, .. }) = linked {
        return open(machine, &path, by_id, which)?.expect_camera(which);
    }
    let mut same = cameras(machine, which, &identity.card);
    let at_its_plug = same.iter().position(|camera| camera.capability.bus == identity.bus);
    let is_another = |camera: &Opened| camera.by_id.is_some() && identity.by_id.is_some();
    let only_one = || (identity.alone && same.len() == 1 && !is_another(&same[0])).then_some(0);
    match at_its_plug.or_else(only_one) {
        Some(index) => Ok(same.swap_remove(index).into_found(which)),
        None => {
            let detail = format!("is not there; '{}' was here before and has not come back", identity.card);
            Err(Fault { reason: Reason::Absent, device: which.to_string(), detail })
        }
    }
}

/// All cameras of a name that can be opened now.
fn cameras(machine: &dyn Machine, which: &Which, card: &str) -> Vec<Opened> {
    let opened =
        machine.nodes().into_iter().filter_map(|Node { path, by_id, .. }| open(machine, &path, by_id, which).ok());
    opened.filter(|opened| opened.capability.not_a_camera().is_none() && opened.capability.card == card).collect()
}

/// An open node that has said who it is.
struct Opened {
    device: Box<dyn Device>,
    capability: Capability,
    path: PathBuf,
    by_id: Option<PathBuf>,
}

impl Opened {
    fn name(&self, which: &Which) -> String {
        let mut path = format!("{}, ", self.path.display());
        if which.to_string().ends_with(path.trim_end_matches(", ")) {
            path.clear();
        }
        format!("{which} ({path}{})", self.capability.card)
    }

    fn into_found(self, which: &Which) -> Found {
        let name = self.name(which);
        let Capability { card, bus, .. } = self.capability;
        Found {
            device: self.device,
            name,
            path: self.path,
            identity: Identity { by_id: self.by_id, card, bus, alone: false },
        }
    }

    fn expect_camera(self, which: &Which) -> Result<Found, Fault> {
        let Some(what) = self.capability.not_a_camera() else { return Ok(self.into_found(which)) };
        let detail = format!("cannot be used: its node {what}; 'purecam probe' lists the nodes that can");
        Err(Fault { reason: Reason::Format, device: self.name(which), detail })
    }
}

fn open(machine: &dyn Machine, path: &Path, by_id: Option<PathBuf>, which: &Which) -> Result<Opened, Fault> {
    let name = which.to_string();
    let mut device = machine.open(path).map_err(|error| fault(&name, Doing::Opening, &error))?;
    let capability = device.capability().map_err(|error| match error.raw_os_error() {
        Some(libc::ENOTTY | libc::EINVAL) => {
            let detail = format!("is no video device: {} is something else", path.display());
            Fault { reason: Reason::Format, device: name.clone(), detail }
        }
        _ => fault(&name, Doing::Asking, &error),
    })?;
    Ok(Opened { device, capability, path: path.to_owned(), by_id })
}

/// The first camera that `is_it` and `accept` agree to. Where there is none, the gravest reason why: a camera that may not
/// be opened or cannot be read says more than that there is none.
fn pick(
    machine: &dyn Machine,
    which: &Which,
    nobody: &str,
    is_it: impl Fn(&Capability) -> bool,
    accept: impl Fn(Opened) -> Result<Found, Fault>,
) -> Result<Found, Fault> {
    let mut why = Fault { reason: Reason::Absent, device: which.to_string(), detail: nobody.to_owned() };
    for Node { path, by_id, .. } in machine.nodes() {
        let outcome = open(machine, &path, by_id, which);
        let outcome = match outcome {
            Ok(opened) if opened.capability.not_a_camera().is_some() || !is_it(&opened.capability) => continue,
            Ok(opened) => accept(opened),
            Err(fault) => Err(fault),
        };
        match outcome {
            Ok(found) => return Ok(found),
            Err(fault) if why.reason == Reason::Absent => why = fault,
            Err(_) => {}
        }
    }
    Err(why)
}
