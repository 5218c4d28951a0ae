//! Kernels of our own in the engine's graph.
//!
//! The engine computes everything with products of matrices, and writes down every step between. For convolutions,
//! linear layers, normalisation and attention there are faster ways. [`replace`] puts operators of ours in the place of
//! what they can compute, and leaves the rest to the engine:
//!
//! - `winograd`: 3x3 filters of stride 1; `depthwise`: a filter for each channel; `dense`: all other convolutions;
//! - `linear`, `norm`, `attention`: the parts of a transformer;
//! - `product`: the inner loop of all of them; `simd`, `vector`: code for each of the
//!   CPU's instruction sets;
//! - `operator`, `convolution`: the engine's view of them, and threads; `find`: the nodes that they can stand for.

mod attention;
mod bounds;
mod convolution;
mod dense;
mod depthwise;
mod find;
mod linear;
pub(crate) mod math;
mod norm;
mod operator;
mod product;
mod scratch;
mod simd;
#[cfg(test)]
mod tests;
mod vector;
mod window;
mod winograd;

pub use find::replace;
#[cfg(feature = "training")]
pub(crate) use simd::vectorised;
