//! Putting a graph's nodes into another graph: what is defined inside gets names that nothing else has.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, NodeProto};

use super::scope::Fresh;

/// What the tensors of a graph are called in the graph that takes it in. A name that is not in it stays.
pub type Names = HashMap<String, String>;

/// The name of a tensor in the graph that takes it in.
pub fn renamed(names: &Names, name: &str) -> String {
    names.get(name).cloned().unwrap_or_else(|| name.to_owned())
}

/// Renames what a node reads and writes. What its inner graphs define gets fresh names, so that no two graphs that are
/// put into one another can mean different things by one name.
pub fn rename(node: &mut NodeProto, names: &Names, fresh: &mut Fresh) {
    for name in node.input.iter_mut().chain(&mut node.output) {
        *name = renamed(names, name);
    }
    for attribute in &mut node.attribute {
        for graph in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            rename_graph(graph, names, fresh);
        }
    }
}

/// Renames a whole graph: what it takes from outside by `names`, what it defines freshly.
pub fn rename_graph(graph: &mut GraphProto, names: &Names, fresh: &mut Fresh) {
    let mut names = names.clone();
    let defined = graph.node.iter().flat_map(|node| &node.output).chain(graph.input.iter().map(|input| &input.name));
    for name in defined.chain(graph.initializer.iter().map(|tensor| &tensor.name)).filter(|name| !name.is_empty()) {
        names.insert(name.clone(), fresh.name(name));
    }
    let stored = graph.initializer.iter_mut().map(|tensor| &mut tensor.name);
    let values = graph.input.iter_mut().chain(&mut graph.output).map(|value| &mut value.name);
    stored.chain(values).for_each(|name| *name = renamed(&names, name));
    for node in &mut graph.node {
        rename(node, &names, fresh);
        node.name.clear();
    }
}
