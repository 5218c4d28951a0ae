//! The workshop: everything that a workstation runs and a robot does not. It uses the device's rooms; none of them
//! uses it.
//!
//! - [`riae`], [`unet`], [`zoo`]: purifiers and classifiers as burn modules; [`purifier`]: what the first two share.
//!   [`fused`]: CPU operators that they share with imported graphs.
//! - [`onnx`]: burn to ONNX, and any ONNX classifier to burn with gradients.
//! - [`train`]: data, losses, schedules, checkpoints.
//! - [`export`]: the best weights of a run as one ONNX file, compared with burn before it is kept.
//! - [`classes`]: folders of photographs, and names of classes.
//! - [`attack`], [`evaluate`]: adversarial pictures, and what they do to a defence.
//! - [`pictures`], [`device`]: pictures to tensors and back; the processor or card that computes.
//! - [`cli`], [`commands`]: the workshop's part of the command line.

pub mod attack;
pub mod classes;
pub mod cli;
pub mod commands;
pub mod device;
pub mod evaluate;
pub mod export;
pub mod fused;
pub mod onnx;
pub mod pictures;
pub mod purifier;
pub mod riae;
pub mod train;
pub mod unet;
pub mod zoo;
