//! Between burn and ONNX: [`mod@write`] makes files, [`read`] turns a model file into a differentiable function.

pub mod read;
mod wire;
pub mod write;
