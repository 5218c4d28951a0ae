//! A layer normalisation, which the engine takes apart into sums, differences and products.

use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::nn::{Reduce, Reducer, RmsNorm};

use super::{Replacement, along_last, known_shape, next, uniform, with_constant};
use crate::engine::kernel::norm::LayerNorm;
use crate::engine::kernel::operator::Operator;
use crate::engine::kernel::simd::Simd;

/// A layer normalisation over the last axis, with the gain and the bias that follow it.
pub fn find(model: &TypedModel, id: usize, simd: Simd) -> TractResult<Option<Replacement>> {
    let node = model.node(id);
    let Some(Reduce { axes, reducer: Reducer::Sum }) = node.op_as::<Reduce>() else { return Ok(None) };
    let Some(shape) = known_shape(model.outlet_fact(node.inputs[0])?) else { return Ok(None) };
    let (last, width) = (shape.len() - 1, shape[shape.len() - 1]);
    if axes.as_slice() != [last] {
        return Ok(None);
    }
    // The mean.
    let Some(mean) = next(model, id)? else { return Ok(None) };
    let Some(("Mul", share)) = with_constant(model, mean, id)? else { return Ok(None) };
    if uniform(&share).is_none_or(|share| (share * width as f32 - 1.0).abs() > 1e-6) {
        return Ok(None);
    }
    // What is left without it, by its root mean square.
    let Some(rest) = next(model, mean.id)? else { return Ok(None) };
    let is_rest = rest.op_as::<TypedBinOp>().is_some_and(|op| op.0.name() == "Sub" && op.1.is_none());
    if !is_rest || rest.inputs[0] != node.inputs[0] || rest.inputs[1].node != mean.id {
        return Ok(None);
    }
    let Some(norm) = next(model, rest.id)? else { return Ok(None) };
    let Some(RmsNorm { axis, eps }) = norm.op_as::<RmsNorm>() else { return Ok(None) };
    let (true, Some(epsilon)) = (*axis == last, uniform(eps)) else { return Ok(None) };
    let mut found = LayerNorm { gain: vec![1.0; width], bias: vec![0.0; width], epsilon };
    let mut reached = norm.id;
    for (wanted, numbers) in [("Mul", &mut found.gain), ("Add", &mut found.bias)] {
        let Some(node) = next(model, reached)? else { break };
        let Some((op, constant)) = with_constant(model, node, reached)? else { break };
        let (true, Some(constant)) = (op == wanted, along_last(&constant, width)?) else { break };
        *numbers = constant;
        reached = node.id;
    }
    let operator = Box::new(Operator::new(found, simd, shape.into()));
    Ok(Some(Replacement { inputs: tvec!(node.inputs[0]), operator, last: reached }))
}
