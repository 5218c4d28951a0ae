//! What systemd is told: readiness, signs of life, a status line.
//!
//! Messages go to the socket that `$NOTIFY_SOCKET` names; without it, nowhere. They are single datagrams: nothing waits.

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

impl Notifier for Systemd {
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
