//! `If`: the branch that its condition chooses takes its place.
//!
//! Exporters write an `If` where a program asked for a shape, for example a squeeze of an axis that may be free. With
//! the size of the picture known, so is the condition.

use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

use super::facts::Facts;
use super::node::node;
use super::rename::{Names, rename_graph};
use super::scope::Fresh;
use crate::engine::error::Problem;

/// Replaces each `If` of the graph by one of its branches.
///
/// # Errors
/// [`Problem::Operator`]: a condition that depends on the picture's content.
pub fn fold(model: &mut ModelProto, inputs: &[(String, Vec<usize>)]) -> Result<(), Problem> {
    // Each round chooses at least one branch, which may hold others and may be what others depend on.
    while let Some(undecided) = first(model) {
        let facts = Facts::of(model, inputs);
        let Some(graph) = &mut model.graph else { return Ok(()) };
        let mut fresh = Fresh::of(graph);
        let mut chosen = false;
        for node in std::mem::take(&mut graph.node) {
            let condition = node.input.first().filter(|_| is_if(&node)).and_then(|name| facts.value(name));
            match condition.as_deref() {
                Some(&[condition]) => {
                    chosen = true;
                    splice(graph, &node, condition != 0.0, &mut fresh)?;
                }
                _ => graph.node.push(node),
            }
        }
        if !chosen {
            let why = "chooses its branch by what the picture shows, or by something that is not known before a run";
            let instead = "export the model with a fixed input size, or without the branch";
            return Err(Problem::operator(&undecided, why, instead));
        }
    }
    Ok(())
}

fn is_if(node: &NodeProto) -> bool {
    node.op_type == "If" && matches!(node.domain.as_str(), "" | "ai.onnx")
}

fn first(model: &ModelProto) -> Option<NodeProto> {
    model.graph.iter().flat_map(|graph| &graph.node).find(|node| is_if(node)).cloned()
}

/// Appends the nodes of the chosen branch to `graph`.
fn splice(graph: &mut GraphProto, choice: &NodeProto, condition: bool, fresh: &mut Fresh) -> Result<(), Problem> {
    let wanted = if condition { "then_branch" } else { "else_branch" };
    let branch = choice.attribute.iter().find(|attribute| attribute.name == wanted);
    let branch =
        branch.and_then(|attribute| attribute.g.clone()).filter(|branch| branch.output.len() >= choice.output.len());
    let Some(mut branch) = branch else {
        return Err(Problem::operator(choice, format!("lacks its {wanted}"), "export the model again"));
    };
    rename_graph(&mut branch, &Names::new(), fresh);
    graph.initializer.append(&mut branch.initializer);
    graph.node.append(&mut branch.node);
    for (inner, outer) in branch.output.iter().zip(&choice.output).filter(|(_, outer)| !outer.is_empty()) {
        graph.node.push(node("Identity", &[&inner.name], outer));
    }
    Ok(())
}
