//! A camera's bytes as RGB: every raw format against a plain reference, and Motion JPEG that is whole, odd, cut or
//! hostile.
#![cfg(target_os = "linux")]

use purecam::contain::contain;
use purecam::frame::Picture;
use purecam::source::SkipCause;
use purecam::source::camera::{Agreed, Converter, Layout, PixelFormat};

/// Colour spaces and encodings of linux/videodev2.h.
const SRGB: u32 = 8;
const REC709: u32 = 3;
const JPEG: u32 = 7;
const FULL_RANGE: u32 = 1;
const LIMITED_RANGE: u32 = 2;

fn agreed(format: PixelFormat, [width, height]: [u32; 2], padding: u32) -> Agreed {
    let bytes_per_line = format.least_stride(width).map_or(0, |least| least + padding);
    Agreed {
        format: format.fourcc(),
        width,
        height,
        bytes_per_line,
        size_image: 2 * 3 * (width + padding + 2) * height,
        field: 1,
        colorspace: SRGB,
        ycbcr_encoding: 0,
        quantization: 0,
    }
}

/// Noise that is the same every time.
struct Noise(u32);

impl Noise {
    fn byte(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 24) as u8
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }
}

/// ITU-R BT.601 or BT.709 in floating point.
fn reference([y, u, v]: [u8; 3], colorspace: u32, full: bool) -> [u8; 3] {
    let (kr, kb) = if colorspace == REC709 { (0.2126, 0.0722) } else { (0.299, 0.114) };
    let kg = 1.0 - kr - kb;
    let (y, chroma) = if full { (f64::from(y), 1.0) } else { ((f64::from(y) - 16.0) * 255.0 / 219.0, 255.0 / 224.0) };
    let [u, v] = [u, v].map(|value| (f64::from(value) - 128.0) * chroma);
    let red = y + 2.0 * (1.0 - kr) * v;
    let blue = y + 2.0 * (1.0 - kb) * u;
    let green = (y - kr * red - kb * blue) / kg;
    [red, green, blue].map(|value| value.round().clamp(0.0, 255.0) as u8)
}

/// A pixel of a raw frame by the definition of its format.
fn pixel(bytes: &[u8], layout: &Layout, x: usize, y: usize) -> [u8; 3] {
    let (stride, height) = (layout.stride as usize, layout.height as usize);
    let luma = stride * height;
    match layout.format {
        PixelFormat::Yuyv => {
            let at = y * stride + x / 2 * 4;
            [bytes[at + x % 2 * 2], bytes[at + 1], bytes[at + 3]]
        }
        PixelFormat::Uyvy => {
            let at = y * stride + x / 2 * 4;
            [bytes[at + 1 + x % 2 * 2], bytes[at], bytes[at + 2]]
        }
        PixelFormat::Nv12 => {
            let at = luma + y / 2 * stride + x / 2 * 2;
            [bytes[y * stride + x], bytes[at], bytes[at + 1]]
        }
        PixelFormat::Yu12 => {
            let at = luma + y / 2 * (stride / 2) + x / 2;
            [bytes[y * stride + x], bytes[at], bytes[at + stride / 2 * height.div_ceil(2)]]
        }
        _ => unreachable!("not a YUV format"),
    }
}

const YUV: [PixelFormat; 4] = [PixelFormat::Yuyv, PixelFormat::Uyvy, PixelFormat::Nv12, PixelFormat::Yu12];

fn convert(agreed: &Agreed, format: PixelFormat, bytes: &[u8]) -> Picture {
    let mut picture = Picture::default();
    Converter::new(Layout::new(format, agreed)).convert(bytes, &mut picture).unwrap();
    assert_eq!((picture.width, picture.height), (agreed.width, agreed.height));
    picture
}

fn farthest(picture: &Picture, mut expected: impl FnMut(usize, usize) -> [u8; 3]) -> u8 {
    let width = picture.width as usize;
    let differences = picture.rgb.chunks_exact(3).enumerate().map(|(index, found)| {
        let expected = expected(index % width, index / width);
        found.iter().zip(expected).map(|(found, expected)| found.abs_diff(expected)).max().unwrap()
    });
    differences.max().unwrap()
}

#[test]
fn every_yuv_format_is_within_five_levels_of_its_definition_at_any_size_and_stride() {
    let mut noise = Noise(1);
    for format in YUV {
        for [width, height] in [[2, 2], [16, 4], [18, 6], [33, 7], [64, 5], [130, 3], [640, 8], [101, 1]] {
            for padding in [0, 2, 34] {
                for (colorspace, quantization) in [(SRGB, 0), (REC709, LIMITED_RANGE), (JPEG, 0), (SRGB, FULL_RANGE)] {
                    let agreed = Agreed { colorspace, quantization, ..agreed(format, [width, height], padding) };
                    let layout = Layout::new(format, &agreed);
                    let full = quantization == FULL_RANGE || colorspace == JPEG;
                    let mut bytes = noise.bytes(layout.least_bytes());
                    if !full {
                        // Values outside the limited range have no definition.
                        bytes.iter_mut().for_each(|byte| *byte = (*byte).clamp(16, 235));
                    }
                    let picture = convert(&agreed, format, &bytes);
                    let expected = |x, y| reference(pixel(&bytes, &layout, x, y), colorspace, full);
                    let farthest = farthest(&picture, expected);
                    // The library counts with six bits of fraction.
                    assert!(farthest <= 5, "{format:?} {width}x{height} +{padding} {colorspace} {full}: {farthest}");
                }
            }
        }
    }
}

#[test]
fn colour_bars_have_the_colours_that_they_are_named_after() {
    // BT.601, limited range, 100 % bars.
    let bars: [([u8; 3], [u8; 3]); 8] = [
        ([235, 128, 128], [255, 255, 255]),
        ([210, 16, 146], [255, 255, 0]),
        ([170, 166, 16], [0, 255, 255]),
        ([145, 54, 34], [0, 255, 0]),
        ([106, 202, 222], [255, 0, 255]),
        ([81, 90, 240], [255, 0, 0]),
        ([41, 240, 110], [0, 0, 255]),
        ([16, 128, 128], [0, 0, 0]),
    ];
    for ([y, u, v], colour) in bars {
        for format in YUV {
            let bytes = match format {
                PixelFormat::Yuyv => [y, u, y, v].repeat(16 * 8),
                PixelFormat::Uyvy => [u, y, v, y].repeat(16 * 8),
                PixelFormat::Nv12 => [vec![y; 32 * 8], [u, v].repeat(16 * 4)].concat(),
                _ => [vec![y; 32 * 8], vec![u; 16 * 4], vec![v; 16 * 4]].concat(),
            };
            let picture = convert(&agreed(format, [32, 8], 0), format, &bytes);
            let farthest = farthest(&picture, |_, _| colour);
            assert!(farthest <= 2, "{format:?} of {colour:?}: {:?}", &picture.rgb[..3]);
        }
    }
}

#[test]
fn formats_without_chroma_arithmetic_arrive_exactly() {
    let size = [5, 3];
    let mut noise = Noise(2);
    for padding in [0, 7] {
        let rgb = noise.bytes((15 + padding as usize) * 3);
        let line = |y: usize| &rgb[y * (15 + padding as usize)..][..15];
        let picture = convert(&agreed(PixelFormat::Rgb3, size, padding), PixelFormat::Rgb3, &rgb);
        assert_eq!(picture.rgb, [line(0), line(1), line(2)].concat());
        let picture = convert(&agreed(PixelFormat::Bgr3, size, padding), PixelFormat::Bgr3, &rgb);
        assert_eq!(farthest(&picture, |x, y| [2, 1, 0].map(|channel| line(y)[3 * x + channel])), 0);
        let grey = noise.bytes((5 + padding as usize) * 3);
        let picture = convert(&agreed(PixelFormat::Grey, size, padding), PixelFormat::Grey, &grey);
        assert_eq!(farthest(&picture, |x, y| [grey[y * (5 + padding as usize) + x]; 3]), 0);
        let limited = Agreed { quantization: LIMITED_RANGE, ..agreed(PixelFormat::Grey, size, padding) };
        let picture = convert(&limited, PixelFormat::Grey, &grey);
        let expected = |x, y| reference([grey[y * (5 + padding as usize) + x], 128, 128], SRGB, false);
        assert!(farthest(&picture, expected) <= 1);
    }
}

#[test]
fn a_raw_frame_that_is_one_byte_short_is_short() {
    for format in PixelFormat::ALL.into_iter().filter(|format| *format != PixelFormat::Mjpg) {
        for padding in [0, 6] {
            let layout = Layout::new(format, &agreed(format, [17, 5], padding));
            let bytes = vec![0; layout.least_bytes()];
            let mut converter = Converter::new(layout);
            let mut picture = Picture::default();
            converter.convert(&bytes, &mut picture).unwrap();
            let skipped = converter.convert(&bytes[1..], &mut picture).unwrap_err();
            assert_eq!(skipped.cause, SkipCause::Short);
            assert!(skipped.problem.contains(&bytes.len().to_string()), "{}", skipped.problem);
        }
    }
}

const SIZE: [u32; 2] = [48, 40];

/// A JPEG of noise and smooth parts, so that its scan is long.
fn jpeg() -> Vec<u8> {
    let mut noise = Noise(3);
    let [width, height] = SIZE;
    let rgb: Vec<u8> = (0..width * height * 3).map(|at| (at / 20) as u8 ^ (noise.byte() >> 3)).collect();
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 85)
        .encode(&rgb, width, height, image::ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn decode(bytes: &[u8]) -> Result<Picture, SkipCause> {
    let mut picture = Picture::default();
    let mut converter = Converter::new(Layout::new(PixelFormat::Mjpg, &agreed(PixelFormat::Mjpg, SIZE, 0)));
    converter.convert(bytes, &mut picture).map(|()| picture).map_err(|skipped| skipped.cause)
}

/// The segments of a JPEG's header: their first and last byte, with the marker. The last is the start of the scan.
fn segments(jpeg: &[u8]) -> Vec<(u8, usize, usize)> {
    let mut segments = Vec::new();
    let mut at = 2;
    loop {
        let length = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        segments.push((jpeg[at + 1], at, at + 2 + length));
        if jpeg[at + 1] == 0xDA {
            return segments;
        }
        at += 2 + length;
    }
}

/// The same JPEG without the segments of a marker.
fn without(jpeg: &[u8], marker: u8) -> Vec<u8> {
    let segments = segments(jpeg);
    let scan = segments.last().unwrap().1;
    let kept = segments.iter().filter(|(found, ..)| *found != marker && *found != 0xDA);
    let kept: Vec<&[u8]> = kept.map(|(_, start, end)| &jpeg[*start..*end]).collect();
    [&jpeg[..2], &kept.concat(), &jpeg[scan..]].concat()
}

#[test]
fn a_whole_motion_jpeg_frame_is_what_another_decoder_makes_of_it() {
    let jpeg = jpeg();
    let expected = purecam::frame::decode(&jpeg).unwrap();
    assert_eq!(decode(&jpeg).unwrap().rgb, expected.rgb);
    let with_rubbish = [&jpeg[..], &[0; 500], &[0xFF, 0xD9, 0xFF]].concat();
    assert_eq!(decode(&with_rubbish).unwrap().rgb, expected.rgb, "bytes behind the end are not its own");
}

#[test]
fn a_frame_without_huffman_tables_means_those_of_the_standard() {
    let jpeg = jpeg();
    let bare = without(&jpeg, 0xC4);
    assert!(bare.len() + 400 < jpeg.len());
    assert_eq!(decode(&bare).unwrap(), decode(&jpeg).unwrap());
}

#[test]
fn comments_and_padding_between_segments_change_nothing() {
    let jpeg = jpeg();
    let note = [0xFF, 0xE5, 0x00, 0x06, 1, 2, 3, 4];
    let noted = [&jpeg[..2], &note, &[0xFF, 0xFF, 0xFF], &jpeg[3..]].concat();
    assert_eq!(decode(&noted).unwrap(), decode(&jpeg).unwrap());
}

#[test]
fn a_frame_that_is_cut_anywhere_is_never_called_good() {
    let jpeg = jpeg();
    for length in 0..jpeg.len() {
        assert!(contain(|| decode(&jpeg[..length])).unwrap().is_err(), "cut to {length} of {}", jpeg.len());
    }
}

#[test]
fn a_frame_that_lost_the_end_of_its_scan_is_corrupt_although_it_ends_properly() {
    let jpeg = jpeg();
    let scan = segments(&jpeg).last().unwrap().2;
    let end = jpeg.len() - 2;
    // A few bytes at the very end may be padding or hide in the decoder's look-ahead.
    for length in (scan..end - 32).step_by(3) {
        let ended = [&jpeg[..length], &[0xFF, 0xD9]].concat();
        assert!(contain(|| decode(&ended)).unwrap().is_err(), "{} of {} bytes of the scan", length - scan, end - scan);
    }
}

#[test]
fn a_frame_that_lost_a_packet_in_the_middle_is_mostly_refused_and_never_a_panic() {
    let jpeg = jpeg();
    let scan = segments(&jpeg).last().unwrap().2;
    let losses: Vec<usize> = (scan..jpeg.len() - 600).step_by(37).collect();
    let refused = losses.iter().filter(|at| {
        let lossy = [&jpeg[..**at], &jpeg[**at + 512..]].concat();
        contain(|| decode(&lossy)).unwrap().is_err()
    });
    assert_eq!(refused.count(), losses.len());
}

#[test]
fn a_frame_of_another_size_is_corrupt_and_nothing_is_allocated_for_it() {
    let jpeg = jpeg();
    let (_, header, _) = *segments(&jpeg).iter().find(|(marker, ..)| *marker == 0xC0).unwrap();
    for [high, low] in [[0xFF, 0xFF], [0, 16], [0, 0]] {
        let mut other = jpeg.clone();
        (other[header + 5], other[header + 6]) = (high, low);
        (other[header + 7], other[header + 8]) = (high, low);
        assert_eq!(decode(&other), Err(SkipCause::Corrupt));
    }
}

#[test]
fn frames_of_other_kinds_are_corrupt() {
    let jpeg = jpeg();
    let (_, header, end) = *segments(&jpeg).iter().find(|(marker, ..)| *marker == 0xC0).unwrap();
    // Progressive, lossless, arithmetic.
    for kind in [0xC2, 0xC3, 0xC9] {
        let mut other = jpeg.clone();
        other[header + 1] = kind;
        assert_eq!(decode(&other), Err(SkipCause::Corrupt));
    }
    let mut four_colours = jpeg.clone();
    four_colours[header + 9] = 4;
    assert_eq!(decode(&four_colours), Err(SkipCause::Corrupt));
    assert_eq!(decode(&without(&jpeg, 0xC0)), Err(SkipCause::Corrupt), "no frame header");
    assert_eq!(decode(&without(&jpeg, 0xDB)), Err(SkipCause::Corrupt), "no quantisation tables");
    assert_eq!(decode(&[&jpeg[..end], &[0xFF, 0xD9]].concat()), Err(SkipCause::Corrupt), "no scan");
    assert_eq!(decode(b"<html>no picture</html>"), Err(SkipCause::Corrupt));
    assert_eq!(decode(&vec![0; 200_000]), Err(SkipCause::Corrupt));
}

#[test]
fn a_grey_frame_is_read_as_one() {
    let [width, height] = SIZE;
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95)
        .encode(&vec![200; (width * height) as usize], width, height, image::ExtendedColorType::L8)
        .unwrap();
    assert!(decode(&bytes).unwrap().rgb.iter().all(|value| value.abs_diff(200) <= 1));
}

#[test]
fn frames_with_any_byte_changed_are_decoded_or_refused_without_a_panic() {
    let jpeg = jpeg();
    let mut noise = Noise(4);
    let mut refused = 0;
    for at in 0..jpeg.len() {
        let mut changed = jpeg.clone();
        changed[at] ^= noise.byte() | 1;
        refused += u32::from(contain(|| decode(&changed)).unwrap().is_err());
    }
    assert!(refused > 0);
}

/// What UVC cameras send: half the chroma across, as many lines as there are.
#[cfg(feature = "http")]
#[test]
fn chroma_of_half_the_width_is_read() {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
    let [width, height] = SIZE;
    let rgb: Vec<u8> =
        (0..height).flat_map(|y| (0..width).flat_map(move |x| [(x * 5) as u8, 128, (y * 6) as u8])).collect();
    for sampling in [SamplingFactor::R_4_2_2, SamplingFactor::R_4_2_0, SamplingFactor::R_4_4_4] {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 95);
        encoder.set_sampling_factor(sampling);
        encoder.set_restart_interval(3);
        encoder.encode(&rgb, width as u16, height as u16, ColorType::Rgb).unwrap();
        let picture = decode(&bytes).unwrap();
        let farthest = picture.rgb.iter().zip(&rgb).map(|(found, expected)| found.abs_diff(*expected)).max();
        assert!(farthest <= Some(24), "{sampling:?}: {farthest:?}");
        assert_eq!(decode(&without(&bytes, 0xC4)).unwrap(), picture);
    }
}
