//! Choosing a camera: by its node, a link, a number, a name, or the first one; and the same one again after a replug.

use std::fmt;
use std::path::{Path, PathBuf};

use super::device::{Capability, Device, Machine, Node};
use super::fault::{Doing, fault};
use super::pixels::PixelFormat;
use crate::source::{Fault, Reason};

/// A camera as its user calls it: what follows `camera:` in a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// Nothing follows: the first node that captures in a readable format.
    #[default]
    First,
    /// `N` or `/dev/videoN`.
    Number(u32),
    /// The name that the camera gives itself, or a part of it in any case.
    Name(String),
    /// A link that udev keeps for this camera, or any other path.
    Path(PathBuf),
}

impl Which {
    /// Reads the text that follows `camera:`. Every text is a camera's name, if nothing else.
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

/// The text that [`parse`](Which::parse) reads.
impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => Ok(()),
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Which {
    /// The camera in a message: "the camera /dev/video0".
    fn described(&self) -> String {
        match self {
            Self::First => "the camera".to_owned(),
            Self::Number(number) => format!("the camera /dev/video{number}"),
            Self::Name(name) => format!("the camera '{name}'"),
            Self::Path(path) => format!("the camera {}", path.display()),
        }
    }
}

/// How a camera is recognised when it comes back, perhaps as another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its link under `/dev/v4l/by-id`, if no other camera shares it: twins without serial numbers share one, which
    /// leads to either.
    pub by_id: Option<PathBuf>,
    /// The name that it gives itself.
    pub card: String,
    /// Where it was plugged in.
    pub bus: String,
    /// There was no other camera of its name.
    pub alone: bool,
}

/// A camera that was found and opened.
pub struct Found {
    /// Its open node.
    pub device: Box<dyn Device>,
    /// The camera as its user calls it, with its node and its own name; begins a message.
    pub name: String,
    /// Its node, or the path that the user gave.
    pub path: PathBuf,
    /// How to recognise it; [`remember`] completes this.
    pub identity: Identity,
}

/// Finds a camera: the one that was open before, or the one that the user asks for.
///
/// Once a camera has been open, only that camera will do: after a replug another one never takes its place by itself,
/// because a robot would then silently use the wrong view.
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

/// Completes the identity of a camera that was opened for the first time.
pub fn remember(machine: &dyn Machine, mut identity: Identity) -> Identity {
    let twins = cameras(machine, &Which::First, &identity.card);
    identity.alone = twins.len() <= 1;
    if twins.iter().any(|twin| twin.by_id.is_none()) {
        identity.by_id = None;
    }
    identity
}

fn find_first(machine: &dyn Machine, which: &Which) -> Result<Found, Fault> {
    let absent = "is not there: this machine has no camera; check its cable, and see 'purecam probe'";
    let readable = |mut opened: Opened| {
        let formats = opened.device.formats().unwrap_or_default();
        let can_be_read = formats.into_iter().any(|code| PixelFormat::of(code).is_some());
        if can_be_read {
            return Ok(opened.into_found(which));
        }
        let detail =
            format!("offers no format that can be read; 'purecam probe' lists what {} offers", opened.path.display());
        Err(Fault::new(Reason::Format, opened.name(which), detail))
    };
    pick(machine, which, absent, |_| true, readable)
}

fn find_named(machine: &dyn Machine, which: &Which, name: &str) -> Result<Found, Fault> {
    let absent = "is not there; check its cable, and see 'purecam probe' for the names of those that are";
    let lower = name.to_lowercase();
    let exactly = |card: &Capability| card.card == name;
    let partly = |card: &Capability| card.card.to_lowercase().contains(&lower);
    let found = |opened: Opened| Ok(opened.into_found(which));
    pick(machine, which, absent, exactly, found).or_else(|_| pick(machine, which, absent, partly, found))
}

/// By its link; else by plug and name; else at another plug, if it was and is the only one of its name.
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
            Err(Fault::new(Reason::Absent, which.described(), detail))
        }
    }
}

/// All cameras that give themselves the name `card` and can be opened now.
fn cameras(machine: &dyn Machine, which: &Which, card: &str) -> Vec<Opened> {
    let opened =
        machine.nodes().into_iter().filter_map(|Node { path, by_id, .. }| open(machine, &path, by_id, which).ok());
    opened.filter(|opened| opened.capability.not_a_camera().is_none() && opened.capability.card == card).collect()
}

/// An open node that has reported its capability.
struct Opened {
    device: Box<dyn Device>,
    capability: Capability,
    path: PathBuf,
    by_id: Option<PathBuf>,
}

impl Opened {
    /// The camera as its user calls it, with its node unless the user named that, and its own name.
    fn name(&self, which: &Which) -> String {
        let (described, path) = (which.described(), self.path.display().to_string());
        let card = &self.capability.card;
        if described.ends_with(&path) {
            format!("{described} ({card})")
        } else {
            format!("{described} ({path}, {card})")
        }
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
        Err(Fault::new(Reason::Format, self.name(which), detail))
    }
}

fn open(machine: &dyn Machine, path: &Path, by_id: Option<PathBuf>, which: &Which) -> Result<Opened, Fault> {
    let name = which.described();
    let mut device = machine.open(path).map_err(|error| fault(&name, Doing::Opening, error))?;
    let capability = device.capability().map_err(|error| match error.raw_os_error() {
        Some(libc::ENOTTY | libc::EINVAL) => {
            let detail = format!("cannot be used: {} is not a video device", path.display());
            Fault::new(Reason::Format, &*name, detail).caused_by(error)
        }
        _ => fault(&name, Doing::Asking, error),
    })?;
    Ok(Opened { device, capability, path: path.to_owned(), by_id })
}

/// The first camera that `is_it` and `accept` agree to. If there is none, the most informative reason why: a camera
/// that may not be opened or cannot be read tells more than the absence of any.
fn pick(
    machine: &dyn Machine,
    which: &Which,
    absent: &str,
    is_it: impl Fn(&Capability) -> bool,
    accept: impl Fn(Opened) -> Result<Found, Fault>,
) -> Result<Found, Fault> {
    let mut why = Fault::new(Reason::Absent, which.described(), absent);
    for Node { path, by_id, .. } in machine.nodes() {
        let outcome = match open(machine, &path, by_id, which) {
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
