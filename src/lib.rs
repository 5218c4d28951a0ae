pub mod cli; pub mod engine; pub mod commands;
pub mod onnx; pub mod zoo; pub mod train; pub mod riae; pub mod attack;
