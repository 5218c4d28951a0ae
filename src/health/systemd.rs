//! Notifications for systemd (readiness, signs of life, a status line), and which of its units this is.
//!
//! They go to the socket that `$NOTIFY_SOCKET` names, a path or `@` and an abstract name; without it, nowhere. Each is a
//! single datagram: nothing waits.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use sd_notify::NotifyState;

use crate::service::Notifier;

/// How much longer a start may take, each time that the service reports that it is alive.
const MORE_TIME: Duration = Duration::from_secs(30);

/// Notifies systemd, if systemd started purecam.
pub struct Systemd {
    /// The value of `$NOTIFY_SOCKET`; `None` if there is nobody to notify.
    socket: Option<OsString>,
    /// Notifications that could not be sent.
    failed: u64,
}

impl Systemd {
    /// Reads `$NOTIFY_SOCKET`.
    pub fn from_environment() -> Self {
        Self { socket: std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()), failed: 0 }
    }

    fn notify(&mut self, state: NotifyState) {
        let Some(socket) = &self.socket else { return };
        let sent = match socket.as_encoded_bytes().strip_prefix(b"@") {
            Some(name) => send_to_abstract(name, &state.to_string()),
            None => sd_notify::notify(&[state]),
        };
        if let Err(error) = sent {
            self.failed += 1;
            // One fails every second if the socket is gone.
            if self.failed.is_power_of_two() {
                let socket = socket.display();
                log::warn!("cannot notify systemd at NOTIFY_SOCKET={socket}: {error} ({} so far)", self.failed);
            }
        }
    }
}

/// Sends a datagram to the socket with the abstract name `name`, which sd-notify takes for a path.
#[cfg(target_os = "linux")]
fn send_to_abstract(name: &[u8], state: &str) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let socket = UnixDatagram::unbound()?;
    socket.send_to_addr(state.as_bytes(), &SocketAddr::from_abstract_name(name)?)?;
    Ok(())
}

/// Only Linux has abstract names.
#[cfg(not(target_os = "linux"))]
fn send_to_abstract(_: &[u8], _: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The instance of the unit that this process runs in: `front` of `purecam@front.service`. `None` if the unit is not one of
/// several, or if nothing is known of it.
pub fn instance() -> Option<String> {
    instance_in(&std::fs::read_to_string("/proc/self/cgroup").ok()?)
}

/// The same, from the lines of /proc/self/cgroup: `0::/system.slice/system-purecam.slice/purecam@front.service`. Under
/// cgroup v1 one line per controller; the service may have groups of its own below its unit's.
fn instance_in(groups: &str) -> Option<String> {
    let paths = groups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let mut units = paths.flat_map(|path| path.split('/')).filter_map(|group| group.strip_suffix(".service"));
    units.find_map(|unit| unit.strip_prefix("purecam@")).map(str::to_owned)
}

impl Notifier for Systemd {
    fn starting(&mut self) {
        // 30 million microseconds fit into 32 bits.
        self.notify(NotifyState::ExtendTimeoutUsec(MORE_TIME.as_micros() as u32));
    }

    fn ready(&mut self) {
        log::info!("ready");
        self.notify(NotifyState::Ready);
    }

    fn alive(&mut self) {
        self.notify(NotifyState::Watchdog);
    }

    fn status(&mut self, status: &str) {
        self.notify(NotifyState::Status(status));
    }

    fn stopping(&mut self) {
        self.notify(NotifyState::Stopping);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instance_is_that_of_purecams_own_unit() {
        let front = Some("front".to_owned());
        assert_eq!(instance_in("0::/system.slice/system-purecam.slice/purecam@front.service\n"), front);
        let v1 = "12:pids:/system.slice/system-purecam.slice/purecam@front.service\n1:name=systemd:/x\n0::/x\n";
        assert_eq!(instance_in(v1), front);
        for other in ["", "0::/\n", "0::/system.slice/purecam.service\n", "0::/user.slice/user@1000.service/a.scope\n"]
        {
            assert_eq!(instance_in(other), None, "{other}");
        }
    }
}
