//! JPEG before it is decoded: where an image ends, whether all of it is there, and whether the decoder reads it
//! rightly.
//!
//! Decoders are lenient: they invent what is missing, and a picture that is partly invented must not reach a
//! classifier. So each image is walked over first ([`Inspector`]), and what goes to the decoder is assembled from the
//! segments that count. What no such walk can see: a change that leaves a whole, valid JPEG behind.

mod header;
mod huffman;
mod scan;
mod stream;

pub use stream::{JpegStream, jpeg_length};

use header::{Frame, Scan, Tables, read_quantisation};

/// The most scans of an image; encoders write about ten. A file of many empty ones could cost minutes.
const MAX_SCANS: usize = 100;

/// The most segments of an image; photographs have some dozens. Each costs a note of its place.
const MAX_SEGMENTS: usize = 10_000;

/// Why a JPEG is not one picture, whole and readable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JpegError {
    /// No start-of-image marker.
    #[error("does not begin like a JPEG")]
    Start,
    /// The bytes end inside of the image.
    #[error("is a truncated JPEG: it ends before its end-of-image marker")]
    Cut,
    /// Bytes between two segments; their place.
    #[error("has a byte at {0} that belongs to no segment")]
    Marker(usize),
    /// A segment whose length or numbers cannot be; its marker.
    #[error("has a malformed {0} segment")]
    Segment(&'static str),
    /// No frame.
    #[error("has no picture in it")]
    Empty,
    /// A kind that purecam does not read, or that its decoder misreads.
    #[error("is not a JPEG that purecam reads: it has {0}; save it again as a baseline JPEG")]
    Unsupported(&'static str),
    /// A scan that does not fit the rest.
    #[error("has a scan that {0}")]
    Scan(&'static str),
    /// A restart interval with too few blocks.
    #[error("lacks a part of its data: a scan ends before its last block")]
    Short,
    /// A restart interval with too much data.
    #[error("has data left over: a part of a scan was lost")]
    Long,
    /// A block with too many coefficients.
    #[error("is damaged: a block has more than 64 coefficients")]
    Overrun,
    /// A DC coefficient that no encoder of 8-bit pixels writes.
    #[error("is damaged: a block is brighter than white or darker than black")]
    Brightness,
    /// Bits that are no code of their table.
    #[error("is damaged: its data hold a code that is in no table")]
    Code,
    /// Restart markers out of turn.
    #[error("is damaged: expected restart marker {expected}, found marker {found:02X}")]
    Restart { expected: u8, found: u8 },
    /// Another size than expected, `[width, height]`.
    #[error("is {found} pixels, {expected} were expected", found = size_text(found), expected = size_text(expected))]
    Size { found: [u32; 2], expected: [u32; 2] },
    /// A progressive image without its last scans.
    #[error("lacks scans: some coefficients are not there to their last bit")]
    Incomplete,
}

/// The tables of ITU-T T.81, annex K.3, as the body of one DHT segment: what a frame without tables means.
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

/// What an image must be like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected {
    /// Its width and height in pixels; `None` if any will do.
    pub size: Option<[u32; 2]>,
    /// Only baseline images: other kinds let a frame of a few bytes cost seconds.
    pub baseline: bool,
    /// Drop what does not change a pixel: previews, comments, the camera's own notes.
    pub bare: bool,
}

/// Walks over whole images. Keeps its buffers from image to image: baseline ones of one size cost no allocation after
/// the first.
#[derive(Default)]
pub struct Inspector {
    frame: Frame,
    scan: Scan,
    tables: Tables,
    progress: scan::Progress,
    pieces: Vec<Piece>,
    assembled: Vec<u8>,
}

/// A segment, with the data behind it if it is a scan.
#[derive(Clone, Copy)]
struct Piece {
    code: u8,
    start: usize,
    end: usize,
}

/// What the segments of an image have said so far.
#[derive(Default)]
struct Header {
    signs: Signs,
    /// Units from one restart marker to the next; 0 if there are none.
    interval: usize,
    /// Of each quantisation table: the step of the DC coefficient; 0 if it is not there.
    steps: [u16; 4],
    /// Whether the frame header has come.
    framed: bool,
    scans: usize,
}

/// What of an image has to be put right for the decoder to read it as it is meant.
#[derive(Default)]
struct Signs {
    /// There are no Huffman tables: the standard's are meant.
    lacks_tables: bool,
    /// JFIF says how colours are coded.
    jfif: bool,
    /// So does Adobe, which counts only without JFIF.
    adobe: bool,
}

impl Inspector {
    /// The image that `bytes` begin with, for the decoder, once it is known to be whole.
    ///
    /// Huffman tables that are missing are put in. A sign about the colours that JFIF overrules is taken out.
    ///
    /// # Errors
    /// What is missing or damaged, what is not as expected, and what the decoder (zune-jpeg 0.5) does not read rightly.
    pub fn inspect<'a>(&'a mut self, bytes: &'a [u8], expected: Expected) -> Result<&'a [u8], JpegError> {
        let signs = self.walk(bytes, expected)?;
        let letters = self.frame.components.iter().map(|component| component.id).eq(*b"RGB");
        let ycbcr = signs.jfif && self.frame.components.len() == 3 && (signs.adobe || letters);
        if !(expected.bare || signs.lacks_tables || ycbcr) {
            return Ok(bytes);
        }
        self.assemble(bytes, expected.bare, signs.lacks_tables, ycbcr);
        Ok(&self.assembled)
    }

    fn walk(&mut self, bytes: &[u8], expected: Expected) -> Result<Signs, JpegError> {
        let mut header = Header::default();
        self.tables.defined = Default::default();
        self.pieces.clear();
        if !bytes.starts_with(&[0xFF, 0xD8]) {
            return Err(JpegError::Start);
        }
        let mut at = 2;
        loop {
            let start = at;
            let (code, behind) = scan::code_at(bytes, at)?;
            if code == 0xD9 {
                break;
            }
            let length = bytes.get(behind..behind + 2).ok_or(JpegError::Cut)?;
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            if length < 2 || (0xD0..=0xD8).contains(&code) || code < 0x02 {
                return Err(JpegError::Marker(start));
            }
            let body = bytes.get(behind + 2..behind + length).ok_or(JpegError::Cut)?;
            at = behind + length;
            if code == 0xDA {
                self.read_scan_header(body, &mut header)?;
                let tables = (&*self.tables.dc, &*self.tables.ac);
                let with = scan::With { frame: &self.frame, tables, interval: header.interval, steps: &header.steps };
                at = scan::walk(bytes, at, &self.scan, with, &mut self.progress)?;
            } else {
                self.read_segment(code, body, expected, &mut header)?;
            }
            self.pieces.push(Piece { code, start, end: at });
            if header.scans > MAX_SCANS || self.pieces.len() > MAX_SEGMENTS {
                return Err(JpegError::Unsupported("more scans or segments than any camera or editor writes"));
            }
        }
        match header.framed {
            false => Err(JpegError::Empty),
            true if !self.progress.is_whole() => Err(JpegError::Incomplete),
            true => Ok(header.signs),
        }
    }

    /// Reads a segment that is not a scan's.
    fn read_segment(
        &mut self,
        code: u8,
        body: &[u8],
        expected: Expected,
        header: &mut Header,
    ) -> Result<(), JpegError> {
        match code {
            0xC0..=0xC2 if header.framed => return Err(JpegError::Unsupported("two frames")),
            0xC0..=0xC2 => {
                self.frame.read(code, body)?;
                self.frame.check(expected)?;
                self.progress.start(&self.frame);
                header.framed = true;
            }
            0xC4 => self.tables.read(body)?,
            0xC3 | 0xC5..=0xCF => return Err(JpegError::Unsupported("another coding than Huffman's DCT")),
            0xDB => read_quantisation(body, &mut header.steps)?,
            0xDC => return Err(JpegError::Unsupported("its height behind its data")),
            0xDD => match body {
                &[high, low] => header.interval = usize::from(u16::from_be_bytes([high, low])),
                _ => return Err(JpegError::Segment("DRI")),
            },
            0xE0 => header.signs.jfif |= body.starts_with(b"JFIF\0"),
            0xEE => header.signs.adobe |= body.starts_with(b"Adobe"),
            _ => {}
        }
        Ok(())
    }

    /// Reads what a scan says before its data, and refuses one that cannot be read.
    fn read_scan_header(&mut self, body: &[u8], header: &mut Header) -> Result<(), JpegError> {
        header.scans += 1;
        if !header.framed {
            return Err(JpegError::Scan("comes before the frame header"));
        }
        self.scan.read(body, &self.frame)?;
        if self.tables.defined == [[false; 4]; 2] {
            self.tables.read(&STANDARD_TABLES)?;
            header.signs.lacks_tables = true;
        }
        self.tables.check(&self.scan, &self.frame)?;
        self.frame.check_steps(&header.steps)
    }

    /// Puts the pieces together anew.
    fn assemble(&mut self, bytes: &[u8], bare: bool, lacks_tables: bool, ycbcr: bool) {
        let out = &mut self.assembled;
        out.clear();
        out.extend_from_slice(&[0xFF, 0xD8]);
        let mut inserted = !lacks_tables;
        for &Piece { code, start, end } in &self.pieces {
            let is_note = matches!(code, 0xE0..=0xED | 0xEF | 0xF0..=0xFE);
            if bare && is_note || ycbcr && code == 0xEE {
                continue;
            }
            if code == 0xDA && !std::mem::replace(&mut inserted, true) {
                out.extend_from_slice(&[0xFF, 0xC4]);
                out.extend_from_slice(&(STANDARD_TABLES.len() as u16 + 2).to_be_bytes());
                out.extend_from_slice(&STANDARD_TABLES);
            }
            // One FF before the code, however many fill bytes there were.
            let fill = bytes[start..end].iter().take_while(|byte| **byte == 0xFF).count();
            let base = out.len();
            out.extend_from_slice(&bytes[start + fill - 1..end]);
            if !ycbcr {
                continue;
            }
            match code {
                0xC0..=0xC2 => (0..self.frame.components.len()).for_each(|i| out[base + 10 + 3 * i] = i as u8 + 1),
                0xDA => {
                    for i in 0..usize::from(out[base + 4]) {
                        let id = &mut out[base + 5 + 2 * i];
                        let place = self.frame.components.iter().position(|component| component.id == *id);
                        // The walk has found each scan's components in the frame.
                        *id = place.map_or(*id, |place| place as u8 + 1);
                    }
                }
                _ => {}
            }
        }
        out.extend_from_slice(&[0xFF, 0xD9]);
    }
}

fn size_text([width, height]: &[u32; 2]) -> String {
    format!("{width} x {height}")
}
