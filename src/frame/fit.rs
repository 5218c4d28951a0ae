//! Fits a picture of any size to a model's input: centre crop, antialiased bilinear resize, planar floats.

use super::Picture;
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
    resample: Resample,
    small: Vec<u8>,
}

impl Fit {
    /// Fits to `[height, width]` pixels.
    pub fn new([height, width]: [usize; 2]) -> Self {
        Self { width: width as u32, height: height as u32, resample: Resample::default(), small: Vec::new() }
    }

    /// Height and width of the target in pixels.
    pub fn size(&self) -> [usize; 2] {
        [self.height as usize, self.width as usize]
    }

    /// Writes the largest centred part of `picture` with the target's proportions, resized, into `planes`.
    ///
    /// # Shapes
    /// `planes`: \[3, height, width\], RGB in 0..1; it is resized if it has another length. A picture that already has
    /// the target's size is not resampled: its values stay exact.
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
        if (picture.width, picture.height) == (self.width, self.height) {
            return Ok(&picture.rgb);
        }
        let (wide, high) = (f64::from(picture.width), f64::from(picture.height));
        let scale = (wide / f64::from(self.width)).min(high / f64::from(self.height));
        let (width, height) = (scale * f64::from(self.width), scale * f64::from(self.height));
        let part = [(wide - width) / 2.0, (high - height) / 2.0, width, height];
        self.resample.run(whole, part, [self.width, self.height], &mut self.small);
        Ok(&self.small)
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
