//! A frame of Motion JPEG as RGB: what a camera may leave out is put in, what it should not send is refused.
//!
//! Cameras leave the Huffman tables out and mean those of the standard, put bytes after the end, and lose packets in
//! the middle. The decoder is lenient with all of it and invents what is missing; a picture that is partly invented
//! must not reach a classifier. So each frame is inspected first, and only what changes a pixel goes to the decoder.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::frame::{Expected, Inspector, JpegError, jpeg_length};
use crate::source::{SkipCause, Skipped};

/// Decodes frames. Keeps its buffers from frame to frame.
#[derive(Default)]
pub struct MotionJpeg {
    inspector: Inspector,
}

impl MotionJpeg {
    /// Decodes a frame of `[width, height]` pixels into `rgb`, which holds exactly so many.
    ///
    /// # Errors
    /// A frame that is cut off, damaged, of another size, or not a baseline JPEG.
    pub fn decode(&mut self, bytes: &[u8], size: [u32; 2], rgb: &mut [u8]) -> Result<(), Skipped> {
        if bytes.starts_with(&[0xFF, 0xD8]) && jpeg_length(bytes).is_none() {
            let problem = format!("is a JPEG that is cut off: its {} bytes hold no end", bytes.len());
            return Err(Skipped { cause: SkipCause::Short, problem });
        }
        let expected = Expected { size: Some(size), baseline: true, bare: true };
        let whole = self.inspector.inspect(bytes, expected).map_err(|error| match error {
            JpegError::Size { found: [width, height], expected } => {
                corrupt(format!("is {width} x {height} pixels; the camera agreed to {} x {}", expected[0], expected[1]))
            }
            error => corrupt(error.to_string()),
        })?;
        let [width, height] = size.map(|side| side as usize);
        let options = DecoderOptions::new_fast()
            .set_strict_mode(true)
            .set_max_width(width)
            .set_max_height(height)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(whole), options);
        decoder.decode_into(rgb).map_err(|error| corrupt(format!("is a broken JPEG: {error}")))
    }
}

fn corrupt(problem: String) -> Skipped {
    Skipped { cause: SkipCause::Corrupt, problem }
}
