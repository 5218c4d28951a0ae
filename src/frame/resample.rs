//! Resampling with a triangle filter that widens with the reduction, as Pillow's BILINEAR does: every covered pixel
//! contributes, so that shrinking does not alias.
//!
//! Libraries compute their filters anew for every picture. Here they are kept while the sizes stay the same: a camera's
//! frames allocate nothing. Sums are in f32, rounded once at the end.

use super::Picture;

/// A part of a picture in pixels: left, top, width, height. Fractions of pixels are allowed.
pub type Part = [f64; 4];

/// Resamples parts of pictures to one size.
#[derive(Debug, Default)]
pub struct Resample {
    columns: Filter,
    rows: Filter,
    /// The sizes that the filters were made for.
    key: Option<Key>,
    /// One target row at the source's width.
    row: Vec<f32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Key {
    source: [u32; 2],
    part: Part,
    target: [u32; 2],
}

impl Resample {
    /// Writes `part` of `picture` into `out`, \[height, width, 3\], at the size `[width, height]`.
    ///
    /// The caller has checked that the part is inside the picture and that no side is 0.
    pub fn run(&mut self, picture: &Picture, part: Part, target: [u32; 2], out: &mut Vec<u8>) {
        let source = [picture.width, picture.height];
        let key = Key { source, part, target };
        if self.key != Some(key) {
            self.columns.make(source[0], part[0], part[2], target[0]);
            self.rows.make(source[1], part[1], part[3], target[1]);
            self.key = Some(key);
        }
        let stride = 3 * picture.width as usize;
        let (left, right) = self.columns.span();
        let (left, right) = (3 * left, 3 * right);
        out.clear();
        for (first, weights) in self.rows.windows() {
            self.row.clear();
            self.row.resize(right - left, 0.0);
            for (line, weight) in picture.rgb[first * stride..].chunks(stride).zip(weights) {
                let values = &line[left..right];
                self.row.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * f32::from(*value));
            }
            for (first, weights) in self.columns.windows() {
                let pixels = self.row[3 * first - left..].as_chunks::<3>().0;
                let mut sum = [0.5f32; 3];
                for (pixel, weight) in pixels.iter().zip(weights) {
                    sum.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += weight * value);
                }
                // A mean of bytes plus one half, between 0.5 and 255.5: cutting the fraction off rounds to nearest.
                out.extend(sum.map(|sum| sum as u8));
            }
        }
    }
}

/// For each target position along one axis: the start of its window in the source, and the window's weights.
#[derive(Debug, Default)]
struct Filter {
    firsts: Vec<usize>,
    /// `longest` for each position; those past the window's length are 0 and not used.
    weights: Vec<f32>,
    lengths: Vec<usize>,
    longest: usize,
}

impl Filter {
    fn make(&mut self, source: u32, start: f64, length: f64, target: u32) {
        let scale = length / f64::from(target);
        let radius = scale.max(1.0);
        self.longest = (2.0 * radius).ceil() as usize + 1;
        self.firsts.clear();
        self.lengths.clear();
        self.weights.clear();
        for position in 0..target {
            let centre = start + (f64::from(position) + 0.5) * scale;
            let first = ((centre - radius + 0.5).floor().max(0.0) as usize).min(source as usize - 1);
            let end = ((centre + radius + 0.5).floor() as usize).clamp(first + 1, source as usize);
            let weight = |at: usize| (1.0 - ((at as f64 + 0.5 - centre) / radius).abs()).max(0.0);
            let sum: f64 = (first..end).map(weight).sum();
            // In a great enlargement, a position at the rim may have no pixel in reach: the nearest one is used.
            let share = |at: usize| if sum > 0.0 { weight(at) / sum } else { 1.0 / (end - first) as f64 };
            self.firsts.push(first);
            self.lengths.push((end - first).min(self.longest));
            let from = self.weights.len();
            self.weights.extend((first..end).take(self.longest).map(|at| share(at) as f32));
            self.weights.resize(from + self.longest, 0.0);
        }
    }

    /// The start of each window, and its weights.
    fn windows(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let weights = self.weights.chunks_exact(self.longest.max(1));
        self.firsts
            .iter()
            .zip(weights)
            .zip(&self.lengths)
            .map(|((first, weights), length)| (*first, &weights[..*length]))
    }

    /// The part of the source that contains all windows: its start and end.
    fn span(&self) -> (usize, usize) {
        let first = self.firsts.iter().copied().min().unwrap_or(0);
        let end = self.firsts.iter().zip(&self.lengths).map(|(first, length)| first + length).max().unwrap_or(0);
        (first, end)
    }
}
