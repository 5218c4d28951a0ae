//! Finds where a JPEG image ends, by its markers: recognises truncated files, and cuts Motion JPEG streams.
//!
//! ITU-T T.81, annex B. Nothing is decoded.

use std::io::{self, Read};

const START_OF_IMAGE: u8 = 0xD8;
const END_OF_IMAGE: u8 = 0xD9;
/// What every image begins with: its marker, and the first byte of the one behind it.
const BEGINNING: [u8; 3] = [0xFF, START_OF_IMAGE, 0xFF];

/// What a walk from marker to marker finds first.
enum End {
    /// The end-of-image marker; the image's length with it.
    Whole(usize),
    /// Another image's beginning, at this offset.
    Interrupted(usize),
    /// The end of the bytes.
    CutOff,
}

/// The length of the JPEG image that `bytes` begin with; `None` if it is truncated, or if they do not begin with one.
pub fn jpeg_length(bytes: &[u8]) -> Option<usize> {
    match bytes.starts_with(&[0xFF, START_OF_IMAGE]).then(|| walk(bytes))? {
        End::Whole(length) => Some(length),
        End::Interrupted(_) | End::CutOff => None,
    }
}

/// Walks over the markers of the image that `bytes` begin with.
fn walk(bytes: &[u8]) -> End {
    let mut at = 2;
    while let Some(marker) = next_marker(bytes, at) {
        match bytes[marker + 1] {
            END_OF_IMAGE => return End::Whole(marker + 2),
            START_OF_IMAGE => return End::Interrupted(marker),
            // Restart markers and TEM stand alone.
            0xD0..=0xD7 | 0x01 => at = marker + 2,
            code => {
                let Some(length) = bytes.get(marker + 2..marker + 4) else { return End::CutOff };
                at = marker + 2 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
                // A length of FFD8 is no length but the next image's beginning.
                if length == [0xFF, START_OF_IMAGE] {
                    return End::Interrupted(marker + 2);
                }
                if let Some(beginning) = beginning_inside(bytes, marker + 2, at)
                    && !may_hold_an_image(code, bytes, beginning, at)
                {
                    return End::Interrupted(beginning);
                }
            }
        }
    }
    End::CutOff
}

/// An image that begins before `end`: the length of a segment that is cut off reaches into the next image.
fn beginning_inside(bytes: &[u8], start: usize, end: usize) -> Option<usize> {
    let segment = &bytes[start..bytes.len().min(end + BEGINNING.len() - 1)];
    segment.windows(BEGINNING.len()).position(|window| window == BEGINNING).map(|offset| start + offset)
}

/// The fewest bytes of a preview that goes on in the next segment.
const PREVIEW: usize = 64;

/// Whether the image that begins inside a segment, which ends at `end`, may be a preview: the segment is an
/// application's own, a marker follows it, and there is room for one.
fn may_hold_an_image(code: u8, bytes: &[u8], beginning: usize, end: usize) -> bool {
    let is_own = matches!(code, 0xE0..=0xEF | 0xFE);
    let marker_follows = match bytes.get(end..) {
        Some([0xFF, next, ..]) => *next != 0,
        Some([0xFF]) | Some([]) | None => true,
        Some(_) => false,
    };
    let preview = &bytes[beginning..bytes.len().min(end)];
    let has_room = end - beginning >= PREVIEW || preview.windows(2).any(|pair| pair == [0xFF, END_OF_IMAGE]);
    is_own && marker_follows && has_room
}

/// The first place at or after `from` with a marker: FF and then neither 00 (a stuffed byte of a scan) nor FF
/// (padding).
fn next_marker(bytes: &[u8], from: usize) -> Option<usize> {
    let tail = bytes.get(from..)?;
    tail.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF)).map(|offset| from + offset)
}

/// Cuts a stream of JPEG images laid end to end (Motion JPEG without a container) into its images.
///
/// Bytes between images are skipped. An image that another one interrupts, or that the stream's end cuts off, is
/// returned as it is, so that its decoder can report the fault.
#[derive(Debug)]
pub struct JpegStream<R> {
    input: R,
    buffer: Vec<u8>,
    /// How many bytes of `buffer` have been returned.
    used: usize,
    ended: bool,
}

/// How many bytes are read at once.
const CHUNK: usize = 256 << 10;

/// The most bytes of one image of a stream. Without this limit a stream without an end marker would grow the buffer for
/// ever.
const MAX_IMAGE: usize = 32 << 20;

impl<R: Read> JpegStream<R> {
    /// A stream that reads from `input`.
    pub fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), used: 0, ended: false }
    }

    /// The next image's bytes; `None` at the end of the stream.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn next_image(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            if let Some((start, end)) = self.find() {
                self.used = end;
                return Ok(Some(&self.buffer[start..end]));
            }
            if self.ended {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// The next image's place in the buffer, once all of it is there. Bytes before it are discarded.
    fn find(&mut self) -> Option<(usize, usize)> {
        let Some(offset) = self.buffer[self.used..].windows(3).position(|window| window == BEGINNING) else {
            // The last two bytes may be the first of a beginning.
            self.used = self.used.max(self.buffer.len().saturating_sub(2));
            return None;
        };
        self.used += offset;
        let (start, end) = (self.used, self.buffer.len());
        match walk(&self.buffer[start..]) {
            End::Whole(length) => Some((start, start + length)),
            End::Interrupted(offset) => Some((start, start + offset)),
            End::CutOff if self.ended || end - start > MAX_IMAGE => Some((start, end)),
            End::CutOff => None,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.used);
        self.used = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + CHUNK, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => break other,
            }
        };
        self.buffer.truncate(before + *read.as_ref().unwrap_or(&0));
        self.ended = read? == 0;
        Ok(())
    }
}
