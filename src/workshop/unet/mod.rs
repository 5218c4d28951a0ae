//! A convolutional purifier that drowns a perturbation in noise and restores the picture: image noise as the RIAE paper
//! has it (arXiv 2311.15339), an order of magnitude lighter, with a path for detail.
//!
//! The network adds Gaussian noise of a chosen strength to its own input, and removes it again. It has no layer that
//! depends on the size of the picture, so one set of weights serves every side, and it is told the strength, so one set
//! serves every strength.
//!
//! - [`config`]: sizes, presets, and what is refused; how much a pass computes.
//! - [`network`]: a U-Net (Ronneberger et al., arXiv 1505.04597) of residual blocks without normalisation.
//! - [`export`]: the network as an ONNX graph for pictures of any side; [`import`] is the way back.

pub mod config;
pub mod export;
pub mod import;
pub mod network;

pub use config::{Error, UnetConfig};
pub use network::Unet;
