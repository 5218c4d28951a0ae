//! Every common image format becomes an upright 8-bit RGB picture, and fits a model's square input.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba};
use purecam::frame::{DecodeError, Fit, JpegError, JpegStream, Picture, decode, jpeg_length, read};

const RED: [u8; 3] = [220, 30, 30];
const GREEN: [u8; 3] = [30, 200, 30];
const BLUE: [u8; 3] = [30, 30, 220];
const WHITE: [u8; 3] = [250, 250, 250];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn pixel(picture: &Picture, x: u32, y: u32) -> [u8; 3] {
    let at = 3 * (y * picture.width + x) as usize;
    picture.rgb[at..at + 3].try_into().unwrap()
}

fn assert_close(found: [u8; 3], expected: [u8; 3], tolerance: u8) {
    let worst = found.iter().zip(expected).map(|(found, expected)| found.abs_diff(expected)).max().unwrap();
    assert!(worst <= tolerance, "{found:?} is not {expected:?} within {tolerance}");
}

/// Asserts that it is the upright picture of `fixtures/make_images.py`.
fn assert_upright(picture: &Picture, tolerance: u8) {
    assert_eq!((picture.width, picture.height), (32, 16));
    assert_eq!(picture.rgb.len(), 32 * 16 * 3);
    assert_close(pixel(picture, 4, 3), RED, tolerance);
    assert_close(pixel(picture, 27, 3), GREEN, tolerance);
    assert_close(pixel(picture, 4, 12), BLUE, tolerance);
    assert_close(pixel(picture, 27, 12), WHITE, tolerance);
}

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn every_exif_orientation_is_turned_upright() {
    for orientation in 1..=8 {
        assert_upright(&read(&fixture(&format!("orientation-{orientation}.jpg"))).unwrap(), 12);
    }
}

#[test]
fn a_cmyk_jpeg_keeps_its_original_colours() {
    assert_upright(&read(&fixture("cmyk.jpg")).unwrap(), 16);
}

#[test]
fn a_grey_jpeg_becomes_three_equal_channels() {
    let picture = read(&fixture("grey.jpg")).unwrap();
    let [red, green, blue] = pixel(&picture, 27, 12);
    assert!(red == green && green == blue && red > 240);
}

#[test]
fn an_animation_gives_its_first_frame() {
    for name in ["animated.gif", "animated.webp", "animated.png", "two-pages.tiff"] {
        assert_upright(&read(&fixture(name)).unwrap_or_else(|error| panic!("{name} {error}")), 2);
    }
}

#[test]
fn lossless_formats_keep_every_value() {
    let image = RgbImage::from_fn(7, 5, |x, y| Rgb([x as u8 * 30, y as u8 * 50, 255 - x as u8]));
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Pnm, ImageFormat::WebP] {
        let picture = decode(&encode(&DynamicImage::ImageRgb8(image.clone()), format)).unwrap();
        assert_eq!((picture.width, picture.height), (7, 5), "{format:?}");
        assert_eq!(picture.rgb, *image.as_raw(), "{format:?}");
    }
}

#[test]
fn sixteen_bits_become_eight_by_rounding() {
    let image: ImageBuffer<Rgb<u16>, _> = ImageBuffer::from_pixel(2, 2, Rgb([65535, 257 * 100, 257 * 100 + 129]));
    let picture = decode(&encode(&DynamicImage::ImageRgb16(image), ImageFormat::Png)).unwrap();
    assert_eq!(pixel(&picture, 1, 1), [255, 100, 101]);
    let grey: ImageBuffer<Luma<u16>, _> = ImageBuffer::from_pixel(2, 2, Luma([257 * 7]));
    let picture = decode(&encode(&DynamicImage::ImageLuma16(grey), ImageFormat::Png)).unwrap();
    assert_eq!(pixel(&picture, 0, 0), [7, 7, 7]);
}

#[test]
fn a_transparent_picture_is_composited_over_black() {
    let image = ImageBuffer::from_pixel(2, 2, Rgba([200u8, 100, 50, 128]));
    let picture = decode(&encode(&DynamicImage::ImageRgba8(image), ImageFormat::Png)).unwrap();
    assert_eq!(pixel(&picture, 0, 1), [100, 50, 25]);
    let grey = ImageBuffer::from_pixel(2, 2, LumaA([200u8, 0]));
    let picture = decode(&encode(&DynamicImage::ImageLumaA8(grey), ImageFormat::Png)).unwrap();
    assert_eq!(pixel(&picture, 0, 1), [0, 0, 0]);
}

#[test]
fn one_pixel_is_a_picture() {
    let picture =
        decode(&encode(&DynamicImage::ImageRgb8(RgbImage::from_pixel(1, 1, Rgb(RED))), ImageFormat::Png)).unwrap();
    assert_eq!((picture.width, picture.height), (1, 1));
    let mut planes = Vec::new();
    Fit::new([32, 32]).planes(&picture, &mut planes).unwrap();
    assert!(planes[..1024].iter().all(|value| (value - 220.0 / 255.0).abs() < 1e-6));
}

#[test]
fn a_picture_of_400_megapixels_is_refused_by_its_header() {
    // Only a BMP header: nothing after it could be decoded.
    let mut header = vec![b'B', b'M'];
    header.extend([0u8; 8]);
    header.extend(54u32.to_le_bytes());
    header.extend(40u32.to_le_bytes());
    header.extend(20_000i32.to_le_bytes());
    header.extend(20_000i32.to_le_bytes());
    header.extend(1u16.to_le_bytes());
    header.extend(24u16.to_le_bytes());
    header.extend([0u8; 24]);
    let error = decode(&header).unwrap_err();
    assert!(matches!(error, DecodeError::TooManyPixels { width: 20_000, height: 20_000 }), "{error}");
    assert!(error.to_string().contains("400 million pixels, the most is 100"), "{error}");
}

#[test]
fn a_file_that_is_not_an_image_is_described_by_its_first_bytes() {
    assert!(matches!(decode(b""), Err(DecodeError::Empty)));
    let error = decode(b"hello, world").unwrap_err();
    assert!(matches!(error, DecodeError::UnknownFormat(_)) && error.to_string().contains("68 65 6C 6C"), "{error}");
}

#[test]
fn a_truncated_file_is_no_picture() {
    let image =
        DynamicImage::ImageRgb8(RgbImage::from_fn(64, 64, |x, y| Rgb([x as u8 * 4, y as u8 * 4, (x * y) as u8])));
    for format in
        [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Gif]
    {
        let bytes = encode(&image, format);
        assert!(decode(&bytes).is_ok(), "{format:?}");
        assert!(decode(&bytes[..bytes.len() / 2]).is_err(), "half of a {format:?} was taken for a picture");
    }
}

#[test]
fn the_middle_square_of_a_wide_picture_is_kept() {
    let image = RgbImage::from_fn(120, 40, |x, _| Rgb(if (40..80).contains(&x) { GREEN } else { RED }));
    let picture = Picture { width: 120, height: 40, rgb: image.into_raw() };
    let mut planes = Vec::new();
    Fit::new([20, 20]).planes(&picture, &mut planes).unwrap();
    // The filter of a border pixel reaches one pixel beyond the square.
    let inside = |plane: usize| (0..20).flat_map(move |row| (1..19).map(move |column| plane * 400 + row * 20 + column));
    assert!(inside(0).all(|at| (planes[at] - 30.0 / 255.0).abs() < 0.01));
    assert!(inside(1).all(|at| (planes[at] - 200.0 / 255.0).abs() < 0.01));
}

#[test]
fn shrinking_averages_every_pixel() {
    // One white pixel in sixteen: sampling would give black or white, averaging a sixteenth.
    let image = RgbImage::from_fn(256, 256, |x, y| if x % 4 == 1 && y % 4 == 1 { Rgb([255; 3]) } else { Rgb([0; 3]) });
    let picture = Picture { width: 256, height: 256, rgb: image.into_raw() };
    let mut planes = Vec::new();
    Fit::new([16, 16]).planes(&picture, &mut planes).unwrap();
    assert!(planes.iter().all(|value| (value - 1.0 / 16.0).abs() < 0.01));
}

#[test]
fn resampling_agrees_with_pillow_to_its_rounding() {
    let (width, height) = (97, 61);
    let value = |x: u32, y: u32, c: u32| ((x * 7 + y * 13 + c * 85 + (x * y) % 31) % 256) as u8;
    let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |c| value(x, y, c)))).collect();
    let picture = Picture { width, height, rgb };
    let parts = [[18.0, 0.0, 61.0, 61.0], [0.0, 0.0, 97.0, 61.0], [3.5, 10.25, 40.0, 40.0], [40.0, 30.0, 6.0, 6.0]];
    let (mut fit, mut found) = (Fit::new([16, 16]), Picture::default());
    for (part, expected) in parts.into_iter().zip(include_bytes!("fixtures/resampled.bin").chunks(16 * 16 * 3)) {
        fit.part(&picture, part, &mut found).unwrap();
        let furthest = found.rgb.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max();
        // Pillow rounds to bytes between its two passes.
        assert!(furthest <= Some(1), "{part:?} differs by {furthest:?}");
    }
    assert_eq!(fit.rgb(&picture).unwrap().len(), 16 * 16 * 3);
    assert!(fit.part(&picture, [60.0, 0.0, 40.0, 40.0], &mut found).is_err(), "a part outside of the picture");
    assert!(fit.rgb(&Picture { rgb: vec![0; 5], ..picture }).is_err(), "a picture without its pixels");
}

#[test]
fn a_picture_of_the_right_size_arrives_exactly() {
    let rgb: Vec<u8> = (0..8 * 8 * 3).map(|index| (index * 37 % 256) as u8).collect();
    let picture = Picture { width: 8, height: 8, rgb: rgb.clone() };
    let mut planes = Vec::new();
    Fit::new([8, 8]).planes(&picture, &mut planes).unwrap();
    let back: Vec<u8> = (0..rgb.len()).map(|at| (planes[at % 3 * 64 + at / 3] * 255.0).round() as u8).collect();
    assert_eq!(back, rgb);
}

#[test]
fn a_jpeg_ends_at_its_own_end_marker_and_not_at_its_thumbnails() {
    let jpeg = encode(&DynamicImage::ImageRgb8(RgbImage::from_pixel(16, 16, Rgb(RED))), ImageFormat::Jpeg);
    // An APP1 segment with an end marker inside, as an EXIF thumbnail has one.
    let mut with_thumbnail = jpeg[..2].to_vec();
    with_thumbnail.extend([0xFF, 0xE1, 0, 6, 0xFF, 0xD8, 0xFF, 0xD9]);
    with_thumbnail.extend(&jpeg[2..]);
    let length = with_thumbnail.len();
    with_thumbnail.extend(b"trailing");
    assert_eq!(jpeg_length(&with_thumbnail), Some(length));
    assert_eq!(jpeg_length(&with_thumbnail[..length - 1]), None);
}

#[test]
fn a_motion_jpeg_stream_is_cut_into_its_images_and_a_broken_one_costs_only_itself() {
    // Detail in every block, so that the bytes cut off below are part of a scan, not of a header.
    let jpeg = |[red, green, blue]: [u8; 3]| {
        let image =
            RgbImage::from_fn(64, 64, |x, y| Rgb([red, green, blue].map(|value| value ^ ((x * 7 + y * 5) % 8) as u8)));
        encode(&DynamicImage::ImageRgb8(image), ImageFormat::Jpeg)
    };
    let (red, green, blue) = (jpeg(RED), jpeg(GREEN), jpeg(BLUE));
    let broken = &green[..green.len() - 20];
    let stream = [b"noise".as_slice(), &red, broken, &blue, &red[..50]].concat();
    let mut images = Vec::new();
    // Three bytes at a time: the places where reads end must not matter.
    let mut stream = JpegStream::new(Slowly(&stream));
    while let Some(image) = stream.next_image().unwrap() {
        images.push(decode(image).map(|picture| pixel(&picture, 8, 8)));
    }
    assert_eq!(images.len(), 4);
    assert_close(*images[0].as_ref().unwrap(), RED, 12);
    assert!(matches!(images[1], Err(DecodeError::Jpeg(JpegError::Cut))));
    assert_close(*images[2].as_ref().unwrap(), BLUE, 12);
    assert!(matches!(images[3], Err(DecodeError::Jpeg(JpegError::Cut))));
}

struct Slowly<'a>(&'a [u8]);

impl std::io::Read for Slowly<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = out.len().min(3).min(self.0.len());
        out[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}
