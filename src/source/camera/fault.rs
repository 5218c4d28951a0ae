//! What an error of the kernel means for the camera, and what its owner can do about it.

use std::io;

use super::{Fault, Reason};

/// What was being done when the error came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Opening,
    /// Asking what it is and what it can do.
    Asking,
    /// Setting format and rate, and getting buffers.
    SettingUp,
    Starting,
    Streaming,
}

/// Names the fault of `device`, the camera as its user calls it.
pub fn fault(device: &str, doing: Doing, error: &io::Error) -> Fault {
    let (reason, detail) = reason(doing, error);
    Fault { reason, device: device.to_owned(), detail }
}

/// Whether the camera itself has gone, so that its node is of no more use.
pub fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENODEV | libc::ENXIO))
}

fn reason(doing: Doing, error: &io::Error) -> (Reason, String) {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP | libc::ENODEV | libc::ENXIO) if doing == Doing::Opening => {
            (Reason::Absent, "is not there; check its cable, and see 'purecam probe' for the cameras that are".to_owned())
        }
        Some(libc::ENODEV | libc::ENXIO) => (Reason::Unplugged, "was unplugged, or its driver let go of it".to_owned()),
        Some(libc::EACCES | libc::EPERM) => (
            Reason::Denied,
            "may not be opened by this user; add it to the group 'video' (sudo usermod -aG video USER) and log in again; \
             in a container, pass the device in"
                .to_owned(),
        ),
        Some(libc::EBUSY) => (
            Reason::Busy,
            "is in use by another program; 'fuser -v' on its node says by which".to_owned(),
        ),
        Some(libc::ENOSPC) if doing != Doing::Opening => (
            Reason::Refused,
            "does not start, because its USB bus has too little bandwidth left; use MJPG, a smaller size or a lower rate, \
             or plug it into another controller"
                .to_owned(),
        ),
        _ => match doing {
            Doing::Opening => (Reason::Io, format!("cannot be opened: {error}")),
            Doing::Asking => (Reason::Io, format!("does not say what it can do: {error}")),
            Doing::SettingUp => (Reason::Refused, format!("refuses to be set up: {error}")),
            Doing::Starting => (Reason::Refused, format!("refuses to start streaming: {error}")),
            Doing::Streaming => (Reason::Io, format!("reports an error for the second time: {error}")),
        },
    }
}
