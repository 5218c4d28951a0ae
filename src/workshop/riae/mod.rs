//! RIAE: the masked auto-encoder that purifies an image, as a burn module.
//!
//! After "Adversarial Purification of Information Masking" (arXiv 2311.15339). Patches are dealt into groups; the
//! encoder sees every group separately; the decoder reconstructs each group from the others and from the stand-ins that
//! the masking mode puts in its place; the reconstructions together are the purified picture.
//!
//! - [`network`]: the network, put together from the parts below.
//! - [`config`]: sizes, modes, presets, and what is refused; `cost`: how much a pass computes.
//! - [`groups`], `position`, `schedule`, [`draw`]: dealing, positions, the diffusion noise schedule, random inputs.
//! - [`block`], [`encoder`], [`decoder_self`], [`decoder_cross`]: the transformers.
//! - [`export`]: the network as an ONNX graph; [`state_dict`]: its weights for the published PyTorch class.

pub mod block;
pub mod config;
mod cost;
pub mod decoder_cross;
pub mod decoder_self;
pub mod draw;
pub mod encoder;
mod error;
pub mod export;
pub mod groups;
pub mod network;
mod position;
mod schedule;
pub mod state_dict;

pub use crate::workshop::pictures::{IMAGENET_MEAN as MEAN, IMAGENET_STD as STD};
pub use config::RiaeConfig;
pub use draw::Draw;
pub use error::Error;
pub use network::{Decoder, Purified, Riae};
