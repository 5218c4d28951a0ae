//! Why a file cannot be read, or a graph cannot be run.

use burn::tensor::DataError;
use prost::DecodeError;

use crate::engine::Problem;
use crate::engine::contract::MetadataError;

/// Why a file cannot be read, or a graph cannot be run. Every message begins with the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("{file}: {source}")]
    Unreadable { file: String, source: std::io::Error },
    /// The bytes are not a protobuf message that could be a model.
    #[error("{file}: not a whole ONNX file: {source}")]
    Undecodable { file: String, source: DecodeError },
    /// The model lacks a part without which it cannot run.
    #[error("{file}: not a whole ONNX file: {reason}")]
    NotOnnx { file: String, reason: String },
    /// purecam's own entries in the file are damaged.
    #[error("{file}: {source}")]
    Metadata { file: String, source: MetadataError },
    /// A stored tensor, or the value of a constant, cannot be used.
    #[error("{file}: stored tensor '{tensor}': {source}")]
    Tensor { file: String, tensor: String, source: Reason },
    /// An operator, or one of its attributes, is not implemented.
    #[error(
        "{file}: node '{node}' is a {operator} (opset {opset}){detail}, which cannot be read with gradients; \
         export the model with plain operators, or attack another one"
    )]
    Unsupported { file: String, node: String, operator: String, opset: i64, detail: String },
    /// The graph holds something that neither this reader nor the engine takes.
    #[error("{file}: {source}")]
    Rewrite { file: String, source: Box<Problem> },
    /// The inputs of a node do not fit.
    #[error("{file}: node '{node}' ({operator}): {source}")]
    Node { file: String, node: String, operator: String, source: Reason },
    /// The graph, its description or its input contradict each other.
    #[error("{file}: {what}: expected {expected}, found {found}")]
    Unfit { file: String, what: String, expected: String, found: String },
    /// A value cannot be taken as what it should be.
    #[error("{file}: {what}: expected {expected}: {source}")]
    Value { file: String, what: String, expected: String, source: Reason },
    /// A tensor was named that the graph does not have.
    #[error("{file}: there is no tensor '{tensor}'; there are {known}")]
    NoSuchTensor { file: String, tensor: String, known: String },
}

/// Why a tensor or the inputs of an operator do not fit, without the place.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// What was found, and what was expected.
    #[error("{0}")]
    Unfit(String),
    /// burn panicked on something that was not checked before; the message is the panic's.
    #[error("{0}")]
    Panicked(String),
    /// Numbers cannot be copied from the device.
    #[error(transparent)]
    Data(Box<DataError>),
}

impl From<DataError> for Reason {
    fn from(error: DataError) -> Self {
        Self::Data(Box::new(error))
    }
}

impl From<String> for Reason {
    fn from(reason: String) -> Self {
        Self::Unfit(reason)
    }
}

impl From<&str> for Reason {
    fn from(reason: &str) -> Self {
        Self::Unfit(reason.to_owned())
    }
}
