//! The keeper of suspicious frames: a thread that takes the newest from their gallery, without hurry.

use super::gallery::{Exhibit, Gallery};
use super::health::Health;
use crate::contain::contain;
use crate::time::Stop;

/// After each frame the keeper rests this many times as long as the frame took. During a long attack every frame is
/// suspicious, and compressing all of them would take processor time from the models.
const REST: u32 = 3;

/// Keeps suspicious frames until `gallery` is closed. `keep` stores one and returns whether it could.
pub fn keep(gallery: &Gallery, health: &Health, stop: &Stop, mut keep: impl FnMut(&Exhibit) -> bool) {
    let clock = health.clock();
    while let Some(exhibit) = gallery.newest().take() {
        let began = clock.now();
        // A panic counts as a failure: an encoder that panics has met a picture that it should have refused.
        let kept = contain(|| keep(&exhibit)).unwrap_or(false);
        health.count(|numbers| {
            numbers.kept += u64::from(kept);
            numbers.keep_failed += u64::from(!kept);
        });
        gallery.newest().give_back(exhibit);
        let now = clock.now();
        clock.wait_until(now + REST * now.saturating_sub(began), stop);
    }
}
