//! A product of rows with a constant matrix, and the constant that is added to it.

use tract_core::internal::*;
use tract_core::ops::einsum::EinSum;

use super::{Replacement, along_last, constant, known_shape, next, with_constant};
use crate::engine::kernel::linear::Linear;
use crate::engine::kernel::operator::Operator;
use crate::engine::kernel::simd::Simd;

/// A linear layer over the last axes of a tensor.
pub fn find(model: &TypedModel, id: usize, simd: Simd) -> TractResult<Option<Replacement>> {
    let node = model.node(id);
    let Some(product) = node.op_as::<EinSum>() else { return Ok(None) };
    let facts = model.node_input_facts(id)?;
    let (2, None) = (facts.len(), product.q_params) else { return Ok(None) };
    let (Some(x), Some(weight), Some(shape)) =
        (known_shape(facts[0]), constant(Some(facts[1])), known_shape(&node.outputs[0].fact))
    else {
        return Ok(None);
    };
    let Some(weight) = matrix(product, x.len(), &weight, shape)? else { return Ok(None) };
    let outputs = shape[shape.len() - 1];
    let mut bias = vec![0.0; outputs];
    let (mut last, mut shape): (usize, TVec<usize>) = (id, shape.into());
    // What only changes the shape of the rows may stand before the bias.
    let mut reached = id;
    while let Some(node) = next(model, reached)? {
        let Some(after) = known_shape(&node.outputs[0].fact) else { break };
        if node.op_is::<AxisOp>() && keeps_rows(node, outputs, after) {
            reached = node.id;
            continue;
        }
        let Some(("Add", constant)) = with_constant(model, node, reached)? else { break };
        let Some(added) = along_last(&constant, outputs)? else { break };
        bias.iter_mut().zip(added).for_each(|(bias, added)| *bias += added);
        (reached, last, shape) = (node.id, node.id, after.into());
    }
    let operator = Box::new(Operator::new(Linear::new(simd, &weight, &bias), simd, shape));
    Ok(Some(Replacement { inputs: tvec!(node.inputs[0]), operator, last }))
}

/// Whether a change of axes leaves the order of all numbers as it is, and the last axis.
fn keeps_rows(node: &TypedNode, outputs: usize, after: &[usize]) -> bool {
    !matches!(node.op_as::<AxisOp>(), None | Some(AxisOp::Move(..))) && after.last() == Some(&outputs)
}

/// The weight as [depth, outputs], if the product takes the last axes of `x` together, in their order, and leaves the
/// order of the others.
fn matrix(product: &EinSum, rank: usize, weight: &Tensor, shape: &[usize]) -> TractResult<Option<Vec<f32>>> {
    let (axes, ranks) = (&product.axes, [rank, weight.rank()]);
    if ranks[1] < 2 || rank + 1 < ranks[1] {
        return Ok(None);
    }
    let (summed, kept) = (ranks[1] - 1, rank + 1 - ranks[1]);
    // The outputs are the weight's last axis, or the first of two.
    let is_output = |axis: usize| -> TractResult<bool> {
        let axis = axes.axis((InOut::In(1), axis))?;
        Ok(axis.inputs[0].is_empty() && axis.outputs[0].as_slice() == [shape.len() - 1])
    };
    let transposed = ranks[1] == 2 && is_output(0)?;
    if !transposed && !is_output(ranks[1] - 1)? {
        return Ok(None);
    }
    for place in 0..summed {
        let axis = axes.axis((InOut::In(0), kept + place))?;
        let of_weight = if transposed { 1 } else { place };
        if axis.inputs[1].as_slice() != [of_weight] || !axis.outputs[0].is_empty() {
            return Ok(None);
        }
    }
    let mut begin = 0;
    for place in 0..kept {
        let axis = axes.axis((InOut::In(0), place))?;
        let ([], [output]) = (axis.inputs[1].as_slice(), axis.outputs[0].as_slice()) else { return Ok(None) };
        if *output < begin || shape[begin..*output].iter().any(|length| *length != 1) {
            return Ok(None);
        }
        begin = output + 1;
    }
    if shape[begin..shape.len() - 1].iter().any(|length| *length != 1) {
        return Ok(None);
    }
    let numbers = weight.try_as_plain_ram()?.as_slice::<f32>()?;
    if !transposed {
        return Ok(Some(numbers.to_vec()));
    }
    let [outputs, depth] = [weight.shape()[0], weight.shape()[1]];
    Ok(Some((0..depth * outputs).map(|place| numbers[place % outputs * depth + place / outputs]).collect()))
}
