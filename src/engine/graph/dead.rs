//! Nodes that no output depends on: nothing that they are may keep a model from running.

use std::collections::HashSet;

use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

/// Removes them from the model's graph.
pub fn remove(model: &mut ModelProto) {
    let Some(graph) = &mut model.graph else { return };
    let mut needed: HashSet<String> = graph.output.iter().map(|output| output.name.clone()).collect();
    // Nodes stand after what they read.
    for node in std::mem::take(&mut graph.node).into_iter().rev() {
        if node.output.iter().any(|output| needed.contains(output)) {
            read(&node, &mut needed);
            graph.node.push(node);
        }
    }
    graph.node.reverse();
}

/// Adds what a node reads, in its inner graphs too.
fn read(node: &NodeProto, needed: &mut HashSet<String>) {
    needed.extend(node.input.iter().filter(|name| !name.is_empty()).cloned());
    for attribute in &node.attribute {
        attribute.g.iter().chain(&attribute.graphs).for_each(|graph| read_graph(graph, needed));
    }
}

fn read_graph(graph: &GraphProto, needed: &mut HashSet<String>) {
    graph.node.iter().for_each(|node| read(node, needed));
    needed.extend(graph.output.iter().map(|output| output.name.clone()));
}
