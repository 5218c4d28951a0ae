//! Pictures for those who want to see them: the page's viewers, and the keeper of suspicious frames.
//!
//! Nothing is copied while nobody looks. Viewers get the newest picture, and the loop never waits for them.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::newest::Newest;
use crate::frame::{Frame, Picture};
use crate::verdict::Verdict;

/// One frame before and after purification, and its verdict.
#[derive(Clone, Debug)]
pub struct Exhibit {
    /// The frame before purification, in the source's size.
    pub raw: Picture,
    /// The picture that was classified, [3, height, width], RGB in 0..1.
    pub purified: Vec<f32>,
    /// Height and width of `purified`.
    pub size: [usize; 2],
    /// The verdict about it.
    pub verdict: Verdict,
}

/// Which frames a gallery shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taste {
    Everything,
    Suspicious,
}

/// A slot for the newest exhibit, and the number of its viewers.
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

    /// Every suspicious frame, with or without viewers.
    pub fn of_suspicious() -> Self {
        Self { newest: Newest::new(), viewers: AtomicUsize::new(1), taste: Taste::Suspicious }
    }

    /// A viewer has come.
    pub fn enter(&self) {
        self.viewers.fetch_add(1, Ordering::Relaxed);
    }

    /// A viewer has gone.
    pub fn leave(&self) {
        self.viewers.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many viewers there are.
    pub fn viewers(&self) -> usize {
        self.viewers.load(Ordering::Relaxed)
    }

    /// The slot: viewers take exhibits from it and give them back.
    pub fn newest(&self) -> &Newest<Exhibit> {
        &self.newest
    }

    fn wants(&self, suspicious: bool) -> bool {
        self.viewers() > 0 && (self.taste == Taste::Everything || suspicious)
    }

    /// Copies the pictures into the slot if somebody wants them. `spare` is a buffer that is kept from frame to frame.
    ///
    /// # Shapes
    /// `purified`: [3, height, width], RGB in 0..1, with its height and width.
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
