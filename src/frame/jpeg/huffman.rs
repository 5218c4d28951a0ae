//! Huffman codes of JPEG (ITU-T T.81, annexes C and F.2.2.3), and the bits that they are read from.

use super::JpegError;

/// Bits that the look-up table decodes at once; longer codes, which are rare, are searched for.
const FAST: u32 = 12;

/// What the next [`FAST`] bits of AC coefficients hold, as far as they hold whole ones.
#[derive(Clone, Copy)]
struct Leap {
    /// Bits of whole coefficients; 0 if there is none.
    bits: u8,
    /// Places in the block that they take.
    places: u8,
    /// Whether the last of them ends the block.
    ends: bool,
}

/// One Huffman table, ready to decode.
#[derive(Clone)]
pub struct Table {
    /// By the next [`FAST`] bits: the code's length above its symbol; 0 if the code is longer or there is none.
    fast: [u16; 1 << FAST],
    /// By the code's length: one more than the largest code of that length, left-aligned in 16 bits; 0 if there is
    /// none.
    limit: [u32; 17],
    /// By the code's length: what is added to a code to get its symbol's place.
    offset: [i32; 17],
    symbols: [u8; 256],
    /// What it was defined from: frames of a camera bring the same tables again and again.
    counts: [u8; 16],
    /// By the next [`FAST`] bits, of AC tables.
    leaps: [Leap; 1 << FAST],
}

impl Table {
    /// No table: it holds no code.
    pub const EMPTY: Self = Self {
        fast: [0; 1 << FAST],
        limit: [0; 17],
        offset: [0; 17],
        symbols: [0; 256],
        counts: [0; 16],
        leaps: [Leap { bits: 0, places: 0, ends: false }; 1 << FAST],
    };

    /// Becomes the table that `counts` (codes of each length from 1 to 16) and `symbols` describe. Returns `false` if
    /// there are more codes than their lengths have room for.
    pub fn define(&mut self, counts: &[u8; 16], symbols: &[u8]) -> bool {
        if self.counts == *counts && self.symbols.starts_with(symbols) {
            return true;
        }
        // Until the codes are known to fit, it is no table that a later image could take for its own.
        self.counts = [0; 16];
        self.fast.fill(0);
        self.limit = [0; 17];
        self.symbols[..symbols.len()].copy_from_slice(symbols);
        let (mut code, mut place) = (0u32, 0usize);
        for (length, &count) in (1u32..).zip(counts) {
            let count = usize::from(count);
            self.offset[length as usize] = place as i32 - code as i32;
            for symbol in &symbols[place..place + count] {
                if code >= 1 << length {
                    return false;
                }
                if length <= FAST {
                    let first = (code << (FAST - length)) as usize;
                    let entry = (length as u16) << 8 | u16::from(*symbol);
                    self.fast[first..first + (1 << (FAST - length))].fill(entry);
                }
                code += 1;
            }
            place += count;
            self.limit[length as usize] = if count > 0 { code << (16 - length) } else { 0 };
            code <<= 1;
        }
        self.define_leaps();
        self.counts = *counts;
        true
    }

    fn define_leaps(&mut self) {
        for next in 0..1u64 << FAST {
            let mut leap = Leap { bits: 0, places: 0, ends: false };
            while !leap.ends {
                let entry = self.fast[(next << leap.bits & ((1 << FAST) - 1)) as usize];
                let (symbol, bits) = (entry as u8, (entry >> 8) as u8 + (entry as u8 & 15));
                let is_known = symbol & 15 != 0 || matches!(symbol, 0 | 0xF0);
                if entry == 0 || !is_known || u32::from(leap.bits + bits) > FAST || leap.places > 63 {
                    break;
                }
                leap.bits += bits;
                leap.ends = symbol == 0;
                leap.places += if symbol == 0 { 0 } else { (symbol >> 4) + 1 };
            }
            self.leaps[next as usize] = leap;
        }
    }

    /// The length and the symbol of the code that `bits` begin with.
    #[inline]
    fn find(&self, bits: u64) -> Option<(u32, u8)> {
        let entry = self.fast[(bits >> (64 - FAST)) as usize];
        if entry != 0 { Some((u32::from(entry >> 8), entry as u8)) } else { self.find_long(bits) }
    }

    #[cold]
    fn find_long(&self, bits: u64) -> Option<(u32, u8)> {
        let next = (bits >> 48) as u32;
        let length = (FAST + 1..=16).find(|length| next < self.limit[*length as usize])?;
        let place = (next >> (16 - length)) as i32 + self.offset[length as usize];
        // A code below its length's limit and not below an earlier one's has its symbol there.
        Some((length, *self.symbols.get(place as usize)?))
    }
}

/// The entropy-coded bytes of a scan, from marker to marker, as bits.
pub struct Bits<'a> {
    bytes: &'a [u8],
    /// The next byte that is not in `buffer`.
    at: usize,
    /// The next bits, the first one on top; zeros behind the last.
    buffer: u64,
    /// How many bits of `buffer` are valid.
    count: u32,
}

impl<'a> Bits<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, buffer: 0, count: 0 }
    }

    /// Makes at least 32 bits ready, unless a marker or the end comes before.
    #[inline]
    fn refill(&mut self) {
        if self.count < 32 {
            self.refill_now();
        }
    }

    #[inline(never)]
    fn refill_now(&mut self) {
        if let Some(next) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_be_bytes(*next);
            // Whether a byte is FF: the complement then has a zero byte.
            if (!word).wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 == 0 {
                // Bits behind the last whole byte are those that the next refill brings again.
                self.buffer |= word >> self.count;
                let whole = (64 - self.count) / 8;
                self.count += 8 * whole;
                self.at += whole as usize;
                return;
            }
        }
        while self.count <= 56 {
            let step = match self.bytes.get(self.at..) {
                Some([0xFF, 0x00, ..]) => 2,
                Some([0xFF, ..] | []) | None => return,
                Some(_) => 1,
            };
            self.buffer |= u64::from(self.bytes[self.at]) << (56 - self.count);
            self.count += 8;
            self.at += step;
        }
    }

    /// Drops `count` bits, at most 31.
    #[inline]
    fn drop(&mut self, count: u32) -> Result<(), JpegError> {
        if count > self.count {
            return Err(self.end_of_data());
        }
        self.buffer <<= count;
        self.count -= count;
        Ok(())
    }

    /// The next symbol, its code dropped.
    #[inline]
    pub fn symbol(&mut self, table: &Table) -> Result<u8, JpegError> {
        self.refill();
        let Some((length, symbol)) = table.find(self.buffer) else { return Err(self.no_code()) };
        self.drop(length)?;
        Ok(symbol)
    }

    /// The next symbol of an AC table, its code dropped and with it the bits of the coefficient that it announces.
    #[inline]
    fn coefficient(&mut self, table: &Table) -> Result<u8, JpegError> {
        self.refill();
        let Some((length, symbol)) = table.find(self.buffer) else { return Err(self.no_code()) };
        self.drop(length + u32::from(symbol & 15))?;
        Ok(symbol)
    }

    /// Passes over the AC coefficients of one block of a sequential scan (F.2.2.2).
    #[inline]
    pub fn pass_band(&mut self, table: &Table) -> Result<(), JpegError> {
        let mut place = 1;
        loop {
            self.refill();
            let (mut buffer, mut count) = (self.buffer, self.count);
            let (mut leap, mut behind);
            loop {
                leap = table.leaps[(buffer >> (64 - FAST)) as usize];
                behind = place + usize::from(leap.places);
                // At the last place a block ends without a code for that: what follows would not be its own.
                if leap.bits == 0 || behind > 63 || u32::from(leap.bits) > count {
                    break;
                }
                buffer <<= leap.bits;
                count -= u32::from(leap.bits);
                place = behind;
                if leap.ends {
                    (self.buffer, self.count) = (buffer, count);
                    return Ok(());
                }
            }
            (self.buffer, self.count) = (buffer, count);
            if count < 32 && self.more() {
                continue;
            }
            let symbol = self.coefficient(table)?;
            if symbol == 0 {
                return Ok(());
            }
            // A run of sixteen zeros counts like a coefficient; the other symbols without a size mean nothing here.
            if symbol & 15 == 0 && symbol != 0xF0 {
                return Err(JpegError::Code);
            }
            place += usize::from(symbol >> 4) + 1;
            if place > 63 {
                return if place > 64 { Err(JpegError::Overrun) } else { Ok(()) };
            }
        }
    }

    /// Refills. Returns whether there are enough bits for any code now.
    fn more(&mut self) -> bool {
        self.refill_now();
        self.count >= 32
    }

    /// The next `count` bits, at most 16.
    #[inline]
    pub fn take(&mut self, count: u32) -> Result<u32, JpegError> {
        self.refill();
        let value = if count == 0 { 0 } else { (self.buffer >> (64 - count)) as u32 };
        self.drop(count)?;
        Ok(value)
    }

    fn no_code(&self) -> JpegError {
        // Behind the last bit there are zeros or half a code.
        if self.count < 16 { self.end_of_data() } else { JpegError::Code }
    }

    /// A marker came too early, or nothing more at all.
    #[cold]
    fn end_of_data(&self) -> JpegError {
        if self.at < self.bytes.len() { JpegError::Short } else { JpegError::Cut }
    }

    /// The place of the marker that must follow now: less than a byte of padding may be left.
    pub fn end(&mut self) -> Result<usize, JpegError> {
        self.refill();
        if self.count >= 8 || !matches!(self.bytes.get(self.at..), Some([0xFF, ..])) {
            return Err(if self.at >= self.bytes.len() && self.count < 8 { JpegError::Cut } else { JpegError::Long });
        }
        Ok(self.at)
    }
}
