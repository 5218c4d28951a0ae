//! Notifications for systemd: readiness, signs of life, a status line.
//!
//! They go to the socket that `$NOTIFY_SOCKET` names; without it, nowhere. Each is a single datagram: nothing waits.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::service::Notifier;

/// How much longer a start may take, each time that the service reports that it is alive.
const MORE_TIME: Duration = Duration::from_secs(30);

/// Notifies systemd, if systemd started purecam.
pub struct Systemd;

impl Systemd {
    fn notify(&self, states: &[NotifyState]) {
        if let Err(error) = sd_notify::notify(states) {
            log::warn!("cannot notify systemd: {error}");
        }
    }
}

impl Notifier for Systemd {
    fn starting(&mut self) {
        // 30 million microseconds fit into 32 bits.
        self.notify(&[NotifyState::ExtendTimeoutUsec(MORE_TIME.as_micros() as u32)]);
    }

    fn ready(&mut self) {
        log::info!("ready");
        self.notify(&[NotifyState::Ready]);
    }

    fn alive(&mut self) {
        self.notify(&[NotifyState::Watchdog]);
    }

    fn status(&mut self, status: &str) {
        self.notify(&[NotifyState::Status(status)]);
    }

    fn stopping(&mut self) {
        self.notify(&[NotifyState::Stopping]);
    }
}
