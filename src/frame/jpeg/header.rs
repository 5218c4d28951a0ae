//! The segments between a JPEG's markers, and what they say of the frame and its scans (ITU-T T.81, annex B).

use super::huffman::Table;
use super::{Expected, JpegError};

/// A component of the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Component {
    pub id: u8,
    /// Blocks of a unit, across and down: the sampling factors.
    pub horizontal: usize,
    pub vertical: usize,
    pub quantisation: usize,
}

/// What the frame header says.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub progressive: bool,
    pub width: usize,
    pub height: usize,
    pub components: Vec<Component>,
}

impl Frame {
    /// Reads the body of an SOF segment.
    pub fn read(&mut self, code: u8, body: &[u8]) -> Result<(), JpegError> {
        let &[precision, h1, h0, w1, w0, count, ref rest @ ..] = body else { return Err(JpegError::Segment("SOF")) };
        if precision != 8 {
            return Err(JpegError::Unsupported("more than 8 bits per value"));
        }
        self.progressive = code == 0xC2;
        self.width = usize::from(u16::from_be_bytes([w1, w0]));
        self.height = usize::from(u16::from_be_bytes([h1, h0]));
        self.components.clear();
        for part in rest.chunks_exact(3) {
            let (horizontal, vertical) = (usize::from(part[1] >> 4), usize::from(part[1] & 15));
            let quantisation = usize::from(part[2]);
            if !(1..=4).contains(&horizontal) || !(1..=4).contains(&vertical) || quantisation > 3 {
                return Err(JpegError::Segment("SOF"));
            }
            self.components.push(Component { id: part[0], horizontal, vertical, quantisation });
        }
        let fits = rest.len() == 3 * usize::from(count) && (1..=4).contains(&count);
        if !fits || self.width == 0 || self.height == 0 {
            return Err(JpegError::Segment("SOF"));
        }
        Ok(())
    }

    /// Refuses what is not expected, and what the decoder reads wrongly.
    pub fn check(&self, expected: Expected) -> Result<(), JpegError> {
        if let Some(size) = expected.size.filter(|size| *size != [self.width as u32, self.height as u32]) {
            return Err(JpegError::Size { found: [self.width as u32, self.height as u32], expected: size });
        }
        if self.progressive && expected.baseline {
            return Err(JpegError::Unsupported("several scans of growing detail (progressive)"));
        }
        let first = self.components[0];
        if [first.horizontal, first.vertical] != self.most() {
            return Err(JpegError::Unsupported("brightness sampled less than colour"));
        }
        Ok(())
    }

    /// Refuses a component whose quantisation table is not there. `steps` has the first step of each; none is zero.
    pub fn check_steps(&self, steps: &[u16; 4]) -> Result<(), JpegError> {
        let lacks = self.components.iter().any(|component| steps[component.quantisation] == 0);
        if lacks { Err(JpegError::Scan("uses a quantisation table that is not there")) } else { Ok(()) }
    }

    /// The largest sampling factors.
    pub fn most(&self) -> [usize; 2] {
        let most = |of: fn(&Component) -> usize| self.components.iter().map(of).max().unwrap_or(1);
        [most(|component| component.horizontal), most(|component| component.vertical)]
    }

    /// Units of an interleaved scan, across and down.
    fn interleaved_units(&self) -> [usize; 2] {
        let [across, down] = self.most();
        [self.width.div_ceil(8 * across), self.height.div_ceil(8 * down)]
    }

    /// Blocks of a component, across and down, with those that only fill its last units.
    pub fn padded_blocks(&self, component: &Component) -> [usize; 2] {
        let [columns, rows] = self.interleaved_units();
        [columns * component.horizontal, rows * component.vertical]
    }

    /// Units of a scan, across and down. A scan of one component has a block for a unit and no padding (A.2.3).
    pub fn units(&self, scan: &Scan) -> [usize; 2] {
        let [part] = &scan.parts[..] else { return self.interleaved_units() };
        let component = &self.components[part.component];
        let [across, down] = self.most();
        [
            (self.width * component.horizontal).div_ceil(across).div_ceil(8),
            (self.height * component.vertical).div_ceil(down).div_ceil(8),
        ]
    }
}

/// A component's part in a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its place in the frame.
    pub component: usize,
    pub dc: usize,
    pub ac: usize,
}

/// What a scan header says.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    pub parts: Vec<Part>,
    /// The band of coefficients, in zigzag order.
    pub first: usize,
    pub last: usize,
    /// Low bits that were missing before the scan (0: it is the band's first), and after it.
    pub high: u8,
    pub low: u8,
}

impl Scan {
    /// Reads the body of an SOS segment.
    pub fn read(&mut self, body: &[u8], frame: &Frame) -> Result<(), JpegError> {
        let wrong = JpegError::Segment("SOS");
        let Some((&count, rest)) = body.split_first() else { return Err(wrong) };
        let count = usize::from(count);
        if !(1..=4).contains(&count) || rest.len() != 2 * count + 3 {
            return Err(wrong);
        }
        self.parts.clear();
        for part in rest[..2 * count].chunks_exact(2) {
            let component = frame.components.iter().position(|component| component.id == part[0]);
            let Some(component) = component else { return Err(JpegError::Segment("SOS")) };
            let (dc, ac) = (usize::from(part[1] >> 4), usize::from(part[1] & 15));
            if dc > 3 || ac > 3 || self.parts.iter().any(|part| part.component == component) {
                return Err(JpegError::Segment("SOS"));
            }
            self.parts.push(Part { component, dc, ac });
        }
        let blocks =
            |part: &Part| frame.components[part.component].horizontal * frame.components[part.component].vertical;
        if count > 1 && self.parts.iter().map(blocks).sum::<usize>() > 10 {
            return Err(wrong);
        }
        let &[first, last, bits] = &rest[2 * count..] else { return Err(wrong) };
        (self.first, self.last) = (usize::from(first), usize::from(last));
        (self.high, self.low) = (bits >> 4, bits & 15);
        if !frame.progressive {
            // Some encoders write other numbers here; a sequential scan has every coefficient whatever they say.
            (self.first, self.last, self.high, self.low) = (0, 63, 0, 0);
            let apart = self.parts.len() < frame.components.len();
            if apart && frame.most()[1] > 1 {
                return Err(JpegError::Unsupported("a scan for each component, and colour sampled less"));
            }
            return Ok(());
        }
        let band = self.first <= self.last && self.last <= 63 && (self.first > 0 || self.last == 0);
        let bits = self.low <= 13 && (self.high == 0 || self.high == self.low + 1);
        let alone = self.first == 0 || self.parts.len() == 1;
        if band && bits && alone { Ok(()) } else { Err(wrong) }
    }
}

/// The Huffman tables, and which of the places hold one.
pub struct Tables {
    pub dc: Box<[Table; 4]>,
    pub ac: Box<[Table; 4]>,
    /// By class and place.
    pub defined: [[bool; 4]; 2],
}

impl Default for Tables {
    fn default() -> Self {
        let empty = || Box::new([const { Table::EMPTY }; 4]);
        Self { dc: empty(), ac: empty(), defined: [[false; 4]; 2] }
    }
}

impl Tables {
    /// Reads the body of a DHT segment.
    pub fn read(&mut self, mut body: &[u8]) -> Result<(), JpegError> {
        let wrong = JpegError::Segment("DHT");
        while let Some((&place, rest)) = body.split_first() {
            let (class, place) = (usize::from(place >> 4), usize::from(place & 15));
            let Some((counts, rest)) = rest.split_first_chunk::<16>() else { return Err(wrong) };
            let count: usize = counts.iter().map(|count| usize::from(*count)).sum();
            if class > 1 || place > 3 || count > 256 || count > rest.len() {
                return Err(wrong);
            }
            let (symbols, rest) = rest.split_at(count);
            // A DC symbol is a number of bits.
            let plausible = class == 1 || symbols.iter().all(|symbol| *symbol < 16);
            let table = if class == 0 { &mut self.dc[place] } else { &mut self.ac[place] };
            if !plausible || !table.define(counts, symbols) {
                return Err(wrong);
            }
            self.defined[class][place] = true;
            body = rest;
        }
        Ok(())
    }

    /// Refuses a scan that reads with a table that is not there.
    pub fn check(&self, scan: &Scan, frame: &Frame) -> Result<(), JpegError> {
        let has = scan.parts.iter().all(|part| {
            let dc = self.defined[0][part.dc] || scan.first > 0 || scan.high > 0;
            let ac = self.defined[1][part.ac] || frame.progressive && scan.first == 0;
            dc && ac
        });
        if has { Ok(()) } else { Err(JpegError::Scan("uses a Huffman table that is not there")) }
    }
}

/// Reads the body of a DQT segment: the DC step of each place that it defines.
pub fn read_quantisation(mut body: &[u8], steps: &mut [u16; 4]) -> Result<(), JpegError> {
    while let Some((&head, rest)) = body.split_first() {
        let length = match head >> 4 {
            0 => 64,
            1 => 128,
            _ => return Err(JpegError::Segment("DQT")),
        };
        let first = rest;
        let (Some(place), Some(rest)) = (steps.get_mut(usize::from(head & 15)), rest.get(length..)) else {
            return Err(JpegError::Segment("DQT"));
        };
        *place = if length == 64 { u16::from(first[0]) } else { u16::from_be_bytes([first[0], first[1]]) };
        body = rest;
    }
    Ok(())
}
