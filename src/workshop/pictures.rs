//! Pictures to tensors and back, and how far two pictures are apart.
//!
//! A picture outside a tensor is 8-bit RGB, row by row, three bytes per pixel.

use burn::prelude::*;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::frame::{Fit, Framing, Picture, Proportions};

/// Mean of ImageNet's pixels in 0..1: red, green, blue.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Standard deviation of ImageNet's pixels in 0..1: red, green, blue.
pub const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

/// Pictures of `size` [height, width] in pixels as one batch. Each must hold `3 * height * width` bytes.
///
/// # Shapes
/// -> [batch, 3, height, width] in 0..1
pub fn to_tensor(pictures: &[impl AsRef<[u8]>], size: [usize; 2], device: &Device) -> Tensor<4> {
    let [height, width] = size;
    let plane = height * width;
    let mut values = vec![0.0; pictures.len() * 3 * plane];
    for (picture, out) in pictures.iter().zip(values.chunks_exact_mut(3 * plane)) {
        for (place, pixel) in picture.as_ref().chunks_exact(3).enumerate() {
            for (channel, &level) in pixel.iter().enumerate() {
                out[channel * plane + place] = f32::from(level) / 255.0;
            }
        }
    }
    Tensor::from_data(TensorData::new(values, [pictures.len(), 3, height, width]), device)
}

/// A batch as pictures, each value rounded to the nearest 8-bit level.
///
/// # Shapes
/// image [batch, 3, height, width] in 0..1; values outside are clamped -> one picture per entry of the batch
pub fn from_tensor(image: Tensor<4>) -> Vec<Vec<u8>> {
    let [_, channels, height, width] = image.dims();
    let levels = (image.clamp(0.0, 1.0) * 255.0).round().permute([0, 2, 3, 1]).into_data();
    let bytes: Vec<u8> = levels.iter::<f32>().map(|level| level as u8).collect();
    bytes.chunks_exact(channels * height * width).map(<[u8]>::to_vec).collect()
}

/// A picture of `size` [height, width] as it comes back from a JPEG of `quality` (1 to 100) with halved colour
/// resolution, which is what cameras and networks do to a frame.
pub fn through_jpeg(picture: &[u8], size: [usize; 2], quality: u8) -> Vec<u8> {
    let [height, width] = size;
    let mut bytes = Vec::with_capacity(picture.len() / 4);
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    // Models have sides of at most 4096 pixels, which JPEG can hold, and a Vec takes every byte.
    encoder.encode(picture, width as u16, height as u16, ColorType::Rgb).expect("a picture can be encoded");
    crate::frame::decode(&bytes).expect("what was just encoded can be decoded").rgb
}

/// An 8-bit RGB picture of `from` (height, width) pixels stretched to `to`, as the device resizes a frame.
pub fn resized(picture: &[u8], from: [usize; 2], to: [usize; 2]) -> Vec<u8> {
    let picture = Picture { width: from[1] as u32, height: from[0] as u32, rgb: picture.to_vec() };
    let stretch = Framing { fit: Proportions::Stretch, ..Framing::default() };
    // A picture that has as many bytes as pixels, and is looked at as a whole.
    Fit::framed(to, stretch).rgb(&picture).expect("a whole picture can be fitted").to_vec()
}

/// The values of a tensor on the host, in row-major order.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// The peak signal-to-noise ratio in dB between two pictures of the same size in 0..1; 100 if they are equal.
pub fn psnr(picture: &[f32], reference: &[f32]) -> f64 {
    let square = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
    let error = picture.iter().zip(reference).map(square).sum::<f64>() / picture.len().max(1) as f64;
    -10.0 * error.max(1e-10).log10()
}

/// [`psnr`] of two 8-bit pictures of the same size.
pub fn psnr_8_bit(picture: &[u8], reference: &[u8]) -> f64 {
    let unit = |picture: &[u8]| picture.iter().map(|level| f32::from(*level) / 255.0).collect::<Vec<_>>();
    psnr(&unit(picture), &unit(reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_range_is_twenty_decibels() {
        assert!((psnr(&[0.5; 12], &[0.6; 12]) - 20.0).abs() < 1e-4);
        assert!((psnr_8_bit(&[0; 12], &[51; 12]) - 13.9794).abs() < 1e-3);
    }

    #[test]
    fn pictures_come_back_from_a_tensor_as_they_went_in() {
        let pictures = [vec![0, 1, 2, 253, 254, 255], vec![9, 8, 7, 6, 5, 4]];
        let tensor = to_tensor(&pictures, [1, 2], &Device::flex());
        assert_eq!(tensor.dims(), [2, 3, 1, 2]);
        assert_eq!(from_tensor(tensor), pictures);
    }
}
