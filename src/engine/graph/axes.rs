//! Axes of Squeeze: the engine removes them one after another, so they must be sorted, and it wants to be told them.

use tract_onnx::pb::NodeProto;

use super::node::{Attributes, input, ints, remove, set};
use super::rewrites::Rewritten;
use super::scope::Scope;
use crate::engine::error::Problem;

/// Sorts stored axes that are counted from one end.
pub fn sorted(squeeze: &NodeProto, scope: &mut Scope) -> Rewritten {
    let asked = squeeze.ints("axes").map(<[i64]>::to_vec);
    let Some(axes) = asked.or_else(|| scope.stored_ints(input(squeeze, 1)?)) else { return Ok(None) };
    Ok(Some(vec![with_axes(squeeze, axes, scope)]))
}

/// Counts all axes from the front, and lists those of length 1 if the node leaves them open.
pub fn squeeze(squeeze: &NodeProto, scope: &mut Scope) -> Rewritten {
    let Some(x) = input(squeeze, 0) else { return Ok(None) };
    let asked = match (squeeze.ints("axes"), input(squeeze, 1)) {
        (Some(axes), _) => Some(axes.to_vec()),
        (None, Some(name)) => match scope.ints(name) {
            Some(axes) => Some(axes),
            None => return Ok(None),
        },
        (None, None) => None,
    };
    let axes = match asked {
        Some(axes) if axes.iter().any(|&axis| axis < 0) && axes.iter().any(|&axis| axis >= 0) => {
            let Some(rank) = scope.facts().rank(x) else {
                let why = "counts its axes from both ends of an input of unknown rank";
                return Err(Problem::operator(squeeze, why, "export the model with a fixed input size"));
            };
            axes.iter().map(|&axis| if axis < 0 { axis + rank as i64 } else { axis }).collect()
        }
        Some(axes) => axes,
        None => {
            let Some(shape) = scope.shape(x) else { return Ok(None) };
            (0..).zip(shape).filter(|(_, length)| *length == 1).map(|(axis, _)| axis).collect()
        }
    };
    Ok(Some(vec![with_axes(squeeze, axes, scope)]))
}

/// The node with `axes` in order. Axes that are counted from both ends become an attribute, which older opsets have and
/// which the shapes are then asked without.
fn with_axes(squeeze: &NodeProto, mut axes: Vec<i64>, scope: &mut Scope) -> NodeProto {
    axes.sort_unstable();
    axes.dedup();
    let mixed = axes.iter().any(|&axis| axis < 0) && axes.iter().any(|&axis| axis >= 0);
    let mut squeeze = squeeze.clone();
    squeeze.input.truncate(1);
    remove(&mut squeeze, "axes");
    if scope.opset < 13 || mixed {
        set(&mut squeeze, ints("axes", axes));
    } else {
        squeeze.input.push(scope.integers("axes", &axes));
    }
    squeeze
}
