//! Pictures for those who want to see them: the page's viewers, and the ring of suspicious frames.
//!
//! Nothing is copied while nobody looks. Who looks gets the newest, and the loop never waits for them.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::newest::Newest;
use crate::frame::{Frame, Picture};
use crate::verdict::Verdict;

/// A frame as it came, as it was classified, and what was said of it.
#[derive(Clone, Debug)]
pub struct Exhibit {
    pub raw: Picture,
    /// [3, height, width], RGB in 0..1.
    pub purified: Vec<f32>,
    /// Height and width of `purified`.
    pub size: [usize; 2],
    pub verdict: Verdict,
}

/// Who wants to see what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taste {
    Everything,
    Suspicious,
}

/// One place for the newest exhibit, and the number of those who look.
#[derive(Debug)]
pub struct Gallery {
    newest: Newest<Exhibit>,
    viewers: AtomicUsize,
    taste: Taste,
}

impl Gallery {
    /// Every frame that gets a verdict, while there are viewers.
    pub fn of_everything() -> Self {
        Self { newest: Newest::new(), viewers: AtomicUsize::new(0), taste: Taste::Everything }
    }

    /// Only suspicious frames, always.
    pub fn of_suspicious() -> Self {
        Self { newest: Newest::new(), viewers: AtomicUsize::new(1), taste: Taste::Suspicious }
    }

    /// Somebody begins to look.
    pub fn enter(&self) {
        self.viewers.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody looks away.
    pub fn leave(&self) {
        self.viewers.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn viewers(&self) -> usize {
        self.viewers.load(Ordering::Relaxed)
    }

    /// The slot: viewers take from it and give back.
    pub fn newest(&self) -> &Newest<Exhibit> {
        &self.newest
    }

    fn wants(&self, suspicious: bool) -> bool {
        self.viewers() > 0 && (self.taste == Taste::Everything || suspicious)
    }

    /// Copies the pictures where somebody wants them. `spare` is a buffer that is kept from frame to frame.
    pub(super) fn show(
        &self,
        frame: &Frame,
        purified: (&[f32], [usize; 2]),
        verdict: &Verdict,
        spare: &mut Option<Exhibit>,
    ) {
        if !self.wants(verdict.suspicious) {
            return;
        }
        let (planes, size) = purified;
        let exhibit = match spare.take().or_else(|| self.newest.spare()) {
            Some(mut exhibit) => {
                exhibit.raw.copy_from(&frame.picture);
                exhibit.purified.clear();
                exhibit.purified.extend_from_slice(planes);
                exhibit.verdict.clone_from(verdict);
                exhibit.size = size;
                exhibit
            }
            None => {
                let (raw, purified) = (frame.picture.clone(), planes.to_vec());
                Exhibit { raw, purified, size, verdict: verdict.clone() }
            }
        };
        *spare = self.newest.put(exhibit);
    }
}
