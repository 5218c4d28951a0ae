//! purecam: camera frames in, purified verdicts out.
//!
//! The house has two wings. Everything here except `workshop` is the device: what a robot runs. Data
//! flows one way, and so do the imports: a room may use the rooms to its left and below, never those to its right.
//!
//! ```text
//! source -> frame -> engine (purify, classify) -> verdict -> sink
//!    |                                                        |
//!    +------------------ service (the loop) ------------------+
//! ```
//!
//! Rooms of the device:
//! - [`frame`]: an image with its capture time and number; decoding, orientation, cropping and resizing.
//! - [`source`]: where frames come from: cameras, files, the built-in demonstration.
//! - [`engine`]: an ONNX file as a checked, warmed-up purifier or classifier.
//! - [`verdict`]: what purecam reports about a frame, and its JSON.
//! - [`service`]: the newest-wins slot, the loop that turns frames into verdicts, its states and numbers.
//! - [`sink`]: where verdicts go.
//! - [`health`]: how the service shows itself: systemd, metrics, the live page.
//! - [`measure`]: latencies, and what the machine was doing meanwhile, for `purecam bench`.
//! - [`config`], [`cli`], [`commands`]: what the user wants, and one file per command.
//!
//! Used by every room: [`time`] (clock, stop, back-off), [`worker`] (threads joined with a time-out), [`secret`] (files
//! that only their owner may read), [`atomic`] (files that appear whole), [`contain`](mod@contain) (panics as errors),
//! [`passing`] (what may work when it is tried again), [`text`] (text files, and names as text), [`console`] (standard
//! output and error, which never end the program), [`sha256`], [`host`], [`logging`].
//!
//! # The workshop
//!
//! `src/workshop/`, the feature `training`: networks, training, export, attacks, evaluation. It uses the rooms of the
//! device; none of them uses it.

// What is printed goes through `console`: these macros panic if nobody can read it.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod atomic;
pub mod cli;
pub mod commands;
pub mod config;
pub mod console;
pub mod contain;
pub mod engine;
pub mod frame;
pub mod health;
pub mod host;
pub mod logging;
pub mod measure;
pub mod passing;
pub mod secret;
pub mod service;
pub mod sha256;
pub mod sink;
pub mod source;
pub mod text;
pub mod time;
pub mod verdict;
pub mod worker;

#[cfg(feature = "training")]
pub mod workshop;
