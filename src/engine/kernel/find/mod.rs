//! The nodes of a graph that a kernel of ours can stand for.

mod attention;
mod convolution;
mod linear;
mod norm;

use tract_core::internal::*;

use super::simd::Simd;

/// What takes the place of some nodes.
struct Replacement {
    inputs: TVec<OutletId>,
    operator: Box<dyn TypedOp>,
    /// The node whose output the operator computes.
    last: usize,
}

/// Finds what takes the place of a node and of those that follow it.
type Rule = fn(&TypedModel, usize, Simd) -> TractResult<Option<Replacement>>;

/// Puts kernels of ours in the place of what they can compute. Does nothing on a CPU without fused multiply-add.
///
/// # Errors
/// The engine's, of a graph that contradicts itself.
pub fn replace(model: &mut TypedModel) -> TractResult<()> {
    let Some(simd) = Simd::of_this_cpu().next() else { return Ok(()) };
    let rules: &[Rule] = match simd.has_fast_products() {
        true => &[convolution::find, norm::find, linear::find, attention::find],
        false => &[convolution::find, norm::find],
    };
    for id in model.eval_order()? {
        for rule in rules {
            let Some(Replacement { inputs, operator, last }) = rule(model, id, simd)? else { continue };
            let mut patch = TypedModelPatch::new("kernel");
            let taps = patch.taps(model, &inputs)?;
            let name = model.node(last).name.clone();
            let output = patch.wire_node(name, operator, &taps)?[0];
            patch.shunt_outside(model, last.into(), output)?;
            patch.apply(model)?;
            break;
        }
    }
    model.compact()
}

/// An f32 constant.
fn constant(fact: Option<&TypedFact>) -> Option<Arc<Tensor>> {
    fact?.konst.clone().filter(|tensor| tensor.datum_type() == f32::datum_type())
}

/// The shape of an f32 tensor, if all of it is known and nothing is empty.
fn known_shape(fact: &TypedFact) -> Option<&[usize]> {
    let shape = fact.shape.as_concrete()?;
    (fact.datum_type == f32::datum_type() && shape.iter().all(|length| *length > 0)).then_some(shape)
}

/// The only node that reads the only output of a node, which is no output of the graph.
fn next(model: &TypedModel, id: usize) -> TractResult<Option<&TypedNode>> {
    if model.outputs.iter().any(|outlet| outlet.node == id) {
        return Ok(None);
    }
    model.single_succ(id)
}

/// The constant with which a node combines what `from` gives, and the name of the operation; `None` if it is no such
/// node, or changes the shape.
fn with_constant(
    model: &TypedModel,
    node: &TypedNode,
    from: usize,
) -> TractResult<Option<(&'static str, Arc<Tensor>)>> {
    use tract_core::ops::binary::TypedBinOp;

    let Some(TypedBinOp(op, None)) = node.op_as::<TypedBinOp>() else { return Ok(None) };
    let (other, same) = match (node.inputs[0].node == from, node.inputs[1].node == from) {
        (true, false) => (1, node.inputs[0]),
        (false, true) => (0, node.inputs[1]),
        _ => return Ok(None),
    };
    if model.outlet_fact(same)?.shape != node.outputs[0].fact.shape {
        return Ok(None);
    }
    Ok(constant(Some(model.outlet_fact(node.inputs[other])?)).map(|constant| (op.name(), constant)))
}

/// The number of a tensor that holds one number only, any number of times.
fn uniform(tensor: &Tensor) -> Option<f32> {
    let number = tensor.as_uniform()?;
    number.try_as_plain_ram().ok()?.to_scalar::<f32>().ok().copied()
}

/// The numbers of a tensor that has `width` on its last axis, and nothing else.
fn along_last(tensor: &Tensor, width: usize) -> TractResult<Option<Vec<f32>>> {
    let numbers = tensor.try_as_plain_ram()?.as_slice::<f32>()?;
    let fits = tensor.shape().last() == Some(&width) && numbers.len() == width;
    Ok(fits.then(|| numbers.to_vec()))
}
