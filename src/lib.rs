//! purecam: camera frames in, purified verdicts out.
//!
//! Data flows one way, and so do the imports: a room may use the rooms to its left and below, never to its right.
//!
//! ```text
//! source -> frame -> engine (purify, classify) -> verdict -> sink
//!    |                                                        |
//!    +------------------ service (the loop) ------------------+
//! ```
//!
//! The rooms of the device:
//! - [`frame`]: an image with its capture time and number; decoding, orientation, cropping and resizing.
//! - [`source`]: where frames come from: cameras, files, the built-in demonstration.
//! - [`engine`]: an ONNX file as a checked, warmed-up purifier or classifier.
//! - [`verdict`]: what is said of a frame, and its JSON.
//! - [`service`]: the newest-wins slot, the loop that turns frames into verdicts, its states and numbers.
//! - [`sink`]: where verdicts go.
//! - [`health`]: how the service shows itself: systemd, metrics, the live page.
//! - [`measure`]: latencies and what the machine was doing meanwhile, for `purecam bench`.
//! - [`contain`](mod@contain): panics as errors, for every room that reads files.
//! - [`config`], [`cli`], [`commands`]: what the user asked for, and one file a command.
//! - [`logging`]: how log lines look, to the journal and to people.
//! - [`atomic`], [`contain`]: files that appear whole, panics that stay where they happen; anybody may use them.
//! - [`secret`]: passwords and tokens from files that other users cannot read.
//!
//! The rooms of the workshop (feature `training`):
//! - [`riae`], [`zoo`]: the purifier and the classifiers as burn modules.
//! - [`onnx`]: burn to ONNX, and any ONNX classifier to burn with gradients.
//! - [`train`]: data, losses, schedules, checkpoints.
//! - [`attack`], [`evaluate`]: adversarial pictures, and what they do to a defence.

pub mod atomic;
pub mod cli;
pub mod commands;
pub mod config;
pub mod contain;
pub mod engine;
pub mod frame;
pub mod health;
pub mod host;
pub mod logging;
pub mod measure;
pub mod secret;
pub mod service;
pub mod sha256;
pub mod sink;
pub mod source;
pub mod time;
pub mod verdict;
pub mod worker;

#[cfg(feature = "training")]
pub mod workshop;
