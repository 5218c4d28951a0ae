//! A picture of any size as a model's square input: centre crop, antialiased bilinear resize, planar floats.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::Picture;

/// A picture that cannot be resized; no picture that [`decode`](super::decode) made is one.
#[derive(Debug, thiserror::Error)]
#[error("a picture of {width} x {height} pixels cannot be fitted to {target_width} x {target_height}: {cause}")]
pub struct FitError {
    width: u32,
    height: u32,
    target_width: u32,
    target_height: u32,
    cause: String,
}

/// Fits pictures to one size. Keeps its buffers, so that frames of one size allocate nothing after the first.
pub struct Fit {
    width: u32,
    height: u32,
    resizer: Resizer,
    options: ResizeOptions,
    small: Image<'static>,
}

impl Fit {
    /// Fits to `[height, width]` pixels.
    pub fn new([height, width]: [usize; 2]) -> Self {
        let (width, height) = (width as u32, height as u32);
        // Convolution, and not interpolation: shrinking averages all pixels it covers, as Pillow and training do.
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .fit_into_destination(Some((0.5, 0.5)));
        Self { width, height, resizer: Resizer::new(), options, small: Image::new(width, height, PixelType::U8x3) }
    }

    /// Height and width of the target.
    pub fn size(&self) -> [usize; 2] {
        [self.height as usize, self.width as usize]
    }

    /// Writes the largest centred part of `picture` with the target's proportions, resized, into `planes`.
    ///
    /// # Shapes
    /// `planes`: [3, height, width], RGB in 0..1; it is resized where it is not that long. A picture that has the
    /// target's size already is not resampled: its values arrive exactly.
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

    /// The same as bytes, [height, width, 3].
    pub fn rgb<'a>(&'a mut self, picture: &'a Picture) -> Result<&'a [u8], FitError> {
        if (picture.width, picture.height) == (self.width, self.height) {
            return Ok(&picture.rgb);
        }
        let options = self.options;
        self.resample(picture, &options)
    }

    /// Resizes one part of `picture`, `[left, top, width, height]` in pixels and fractions of them, into `out`.
    pub fn part(&mut self, picture: &Picture, part: [f64; 4], out: &mut Picture) -> Result<(), FitError> {
        let [left, top, width, height] = part;
        let options = self.options.crop(left, top, width, height);
        (out.width, out.height) = (self.width, self.height);
        out.rgb.clear();
        out.rgb.extend_from_slice(self.resample(picture, &options)?);
        Ok(())
    }

    fn resample(&mut self, picture: &Picture, options: &ResizeOptions) -> Result<&[u8], FitError> {
        let (target_width, target_height) = (self.width, self.height);
        let failed = |cause: &dyn std::fmt::Display| FitError {
            width: picture.width,
            height: picture.height,
            target_width,
            target_height,
            cause: cause.to_string(),
        };
        let source = ImageRef::new(picture.width, picture.height, &picture.rgb, PixelType::U8x3)
            .map_err(|error| failed(&error))?;
        self.resizer.resize(&source, &mut self.small, options).map_err(|error| failed(&error))?;
        Ok(self.small.buffer())
    }
}
