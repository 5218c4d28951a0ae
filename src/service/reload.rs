//! New models for a running loop: loaded and warmed up beside the old ones, swapped between two frames, or refused.

use super::health::Health;
use super::inference::{Fresh, Replacement};
use super::newest::Newest;

/// Reloads whenever it is asked to, until `requests` is closed. Requests that come meanwhile are one request.
///
/// `load` reads the configuration and the models again. Where it refuses, the old ones go on.
pub fn reload(
    requests: &Newest<()>,
    replacement: &Replacement,
    health: &Health,
    mut load: impl FnMut() -> Result<Fresh, String>,
) {
    while let Some(()) = requests.take() {
        match load() {
            Ok(fresh) => {
                replacement.offer(fresh);
                health.count(|numbers| numbers.reloaded += 1);
                log::info!("reloaded: the new models take over with the next frame");
            }
            Err(reason) => {
                health.count(|numbers| numbers.reload_refused += 1);
                log::error!("not reloaded, what runs goes on: {reason}");
            }
        }
    }
}
