//! Counts what is in a scan: each restart interval must hold exactly its blocks, and less than a byte of padding.
//!
//! A decoder does the same walk and invents what is missing; here it is an error. Nothing is computed but positions.
//! The procedures are those of ITU-T T.81, annexes F.2 (sequential) and G.2 (progressive).

use super::JpegError;
use super::header::{Component, Frame, Scan};
use super::huffman::{Bits, Table};

/// What the walks over the scans of an image remember.
#[derive(Default)]
pub struct Progress {
    /// Of each component and coefficient: how many of its low bits are still missing; [`UNSEEN`] before its first scan.
    missing: Vec<[u8; 64]>,
    /// Of each component, of each block: the coefficients that are not zero, a bit each. Only of progressive images.
    nonzero: Vec<Vec<u64>>,
}

/// No scan has had the coefficient yet.
const UNSEEN: u8 = u8::MAX;

impl Progress {
    pub fn start(&mut self, frame: &Frame) {
        self.missing.clear();
        self.missing.resize(frame.components.len(), [UNSEEN; 64]);
        self.nonzero.clear();
        if frame.progressive {
            let blocks = frame.components.iter().map(|component| {
                let [columns, rows] = frame.padded_blocks(component);
                vec![0; columns * rows]
            });
            self.nonzero.extend(blocks);
        }
    }

    /// Whether every coefficient of every component has come to its last bit.
    pub fn is_whole(&self) -> bool {
        self.missing.iter().flatten().all(|missing| *missing == 0)
    }

    /// Takes note that `scan` brings its coefficients down to `scan.low`.
    fn advance(&mut self, scan: &Scan) -> Result<(), JpegError> {
        for part in &scan.parts {
            for missing in &mut self.missing[part.component][scan.first..=scan.last] {
                let expected = if scan.high == 0 { UNSEEN } else { scan.high };
                if *missing != expected {
                    return Err(JpegError::Scan("repeats or skips bits of an earlier one"));
                }
                *missing = scan.low;
            }
        }
        Ok(())
    }
}

/// What a scan is read with.
pub struct With<'a> {
    pub frame: &'a Frame,
    /// DC and AC.
    pub tables: (&'a [Table; 4], &'a [Table; 4]),
    /// Units from one restart marker to the next; 0 if there are none.
    pub interval: usize,
    /// Of each quantisation table: the step of the DC coefficient.
    pub steps: &'a [u16; 4],
}

/// Walks over the scan whose data begin at `at`. Returns the place of the marker behind it.
pub fn walk(bytes: &[u8], at: usize, scan: &Scan, with: With, progress: &mut Progress) -> Result<usize, JpegError> {
    let With { frame, tables, interval, steps } = with;
    progress.advance(scan)?;
    let brightness = Brightness::new(frame, scan, steps);
    let mut walk = Walk { bits: Bits::new(bytes, at), scan, tables, progress, end_of_band: 0, brightness };
    let [columns, rows] = frame.units(scan);
    let units = columns * rows;
    let interval = if interval == 0 { units } else { interval };
    let mut restart = 0;
    for first in (0..units).step_by(interval) {
        if first > 0 {
            let marker = walk.bits.end()?;
            let (code, behind) = code_at(bytes, marker)?;
            if code != 0xD0 + restart {
                return Err(JpegError::Restart { expected: restart, found: code });
            }
            restart = (restart + 1) % 8;
            walk.bits = Bits::new(bytes, behind);
            walk.brightness.now = [0; 4];
        }
        let last = (first + interval).min(units);
        if frame.progressive {
            walk.progressive(frame, columns, first, last)?
        } else {
            walk.sequential(frame, first, last)?
        }
        if walk.end_of_band > 0 {
            return Err(JpegError::Short);
        }
    }
    walk.bits.end()
}

/// The marker's code at `at`, behind fill bytes, and the place behind it.
pub fn code_at(bytes: &[u8], at: usize) -> Result<(u8, usize), JpegError> {
    let fill = bytes[at..].iter().take_while(|byte| **byte == 0xFF).count();
    let code = *bytes.get(at + fill).ok_or(JpegError::Cut)?;
    if fill == 0 { Err(JpegError::Marker(at)) } else { Ok((code, at + fill + 1)) }
}

struct Walk<'a> {
    bits: Bits<'a>,
    scan: &'a Scan,
    /// DC and AC.
    tables: (&'a [Table; 4], &'a [Table; 4]),
    progress: &'a mut Progress,
    /// Blocks after this one whose band is empty.
    end_of_band: u32,
    brightness: Brightness,
}

impl Walk<'_> {
    /// Units `first..last` of a sequential scan.
    fn sequential(&mut self, frame: &Frame, first: usize, last: usize) -> Result<(), JpegError> {
        let interleaved = self.scan.parts.len() > 1;
        for _ in first..last {
            for part in &self.scan.parts {
                let Component { horizontal, vertical, .. } = frame.components[part.component];
                let blocks = if interleaved { horizontal * vertical } else { 1 };
                let (dc, ac) = (&self.tables.0[part.dc], &self.tables.1[part.ac]);
                for _ in 0..blocks {
                    let difference = difference(&mut self.bits, dc)?;
                    self.brightness.change(part.component, difference)?;
                    self.bits.pass_band(ac)?;
                }
            }
        }
        Ok(())
    }

    /// Units `first..last` of a progressive scan, `columns` of them in a row.
    fn progressive(&mut self, frame: &Frame, columns: usize, first: usize, last: usize) -> Result<(), JpegError> {
        let scan = self.scan;
        for unit in first..last {
            let (x, y) = (unit % columns, unit / columns);
            for part in &scan.parts {
                let component = &frame.components[part.component];
                let across = frame.padded_blocks(component)[0];
                if scan.parts.len() == 1 {
                    self.progressive_block(part.component, y * across + x, part.dc, part.ac)?;
                    continue;
                }
                for row in 0..component.vertical {
                    for column in 0..component.horizontal {
                        let place = (y * component.vertical + row) * across + x * component.horizontal + column;
                        self.progressive_block(part.component, place, part.dc, part.ac)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn progressive_block(&mut self, component: usize, place: usize, dc: usize, ac: usize) -> Result<(), JpegError> {
        match (self.scan.first, self.scan.high) {
            (0, 0) => {
                let difference = difference(&mut self.bits, &self.tables.0[dc])?;
                self.brightness.change(component, difference)
            }
            (0, _) => self.bits.take(1).map(drop),
            (_, 0) => self.first_band(component, place, ac),
            (..) => self.refined_band(component, place, ac),
        }
    }

    /// The first scan of a band of AC coefficients (G.1.2.2).
    fn first_band(&mut self, component: usize, place: usize, ac: usize) -> Result<(), JpegError> {
        if self.end_of_band > 0 {
            self.end_of_band -= 1;
            return Ok(());
        }
        let nonzero = &mut self.progress.nonzero[component][place];
        let mut k = self.scan.first;
        while k <= self.scan.last {
            let symbol = self.bits.symbol(&self.tables.1[ac])?;
            let (run, size) = (symbol >> 4, symbol & 15);
            if size == 0 && run < 15 {
                self.end_of_band = (1 << run) - 1 + self.bits.take(u32::from(run))?;
                return Ok(());
            }
            k += usize::from(run);
            if k > self.scan.last {
                return Err(JpegError::Overrun);
            }
            if size > 0 {
                self.bits.take(u32::from(size))?;
                *nonzero |= 1 << k;
            }
            k += 1;
        }
        Ok(())
    }

    /// A later scan of a band: one more bit of each coefficient (G.1.2.3).
    fn refined_band(&mut self, component: usize, place: usize, ac: usize) -> Result<(), JpegError> {
        let nonzero = &mut self.progress.nonzero[component][place];
        let mut k = self.scan.first;
        while self.end_of_band == 0 && k <= self.scan.last {
            let symbol = self.bits.symbol(&self.tables.1[ac])?;
            let (mut zeros, size) = (symbol >> 4, symbol & 15);
            match size {
                0 if zeros < 15 => {
                    self.end_of_band = (1 << zeros) + self.bits.take(u32::from(zeros))?;
                    break;
                }
                0 => {}
                1 => drop(self.bits.take(1)?),
                _ => return Err(JpegError::Code),
            }
            // Passes over `zeros` coefficients that are zero; those on the way that are not get a bit each.
            while k <= self.scan.last {
                if *nonzero >> k & 1 == 1 {
                    self.bits.take(1)?;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                k += 1;
            }
            if size == 1 {
                if k > self.scan.last {
                    return Err(JpegError::Overrun);
                }
                *nonzero |= 1 << k;
            }
            k += 1;
        }
        if self.end_of_band > 0 {
            let band = *nonzero >> k.min(63) & (u64::MAX >> (63 - (self.scan.last.saturating_sub(k))));
            let bits = if k <= self.scan.last { band.count_ones() } else { 0 };
            for _ in 0..bits {
                self.bits.take(1)?;
            }
            self.end_of_band -= 1;
        }
        Ok(())
    }
}

/// The mean brightness of the blocks, which no encoder of 8-bit pixels takes out of its range. Damage that leaves the
/// number of blocks as it is shifts all those that follow, often beyond white or black.
struct Brightness {
    /// Of each component of the frame: the last DC coefficient.
    now: [i32; 4],
    /// And its largest size.
    most: [i32; 4],
}

impl Brightness {
    fn new(frame: &Frame, scan: &Scan, steps: &[u16; 4]) -> Self {
        let mut most = [i32::MAX; 4];
        for (most, component) in most.iter_mut().zip(&frame.components) {
            let step = i32::from(steps[component.quantisation]).max(1) << scan.low;
            // Eight times half the range of a pixel, a step for rounding, and a level for inexact transforms.
            *most = (1024 + 8) / step + 1;
        }
        Self { now: [0; 4], most }
    }

    #[inline]
    fn change(&mut self, component: usize, difference: i32) -> Result<(), JpegError> {
        self.now[component] += difference;
        if self.now[component].abs() > self.most[component] { Err(JpegError::Brightness) } else { Ok(()) }
    }
}

/// The difference of a DC coefficient to the one before (F.2.2.1).
#[inline]
fn difference(bits: &mut Bits, dc: &Table) -> Result<i32, JpegError> {
    let size = u32::from(bits.symbol(dc)?);
    let value = bits.take(size)? as i32;
    // The upper half of the values of a size are positive.
    Ok(if size == 0 || value >> (size - 1) == 1 { value } else { value + 1 - (1 << size) })
}
