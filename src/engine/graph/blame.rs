//! Which operator an error of the engine is about: its own messages are for its authors.

use tract_onnx::pb::{ModelProto, NodeProto};
use tract_onnx::prelude::TractError;

use crate::engine::error::Problem;

/// The error as one about a node of the graph, if the engine names one.
pub fn blame(model: &ModelProto, error: TractError) -> Problem {
    let text = format!("{error:#}");
    let named = |node: &&NodeProto| {
        let label = if node.name.is_empty() { node.output.first() } else { Some(&node.name) };
        label.is_some_and(|label| text.contains(&format!("\"{label}\"")) || text.contains(&format!(" {label} ")))
    };
    let nodes = || model.graph.iter().flat_map(|graph| &graph.node);
    // While it reads a node the engine gives only the operator's name.
    let read = |node: &&NodeProto| text.contains(&format!("({})", node.op_type));
    match nodes().find(named).or_else(|| nodes().find(read)) {
        Some(node) => {
            let why = format!("is not computed by the engine as it is used here ({})", error.root_cause());
            let mut problem =
                Problem::operator(node, why, "export the model with another opset or without this operator");
            if let Problem::Operator(refusal) = &mut problem {
                refusal.cause = Some(error.into());
            }
            problem
        }
        None => error.into(),
    }
}
