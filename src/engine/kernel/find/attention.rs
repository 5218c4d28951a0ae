//! Attention: a product of queries and keys, its soft-max, and a product with values.

use tract_core::internal::*;
use tract_core::ops::einsum::EinSum;
use tract_core::ops::nn::{Softmax, SoftmaxKind};

use super::{Replacement, known_shape, next};
use crate::engine::kernel::attention::{Attention, Strides};
use crate::engine::kernel::operator::Operator;
use crate::engine::kernel::simd::Simd;

/// An attention over groups and heads, or over heads alone.
pub fn find(model: &TypedModel, id: usize, simd: Simd) -> TractResult<Option<Replacement>> {
    let scores = model.node(id);
    let Some(product) = plain_product(scores) else { return Ok(None) };
    let Some(weights) = next(model, id)? else { return Ok(None) };
    let Some(mixed) = next(model, weights.id)? else { return Ok(None) };
    let (Some(softmax), Some(mixing)) = (weights.op_as::<Softmax>(), plain_product(mixed)) else { return Ok(None) };
    let facts = [scores.inputs[0], scores.inputs[1], mixed.inputs[1]].map(|outlet| model.outlet_fact(outlet));
    let [Ok(q), Ok(k), Ok(v)] = facts else { return Ok(None) };
    let shapes = (known_shape(q), known_shape(k), known_shape(v));
    let (Some(q), Some(k), Some(v)) = shapes else { return Ok(None) };
    let (Some(between), Some(out)) = (known_shape(&scores.outputs[0].fact), known_shape(&mixed.outputs[0].fact)) else {
        return Ok(None);
    };
    let rank = between.len();
    let usual = (3..=4).contains(&rank) && [q, k, v, out].iter().all(|shape| shape.len() == rank);
    let over_keys = softmax.axes.as_slice() == [rank.wrapping_sub(1)]
        && softmax.kind == SoftmaxKind::Softmax
        && softmax.quant_output_dt.is_none();
    if !usual || !over_keys || mixed.inputs[0].node != weights.id {
        return Ok(None);
    }
    // Where each axis of the scores is in queries and keys, in values and in the output.
    let of_scores = |axis: usize, input: usize| place(product, InOut::Out(0), axis, InOut::In(input));
    let of_values = |axis: usize| place(mixing, InOut::In(0), axis, InOut::In(1));
    let of_out = |axis: usize| place(mixing, InOut::In(0), axis, InOut::Out(0));
    let (queries, keys) = (rank - 2, rank - 1);
    let (Some(in_q), Some(in_k)) = (of_scores(queries, 0), of_scores(keys, 1)) else { return Ok(None) };
    let (Some(in_v), Some(in_out)) = (of_values(keys), of_out(queries)) else { return Ok(None) };
    let unshared = of_scores(queries, 1).is_none()
        && of_scores(keys, 0).is_none()
        && of_values(queries).is_none()
        && of_out(keys).is_none();
    // The numbers of a token lie side by side in all four.
    let side_by_side = place(product, InOut::In(0), keys, InOut::In(1)) == Some(keys)
        && place(product, InOut::In(0), keys, InOut::Out(0)).is_none()
        && place(mixing, InOut::In(1), keys, InOut::Out(0)) == Some(keys)
        && place(mixing, InOut::In(1), keys, InOut::In(0)).is_none();
    if !unshared || !side_by_side {
        return Ok(None);
    }
    let mut strides = [(q, in_q), (k, in_k), (v, in_v), (out, in_out)].map(|(shape, token)| Strides {
        group: 0,
        head: 0,
        token: stride(shape, token),
    });
    for axis in 0..queries {
        let places = [of_scores(axis, 0), of_scores(axis, 1), of_values(axis), of_out(axis)];
        for ((strides, shape), place) in strides.iter_mut().zip([q, k, v, out]).zip(places) {
            let Some(place) = place else { return Ok(None) };
            let is_head = axis + 1 == queries;
            *(if is_head { &mut strides.head } else { &mut strides.group }) = stride(shape, place);
        }
    }
    let groups = if rank == 4 { between[0] } else { 1 };
    // Threads share the groups of the output.
    let len: usize = out.iter().product();
    if groups > 1 && strides[3].group != len / groups {
        return Ok(None);
    }
    let attention = Attention {
        groups,
        heads: between[rank - 3],
        queries: between[queries],
        keys: between[keys],
        depth: q[keys],
        width: v[keys],
        strides,
    };
    let inputs = tvec!(scores.inputs[0], scores.inputs[1], mixed.inputs[1]);
    let operator = Box::new(Operator::new(attention, simd, out.into()));
    Ok(Some(Replacement { inputs, operator, last: mixed.id }))
}

/// A product of two tensors.
fn plain_product(node: &TypedNode) -> Option<&EinSum> {
    node.op_as::<EinSum>().filter(|product| product.q_params.is_none() && node.inputs.len() == 2)
}

/// Where the axis `axis` of one tensor of a product is in another; `None` if it is not there.
fn place(product: &EinSum, of: InOut, axis: usize, there: InOut) -> Option<usize> {
    let axis = product.axes.axis((of, axis)).ok()?;
    let places = match there {
        InOut::In(input) => &axis.inputs[input],
        InOut::Out(output) => &axis.outputs[output],
    };
    match places.as_slice() {
        [place] => Some(*place),
        _ => None,
    }
}

/// Numbers between two entries of an axis.
fn stride(shape: &[usize], axis: usize) -> usize {
    shape[axis + 1..].iter().product()
}
