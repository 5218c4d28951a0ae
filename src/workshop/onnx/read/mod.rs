//! Reads an ONNX file into burn at run time, so that gradients can flow through the very file that ships.
//!
//! The nodes of the graph are interpreted one by one over burn tensors; no code is generated. What depends on stored
//! tensors alone is computed once, at load, and an inference-time batch normalisation is merged into the convolution
//! before it. Stored tensors are constants, so a backward pass computes the gradient of the inputs and nothing else.
//!
//! `load` turns a file into a `Network`, with `proto` for the protobuf, `op` for the operators and `fold` for what is
//! computed once. [`Classifier`] and [`Purifier`] are networks with a meaning; `batch` runs their batches.

mod batch;
mod classifier;
mod error;
mod fold;
mod load;
mod network;
mod op;
mod proto;
mod purifier;
mod shape;
mod value;

pub use classifier::Classifier;
pub use error::{Error, Reason};
pub use network::Network;
pub use proto::Declared;
pub use purifier::Purifier;
pub use value::{Floats, Ints, Value};
