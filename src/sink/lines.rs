//! JSON lines: a header, then a line a verdict, each flushed as it is written.

use std::io::{self, Write};

use serde::Serialize;

use super::{Event, Sink};
use crate::verdict::Header;

/// Writes JSON lines.
pub struct JsonLines<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> JsonLines<W> {
    /// Writes the header.
    pub fn new(out: W, header: &Header) -> io::Result<Self> {
        let mut lines = Self { out, line: Vec::new() };
        lines.write(header)?;
        Ok(lines)
    }

    /// Writes one line, whole: a reader never sees half of one unless the file system gives way.
    pub fn write(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)?;
        self.out.flush()
    }
}

impl<W: Write + Send> Sink for JsonLines<W> {
    fn publish(&mut self, event: &Event) -> io::Result<()> {
        self.write(&event.verdict)
    }
}
