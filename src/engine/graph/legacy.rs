//! What operators said in ONNX's first versions, and the engine does not listen to.

use tract_onnx::pb::NodeProto;
use tract_onnx::pb::tensor_proto::DataType;

use super::node::{Attributes, input, int, ints, node_with, remove, set};
use super::rewrites::Rewritten;
use super::scope::Scope;
use crate::engine::error::Problem;

/// Until opset 6 the second operand of arithmetic was laid along the axes from `axis` on.
pub fn broadcast(sum: &NodeProto, scope: &mut Scope) -> Rewritten {
    let (Some(axis), [a, b]) = (sum.attribute("axis"), sum.input.as_slice()) else { return Ok(None) };
    let (Some(long), Some(short)) = (scope.facts().rank(a), scope.facts().rank(b)) else {
        return Err(Problem::operator(sum, "has operands of unknown size", "export the model with opset 13 or later"));
    };
    let axis = if axis.i < 0 { axis.i + long as i64 } else { axis.i };
    let missing = long as i64 - axis - short as i64;
    let mut sum = sum.clone();
    remove(&mut sum, "axis");
    remove(&mut sum, "broadcast");
    if missing <= 0 {
        return Ok(Some(vec![sum]));
    }
    let wide = scope.fresh.name(b);
    let axes = (short as i64..short as i64 + missing).collect();
    let unsqueeze = node_with("Unsqueeze", &[b], &wide, vec![ints("axes", axes)]);
    sum.input[1] = wide;
    Ok(Some(vec![unsqueeze, sum]))
}

/// Until opset 5 the type was a word.
pub fn cast(cast: &NodeProto, _: &mut Scope) -> Rewritten {
    let word = cast.text("to", "");
    let mut kinds = (1..=16).filter_map(|kind| DataType::try_from(kind).ok());
    let Some(kind) = kinds.find(|kind| kind.as_str_name() == word) else { return Ok(None) };
    let kind = match kind {
        DataType::Float16 | DataType::Bfloat16 | DataType::Double => DataType::Float,
        kind => kind,
    };
    let mut cast = cast.clone();
    set(&mut cast, int("to", i64::from(kind as i32)));
    Ok(Some(vec![cast]))
}

/// In opset 1 the shape was an attribute.
pub fn reshape(reshape: &NodeProto, scope: &mut Scope) -> Rewritten {
    let (Some(shape), None) = (reshape.ints("shape"), input(reshape, 1)) else { return Ok(None) };
    let shape = scope.integers("shape", shape);
    let mut reshape = reshape.clone();
    remove(&mut reshape, "shape");
    reshape.input.truncate(1);
    reshape.input.push(shape);
    Ok(Some(vec![reshape]))
}

/// In opset 1 the axis had a default.
pub fn concat(concat: &NodeProto, _: &mut Scope) -> Rewritten {
    if concat.attribute("axis").is_some() {
        return Ok(None);
    }
    let mut concat = concat.clone();
    set(&mut concat, int("axis", 1));
    Ok(Some(vec![concat]))
}
