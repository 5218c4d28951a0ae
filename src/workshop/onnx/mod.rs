//! Between burn and ONNX: [`mod@write`] makes files, [`read`] turns any classifier's file into a differentiable function.

pub mod read;
pub mod write;
