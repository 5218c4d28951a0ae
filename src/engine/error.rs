//! What can be wrong with a model file, and with a run of a model.

use std::path::PathBuf;

use super::contract::MetadataError;
use super::foreign::Missing;

/// A model file that is refused, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", .file.display())]
pub struct ModelError {
    pub file: PathBuf,
    pub problem: Problem,
}

/// Why a model file is refused.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    #[error("is {found} bytes long, the most is {most}")]
    TooLarge { found: u64, most: u64 },
    #[error(
        "its SHA-256 is {found}, {manifest} says {expected}: the file is damaged or is another version; fetch it again"
    )]
    Checksum { expected: String, found: String, manifest: String },
    #[error("is no ONNX model, or a truncated one: {0}")]
    NotOnnx(String),
    #[error("keeps its tensor '{tensor}' in another file; save the model as one file")]
    ExternalData { tensor: String },
    #[error("its tensor '{tensor}' is damaged: shape {shape:?} needs {expected} bytes, found {found}")]
    TensorSize { tensor: String, shape: Vec<i64>, expected: u64, found: u64 },
    #[error("its weights '{tensor}' contain NaN: the training that made it went wrong, or the file is damaged")]
    NanWeights { tensor: String },
    #[error("{0}")]
    Metadata(#[from] MetadataError),
    #[error("is a {found}, expected a {expected}")]
    Role { expected: &'static str, found: &'static str },
    #[error("has no purecam metadata, so it is no purifier; expected one that `purecam export` wrote")]
    NotAPurifier,
    #[error("{0}")]
    Undescribed(#[from] Missing),
    #[error("its labels file {}", .0)]
    Labels(String),
    #[error("takes the inputs {found}, expected {expected}")]
    Inputs { expected: String, found: String },
    #[error("its input '{input}' has shape {found}, expected {expected:?}")]
    InputShape { input: String, expected: Vec<usize>, found: String },
    #[error("has the outputs {found}, expected '{expected}'")]
    Output { expected: String, found: String },
    #[error("its output '{output}' has shape {found:?}, expected {expected}")]
    OutputShape { output: String, expected: String, found: Vec<usize> },
    #[error("has {outputs} outputs for {labels} labels")]
    LabelCount { outputs: usize, labels: usize },
    #[error("{found} (they sum to {sum}), but [classifier] says output = \"{said}\"")]
    Kind { said: &'static str, found: &'static str, sum: f32 },
    #[error("the engine cannot run it: {0}")]
    Engine(String),
    #[error("fails its warm-up on a known picture: {0}")]
    WarmUp(InferenceError),
    #[error(
        "takes pictures of {found} pixels, but the purifier {purifier} makes {expected}: export one of them at the other's size"
    )]
    Size { purifier: String, expected: String, found: String },
}

/// Why a run of a model gave no result that may be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InferenceError {
    #[error("the engine failed: {0}")]
    Engine(String),
    #[error("the engine panicked: {0}")]
    Panic(String),
    #[error("the output contains {found} at {index}, where every number must be finite")]
    NotFinite { index: usize, found: String },
    #[error("the output contains {found} at {index}, where every number must be in 0..1")]
    OutOfRange { index: usize, found: String },
    #[error("the output has {found} numbers, expected {expected}")]
    Length { expected: usize, found: usize },
}

impl InferenceError {
    /// The name under which it is counted.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Engine(_) | Self::Length { .. } => "engine",
            Self::Panic(_) => "panic",
            Self::NotFinite { .. } => "not-finite",
            Self::OutOfRange { .. } => "out-of-range",
        }
    }
}
