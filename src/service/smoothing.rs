//! The mean of the last few purified distributions: noise differs from frame to frame, the scene does not.
//!
//! Frames belong together while they follow each other closely and show the same scene. After a gap or a cut the memory
//! starts again: an old scene must not influence the verdict about a new one.

use std::time::Duration;

/// The side, in blocks, of the thumbnails by which scenes are compared.
const SIDE: usize = 16;

/// If a thumbnail's values, in 0..1, change by more than this on average, it is a new scene and not a moving camera.
const CUT: f32 = 0.12;

/// Frames further apart than this do not belong together, however slow the models are.
const GAP: Duration = Duration::from_secs(2);

/// The distributions of the last frames of one scene.
pub struct Smoothing {
    /// The first `held` of them are remembered, oldest first; the others are buffers to be reused.
    memory: Vec<Vec<f32>>,
    held: usize,
    /// When the frame before was captured.
    last: Option<Duration>,
    /// The thumbnail of the frame before.
    thumbnail: Vec<f32>,
    /// A buffer for this frame's thumbnail.
    fresh: Vec<f32>,
    mean: Vec<f32>,
}

impl Smoothing {
    /// Averages up to `frames` distributions, this frame's among them; 1 averages nothing.
    pub fn new(frames: usize) -> Self {
        let memory = vec![Vec::new(); frames.max(1)];
        Self { memory, held: 0, last: None, thumbnail: Vec::new(), fresh: Vec::new(), mean: Vec::new() }
    }

    /// The mean of the remembered distributions and this one, and whether earlier frames contributed to it.
    /// `captured` is the frame's time on the stream's clock.
    ///
    /// # Shapes
    /// `picture`: the frame that was classified, [3, height, width] in 0..1. `probabilities` and the mean: `[classes]`.
    pub fn combine(
        &mut self,
        captured: Duration,
        picture: &[f32],
        [height, width]: [usize; 2],
        probabilities: &[f32],
    ) -> (&[f32], bool) {
        thumbnail(picture, height, width, &mut self.fresh);
        let gap = self.last.is_none_or(|last| captured.saturating_sub(last) > GAP);
        let known = self.memory[..self.held].iter().all(|distribution| distribution.len() == probabilities.len());
        if gap || !known || difference(&self.fresh, &self.thumbnail) > CUT {
            self.held = 0;
        }
        self.last = Some(captured);
        std::mem::swap(&mut self.fresh, &mut self.thumbnail);
        if self.held == self.memory.len() {
            self.memory.rotate_left(1);
        } else {
            self.held += 1;
        }
        let newest = &mut self.memory[self.held - 1];
        newest.clear();
        newest.extend_from_slice(probabilities);
        let remembered = &self.memory[..self.held];
        let share = 1.0 / remembered.len() as f32;
        self.mean.clear();
        self.mean.resize(probabilities.len(), 0.0);
        for distribution in remembered {
            self.mean.iter_mut().zip(distribution).for_each(|(mean, value)| *mean += share * value);
        }
        (&self.mean, remembered.len() > 1)
    }
}

/// The means of a picture's blocks over all channels, [SIDE, SIDE]. `picture` is [3, height, width].
fn thumbnail(picture: &[f32], height: usize, width: usize, out: &mut Vec<f32>) {
    out.clear();
    out.resize(SIDE * SIDE, 0.0);
    let (high, wide) = (height.div_ceil(SIDE).max(1), width.div_ceil(SIDE).max(1));
    let share = 1.0 / (3 * high * wide) as f32;
    for (row, values) in picture.chunks_exact(width.max(1)).enumerate() {
        let blocks = &mut out[row % height.max(1) / high * SIDE..][..SIDE];
        for (block, values) in blocks.iter_mut().zip(values.chunks(wide)) {
            *block += share * values.iter().sum::<f32>();
        }
    }
}

/// The mean absolute difference; 0 if there is nothing to compare with.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() || a.is_empty() {
        return 0.0;
    }
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.len() as f32
}
