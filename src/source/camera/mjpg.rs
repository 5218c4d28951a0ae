//! A frame of Motion JPEG as RGB: what a camera may leave out is added, what it should not send is refused.
//!
//! Cameras leave out the Huffman tables and mean those of the standard, put bytes after the end, and lose packets in
//! the middle. The decoder tolerates all of this and invents the missing pixels; a picture that is partly invented must
//! not reach a classifier. So a frame is taken apart here, and only the segments that a baseline decoder needs are
//! passed on, without the end marker: a scan that ends early then ends the decoder's input, which its strict mode
//! refuses. The decoder's look-ahead only hides a loss of less than 16 bytes at the very end; cameras lose packets of
//! hundreds.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::frame::jpeg_length;
use crate::source::{SkipCause, Skipped};

/// The tables of ITU-T T.81, annex K.3, as the body of one DHT segment: a frame without tables means these.
#[rustfmt::skip]
const STANDARD_TABLES: [u8; 416] = [
    0, 0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0a, 0x0b, 0x10, 0, 2, 1, 3, 3, 2,
    4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d, 1, 2, 3, 0, 4, 0x11, 5, 0x12, 0x21, 0x31, 0x41, 6, 0x13, 0x51, 0x61, 7, 0x22, 0x71,
    0x14, 0x32, 0x81, 0x91, 0xa1, 8, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82, 9,
    0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a,
    0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65,
    0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88,
    0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9,
    0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca,
    0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea,
    0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 1, 0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1,
    2, 3, 4, 5, 6, 7, 8, 9, 0x0a, 0x0b, 0x11, 0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77, 0, 1, 2, 3, 0x11, 4, 5,
    0x21, 0x31, 6, 0x12, 0x41, 0x51, 7, 0x61, 0x71, 0x13, 0x22, 0x32, 0x81, 8, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 9,
    0x23, 0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a,
    0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a,
    0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75,
    0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7,
    0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8,
    0xd9, 0xda, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9,
    0xfa,
];

/// Decodes frames. Reuses its buffer from frame to frame.
#[derive(Default)]
pub struct MotionJpeg {
    /// The frame in the form that the decoder gets.
    assembled: Vec<u8>,
}

impl MotionJpeg {
    /// Decodes a frame of `size`, [width, height] in pixels, into `rgb`, which holds exactly that many.
    ///
    /// # Errors
    /// A frame that is short or corrupt.
    pub fn decode(&mut self, bytes: &[u8], size: [u32; 2], rgb: &mut [u8]) -> Result<(), Skipped> {
        self.assemble(bytes, size)?;
        let [width, height] = size.map(|side| side as usize);
        let options = DecoderOptions::new_fast()
            .set_strict_mode(true)
            .set_max_width(width)
            .set_max_height(height)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&self.assembled[..]), options);
        decoder.decode_into(rgb).map_err(|error| corrupt(format!("is a broken JPEG: {error}")))
    }

    /// Copies the segments that a decoder needs, and the scan without its end marker.
    fn assemble(&mut self, bytes: &[u8], size: [u32; 2]) -> Result<(), Skipped> {
        if !bytes.starts_with(&[0xFF, 0xD8]) {
            return Err(corrupt("does not begin like a JPEG".to_owned()));
        }
        let Some(length) = jpeg_length(bytes) else {
            let problem = format!("is a JPEG that does not end within its {} bytes", bytes.len());
            return Err(Skipped { cause: SkipCause::Short, problem });
        };
        let bytes = &bytes[..length - 2];
        self.assembled.clear();
        self.assembled.extend_from_slice(&bytes[..2]);
        let (mut at, mut framed, mut tables) = (2, false, false);
        while let Some(segment) = Segment::next(bytes, at) {
            at = segment.end;
            match segment.marker {
                // Baseline, and its extension to more tables. Of other kinds, a frame of a few bytes could cost
                // seconds.
                0xC0 | 0xC1 => {
                    expect_size(segment.body(bytes), size)?;
                    framed = true;
                }
                0xC4 => tables = true,
                // Quantisation tables, restart interval, Adobe's note on the colours.
                0xDB | 0xDD | 0xEE => {}
                0xDA if !framed => {
                    return Err(corrupt("is a JPEG whose scan comes before its frame header".to_owned()));
                }
                0xDA => {
                    if !tables {
                        self.insert_tables();
                    }
                    self.assembled.extend_from_slice(&bytes[segment.start..]);
                    return Ok(());
                }
                0xC2..=0xCF => return Err(corrupt("is a JPEG, but not a baseline one".to_owned())),
                // Previews, comments, the camera's own notes.
                _ => continue,
            }
            self.assembled.extend_from_slice(&bytes[segment.start..segment.end]);
        }
        Err(corrupt("is a JPEG without a picture in it".to_owned()))
    }

    fn insert_tables(&mut self) {
        let length = (STANDARD_TABLES.len() + 2) as u16;
        self.assembled.extend_from_slice(&[0xFF, 0xC4]);
        self.assembled.extend_from_slice(&length.to_be_bytes());
        self.assembled.extend_from_slice(&STANDARD_TABLES);
    }
}

/// A marker with its parameters.
struct Segment {
    marker: u8,
    /// The index of its FF.
    start: usize,
    /// The index behind its last byte.
    end: usize,
}

impl Segment {
    /// The first segment at or after `from`. Skips bytes between segments, and markers without parameters.
    fn next(bytes: &[u8], mut from: usize) -> Option<Self> {
        loop {
            let start = from
                + bytes.get(from..)?.windows(2).position(|pair| pair[0] == 0xFF && (0x02..0xFF).contains(&pair[1]))?;
            let marker = bytes[start + 1];
            if (0xD0..=0xD9).contains(&marker) {
                from = start + 2;
                continue;
            }
            let length = usize::from(u16::from_be_bytes([*bytes.get(start + 2)?, *bytes.get(start + 3)?]));
            let end = start + 2 + length;
            return (length >= 2 && end <= bytes.len()).then_some(Self { marker, start, end });
        }
    }

    fn body<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.start + 4..self.end]
    }
}

/// Compares a frame header with the size that the camera agreed to.
fn expect_size(header: &[u8], [width, height]: [u32; 2]) -> Result<(), Skipped> {
    let &[precision, h1, h0, w1, w0, components, ..] = header else {
        return Err(corrupt("is a JPEG with half a frame header".to_owned()));
    };
    let found = [u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0])].map(u32::from);
    if found != [width, height] {
        return Err(corrupt(format!("is {} x {} pixels; the camera agreed to {width} x {height}", found[0], found[1])));
    }
    if precision != 8 || !matches!(components, 1 | 3) {
        return Err(corrupt(format!("is a JPEG of {components} colours of {precision} bits; expected 1 or 3 of 8")));
    }
    Ok(())
}

fn corrupt(problem: String) -> Skipped {
    Skipped { cause: SkipCause::Corrupt, problem }
}
