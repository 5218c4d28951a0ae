//! What happens to a graph before the engine sees it: one list of rewrites, one file each.
//!
//! The engine lacks some operators of ONNX and computes others wrongly (`docs/upstream.md`). A rewrite turns such a node
//! into operators that the engine computes rightly, or refuses the file by the operator's name and says what to do. No
//! rewrite changes what the graph computes; `tests/foreign_operators.rs` compares the results with onnxruntime's.

mod activation;
mod axes;
mod blame;
mod condition;
mod constant;
mod dead;
mod ending;
mod facts;
mod function;
mod known;
mod legacy;
mod name;
mod node;
mod padding;
mod pool;
mod precision;
mod refused;
mod rename;
mod resample;
mod rewrites;
mod scope;
mod slices;
mod window;

use tract_onnx::pb;

pub(super) use blame::blame;
pub use ending::{Ending, ending};
pub(super) use known::check;

use super::error::Problem;

/// Rewrites `model`, in place, into what the engine computes rightly. `inputs` are the names and shapes of what will be
/// fed: some graphs can only be simplified for a known size.
///
/// # Errors
/// [`Problem::Operator`]: an operator that the engine does not compute, and what to do about it.
pub fn rewrite(model: &mut pb::ModelProto, inputs: &[(String, Vec<usize>)]) -> Result<(), Problem> {
    function::inline(model)?;
    precision::widen(model);
    name::clear(model);
    dead::remove(model);
    rewrites::prepare(model, inputs)?;
    condition::fold(model, inputs)?;
    dead::remove(model);
    rewrites::apply(model, inputs)
}
