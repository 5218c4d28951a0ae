//! Notifications for systemd: readiness, signs of life, a status line.
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
