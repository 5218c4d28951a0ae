//! Axes of Squeeze: the engine removes them one after another, so they must be sorted, and it wants to be told them.

use tract_onnx::pb::NodeProto;

use super::node::{Attributes, input, ints, remove, set};
use super::rewrites::Rewritten;
use super::scope::Scope;

/// Sorts the axes, and lists those of length 1 if the node leaves them open.
pub fn squeeze(squeeze: &NodeProto, scope: &mut Scope) -> Rewritten {
    let Some(x) = input(squeeze, 0) else { return Ok(None) };
    let asked = match (squeeze.ints("axes"), input(squeeze, 1)) {
        (Some(axes), _) => Some(axes.to_vec()),
        (None, Some(name)) => match scope.facts().value(name) {
            Some(values) => Some(values.iter().map(|&axis| axis as i64).collect()),
            None => return Ok(None),
        },
        (None, None) => None,
    };
    let axes = match asked {
        Some(mut axes) => {
            // Axes of one sign need no rank to be sorted.
            if axes.iter().any(|&axis| axis < 0) && axes.iter().any(|&axis| axis >= 0) {
                let Some(rank) = scope.facts().rank(x) else { return Ok(None) };
                axes.iter_mut().filter(|axis| **axis < 0).for_each(|axis| *axis += rank as i64);
            }
            axes.sort_unstable();
            axes.dedup();
            axes
        }
        None => {
            let Some(shape) = scope.shape(x) else { return Ok(None) };
            (0..).zip(shape).filter(|(_, length)| *length == 1).map(|(axis, _)| axis).collect()
        }
    };
    let mut squeeze = squeeze.clone();
    squeeze.input.truncate(1);
    remove(&mut squeeze, "axes");
    if scope.opset < 13 {
        set(&mut squeeze, ints("axes", axes));
    } else {
        squeeze.input.push(scope.integers("axes", &axes));
    }
    Ok(Some(vec![squeeze]))
}
