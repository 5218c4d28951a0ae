//! New models for a running loop: loaded and warmed up beside the old ones, then swapped between two frames, or
//! refused.

use std::fmt::Display;

use super::health::Health;
use super::inference::{Fresh, Replacement};
use super::newest::Newest;

/// Reloads on each request until `requests` is closed. Requests that arrive during a reload are one request.
///
/// `load` reads the configuration and the models again. If it fails, the old models stay and its error is logged.
pub fn reload<E: Display>(
    requests: &Newest<()>,
    replacement: &Replacement,
    health: &Health,
    mut load: impl FnMut() -> Result<Fresh, E>,
) {
    while let Some(()) = requests.take() {
        match load() {
            Ok(fresh) => {
                replacement.offer(fresh);
                health.count(|numbers| numbers.reloaded += 1);
                log::info!("reloaded: the new models are used from the next frame on");
            }
            Err(error) => {
                health.count(|numbers| numbers.reload_refused += 1);
                log::error!("not reloaded, the old models and settings stay: {error}");
            }
        }
    }
}
