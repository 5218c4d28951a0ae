//! Reads files, variables and flags, and keeps the place of each value.

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Value;
use toml::de::{DeTable, DeValue};

use super::keys::{KEYS, Key, PREFIX, is_table};
use super::kind::Kind;
use super::problem::{Origin, Problem, nearest_key, nearest_variable};
use crate::source::SourceUri;
use crate::text;

/// Variables that begin with [`PREFIX`] but are not keys: the folder of the models, and those of the tests.
const OTHER_VARIABLES: [&str; 4] = ["PURECAM_MODELS", "PURECAM_FUZZ", "PURECAM_FUZZ_SEED", "PURECAM_CI_TARGET"];
/// Characters of an invalid value that a message quotes.
const SHOWN: usize = 60;

/// A value that a layer sets.
pub(super) struct Given {
    /// Position of its key in [`KEYS`].
    pub key: usize,
    pub value: Value,
    pub origin: Origin,
}

/// A flag that sets a key.
#[derive(Clone, Debug)]
pub struct Flag {
    /// As the user writes it: `--fps`.
    pub name: &'static str,
    /// The key: `source.fps`.
    pub key: &'static str,
    /// The value, as written.
    pub text: OsString,
}

/// Reads layers; collects their values and what is wrong with them.
#[derive(Default)]
pub(super) struct Reader {
    pub given: Vec<Given>,
    pub problems: Vec<Problem>,
}

impl Reader {
    /// Reads a file. Paths in it are relative to its folder.
    pub fn file(&mut self, path: &Path) {
        match text::read(path) {
            Ok(text) => FileReader { path, text: &text, reader: self }.read(),
            Err(cause) => self.problems.push(Problem::Read { path: path.to_owned(), cause }),
        }
    }

    /// Reads variables. An empty variable counts as unset, so that a service's unit can unset one.
    pub fn variables(&mut self, variables: &[(OsString, OsString)]) {
        for (name, text) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            if text.is_empty() || OTHER_VARIABLES.contains(&name) {
                continue;
            }
            let at = Origin::Variable(name.to_owned());
            match KEYS.iter().position(|key| key.variable() == name) {
                Some(key) => self.text(key, text, at),
                None => {
                    let nearest = nearest_variable(name);
                    self.problems.push(Problem::Unknown { at, name: name.to_owned(), nearest });
                }
            }
        }
    }

    /// Reads flags.
    pub fn flags(&mut self, flags: &[Flag]) {
        for flag in flags {
            match Key::find(flag.key) {
                Some(key) => self.text(key, &flag.text, Origin::Flag(flag.name)),
                None => {
                    let (at, nearest) = (Origin::Flag(flag.name), nearest_key(flag.key));
                    self.problems.push(Problem::Unknown { at, name: flag.key.to_owned(), nearest });
                }
            }
        }
    }

    fn text(&mut self, key: usize, text: &OsStr, origin: Origin) {
        let kind = KEYS[key].kind;
        // Text that is not UTF-8 is always invalid: a configuration is written, hashed and shown as TOML.
        let value = text.to_str().and_then(|text| kind.check(&kind.read(text)));
        match value {
            Some(value) => self.given.push(Given { key, value, origin }),
            None if text.to_str().is_none() => self.problems.push(Problem::NotUtf8 {
                at: origin,
                key: KEYS[key].name,
                found: text::name(text).into_owned(),
            }),
            None => self.reject(key, format!("'{}'", text.to_string_lossy()), origin),
        }
    }

    fn reject(&mut self, key: usize, found: String, at: Origin) {
        let Key { name, kind, .. } = KEYS[key];
        self.problems.push(Problem::Value { at, key: name, found, expected: kind });
    }
}

struct FileReader<'a> {
    path: &'a Path,
    text: &'a str,
    reader: &'a mut Reader,
}

impl FileReader<'_> {
    fn read(&mut self) {
        let (table, faults) = DeTable::parse_recoverable(self.text);
        // The parser finds faults of structure before those of values: the first in the file is the one to mend first.
        let first = faults.into_iter().min_by_key(|fault| fault.span().map_or(0, |span| span.start));
        match first {
            None => {
                self.table("", table.get_ref());
                // The parser sorts tables by name; people read a file from top to bottom.
                self.reader.problems.sort_by_key(Problem::place);
            }
            Some(cause) => {
                let at = self.place(cause.span().unwrap_or_default());
                self.reader.problems.push(Problem::Syntax { at, cause });
            }
        }
    }

    fn table(&mut self, name: &str, table: &DeTable) {
        for (key, value) in table {
            let full = if name.is_empty() { key.get_ref().to_string() } else { format!("{name}.{}", key.get_ref()) };
            match (Key::find(&full), value.get_ref()) {
                (Some(key), _) => self.value(key, value),
                (None, DeValue::Table(inner)) if is_table(&full) => self.table(&full, inner),
                (None, _) if is_table(&full) => {
                    let (at, found) = (self.place(value.span()), self.excerpt(value.span()));
                    self.reader.problems.push(Problem::NotTable { at, name: full, found });
                }
                (None, _) => {
                    let (at, nearest) = (self.place(key.span()), nearest_key(&full));
                    self.reader.problems.push(Problem::Unknown { at, name: full, nearest });
                }
            }
        }
    }

    fn value(&mut self, key: usize, value: &toml::Spanned<DeValue>) {
        let origin = self.place(value.span());
        let read = Value::deserialize(value.clone().into_deserializer()).ok();
        let Some(read) = read.and_then(|read| KEYS[key].kind.check(&read)) else {
            return self.reader.reject(key, self.excerpt(value.span()), origin);
        };
        match self.in_folder(KEYS[key].kind, read) {
            Ok(value) => self.reader.given.push(Given { key, value, origin }),
            Err(path) => {
                let found = text::name(&path).into_owned();
                self.reader.problems.push(Problem::NotUtf8 { at: origin, key: KEYS[key].name, found });
            }
        }
    }

    /// Prepends the file's folder to a relative path, so that it is relative to the working directory.
    ///
    /// # Errors
    /// The path, if the folder's name makes it one that is not UTF-8.
    fn in_folder(&self, kind: Kind, value: Value) -> Result<Value, OsString> {
        let join = |path: &Path| {
            let joined: PathBuf = self.path.parent().unwrap_or(Path::new("")).join(path);
            joined.into_os_string().into_string()
        };
        Ok(match (kind, value.as_str()) {
            (Kind::Path, Some(path)) => Value::String(join(Path::new(path))?),
            (Kind::Uri, Some(uri)) => match uri.parse() {
                Ok(SourceUri::File(path)) => Value::String(SourceUri::File(join(&path)?.into()).to_string()),
                _ => value,
            },
            _ => value,
        })
    }

    /// Line and column of the beginning of `span`, in bytes of the text.
    fn place(&self, span: Range<usize>) -> Origin {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let (line, column) = (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1);
        Origin::File { path: self.path.to_owned(), line, column }
    }

    /// The value as it was written, cut to what fits into a message.
    fn excerpt(&self, span: Range<usize>) -> String {
        let written = self.text.get(span).unwrap_or_default();
        let line: String = written.lines().next().unwrap_or_default().chars().take(SHOWN).collect();
        if line.len() < written.len() { format!("{line} ...") } else { line }
    }
}
