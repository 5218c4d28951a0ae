//! How the service shows itself: to the service manager, to Prometheus, to a browser.

mod systemd;

pub use systemd::Systemd;
