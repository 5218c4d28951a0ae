//! Convolutions of our own in the engine's graph.
//!
//! The engine computes convolutions with products of matrices; for 3x3 and depth-wise filters there are faster ways, and
//! what limits the outputs (ReLU) costs nothing while they are at hand. [`replace`] puts operators of ours in the place
//! of what they can compute, and leaves the rest to the engine:
//!
//! - [`mod@winograd`]: 3x3 filters of stride 1; [`mod@depthwise`]: a filter for each channel; [`mod@dense`]: all others;
//! - [`product`]: the inner loop; [`simd`]: every kernel compiled for the CPU's vectors;
//! - [`operator`]: the engine's view of them, and threads; [`find`]: the nodes of a graph that they can stand for.

mod bounds;
mod dense;
mod depthwise;
mod find;
mod operator;
mod product;
mod scratch;
mod simd;
mod window;
mod winograd;

pub use find::replace;

#[cfg(test)]
mod tests;
