//! Whether a live camera still shows the present: a frozen buffer and a covered lens give frames like any other.
//!
//! A few hundred bytes of each picture are compared with the same bytes of an earlier one. Noise of one level changes
//! most of them, so no sensor reaches the threshold; a driver that repeats its buffer does.

use std::time::Duration;

use crate::frame::Picture;

/// Rows and columns of the pixels that are looked at.
const SIDE: usize = 16;
/// Bytes that are looked at: three channels of each of these pixels.
const SAMPLES: usize = SIDE * SIDE * 3;
/// Rows and columns of the regions whose mean colours are compared.
const REGIONS: usize = 4;
/// Pixels that are looked at in a region. Their mean has a quarter of a pixel's noise.
const PIXELS: u32 = ((SIDE / REGIONS) * (SIDE / REGIONS)) as u32;
/// So many bytes may change in a picture that is called identical: a clock that the camera writes into it changes a few.
const CHANGED: usize = SAMPLES / 100;
/// The fewest pictures in a row that are a fault: two pictures of a slow camera say nothing.
const LEAST: u32 = 10;

/// When pictures that do not change, or show nothing, are a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SightLimits {
    /// After so long a row of identical pictures; `None`: never.
    pub frozen_after: Option<Duration>,
    /// After so long a row of flat pictures; `None`: never.
    pub flat_after: Option<Duration>,
    /// The mean colours of the regions of a flat picture differ by at most so many 8-bit levels.
    pub flat_levels: u8,
}

impl Default for SightLimits {
    fn default() -> Self {
        let after = Some(Duration::from_secs(10));
        Self { frozen_after: after, flat_after: after, flat_levels: 6 }
    }
}

/// Why a camera's pictures are worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blind {
    /// They are identical.
    Frozen,
    /// They are of one even colour: the lens is covered, it is dark, or there is no signal.
    Flat,
}

/// Looks at one picture after another. Allocates nothing.
#[derive(Debug)]
pub struct Sight {
    limits: SightLimits,
    /// The bytes of the picture with which the present row of identical ones began.
    first: [u8; SAMPLES],
    same: Row,
    flat: Row,
}

/// Pictures in a row.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    pictures: u32,
    since: Duration,
}

impl Row {
    /// Counts a picture that belongs to the row, or begins anew with one that does not.
    fn count(&mut self, belongs: bool, now: Duration) {
        match belongs && self.pictures > 0 {
            true => self.pictures = self.pictures.saturating_add(1),
            false => *self = Self { pictures: u32::from(belongs), since: now },
        }
    }

    fn lasts(&self, after: Option<Duration>, now: Duration) -> Option<Duration> {
        let lasting = now.saturating_sub(self.since);
        (self.pictures >= LEAST && after.is_some_and(|after| lasting >= after)).then_some(lasting)
    }
}

impl Sight {
    /// Nothing has been looked at yet.
    pub fn new(limits: SightLimits) -> Self {
        Self { limits, first: [0; SAMPLES], same: Row::default(), flat: Row::default() }
    }

    /// Forgets what was looked at: another picture is a new beginning.
    pub fn reset(&mut self) {
        (self.same, self.flat) = (Row::default(), Row::default());
    }

    /// Looks at the next picture, at `now` on the stream's clock. Returns what is wrong with it and those before it, and
    /// for how long.
    pub fn look(&mut self, picture: &Picture, now: Duration) -> Option<(Blind, Duration)> {
        let Some(samples) = samples(picture) else {
            self.reset();
            return None;
        };
        let changed = self.first.iter().zip(&samples).filter(|(before, now)| before != now).count();
        let is_same = self.same.pictures > 0 && changed <= CHANGED;
        if !is_same {
            self.first = samples;
            self.same = Row::default();
        }
        self.same.count(true, now);
        self.flat.count(spread(&samples) <= u32::from(self.limits.flat_levels) * PIXELS, now);
        let SightLimits { frozen_after, flat_after, .. } = self.limits;
        // Of a black picture that never changes, its being black says more.
        let flat = self.flat.lasts(flat_after, now).map(|lasting| (Blind::Flat, lasting));
        flat.or_else(|| self.same.lasts(frozen_after, now).map(|lasting| (Blind::Frozen, lasting)))
    }
}

/// The bytes of a picture that are looked at, region by region; `None` if it has no pixels.
fn samples(picture: &Picture) -> Option<[u8; SAMPLES]> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut samples = [0; SAMPLES];
    let mut places = samples.chunks_exact_mut(3);
    const PER_REGION: usize = SIDE / REGIONS;
    for index in 0..SIDE * SIDE {
        let (region, inside) = (index / (PER_REGION * PER_REGION), index % (PER_REGION * PER_REGION));
        let row = region / REGIONS * PER_REGION + inside / PER_REGION;
        let column = region % REGIONS * PER_REGION + inside % PER_REGION;
        let [y, x] = [(row, height), (column, width)].map(|(place, length)| (2 * place + 1) * length / (2 * SIDE));
        let from = 3 * (y * width + x);
        places.next()?.copy_from_slice(picture.rgb.get(from..from + 3)?);
    }
    Some(samples)
}

/// The largest difference, over the channels, between the sums of a channel over two regions.
fn spread(samples: &[u8; SAMPLES]) -> u32 {
    let (mut least, mut most) = ([u32::MAX; 3], [0; 3]);
    for region in samples.chunks_exact(3 * PIXELS as usize) {
        let mut sums = [0_u32; 3];
        for pixel in region.chunks_exact(3) {
            sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(*value));
        }
        for channel in 0..3 {
            least[channel] = least[channel].min(sums[channel]);
            most[channel] = most[channel].max(sums[channel]);
        }
    }
    (0..3).map(|channel| most[channel] - least[channel]).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [u32; 2] = [64, 48];

    /// A scene with structure; `noise` changes each byte by -1, 0 or 1 through a generator.
    fn scene(noise: &mut Option<u32>) -> Picture {
        let [width, height] = SIZE;
        let mut change = || {
            let Some(state) = noise else { return 0 };
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (*state >> 24) as u8 % 3
        };
        let value = |pixel: u32| 40 + (pixel % width * 2 + pixel / width) as u8;
        let rgb = (0..width * height).flat_map(|pixel| [value(pixel); 3]).map(|value| value + change()).collect();
        Picture { width, height, rgb }
    }

    fn even(level: u8) -> Picture {
        let [width, height] = SIZE;
        Picture { width, height, rgb: vec![level; (width * height * 3) as usize] }
    }

    /// What is said in each of `seconds` at 10 pictures per second, last of all.
    fn last(sight: &mut Sight, seconds: u64, mut picture: impl FnMut(u64) -> Picture) -> Option<(Blind, Duration)> {
        let mut said = None;
        for tenth in 0..=10 * seconds {
            said = sight.look(&picture(tenth), Duration::from_millis(100 * tenth));
            if said.is_some() {
                break;
            }
        }
        said
    }

    #[test]
    fn noise_of_one_level_is_no_frozen_camera_and_the_same_picture_is() {
        let mut noise = Some(7);
        assert_eq!(last(&mut Sight::new(SightLimits::default()), 120, |_| scene(&mut noise)), None);
        let frozen = last(&mut Sight::new(SightLimits::default()), 120, |_| scene(&mut None));
        assert_eq!(frozen, Some((Blind::Frozen, Duration::from_secs(10))));
    }

    #[test]
    fn noise_in_one_pixel_of_twenty_is_no_frozen_camera_and_a_clock_in_the_picture_does_not_hide_one() {
        let mut noise = 7_u32;
        let rare = |_| {
            let mut picture = scene(&mut None);
            for value in &mut picture.rgb {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *value += u8::from((noise >> 16).is_multiple_of(20));
            }
            picture
        };
        assert_eq!(last(&mut Sight::new(SightLimits::default()), 60, rare), None);
        let clock = |tenth: u64| {
            let mut picture = scene(&mut None);
            picture.rgb[..30].fill(tenth as u8);
            picture
        };
        assert!(last(&mut Sight::new(SightLimits::default()), 60, clock).is_some());
    }

    #[test]
    fn black_and_even_pictures_are_flat_even_with_noise_and_a_scene_is_not() {
        for level in [0, 16, 128, 250] {
            let mut noise = 3_u32;
            let covered = |_| {
                let mut picture = even(level);
                for value in &mut picture.rgb {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *value += (noise >> 24) as u8 % 5;
                }
                picture
            };
            let said = last(&mut Sight::new(SightLimits::default()), 60, covered);
            assert_eq!(said, Some((Blind::Flat, Duration::from_secs(10))), "level {level}");
        }
        let off = SightLimits { flat_after: None, frozen_after: None, ..SightLimits::default() };
        assert_eq!(last(&mut Sight::new(off), 60, |_| even(0)), None);
    }

    #[test]
    fn one_picture_that_differs_begins_anew_and_a_slow_camera_needs_ten() {
        let mut sight = Sight::new(SightLimits::default());
        let blink = |tenth: u64| if tenth.is_multiple_of(90) { even(200) } else { scene(&mut None) };
        assert_eq!(last(&mut sight, 60, blink), None);
        let mut sight = Sight::new(SightLimits::default());
        let mut every_half_minute = (0..10).map(|count| sight.look(&scene(&mut None), Duration::from_secs(30 * count)));
        assert!(every_half_minute.by_ref().take(9).all(|said| said.is_none()));
        assert!(every_half_minute.next().is_some_and(|said| said.is_some()));
    }

    #[test]
    fn pictures_of_any_size_are_looked_at_and_one_without_pixels_is_no_fault() {
        let mut sight = Sight::new(SightLimits::default());
        assert_eq!(last(&mut sight, 60, |_| Picture::default()), None);
        for (width, height) in [(1, 1), (3, 1), (17, 5), (15, 400)] {
            let rgb = vec![9; (width * height * 3) as usize];
            let picture = Picture { width, height, rgb };
            assert!(last(&mut Sight::new(SightLimits::default()), 60, |_| picture.clone()).is_some());
        }
    }
}
