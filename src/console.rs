//! Standard output and standard error of the commands. Neither ends the program when its reader has had enough.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::Arc;

/// Makes a file that reaches the process's size limit a write error, as a full disk is. Its signal would end the
/// program.
///
/// # Errors
/// The system takes no handler.
pub fn survive_file_limits() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    signal_hook::flag::register(libc::SIGXFSZ, Arc::default())?;
    Ok(())
}

/// Columns of the terminal that standard output is; `None` if it is none, or does not say.
pub fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(size.ws_col.into())
}

/// Writes a line to standard error. A closed or full one loses the line, and nothing else.
pub fn note(line: impl Display) {
    writeln!(anstream::stderr().lock(), "{line}").ok();
}

/// Writes a line to standard output; a reader that has closed it has read enough.
///
/// # Errors
/// Any other reason that it cannot be written, a full disk for instance.
pub fn print_line(line: impl Display) -> io::Result<()> {
    print(format_args!("{line}\n"))
}

/// Writes a text to standard output; a reader that has closed it has read enough.
///
/// # Errors
/// Any other reason that it cannot be written, a full disk for instance.
pub fn print(text: impl Display) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
