//! A camera's bytes as RGB, in buffers that are reused.
//!
//! Raw YUV goes through the SIMD routines of the crate `yuv`, with the colour matrix and the range that the driver
//! reports (or those that linux/videodev2.h defines for a driver that reports none); MJPG goes through `mjpg.rs`.

use serde::{Deserialize, Serialize};
use v4l::FourCC;
use yuv::{YuvBiPlanarImage, YuvConversionMode, YuvError, YuvPackedImage, YuvPlanarImage, YuvRange, YuvStandardMatrix};

use super::device::Agreed;
use super::mjpg::MotionJpeg;
use crate::frame::Picture;
use crate::source::{SkipCause, Skipped};

/// The readable formats, the cheapest first and the one without colours last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PixelFormat {
    /// YUV 4:2:2, packed as Y U Y V.
    Yuyv,
    /// YUV 4:2:2, packed as U Y V Y.
    Uyvy,
    /// YUV 4:2:0, a plane of Y and one of U V.
    Nv12,
    /// YUV 4:2:0, three planes.
    Yu12,
    /// RGB, three bytes per pixel.
    Rgb3,
    /// BGR, three bytes per pixel.
    Bgr3,
    /// Motion JPEG: each frame is a baseline JPEG.
    Mjpg,
    /// Luminance only, one byte per pixel.
    Grey,
}

impl PixelFormat {
    /// All of them, in their order.
    pub const ALL: [Self; 8] =
        [Self::Yuyv, Self::Uyvy, Self::Nv12, Self::Yu12, Self::Rgb3, Self::Bgr3, Self::Mjpg, Self::Grey];

    /// Its name, which is its four-character code.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yuyv => "YUYV",
            Self::Uyvy => "UYVY",
            Self::Nv12 => "NV12",
            Self::Yu12 => "YU12",
            Self::Rgb3 => "RGB3",
            Self::Bgr3 => "BGR3",
            Self::Mjpg => "MJPG",
            Self::Grey => "GREY",
        }
    }

    /// Its four-character code.
    pub fn fourcc(self) -> FourCC {
        let mut code = [0; 4];
        code.copy_from_slice(self.name().as_bytes());
        FourCC { repr: code }
    }

    /// The format of a four-character code; `None` if it is not readable.
    pub fn of(code: FourCC) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.fourcc() == code)
    }

    /// The fewest bytes from one line of `width` pixels to the next; `None` if frames are compressed.
    pub fn least_stride(self, width: u32) -> Option<u32> {
        let even = width.next_multiple_of(2);
        match self {
            Self::Yuyv | Self::Uyvy => Some(2 * even),
            Self::Nv12 | Self::Yu12 => Some(even),
            Self::Rgb3 | Self::Bgr3 => Some(3 * width),
            Self::Grey => Some(width),
            Self::Mjpg => None,
        }
    }
}

/// The arrangement of a frame's bytes, and the meaning of its colours.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The frame's format.
    pub format: PixelFormat,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Bytes from one line to the next; 0 for MJPG.
    pub stride: u32,
    matrix: YuvStandardMatrix,
    range: YuvRange,
}

/// From linux/videodev2.h: `V4L2_COLORSPACE_*`, `V4L2_YCBCR_ENC_*`, `V4L2_QUANTIZATION_*`.
mod v4l2_colour {
    pub const SMPTE240M: u32 = 2;
    pub const REC709: u32 = 3;
    pub const JPEG: u32 = 7;
    pub const BT2020: u32 = 10;
    pub const DCI_P3: u32 = 12;
    pub const ENC_709: u32 = 2;
    pub const ENC_XV709: u32 = 4;
    pub const ENC_BT2020: u32 = 6;
    pub const ENC_BT2020_CONST_LUM: u32 = 7;
    pub const ENC_SMPTE240M: u32 = 8;
    pub const FULL_RANGE: u32 = 1;
    pub const LIMITED_RANGE: u32 = 2;
}

impl Layout {
    /// The layout of a format that the driver agreed to. Its stride must not be below [`PixelFormat::least_stride`],
    /// unless it is 0.
    pub fn new(format: PixelFormat, agreed: &Agreed) -> Self {
        let Agreed { width, height, .. } = *agreed;
        let stride = format.least_stride(width).map_or(0, |least| agreed.bytes_per_line.max(least));
        Self { format, width, height, stride, matrix: matrix(agreed), range: range(format, agreed) }
    }

    /// The fewest bytes of a whole frame. With one plane, the padding of its last line may be missing; with several,
    /// the library would leave that line out.
    pub fn least_bytes(&self) -> usize {
        let Some(line) = self.format.least_stride(self.width) else { return 4 };
        let [stride, line, height] = [self.stride, line, self.height].map(|length| length as usize);
        let padding = stride - line;
        match self.format {
            PixelFormat::Nv12 => stride * (height + height.div_ceil(2)),
            PixelFormat::Yu12 => stride * height + 2 * (stride / 2) * height.div_ceil(2),
            _ => stride * height - padding,
        }
    }
}

/// The driver's encoding; if it leaves that to the colour space, V4L2_MAP_YCBCR_ENC_DEFAULT.
fn matrix(agreed: &Agreed) -> YuvStandardMatrix {
    use v4l2_colour::*;
    match (agreed.ycbcr_encoding, agreed.colorspace) {
        (ENC_709 | ENC_XV709, _) | (0, REC709 | DCI_P3) => YuvStandardMatrix::Bt709,
        (ENC_BT2020 | ENC_BT2020_CONST_LUM, _) | (0, BT2020) => YuvStandardMatrix::Bt2020,
        (ENC_SMPTE240M, _) | (0, SMPTE240M) => YuvStandardMatrix::Smpte240,
        _ => YuvStandardMatrix::Bt601,
    }
}

/// The driver's range; if it leaves that to the colour space, V4L2_MAP_QUANTIZATION_DEFAULT. Infrared cameras that give
/// grey use the whole range and do not report it, so grey is limited only if the driver reports that it is.
fn range(format: PixelFormat, agreed: &Agreed) -> YuvRange {
    use v4l2_colour::*;
    match (agreed.quantization, agreed.colorspace) {
        (FULL_RANGE, _) | (0, JPEG) => YuvRange::Full,
        (LIMITED_RANGE, _) => YuvRange::Limited,
        _ if format == PixelFormat::Grey => YuvRange::Full,
        _ => YuvRange::Limited,
    }
}

/// Turns frames of one layout into pictures.
pub struct Converter {
    layout: Layout,
    motion_jpeg: MotionJpeg,
}

impl Converter {
    /// A converter of frames of this layout.
    pub fn new(layout: Layout) -> Self {
        Self { layout, motion_jpeg: MotionJpeg::default() }
    }

    /// The layout of its frames.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Writes a frame into `picture`, which is resized if it has another size.
    ///
    /// # Errors
    /// A frame that is short or corrupt. The picture may then be half written.
    pub fn convert(&mut self, bytes: &[u8], picture: &mut Picture) -> Result<(), Skipped> {
        let Layout { format, width, height, .. } = self.layout;
        let least = self.layout.least_bytes();
        if bytes.len() < least {
            let problem = format!("has {} bytes; {width} x {height} in {} needs {least}", bytes.len(), format.name());
            return Err(Skipped { cause: SkipCause::Short, problem });
        }
        (picture.width, picture.height) = (width, height);
        picture.rgb.resize(width as usize * height as usize * 3, 0);
        let rgb = &mut picture.rgb;
        match format {
            PixelFormat::Mjpg => return self.motion_jpeg.decode(bytes, [width, height], rgb),
            PixelFormat::Rgb3 => each_line(bytes, &self.layout, rgb, |line, rgb| rgb.copy_from_slice(line)),
            PixelFormat::Bgr3 => each_line(bytes, &self.layout, rgb, reverse_colours),
            PixelFormat::Grey => {
                let levels = levels(self.layout.range);
                each_line(bytes, &self.layout, rgb, |line, rgb| spread_grey(line, rgb, &levels));
            }
            _ => self
                .yuv(bytes, rgb)
                .map_err(|error| Skipped { cause: SkipCause::Corrupt, problem: error.to_string() })?,
        }
        Ok(())
    }

    fn yuv(&self, bytes: &[u8], rgb: &mut [u8]) -> Result<(), YuvError> {
        let Layout { format, width, height, stride, matrix, range } = self.layout;
        let luma = stride as usize * height as usize;
        let mode = YuvConversionMode::Balanced;
        match format {
            PixelFormat::Nv12 => {
                let (y_plane, uv_plane) = bytes.split_at(luma);
                let image = YuvBiPlanarImage { y_plane, y_stride: stride, uv_plane, uv_stride: stride, width, height };
                yuv::yuv_nv12_to_rgb(&image, rgb, 3 * width, range, matrix, mode)
            }
            PixelFormat::Yu12 => {
                let chroma_stride = stride / 2;
                let (y_plane, chroma) = bytes.split_at(luma);
                let (u_plane, v_plane) = chroma.split_at(chroma_stride as usize * height.div_ceil(2) as usize);
                let (u_stride, v_stride) = (chroma_stride, chroma_stride);
                let image =
                    YuvPlanarImage { y_plane, y_stride: stride, u_plane, u_stride, v_plane, v_stride, width, height };
                yuv::yuv420_to_rgb(&image, rgb, 3 * width, range, matrix)
            }
            _ => self.packed(bytes, rgb),
        }
    }

    /// YUYV and UYVY. The library leaves out a last line whose padding is missing, so that line goes by itself.
    fn packed(&self, bytes: &[u8], rgb: &mut [u8]) -> Result<(), YuvError> {
        let Layout { format, width, height, stride, matrix, range } = self.layout;
        let convert = if format == PixelFormat::Uyvy { yuv::uyvy422_to_rgb } else { yuv::yuyv422_to_rgb };
        let part = |yuy, yuy_stride, height, rgb: &mut [u8]| {
            convert(&YuvPackedImage { yuy, yuy_stride, width, height }, rgb, 3 * width, range, matrix)
        };
        let whole_lines = (bytes.len() / stride as usize).min(height as usize);
        let (lines, rest) = bytes.split_at(whole_lines * stride as usize);
        let (rgb_lines, rgb_rest) = rgb.split_at_mut(whole_lines * 3 * width as usize);
        if whole_lines > 0 {
            part(lines, stride, whole_lines as u32, rgb_lines)?;
        }
        if rgb_rest.is_empty() {
            return Ok(());
        }
        let line = 2 * width.next_multiple_of(2);
        part(&rest[..line as usize], line, 1, rgb_rest)
    }
}

/// Calls `write` with each line's bytes, without padding, and with its pixels.
fn each_line(bytes: &[u8], layout: &Layout, rgb: &mut [u8], write: impl Fn(&[u8], &mut [u8])) {
    let length = layout.format.least_stride(layout.width).unwrap_or_default() as usize;
    let lines = bytes.chunks(layout.stride as usize).zip(rgb.chunks_exact_mut(3 * layout.width as usize));
    lines.for_each(|(line, pixels)| write(&line[..length], pixels));
}

fn reverse_colours(line: &[u8], rgb: &mut [u8]) {
    for (bgr, rgb) in line.chunks_exact(3).zip(rgb.chunks_exact_mut(3)) {
        rgb.copy_from_slice(&[bgr[2], bgr[1], bgr[0]]);
    }
}

fn spread_grey(line: &[u8], rgb: &mut [u8], levels: &[u8; 256]) {
    for (grey, rgb) in line.iter().zip(rgb.chunks_exact_mut(3)) {
        rgb.fill(levels[usize::from(*grey)]);
    }
}

/// The grey level of each luminance: itself, or 16 to 235 spread over 0 to 255.
fn levels(range: YuvRange) -> [u8; 256] {
    let mut levels = [0; 256];
    for (luminance, level) in levels.iter_mut().enumerate() {
        *level = match range {
            YuvRange::Full => luminance as u8,
            YuvRange::Limited => ((luminance.saturating_sub(16) * 255 + 109) / 219).min(255) as u8,
        };
    }
    levels
}
