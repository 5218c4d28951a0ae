//! Fits a picture of any size to a model's input: the part that is looked at, antialiased bilinear resize, planar floats.

use super::Picture;
use super::framing::Framing;
use super::resample::{Part, Resample};

/// Why a picture cannot be resized. Pictures from [`decode`](super::decode()) always can.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The number of bytes does not fit the sides.
    #[error("a picture of {width} x {height} pixels has {expected} bytes, not {found}")]
    Bytes { width: u32, height: u32, expected: usize, found: usize },
    /// The part is empty, or reaches outside of the picture.
    #[error("a picture of {width} x {height} pixels has no part {part:?} (left, top, width, height)")]
    Part { width: u32, height: u32, part: Part },
}

/// Fits pictures to one size. Keeps its buffers, so that frames of one size allocate nothing after the first.
pub struct Fit {
    width: u32,
    height: u32,
    framing: Framing,
    resample: Resample,
    small: Vec<u8>,
    /// The small picture after turning, with what is beside it.
    turned: Vec<u8>,
}

/// The grey beside a picture that does not fill the target: the middle of the range.
const GREY: u8 = 128;

impl Fit {
    /// Fits to `[height, width]` pixels: the largest centred part with these proportions.
    pub fn new(size: [usize; 2]) -> Self {
        Self::framed(size, Framing::default())
    }

    /// Fits what `framing` says to `[height, width]` pixels.
    pub fn framed([height, width]: [usize; 2], framing: Framing) -> Self {
        Self {
            width: width as u32,
            height: height as u32,
            framing,
            resample: Resample::default(),
            small: Vec::new(),
            turned: Vec::new(),
        }
    }

    /// Height and width of the target in pixels.
    pub fn size(&self) -> [usize; 2] {
        [self.height as usize, self.width as usize]
    }

    /// Writes the part of `picture` that is looked at, resized, into `planes`.
    ///
    /// # Shapes
    /// `planes`: \[3, height, width\], RGB in 0..1; it is resized if it has another length. A picture that already has
    /// the target's size, and is looked at as it is, is not resampled: its values stay exact.
    ///
    /// # Errors
    /// [`FitError::Bytes`].
    pub fn planes(&mut self, picture: &Picture, planes: &mut Vec<f32>) -> Result<(), FitError> {
        let pixels = (self.width * self.height) as usize;
        planes.resize(3 * pixels, 0.0);
        let rgb = self.rgb(picture)?;
        let (red, rest) = planes.split_at_mut(pixels);
        let (green, blue) = rest.split_at_mut(pixels);
        let planes = red.iter_mut().zip(green).zip(blue);
        for (pixel, ((red, green), blue)) in rgb.chunks_exact(3).zip(planes) {
            *red = f32::from(pixel[0]) / 255.0;
            *green = f32::from(pixel[1]) / 255.0;
            *blue = f32::from(pixel[2]) / 255.0;
        }
        Ok(())
    }

    /// The same as bytes, \[height, width, 3\].
    ///
    /// # Errors
    /// [`FitError::Bytes`].
    pub fn rgb<'a>(&'a mut self, picture: &'a Picture) -> Result<&'a [u8], FitError> {
        let whole = whole(picture)?;
        let (source, target) = ([picture.width, picture.height], [self.width, self.height]);
        if source == target && self.framing == Framing::default() {
            return Ok(&picture.rgb);
        }
        let plan = self.framing.plan(source, target);
        self.resample.run(whole, plan.part, plan.small, &mut self.small);
        if self.framing.is_upright() && plan.inner == target {
            return Ok(&self.small);
        }
        self.turned.clear();
        self.turned.resize(3 * (self.width * self.height) as usize, GREY);
        self.framing.turn(&plan, &self.small, &mut self.turned, self.width);
        Ok(&self.turned)
    }

    /// Resizes one part of `picture` into `out`.
    ///
    /// # Errors
    /// [`FitError::Bytes`]; [`FitError::Part`] if the part is not inside the picture.
    pub fn part(&mut self, picture: &Picture, part: Part, out: &mut Picture) -> Result<(), FitError> {
        let whole = whole(picture)?;
        let [left, top, width, height] = part;
        let (wide, high) = (f64::from(picture.width), f64::from(picture.height));
        let lies = |start: f64, length: f64, side: f64| start >= 0.0 && length > 0.0 && start + length <= side + 1e-6;
        if !(lies(left, width, wide) && lies(top, height, high)) {
            return Err(FitError::Part { width: picture.width, height: picture.height, part });
        }
        (out.width, out.height) = (self.width, self.height);
        self.resample.run(whole, part, [self.width, self.height], &mut out.rgb);
        Ok(())
    }
}

/// The picture, if it has pixels, and as many bytes as they need.
fn whole(picture: &Picture) -> Result<&Picture, FitError> {
    let Picture { width, height, rgb } = picture;
    let expected = 3 * *width as usize * *height as usize;
    if expected == 0 || rgb.len() != expected {
        return Err(FitError::Bytes { width: *width, height: *height, expected: expected.max(3), found: rgb.len() });
    }
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::framing::{Flip, Proportions};

    /// Every pixel of its own colour.
    fn picture(width: u32, height: u32) -> Picture {
        let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |x| [40 * x as u8, 40 * y as u8, 7]));
        Picture { width, height, rgb: rgb.collect() }
    }

    /// `picture` turned clockwise by a quarter, pixel by pixel.
    fn quarter(picture: &Picture) -> Picture {
        let (width, height) = (picture.height, picture.width);
        let at = |x: u32, y: u32| &picture.rgb[3 * (y * picture.width + x) as usize..][..3];
        let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |x| at(y, width - 1 - x).to_vec()));
        Picture { width, height, rgb: rgb.collect() }
    }

    fn mirrored(picture: &Picture, flip: Flip) -> Picture {
        let mut rows: Vec<Vec<[u8; 3]>> =
            picture.rgb.chunks(3 * picture.width as usize).map(|row| row.as_chunks().0.to_vec()).collect();
        match flip {
            Flip::None => {}
            Flip::Horizontal => rows.iter_mut().for_each(|row| row.reverse()),
            Flip::Vertical => rows.reverse(),
        }
        Picture { rgb: rows.concat().concat(), ..picture.clone() }
    }

    #[test]
    fn a_turned_mirrored_and_cut_picture_is_the_one_that_somebody_would_cut_by_hand() {
        let source = picture(6, 4);
        for turns in 0..4u16 {
            let turned = (0..turns).fold(source.clone(), |picture, _| quarter(&picture));
            for flip in [Flip::None, Flip::Horizontal, Flip::Vertical] {
                let by_hand = mirrored(&turned, flip);
                for region in [[0.0, 0.0, 1.0, 1.0], [0.5, 0.25, 0.5, 0.5], [0.0, 0.5, 0.25, 0.5]] {
                    let framing = Framing { region, fit: Proportions::Stretch, rotate: 90 * turns, flip };
                    let (wide, high) = (f64::from(by_hand.width), f64::from(by_hand.height));
                    let part = [region[0] * wide, region[1] * high, region[2] * wide, region[3] * high];
                    let mut expected = Picture::default();
                    Fit::new([3, 2]).part(&by_hand, part, &mut expected).unwrap();
                    let found = Fit::framed([3, 2], framing).rgb(&source).unwrap().to_vec();
                    let far = found.iter().zip(&expected.rgb).any(|(a, b)| a.abs_diff(*b) > 1);
                    assert!(!far, "{framing:?}: {found:?}, expected {:?}", expected.rgb);
                }
            }
        }
    }

    #[test]
    fn a_padded_picture_is_whole_with_grey_beside_it() {
        let framing = Framing { fit: Proportions::Pad, ..Framing::default() };
        let mut fit = Fit::framed([4, 4], framing);
        let (wide, high) = (picture(4, 2), picture(2, 4));
        let found = fit.rgb(&wide).unwrap();
        assert_eq!(found[..12], [GREY; 12]);
        assert_eq!(found[12..36], wide.rgb);
        assert_eq!(found[36..], [GREY; 12]);
        // The next picture leaves nothing of it behind.
        let found = fit.rgb(&high).unwrap();
        assert!(found.chunks(12).all(|row| row[..3] == [GREY; 3] && row[9..] == [GREY; 3]));
    }

    #[test]
    fn a_crop_takes_the_middle_of_the_region() {
        let framing = Framing { region: [0.5, 0.0, 0.5, 1.0], ..Framing::default() };
        let source = picture(8, 2);
        let mut expected = Picture::default();
        Fit::new([2, 2]).part(&source, [5.0, 0.0, 2.0, 2.0], &mut expected).unwrap();
        assert_eq!(Fit::framed([2, 2], framing).rgb(&source).unwrap(), expected.rgb);
    }
}
