//! What an error of the kernel means for the camera, and what its user can do about it.

use std::io;

use crate::source::{Fault, Reason};

/// What purecam was doing when the error came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Opening the node.
    Opening,
    /// Asking what the camera is and what it can do.
    Asking,
    /// Setting format and rate, and getting buffers.
    SettingUp,
    /// Starting the stream.
    Starting,
    /// Taking frames.
    Streaming,
}

/// The fault of `device`, the camera as its user calls it, with the error as its cause.
pub fn fault(device: &str, doing: Doing, error: io::Error) -> Fault {
    let (reason, detail) = reason(doing, &error);
    Fault::new(reason, device, detail).caused_by(error)
}

/// Whether the camera itself is gone, so that its open node is useless.
pub fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENODEV | libc::ENXIO))
}

fn reason(doing: Doing, error: &io::Error) -> (Reason, String) {
    let (reason, detail) = match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP | libc::ENODEV | libc::ENXIO) if doing == Doing::Opening => {
            (Reason::Absent, "is not there; check its cable, and see 'purecam probe' for the cameras that are")
        }
        Some(libc::ENODEV | libc::ENXIO) => (Reason::Unplugged, "was unplugged, or its driver released it"),
        Some(libc::EACCES | libc::EPERM) => (
            Reason::Denied,
            "may not be opened by this user; add it to the group 'video' (sudo usermod -aG video USER) and log in \
             again; in a container, pass the device in",
        ),
        Some(libc::EBUSY) => (Reason::Busy, "is in use by another program; 'fuser -v' on its node shows the program"),
        Some(libc::ENOSPC) if doing != Doing::Opening => (
            Reason::Refused,
            "does not start, because its USB bus has too little bandwidth left; use MJPG, a smaller size or a lower \
             rate, or plug it into another controller",
        ),
        _ => return other_reason(doing, error),
    };
    (reason, detail.to_owned())
}

/// An error without a meaning of its own, by what failed.
fn other_reason(doing: Doing, error: &io::Error) -> (Reason, String) {
    match doing {
        Doing::Opening => (Reason::Io, format!("cannot be opened: {error}")),
        Doing::Asking => (Reason::Io, format!("does not report what it can do: {error}")),
        Doing::SettingUp => (Reason::Refused, format!("refuses to be set up: {error}")),
        Doing::Starting => (Reason::Refused, format!("refuses to start streaming: {error}")),
        Doing::Streaming => (Reason::Io, format!("reports an error for the second time: {error}")),
    }
}
