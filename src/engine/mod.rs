//! An ONNX file as a checked, warmed-up model.

pub mod contract;
