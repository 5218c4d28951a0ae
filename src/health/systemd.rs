//! What systemd is told: readiness, signs of life, a status line.
//!
//! Messages go to the socket that `$NOTIFY_SOCKET` names; without it, nowhere. They are single datagrams: nothing waits.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::service::Notifier;

/// Speaks to systemd, where purecam was started by it.
pub struct Systemd;

impl Systemd {
    fn say(&self, states: &[NotifyState]) {
        if let Err(error) = sd_notify::notify(states) {
            log::warn!("systemd cannot be told how it goes: {error}");
        }
    }
}

/// How much longer a start may take, every time that the service says that it is alive.
const MORE_TIME: Duration = Duration::from_secs(30);

impl Notifier for Systemd {
    fn starting(&mut self) {
        // A number of microseconds that fits into 32 bits.
        self.say(&[NotifyState::ExtendTimeoutUsec(MORE_TIME.as_micros() as u32)]);
    }

    fn ready(&mut self) {
        log::info!("ready");
        self.say(&[NotifyState::Ready]);
    }

    fn alive(&mut self) {
        self.say(&[NotifyState::Watchdog]);
    }

    fn status(&mut self, status: &str) {
        self.say(&[NotifyState::Status(status)]);
    }

    fn stopping(&mut self) {
        self.say(&[NotifyState::Stopping]);
    }
}
