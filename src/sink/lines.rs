//! JSON lines: a header, then one line per verdict, each flushed as it is written.

use std::io::{self, Write};

use serde::Serialize;

use super::{Published, Sink};

/// Writes JSON lines.
pub struct JsonLines<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> JsonLines<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, line: Vec::new() }
    }

    /// Writes one value as a line, with one call: a reader sees the whole line unless the write fails in the middle.
    ///
    /// # Errors
    /// The value cannot be serialised, or `out` does not take the line.
    pub fn write(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)?;
        self.out.flush()
    }

    /// Writes a line that ends with its line break.
    ///
    /// # Errors
    /// `out` does not take the line.
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
