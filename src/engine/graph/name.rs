//! Names: the engine looks up its inputs among those of nodes, so no node may be called like another thing, and counts
//! inputs, so none may be listed that is left out.

use std::collections::HashSet;

use tract_onnx::pb;

/// Takes away the names of nodes that something else has, too; such a node is then called after its output. Takes away
/// the empty names at the end of inputs.
pub fn clear(model: &mut pb::ModelProto) {
    let Some(graph) = &mut model.graph else { return };
    let inputs = graph.input.iter().map(|input| input.name.clone());
    let mut taken: HashSet<String> = inputs.chain(graph.initializer.iter().map(|tensor| tensor.name.clone())).collect();
    let outputs: Vec<HashSet<String>> = graph.node.iter().map(|node| node.output.iter().cloned().collect()).collect();
    taken.extend(outputs.iter().flatten().cloned());
    for (node, own) in graph.node.iter_mut().zip(&outputs) {
        while node.input.last().is_some_and(String::is_empty) {
            node.input.pop();
        }
        if !own.contains(&node.name) && !taken.insert(node.name.clone()) {
            node.name.clear();
        }
    }
}
