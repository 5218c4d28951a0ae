//! Files with a secret: a password or a token in the first line, closed to all other users.
//!
//! One rule for every secret: the owner and the owner's group may have access, others may not. The group is allowed
//! because a service's user often reads the file through it.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::Utf8Error;

use rustix::fs::OFlags;

/// Permission bits that a secret's file must not have: all those of other users.
const OTHERS: u32 = 0o007;

/// The longest file that is read, in bytes. Without a bound, a wrong path could fill the memory.
const LONGEST: usize = 4096;

/// A password or a token. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Why a file does not give a secret. The message begins with the file's name.
#[derive(Debug, thiserror::Error)]
#[error("{} {problem}", .file.display())]
pub struct SecretError {
    /// The file, as the configuration names it.
    pub file: PathBuf,
    /// What is wrong with it.
    #[source]
    pub problem: SecretProblem,
}

/// What is wrong with a secret's file. The messages follow the file's name.
#[derive(Debug, thiserror::Error)]
pub enum SecretProblem {
    /// It is missing, or this user may not read it.
    #[error("cannot be read: {0}; create it, or change its owner")]
    Read(#[source] io::Error),
    /// It is a folder, a pipe or a device.
    #[error("is not a regular file; name a file with the secret in its first line")]
    NotAFile,
    /// Other users have access to it; these are its permission bits.
    #[error("is open to other users (mode {mode:04o}); run: chmod o= {}", .file.display())]
    Open {
        /// The permission bits, with those for set-user-ID, set-group-ID and sticky.
        mode: u32,
        /// The file, for the command in the message.
        file: PathBuf,
    },
    /// It is longer than 4096 bytes.
    #[error("is longer than {LONGEST} bytes; expected a file with the secret in its first line")]
    TooLong,
    /// It is not UTF-8.
    #[error("is not UTF-8 text: {0}")]
    NotText(#[source] Utf8Error),
    /// Its first line is empty.
    #[error("has an empty first line; write the secret there")]
    Empty,
}

impl Secret {
    /// Reads the first line of `file`, without its line break. Further lines are ignored.
    ///
    /// # Errors
    /// `file` cannot be read, is not a regular file, is open to other users, is longer than 4096 bytes, is not UTF-8,
    /// or its first line is empty.
    pub fn read(file: &Path) -> Result<Self, SecretError> {
        read(file).map(Self).map_err(|problem| SecretError { file: file.to_owned(), problem })
    }

    /// The secret itself.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

fn read(file: &Path) -> Result<String, SecretProblem> {
    // Without waiting: a named pipe would otherwise block until another program opens it.
    let nonblocking = OFlags::NONBLOCK.bits() as i32;
    let opened = OpenOptions::new().read(true).custom_flags(nonblocking).open(file).map_err(SecretProblem::Read)?;
    // Of the opened file: the one at the path may have been replaced in between.
    let metadata = opened.metadata().map_err(SecretProblem::Read)?;
    if !metadata.is_file() {
        return Err(SecretProblem::NotAFile);
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(SecretProblem::Open { mode, file: file.to_owned() });
    }
    let mut bytes = Vec::new();
    opened.take(LONGEST as u64 + 1).read_to_end(&mut bytes).map_err(SecretProblem::Read)?;
    if bytes.len() > LONGEST {
        return Err(SecretProblem::TooLong);
    }
    let text = str::from_utf8(&bytes).map_err(SecretProblem::NotText)?;
    // Some editors put a byte-order mark before the first line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.lines().next().filter(|line| !line.trim().is_empty()) {
        Some(line) => Ok(line.to_owned()),
        None => Err(SecretProblem::Empty),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs::{self, Permissions};

    use tempfile::tempdir;

    use super::*;

    fn with(bytes: &[u8], mode: u32) -> Result<Secret, SecretError> {
        let folder = tempdir().unwrap();
        let file = folder.path().join("secret");
        fs::write(&file, bytes).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        Secret::read(&file)
    }

    #[test]
    fn the_first_line_is_the_secret_without_its_line_break() {
        for text in
            ["pass word ", "pass word \n", "pass word \r\n", "pass word \nand a remark\n", "\u{feff}pass word \n"]
        {
            assert_eq!(with(text.as_bytes(), 0o600).unwrap().text(), "pass word ", "{text:?}");
        }
    }

    #[test]
    fn the_owner_and_the_group_may_have_access_and_others_may_not() {
        for mode in [0o400, 0o440, 0o600, 0o640, 0o660] {
            assert!(with(b"word", mode).is_ok(), "{mode:o}");
        }
        for mode in [0o601, 0o602, 0o604, 0o644, 0o777] {
            let error = with(b"word", mode).unwrap_err().to_string();
            let file = error.split(' ').next().unwrap();
            assert!(file.ends_with("/secret"), "{error}");
            assert!(error.contains(&format!("mode {mode:04o}")), "{error}");
            assert!(error.ends_with(&format!("chmod o= {file}")), "{error}");
        }
    }

    #[test]
    fn what_holds_no_secret_is_refused_with_its_cause() {
        assert!(matches!(with(b"", 0o600).unwrap_err().problem, SecretProblem::Empty));
        assert!(matches!(with(b" \nword\n", 0o600).unwrap_err().problem, SecretProblem::Empty));
        assert!(matches!(with(&[b'a'; LONGEST + 1], 0o600).unwrap_err().problem, SecretProblem::TooLong));
        assert!(with(&[b'a'; LONGEST], 0o600).is_ok());
        let not_text = with(b"\xFFword\n", 0o600).unwrap_err();
        assert!(not_text.problem.source().is_some_and(|cause| cause.is::<Utf8Error>()));
        let folder = tempdir().unwrap();
        assert!(matches!(Secret::read(folder.path()).unwrap_err().problem, SecretProblem::NotAFile));
        let missing = Secret::read(&folder.path().join("missing")).unwrap_err();
        assert!(missing.problem.source().is_some_and(|cause| cause.is::<io::Error>()), "{missing}");
        assert!(missing.to_string().contains("missing cannot be read"), "{missing}");
    }

    #[test]
    fn debug_output_hides_the_secret() {
        assert!(!format!("{:?}", with(b"word", 0o600).unwrap()).contains("word"));
    }
}
