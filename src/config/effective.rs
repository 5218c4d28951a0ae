//! The layers put together: one value per key, with its origin.

use serde_json::json;
use toml::{Table, Value};

use super::conflicts::conflicts;
use super::entry::Entry;
use super::keys::{KEYS, Key};
use super::layers::Given;
use super::problem::{ConfigError, Origin, Problem};
use super::tables::Config;

/// Column of the comments in a printed configuration.
const COMMENT: usize = 44;

/// The effective configuration, and the origin of each value.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The values, typed.
    pub config: Config,
    /// One per key, in the order of [`KEYS`].
    pub entries: Vec<Entry>,
}

impl Effective {
    /// Applies values to the defaults; a later value of a key overrides an earlier one.
    ///
    /// # Errors
    /// All conflicts among the values.
    pub(super) fn of(given: Vec<Given>) -> Result<Self, ConfigError> {
        let default = |key: &'static Key| Entry { key, value: key.default(), origin: Origin::Default };
        let mut entries: Vec<Entry> = KEYS.iter().map(default).collect();
        for Given { key, value, origin } in given {
            entries[key] = Entry { key: &KEYS[key], value: Some(value), origin };
        }
        let conflicts = conflicts(&entries);
        if !conflicts.is_empty() {
            return Err(ConfigError(conflicts));
        }
        let config = nested(&entries).try_into().map_err(|cause| ConfigError(vec![Problem::Untyped { cause }]))?;
        Ok(Self { config, entries })
    }

    /// As TOML that is itself a configuration file; a comment beside each value names its origin.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut table = "";
        for Entry { key, value, origin } in &self.entries {
            // Without a broker, the defaults of its keys apply to nothing.
            let off = if is_without_broker(&self.entries, key) { "# " } else { "" };
            let (inside, name) = key.parts();
            if inside != table {
                let blank = if table.is_empty() { "" } else { "\n" };
                text.push_str(&format!("{blank}{off}[{inside}]\n"));
                table = inside;
            }
            match value {
                Some(value) => text.push_str(&format!("{:<COMMENT$} # {origin}\n", format!("{off}{name} = {value}"))),
                None => text.push_str(&format!("# {name} is not set\n")),
            }
        }
        text
    }

    /// As a JSON object: `{"KEY": {"value": ..., "origin": "..."}}` for each key.
    pub fn to_json(&self) -> serde_json::Value {
        let entry = |entry: &Entry| {
            (entry.key.name.to_owned(), json!({"value": entry.value, "origin": entry.origin.to_string()}))
        };
        self.entries.iter().map(entry).collect::<serde_json::Map<_, _>>().into()
    }
}

fn is_without_broker(entries: &[Entry], key: &Key) -> bool {
    let has_broker = entries.iter().any(|entry| entry.key.name == "output.mqtt.url" && entry.value.is_some());
    key.parts().0 == "output.mqtt" && !has_broker
}

/// The entries as nested tables.
fn nested(entries: &[Entry]) -> Table {
    let mut whole = Table::new();
    for Entry { key, value, .. } in entries {
        if let Some(value) = value.as_ref().filter(|_| !is_without_broker(entries, key)) {
            insert(&mut whole, key.name, value.clone());
        }
    }
    whole
}

fn insert(table: &mut Table, name: &str, value: Value) {
    let Some((outer, inner)) = name.split_once('.') else {
        table.insert(name.to_owned(), value);
        return;
    };
    // No key has the name of a table.
    if let Value::Table(table) = table.entry(outer).or_insert_with(|| Table::new().into()) {
        insert(table, inner, value);
    }
}
