//! Decodes image files to upright 8-bit RGB, within bounds of pixels and memory.
//!
//! JPEG (grey, YCbCr, CMYK), PNG, GIF, WebP, BMP, TIFF and PNM, recognised by their first bytes, not by their names.
//! The EXIF orientation is applied. An animation gives its first frame, a TIFF its first page. 16 bits and floating
//! point become 8 bits; transparent pixels are composited over black.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbaImage};

use super::Picture;
use super::jpeg::{Expected, Inspector, JpegError};
use crate::contain::contain;
use crate::passing::{OutOfMemory, expect_room};

/// The most pixels of a picture. Without this limit a header of a few bytes could claim gigabytes.
pub const MAX_PIXELS: u64 = 100_000_000;

/// The most bytes that a decoder may hold at once: enough for 85 million pixels of 16 bits per channel.
const MAX_DECODER_BYTES: u64 = 512 << 20;

/// The most bytes of a file. Without this limit a device file or a video given by mistake would fill the memory.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// Pictures of fewer bytes are not asked for in advance: they fail only when nothing works any more.
const LARGE: usize = 16 << 20;

/// Why a file or a buffer cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The file cannot be opened or read.
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// There are no bytes.
    #[error("is empty: expected an image (JPEG, PNG, GIF, WebP, BMP, TIFF or PNM)")]
    Empty,
    /// More bytes than [`MAX_FILE_BYTES`].
    #[error("is larger than {} MiB, the most that an image file may have", MAX_FILE_BYTES >> 20)]
    FileTooLarge,
    /// None of the formats above; its first bytes in hexadecimal.
    #[error("is not an image that purecam reads (JPEG, PNG, GIF, WebP, BMP, TIFF, PNM): its first bytes are {0}")]
    UnknownFormat(String),
    /// More pixels than [`MAX_PIXELS`].
    #[error(
        "has {width} x {height} = {} million pixels, the most is {}: scale it down first",
        u64::from(*.width) * u64::from(*.height) / 1_000_000,
        MAX_PIXELS / 1_000_000
    )]
    TooManyPixels { width: u32, height: u32 },
    /// A side of 0 pixels.
    #[error("has no pixels ({width} x {height})")]
    NoPixels { width: u32, height: u32 },
    /// Too little memory for its pixels.
    #[error("cannot be decoded: {0}")]
    Memory(#[from] OutOfMemory),
    /// A JPEG that is damaged, cut off, or of a kind that the decoder misreads.
    #[error("{0}")]
    Jpeg(#[from] JpegError),
    /// The decoder reported an error.
    #[error("is a broken {format} image: {cause}")]
    Broken {
        format: &'static str,
        #[source]
        cause: ImageError,
    },
    /// The decoder panicked: the panic's message and place.
    #[error("is a {format} image that makes its decoder fail: {cause}")]
    Panic { format: &'static str, cause: String },
}

/// Reads and decodes an image file.
///
/// # Errors
/// The file cannot be read, is too large, or is not an image.
pub fn read(path: &Path) -> Result<Picture, DecodeError> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(DecodeError::FileTooLarge);
    }
    decode(&bytes)
}

/// Decodes an image file's bytes.
///
/// # Errors
/// They are not an image, are damaged, or have too many pixels.
pub fn decode(bytes: &[u8]) -> Result<Picture, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    let format = image::guess_format(bytes).ok().and_then(|format| Some((format, format_name(format)?)));
    let Some((format, name)) = format else { return Err(DecodeError::UnknownFormat(first_bytes(bytes))) };
    let whole = || {
        if format != ImageFormat::Jpeg {
            return decode_as(bytes, format, name);
        }
        decode_as(Inspector::default().inspect(bytes, Expected::default())?, format, name)
    };
    contain(whole).unwrap_or_else(|cause| Err(DecodeError::Panic { format: name, cause }))
}

fn decode_as(bytes: &[u8], format: ImageFormat, name: &'static str) -> Result<Picture, DecodeError> {
    let broken = |cause| DecodeError::Broken { format: name, cause };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DecodeError::TooManyPixels { width, height });
    }
    if width == 0 || height == 0 {
        return Err(DecodeError::NoPixels { width, height });
    }
    // The reader counts only its own buffers. The picture itself is counted here, before it is allocated.
    limits.reserve(decoder.total_bytes()).map_err(broken)?;
    // The decoder's own picture, and the one that is made of it.
    let bytes = usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX);
    let bytes = bytes.saturating_add(3 * width as usize * height as usize);
    if bytes > LARGE {
        expect_room(bytes)?;
    }
    // A picture with a damaged EXIF block keeps its stored orientation.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    image.apply_orientation(orientation);
    Ok(picture(image))
}

fn picture(image: DynamicImage) -> Picture {
    let (width, height) = (image.width(), image.height());
    let rgb = if image.color().has_alpha() { on_black(image.into_rgba8()) } else { image.into_rgb8().into_raw() };
    Picture { width, height, rgb }
}

/// Composites over black, rounding to nearest.
fn on_black(image: RgbaImage) -> Vec<u8> {
    let over = |channel: u8, alpha: u8| ((u32::from(channel) * u32::from(alpha) + 127) / 255) as u8;
    image.pixels().flat_map(|pixel| [0, 1, 2].map(|channel| over(pixel.0[channel], pixel.0[3]))).collect()
}

fn format_name(format: ImageFormat) -> Option<&'static str> {
    Some(match format {
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Png => "PNG",
        ImageFormat::Gif => "GIF",
        ImageFormat::WebP => "WebP",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::Pnm => "PNM",
        _ => return None,
    })
}

fn first_bytes(bytes: &[u8]) -> String {
    bytes.iter().take(8).map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}
