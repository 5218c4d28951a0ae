//! The list of rewrites of single operators.

use tract_onnx::pb::{ModelProto, NodeProto};

use super::scope::Scope;
use super::{activation, axes, constant, legacy, padding, pool, refused, resample, slices};
use crate::engine::error::Problem;

/// What a rewrite makes of a node: nothing if the engine computes it rightly, or the nodes that take its place.
pub type Rewritten = Result<Option<Vec<NodeProto>>, Problem>;

/// A rewrite of one operator.
type Rewrite = fn(&NodeProto, &mut Scope) -> Rewritten;

/// Every operator of ONNX that is rewritten or looked at, in the order of the alphabet.
const REWRITES: &[(&str, Rewrite)] = &[
    ("Add", legacy::broadcast),
    ("And", legacy::broadcast),
    ("Cast", legacy::cast),
    ("AveragePool", padding::automatic),
    ("Celu", activation::celu),
    ("Concat", legacy::concat),
    ("Conv", padding::automatic),
    ("ConvTranspose", refused::conv_transpose),
    ("Div", legacy::broadcast),
    ("Dropout", refused::dropout),
    ("Einsum", refused::einsum),
    ("Equal", legacy::broadcast),
    ("GRU", refused::recurrent),
    ("GatherND", slices::gather_nd),
    ("GlobalLpPool", pool::global_lp_pool),
    ("Greater", legacy::broadcast),
    ("GridSample", refused::grid_sample),
    ("Less", legacy::broadcast),
    ("LSTM", refused::recurrent),
    ("LogSoftmax", activation::log_softmax),
    ("LpPool", pool::lp_pool),
    ("MaxPool", padding::automatic),
    ("Mul", legacy::broadcast),
    ("Or", legacy::broadcast),
    ("Pad", padding::pad),
    ("Pow", legacy::broadcast),
    ("RNN", refused::recurrent),
    ("ReduceLogSumExp", activation::reduce_log_sum_exp),
    ("Reshape", legacy::reshape),
    ("Resize", resample::resize),
    ("ScatterND", slices::gather_nd),
    ("Softplus", activation::softplus),
    ("SpaceToDepth", refused::space_to_depth),
    ("Squeeze", axes::squeeze),
    ("Sub", legacy::broadcast),
    ("Swish", activation::swish),
    ("Upsample", resample::upsample),
];

/// What is rewritten before anything is asked about shapes: the engine would stumble over it.
const EARLY: &[(&str, Rewrite)] = &[("Range", constant::range), ("Slice", slices::slice), ("Squeeze", axes::sorted)];

/// Rewrites what keeps the engine from knowing shapes.
pub fn prepare(model: &mut ModelProto, inputs: &[(String, Vec<usize>)]) -> Result<(), Problem> {
    each(EARLY, model.clone(), model, inputs)
}

/// Rewrites every node once; what a rewrite makes is not looked at again.
pub fn apply(model: &mut ModelProto, inputs: &[(String, Vec<usize>)]) -> Result<(), Problem> {
    each(REWRITES, resample::raise(model), model, inputs)
}

fn each(
    rewrites: &[(&str, Rewrite)],
    raised: ModelProto,
    model: &mut ModelProto,
    inputs: &[(String, Vec<usize>)],
) -> Result<(), Problem> {
    let mut scope = Scope::new(&raised, inputs);
    let mut nodes = Vec::new();
    for node in raised.graph.iter().flat_map(|graph| &graph.node) {
        let own = matches!(node.domain.as_str(), "" | "ai.onnx");
        let rewrite = rewrites.iter().find(|(name, _)| own && *name == node.op_type);
        match rewrite.map(|(_, rewrite)| rewrite(node, &mut scope)).transpose()?.flatten() {
            Some(replacement) => nodes.extend(replacement),
            None => nodes.push(node.clone()),
        }
    }
    let stored = scope.stored;
    *model = raised;
    if let Some(graph) = &mut model.graph {
        graph.node = nodes;
        graph.initializer.extend(stored);
    }
    Ok(())
}
