//! Text files, and names of files as text.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serializer;

/// What some editors put before the first character of a text in UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A file's text: UTF-8, without a byte-order mark.
///
/// # Errors
/// It cannot be read, or is not UTF-8; the message then says which other encoding it seems to be in.
pub fn read(file: &Path) -> io::Result<String> {
    decode(std::fs::read(file)?)
}

/// As [`read`], of a file's bytes.
///
/// # Errors
/// They are not UTF-8.
pub fn decode(bytes: Vec<u8>) -> io::Result<String> {
    let utf_16 = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        let found = if utf_16 { "UTF-16".to_owned() } else { format!("another encoding at byte {}", place + 1) };
        io::Error::new(io::ErrorKind::InvalidData, format!("expected UTF-8 text, found {found}; save it as UTF-8"))
    })?;
    if text.starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len_utf8());
    }
    Ok(text)
}

/// A file's name or path as text. Bytes that are not UTF-8 are written as `\xff`, so that two names never become one.
pub fn name<'a>(name: &'a (impl AsRef<OsStr> + ?Sized)) -> Cow<'a, str> {
    let name = name.as_ref();
    if let Some(text) = name.to_str() {
        return text.into();
    }
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing into a string cannot fail.
            write!(text, "\\x{byte:02x}").ok();
        }
    }
    text.into()
}

/// A path in JSON as its [`name`]; `#[serde(serialize_with = "text::serialize")]`.
///
/// # Errors
/// Those of the serialiser.
pub fn serialize<S: Serializer>(path: &PathBuf, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&name(path))
}

/// As [`serialize`], of a path that may be missing.
///
/// # Errors
/// Those of the serialiser.
pub fn serialize_some<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => serializer.serialize_some(&name(path)),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_text() {
        assert_eq!(decode(b"\xEF\xBB\xBFtench\r\n".to_vec()).unwrap(), "tench\r\n");
        assert_eq!(decode(b"tench".to_vec()).unwrap(), "tench");
        assert_eq!(decode(Vec::new()).unwrap(), "");
    }

    #[test]
    fn another_encoding_is_named() {
        let refused = |bytes: &[u8]| decode(bytes.to_vec()).unwrap_err().to_string();
        assert_eq!(refused(b"\xFF\xFEt\0"), "expected UTF-8 text, found UTF-16; save it as UTF-8");
        assert_eq!(refused(b"\xFE\xFF\0t"), "expected UTF-8 text, found UTF-16; save it as UTF-8");
        assert_eq!(refused(b"caf\xE9"), "expected UTF-8 text, found another encoding at byte 4; save it as UTF-8");
    }

    #[test]
    fn two_names_never_become_one() {
        assert_eq!(name("a b.jpg"), "a b.jpg");
        assert_eq!(name(OsStr::from_bytes(b"caf\xE9-\xFF.jpg")), "caf\\xe9-\\xff.jpg");
        assert_ne!(name(OsStr::from_bytes(b"\xFE")), name(OsStr::from_bytes(b"\xFF")));
    }
}
