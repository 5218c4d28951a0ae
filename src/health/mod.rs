//! How the service reports its state: to the service manager, to Prometheus, to a browser.

pub mod prometheus;
#[cfg(feature = "http")]
pub mod server;
#[cfg(feature = "http")]
mod status;
mod systemd;

pub use systemd::{Systemd, instance};
