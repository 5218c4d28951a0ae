//! ONNX files and burn: any classifier read with gradients, our own networks written.

pub mod read;
