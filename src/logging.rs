//! The target and format of log lines: priorities for the journal, time and level for people.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use env_logger::Builder;
use log::{Level, LevelFilter, Record};

use crate::console;

/// The filter without `RUST_LOG`: everything from this program, which [`set_level`] narrows, and warnings from
/// libraries. tract warns of every opset above 18, the newest that its own tests cover; `purecam export` compares each
/// file with burn instead.
const FILTER: &str = "warn,purecam=trace,tract_onnx=error";

/// Starts logging to standard error: with the filter of `RUST_LOG`; if it is not set, warnings until [`set_level`].
///
/// This happens before the configuration is read, so the configured level is set later.
pub fn install() {
    let filter = rust_log();
    let mut builder = Builder::new();
    builder.parse_filters(filter.as_deref().unwrap_or(FILTER));
    if goes_to_journal() {
        builder.format(write_for_journal);
    }
    builder.init();
    set_level(LevelFilter::Warn);
}

/// Sets the level of the log. No effect if `RUST_LOG` is set.
pub fn set_level(level: LevelFilter) {
    if rust_log().is_none() {
        log::set_max_level(level);
    }
}

/// Prints to standard error why the program ends.
pub fn say_failure(failure: &dyn std::fmt::Display) {
    let message = format!("purecam: {failure}");
    if goes_to_journal() {
        message.lines().for_each(|line| console::note(format_args!("<3>{line}")));
    } else {
        console::note(message);
    }
}

/// `RUST_LOG`, if it is set and not empty.
fn rust_log() -> Option<String> {
    std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty())
}

/// A line for the journal: its priority, but no time and no colours, which the journal adds itself. Every line of a
/// message becomes an entry of its own, with the priority.
fn write_for_journal<W: Write>(out: &mut W, record: &Record) -> io::Result<()> {
    let priority = match record.level() {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    let message = record.args().to_string();
    message.lines().try_for_each(|line| writeln!(out, "<{priority}>{}: {line}", record.target()))
}

/// Whether standard error is the journal's stream. `JOURNAL_STREAM` alone is not enough: programs inherit it even if
/// their standard error is redirected.
fn goes_to_journal() -> bool {
    let Ok(stderr) = io::stderr().as_fd().try_clone_to_owned() else { return false };
    let Ok(metadata) = File::from(stderr).metadata() else { return false };
    std::env::var_os("JOURNAL_STREAM").is_some_and(|stream| names(&stream, metadata.dev(), metadata.ino()))
}

/// Whether `stream` is `DEVICE:INODE` with these numbers, in decimal digits.
fn names(stream: &OsStr, device: u64, inode: u64) -> bool {
    let parts = stream.to_str().and_then(|stream| stream.split_once(':'));
    parts.is_some_and(|(dev, ino)| dev.parse() == Ok(device) && ino.parse() == Ok(inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal_lines(level: Level, message: &str) -> String {
        let mut out = Vec::new();
        let mut record = Record::builder();
        record.level(level).target("purecam::sink");
        write_for_journal(&mut out, &record.args(format_args!("{message}")).build()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_line_for_the_journal_begins_with_its_priority() {
        assert_eq!(journal_lines(Level::Error, "no"), "<3>purecam::sink: no\n");
        assert_eq!(journal_lines(Level::Warn, "a\nb"), "<4>purecam::sink: a\n<4>purecam::sink: b\n");
        assert_eq!(journal_lines(Level::Info, "so"), "<6>purecam::sink: so\n");
        assert_eq!(journal_lines(Level::Trace, "so"), "<7>purecam::sink: so\n");
    }

    #[test]
    fn only_the_stream_of_the_same_device_and_inode_is_the_journal() {
        assert!(names(OsStr::new("8:1234"), 8, 1234));
        for other in ["8:1235", "9:1234", "8", "", "8:", ":1234", "8:1234:1", "eight:1234"] {
            assert!(!names(OsStr::new(other), 8, 1234), "{other}");
        }
    }
}
