//! A key with its value and origin.

use toml::Value;

use super::keys::Key;
use super::problem::Origin;

/// A key of the effective configuration.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: &'static Key,
    /// `None` if the key is not set and has no default.
    pub value: Option<Value>,
    /// Which layer gave the value.
    pub origin: Origin,
}
