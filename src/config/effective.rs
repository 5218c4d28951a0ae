//! The layers put together: one value a key, with where it comes from.

use serde_json::json;
use toml::{Table, Value};

use super::conflicts::conflicts;
use super::keys::{KEYS, Key};
use super::layers::Given;
use super::problem::{ConfigError, Origin, Problem};
use super::tables::Config;

/// Column at which a printed configuration says where its values come from.
const COMMENT: usize = 44;

/// A key's value.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: &'static Key,
    /// Nothing where the key is not set and has no default.
    pub value: Option<Value>,
    pub origin: Origin,
}

/// The configuration that holds, and where each value comes from.
#[derive(Clone, Debug)]
pub struct Effective {
    pub config: Config,
    /// One for each of [`KEYS`], in their order.
    pub entries: Vec<Entry>,
}

impl Effective {
    /// Lays values over the defaults, later ones over earlier ones.
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
        let broken = |error: toml::de::Error| {
            let conflict = error.message().to_owned();
            ConfigError(vec![Problem::Conflict { at: Origin::Default, conflict }])
        };
        Ok(Self { config: nested(&entries).try_into().map_err(broken)?, entries })
    }

    /// As TOML that could be a configuration file, each value with where it comes from.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut table = "";
        for Entry { key, value, origin } in &self.entries {
            // The defaults of a broker that is not there belong to nothing.
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

    /// As JSON: each key with its value and where that comes from.
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

/// The entries as the tables that they stand in.
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
