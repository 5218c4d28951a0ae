//! What can be wrong with a model file, and with a run of a model.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::TractError;

use super::contract::{InputError, MetadataError};
use super::manifest::ManifestError;
use crate::passing::OutOfMemory;

/// A model file that is refused, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", .file.display())]
pub struct ModelError {
    /// The model file.
    pub file: PathBuf,
    /// The reason.
    #[source]
    pub problem: Problem,
}

/// Why a model file is refused.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be opened or read.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The file has more bytes than protobuf allows.
    #[error("is {found} bytes long, the most is {most}")]
    TooLarge { found: u64, most: u64 },
    /// The manifest in its folder lists another checksum.
    #[error(
        "its SHA-256 is {found}, {manifest} says {expected}: the file is damaged or is another version; fetch it again"
    )]
    Checksum { expected: String, found: String, manifest: String },
    /// The manifest in its folder cannot be read at the moment.
    #[error("its checksum cannot be verified: {0}")]
    Manifest(#[source] ManifestError),
    /// Its bytes are not the protobuf of an ONNX model.
    #[error("is not an ONNX model, or is truncated: {0}")]
    NotOnnx(#[from] prost::DecodeError),
    /// Its protobuf is whole, but lacks something that every model has.
    #[error("is not an ONNX model, or is truncated: {lacks}")]
    Incomplete { lacks: &'static str },
    /// A tensor's data is in a second file.
    #[error("keeps its tensor '{tensor}' in another file; save the model as one file")]
    ExternalData { tensor: String },
    /// A tensor has more or fewer bytes than its shape needs.
    #[error("its tensor '{tensor}' is damaged: shape {shape:?} needs {expected} bytes, found {found}")]
    TensorSize { tensor: String, shape: Vec<i64>, expected: u64, found: u64 },
    /// A stored tensor contains NaN.
    #[error("its weights '{tensor}' contain NaN: the training that made it went wrong, or the file is damaged")]
    NanWeights { tensor: String },
    /// Its purecam metadata is damaged or from a newer version.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// It is a purifier in the classifier's place, or the reverse.
    #[error("is a {found}, expected a {expected}")]
    Role { expected: &'static str, found: &'static str },
    /// A purifier must describe itself.
    #[error("has no purecam metadata, so it is not a purifier; expected one that `purecam export` wrote")]
    NotAPurifier,
    /// A foreign classifier that `[classifier]` does not describe completely.
    #[error(transparent)]
    Undescribed(#[from] MissingKeys),
    /// `[classifier]` describes an input that no picture can become.
    #[error("its input cannot be filled as [classifier] describes it: {0}")]
    Described(#[source] InputError),
    /// The labels file cannot be read.
    #[error("its labels file {} cannot be read: {cause}", .file.display())]
    LabelsRead {
        file: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// The labels file has an empty line, or is empty.
    #[error("its labels file {} has an empty line or no line at all", .file.display())]
    LabelsEmpty { file: PathBuf },
    /// The graph's inputs have other names.
    #[error("takes the inputs {found}, expected {expected}")]
    Inputs { expected: String, found: String },
    /// An input's declared shape contradicts the expected one.
    #[error("its input '{input}' has shape {found}, expected {expected:?}")]
    InputShape { input: String, expected: Vec<usize>, found: String },
    /// The image input has another number of channels than a picture.
    #[error(
        "its input '{input}' takes {found} channel(s), and purecam's pictures have three: put the conversion, for instance to \
         grey, into the graph"
    )]
    Channels { input: String, found: usize },
    /// An input takes numbers of another type.
    #[error("its input '{input}' takes {found}, expected {expected}: export the model with an input of {expected}")]
    InputType { input: String, expected: String, found: String },
    /// The expected output is missing.
    #[error("has the outputs {found}, expected '{expected}'")]
    Output { expected: String, found: String },
    /// The output has another shape in the warm-up.
    #[error("its output '{output}' has shape {found:?}, expected {expected}")]
    OutputShape { output: String, expected: String, found: Vec<usize> },
    /// One label per output is needed.
    #[error("has {outputs} outputs for {labels} labels{}", one_output(*.outputs, *.labels))]
    LabelCount { outputs: usize, labels: usize },
    /// Logits that are declared as probabilities, or the reverse.
    #[error("{found}, but [classifier] declares output = \"{declared}\": write output = \"{instead}\"")]
    Kind { declared: &'static str, found: String, instead: &'static str },
    /// A single output that is declared to go through a soft-max.
    #[error(
        "has a single output, and [classifier] declares output = \"{declared}\": a soft-max of one number is always 1; for \
         a binary classifier write output = \"{instead}\", and one label, the one whose probability it gives"
    )]
    OneOutput { declared: &'static str, instead: &'static str },
    /// A classifier with many labels at once, where one class per picture is needed.
    #[error(
        "gives each label a probability of its own ([classifier] declares output = \"{declared}\"); training, attacks and \
         evaluations need one class per picture: use a classifier with a soft-max"
    )]
    ManyLabels { declared: &'static str },
    /// An operator that the engine lacks or would compute wrongly.
    #[error(transparent)]
    Operator(Box<Refusal>),
    /// The graph cannot be prepared.
    #[error("the engine cannot run it: {0}")]
    Engine(#[source] EngineError),
    /// The engine panicked while it prepared the graph: the panic's message and place.
    #[error("the engine cannot run it: it panicked while loading: {0}")]
    Panic(String),
    /// Too little memory to load it.
    #[error("cannot be loaded: {0}")]
    Memory(#[from] OutOfMemory),
    /// The run on the warm-up picture failed.
    #[error("fails its warm-up on a known picture: {0}")]
    WarmUp(#[source] InferenceError),
    /// Purifier and classifier work on pictures of different sizes.
    #[error(
        "takes pictures of {found} pixels, but the purifier {purifier} makes {expected}, and nothing is resized between them: \
         name no purifier (the general one that ships takes any size), or make one that fits with `purecam train purifier \
         PHOTOS --config FILE` (docs/guide/your-classifier.md)"
    )]
    Size { purifier: String, expected: String, found: String },
    /// A strength for a file that cannot be told one.
    #[error("has no strength to set: remove purifier.strength")]
    NoStrength,
    /// A strength that the purifier was not trained with.
    #[error("was trained with strengths from {least} to {most}: purifier.strength is {found}")]
    Strength { found: f32, least: f32, most: f32 },
}

/// What a user may have meant who gives a binary classifier two labels.
fn one_output(outputs: usize, labels: usize) -> &'static str {
    match (outputs, labels) {
        (1, 2) => "; a binary classifier with one output has one label, the one whose probability it gives",
        _ => "",
    }
}

impl Problem {
    /// A node that cannot be run: why, and what to do.
    pub(super) fn operator(node: &NodeProto, why: impl Into<String>, instead: impl Into<String>) -> Self {
        let operator = match node.domain.as_str() {
            "" | "ai.onnx" => node.op_type.clone(),
            domain => format!("{domain}.{}", node.op_type),
        };
        let name = match (node.name.as_str(), node.output.first()) {
            ("", Some(output)) => format!("which makes '{output}'"),
            (name, _) => format!("node '{name}'"),
        };
        let (why, instead) = (why.into(), instead.into());
        Self::Operator(Box::new(Refusal { operator, node: name, why, instead, cause: None }))
    }
}

/// An operator of a graph that cannot be run as it is used there.
#[derive(Debug, thiserror::Error)]
#[error("its operator {operator} ({node}) {why}; {instead}")]
pub struct Refusal {
    /// The operator, with its domain if that is not ONNX's own.
    pub operator: String,
    /// Which node it is, in words.
    pub node: String,
    /// What is wrong with it.
    pub why: String,
    /// What to do.
    pub instead: String,
    /// The engine's own error, if the engine found it.
    #[source]
    pub cause: Option<EngineError>,
}

/// The keys that a foreign classifier still needs, each with a line that could stand in the configuration.
#[derive(Debug, thiserror::Error)]
#[error(
    "has no purecam metadata, so it must be described; give a configuration with --config whose table [classifier] \
     also sets {keys}, for instance:\n\n[classifier]\n{example}\n"
)]
pub struct MissingKeys {
    /// The keys, separated by commas.
    pub keys: String,
    /// A line of TOML for each.
    pub example: String,
}

/// Why a run of a model gave no usable result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InferenceError {
    /// The engine reported an error.
    #[error("the engine failed: {0}")]
    Engine(#[source] EngineError),
    /// The engine panicked: the panic's message and place.
    #[error("the engine panicked: {0}")]
    Panic(String),
    /// The engine found too little memory.
    #[error("the engine cannot go on: {0}")]
    Memory(#[source] OutOfMemory),
    /// The output contains a NaN or an infinity.
    #[error("the output contains {found} at {index}, where every number must be finite")]
    NotFinite { index: usize, found: String },
    /// A purified picture has a value outside of 0..1.
    #[error("the output contains {found} at {index}, where every number must be in 0..1")]
    OutOfRange { index: usize, found: String },
    /// The picture is longer or shorter than the model's input.
    #[error("the picture has {found} numbers, expected {expected}")]
    PictureLength { expected: usize, found: usize },
    /// The output is longer or shorter than the model's metadata promises.
    #[error("the output has {found} numbers, expected {expected}")]
    Length { expected: usize, found: usize },
}

impl Problem {
    /// What a panic while loading means.
    pub(super) fn of_panic(message: String) -> Self {
        OutOfMemory::of_panic(&message).map_or(Self::Panic(message), Self::Memory)
    }
}

impl InferenceError {
    /// What a panic of the engine means.
    pub(super) fn of_panic(message: String) -> Self {
        OutOfMemory::of_panic(&message).map_or(Self::Panic(message), Self::Memory)
    }

    /// The name under which it is counted.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Engine(_) | Self::PictureLength { .. } | Self::Length { .. } => "engine",
            Self::Panic(_) => "panic",
            Self::Memory(_) => "memory",
            Self::NotFinite { .. } => "not-finite",
            Self::OutOfRange { .. } => "out-of-range",
        }
    }
}

/// An error of tract, with all its causes; its `Display` prints them on one line. Two are equal if they print the same.
#[derive(Clone, Debug)]
pub struct EngineError(Arc<TractError>);

impl std::fmt::Display for EngineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for EngineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl PartialEq for EngineError {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl From<TractError> for EngineError {
    fn from(error: TractError) -> Self {
        Self(Arc::new(error))
    }
}

impl From<String> for EngineError {
    fn from(message: String) -> Self {
        TractError::msg(message).into()
    }
}

impl From<&'static str> for EngineError {
    fn from(message: &'static str) -> Self {
        TractError::msg(message).into()
    }
}

impl From<TractError> for InferenceError {
    fn from(error: TractError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<TractError> for Problem {
    fn from(error: TractError) -> Self {
        Self::Engine(error.into())
    }
}
