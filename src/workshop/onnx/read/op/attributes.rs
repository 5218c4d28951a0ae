//! The attributes of a node by name.

use burn::prelude::*;
use tract_onnx::pb;

use crate::workshop::onnx::read::error::Reason;
use crate::workshop::onnx::read::proto;
use crate::workshop::onnx::read::value::Value;

/// Why a node of a known operator cannot be parsed.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// What about its attributes is not implemented.
    #[error("{0}")]
    Unsupported(String),
    /// A tensor among its attributes cannot be read.
    #[error(transparent)]
    Tensor(#[from] Reason),
}

/// A node's attributes, and what else decides how the node is read.
pub struct Attributes<'a> {
    pub node: &'a pb::NodeProto,
    /// The version of the operator set; some attributes became inputs in a later one, or changed their default.
    pub opset: i64,
    /// The device to which stored tensors go.
    pub device: &'a Device,
}

impl Attributes<'_> {
    fn get(&self, name: &str) -> Option<&pb::AttributeProto> {
        self.node.attribute.iter().find(|attribute| attribute.name == name)
    }

    /// An integer.
    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.int_if(name).unwrap_or(default)
    }

    /// An integer; `None` if the node does not give it.
    pub fn int_if(&self, name: &str) -> Option<i64> {
        self.get(name).map(|attribute| attribute.i)
    }

    /// A number.
    pub fn float(&self, name: &str, default: f32) -> f32 {
        self.float_if(name).unwrap_or(default)
    }

    /// A number; `None` if the node does not give it.
    pub fn float_if(&self, name: &str) -> Option<f32> {
        self.get(name).map(|attribute| attribute.f)
    }

    /// A list of integers; `None` if the node does not give it.
    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        self.get(name).map(|attribute| attribute.ints.clone())
    }

    /// A word.
    pub fn text(&self, name: &str, default: &str) -> String {
        self.get(name).map_or(default.to_owned(), |attribute| String::from_utf8_lossy(&attribute.s).into_owned())
    }

    /// A stored tensor; `None` if the node does not give it.
    pub fn tensor(&self, name: &str) -> Result<Option<Value>, Reason> {
        let stored = self.get(name).and_then(|attribute| attribute.t.as_ref());
        stored.map(|stored| proto::tensor(stored, self.device)).transpose()
    }

    /// Two positive numbers, for rows and columns; `None` if the node does not give them.
    pub fn pair(&self, name: &str) -> Result<Option<[usize; 2]>, ParseError> {
        match self.ints(name).as_deref() {
            None => Ok(None),
            Some(&[rows, columns]) if rows > 0 && columns > 0 => Ok(Some([rows as usize, columns as usize])),
            Some(other) => {
                let found = format!("{name} {other:?}; only windows over rows and columns are supported");
                Err(ParseError::Unsupported(found))
            }
        }
    }
}
