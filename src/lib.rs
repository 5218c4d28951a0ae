pub mod cli; pub mod engine;
#[cfg(feature = "training")] pub mod onnx;
#[cfg(feature = "training")] pub mod zoo;
#[cfg(feature = "training")] pub mod train;
pub mod commands;
