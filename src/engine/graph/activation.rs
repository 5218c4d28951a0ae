//! Activations that the engine computes wrongly.

use tract_onnx::pb::NodeProto;

use super::node::{Attributes, node, node_with};
use super::rewrites::Rewritten;
use super::scope::Scope;
use crate::engine::error::Problem;

/// `Celu(x) = alpha Elu(x / alpha)`. The engine forgets the factor before the exponential.
pub fn celu(celu: &NodeProto, scope: &mut Scope) -> Rewritten {
    let alpha = celu.float("alpha", 1.0);
    let ([x], [y]) = (celu.input.as_slice(), celu.output.as_slice()) else { return Ok(None) };
    if alpha <= 0.0 || !alpha.is_finite() {
        let why = format!("has alpha {alpha}, where a number above 0 is expected");
        return Err(Problem::operator(celu, why, "export the model again"));
    }
    let (alpha, scaled, bent) = (scope.number(y, alpha), scope.fresh.name(y), scope.fresh.name(y));
    Ok(Some(vec![
        node("Div", &[x, &alpha], &scaled),
        node_with("Elu", &[&scaled], &bent, Vec::new()),
        node("Mul", &[&bent, &alpha], y),
    ]))
}
