//! An ONNX file as a checked, warmed-up model.
//!
//! A file passes five gates before it sees a frame: its checksum (if a manifest lists one), its protobuf, its
//! metadata against the [`contract`], its graph in the engine, and a warm-up on a known picture.

pub mod contract;

mod check;
mod classifier;
mod compute;
mod error;
mod file;
mod foreign;
mod graph;
pub mod kernel;
mod manifest;
mod noise;
mod purifier;
mod session;
mod threads;

pub use classifier::Classifier;
pub use compute::compute;
pub use error::{EngineError, InferenceError, MissingKeys, ModelError, Problem, Refusal};
pub use file::ModelFile;
pub use foreign::{Description, ForeignOutput, Range};
pub use graph::rewrite;
pub use manifest::{Entry, Manifest, ManifestError, Shipped};
pub use noise::NoiseSource;
pub use purifier::{Purifier, Setup};
pub use threads::{ThreadsError, share_among};
