//! JSON lines: a header, then a line a verdict, each flushed as it is written.

use std::io::{self, Write};

use serde::Serialize;

use super::{Published, Sink};

/// Writes JSON lines.
pub struct JsonLines<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> JsonLines<W> {
    pub fn new(out: W) -> Self {
        Self { out, line: Vec::new() }
    }

    /// Writes one line, whole: a reader never sees half of one unless the file system gives way.
    pub fn write(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)?;
        self.out.flush()
    }

    /// Writes a line that has its line break.
    pub fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        self.out.write_all(line)?;
        self.out.flush()
    }
}

impl<W: Write + Send> Sink for JsonLines<W> {
    fn publish(&mut self, published: &Published) -> io::Result<()> {
        self.write_line(&published.line)
    }
}
