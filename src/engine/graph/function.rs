//! Functions that a file defines itself (newer exporters write them): every call becomes the function's own nodes.

use std::collections::HashMap;

use tract_onnx::pb::{AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto};

use super::node::node;
use super::rename::{Names, rename, renamed};
use super::scope::Fresh;
use crate::engine::error::Problem;

/// Functions may call each other, but not themselves; what is nested deeper than this never ends.
const MAX_DEPTH: usize = 64;

/// How many nodes the calls may become: a file of a few lines could otherwise fill the memory.
const MAX_NODES: usize = 1 << 20;

/// A function is known by its domain and its name.
type Functions = HashMap<(String, String), FunctionProto>;

/// Replaces every call by the function's nodes.
///
/// # Errors
/// [`Problem::Operator`]: functions that call themselves, or whose attributes cannot be known.
pub fn inline(model: &mut ModelProto) -> Result<(), Problem> {
    let functions: Functions = std::mem::take(&mut model.functions)
        .into_iter()
        .map(|function| ((own(function.domain()).to_owned(), function.name().to_owned()), function))
        .collect();
    let Some(graph) = model.graph.as_mut().filter(|_| !functions.is_empty()) else { return Ok(()) };
    let mut inliner = Inliner { fresh: Fresh::of(graph), functions, nodes: 0 };
    inliner.graph(graph, 0)
}

/// ONNX's own domain has two names.
fn own(domain: &str) -> &str {
    if domain == "ai.onnx" { "" } else { domain }
}

struct Inliner {
    functions: Functions,
    fresh: Fresh,
    nodes: usize,
}

impl Inliner {
    fn graph(&mut self, graph: &mut GraphProto, depth: usize) -> Result<(), Problem> {
        let nodes = std::mem::take(&mut graph.node);
        graph.node = self.nodes(nodes, depth)?;
        Ok(())
    }

    fn nodes(&mut self, nodes: Vec<NodeProto>, depth: usize) -> Result<Vec<NodeProto>, Problem> {
        let mut inlined = Vec::with_capacity(nodes.len());
        for mut call in nodes {
            for attribute in &mut call.attribute {
                for graph in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                    self.graph(graph, depth)?;
                }
            }
            let key = (own(&call.domain).to_owned(), call.op_type.clone());
            let Some(function) = self.functions.get(&key).cloned() else {
                self.nodes += 1;
                inlined.push(call);
                continue;
            };
            if depth >= MAX_DEPTH || self.nodes > MAX_NODES {
                let why = "is a function of the file that calls itself, or is far too large";
                return Err(Problem::operator(&call, why, "export the model again without functions"));
            }
            let body = self.body(&function, &call)?;
            inlined.extend(self.nodes(body, depth + 1)?);
        }
        Ok(inlined)
    }

    /// The nodes of `function` for one call of it.
    fn body(&mut self, function: &FunctionProto, call: &NodeProto) -> Result<Vec<NodeProto>, Problem> {
        let mut names = Names::new();
        for (formal, actual) in function.input.iter().zip(call.input.iter().map(Some).chain(std::iter::repeat(None))) {
            names.insert(formal.clone(), actual.cloned().unwrap_or_default());
        }
        let stem = call.output.first().map_or(call.op_type.as_str(), String::as_str);
        for name in function.node.iter().flat_map(|node| &node.output).filter(|name| !name.is_empty()) {
            let fresh = self.fresh.name(stem);
            names.entry(name.clone()).or_insert(fresh);
        }
        let mut body = function.node.clone();
        let mut handed_through = Vec::new();
        for (formal, actual) in function.output.iter().zip(&call.output).filter(|(_, actual)| !actual.is_empty()) {
            match function.input.contains(formal) {
                true => handed_through.push(node("Identity", &[&renamed(&names, formal)], actual)),
                false => drop(names.insert(formal.clone(), actual.clone())),
            }
        }
        for node in &mut body {
            set_attributes(node, function, call)?;
            rename(node, &names, &mut self.fresh);
            node.name.clear();
        }
        body.append(&mut handed_through);
        Ok(body)
    }
}

/// Gives the attributes of a function's node the values of the call.
fn set_attributes(node: &mut NodeProto, function: &FunctionProto, call: &NodeProto) -> Result<(), Problem> {
    let mut attributes = Vec::with_capacity(node.attribute.len());
    for mut attribute in std::mem::take(&mut node.attribute) {
        for graph in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            graph.node.iter_mut().try_for_each(|node| set_attributes(node, function, call))?;
        }
        let asked = std::mem::take(&mut attribute.ref_attr_name);
        if asked.is_empty() {
            attributes.push(attribute);
            continue;
        }
        match call.attribute.iter().find(|given| given.name == asked) {
            Some(given) => attributes.push(AttributeProto { name: attribute.name, ..given.clone() }),
            // One that the call may leave out and that has no default: the operator's own default holds.
            None if function.attribute.contains(&asked) => {}
            None => {
                let why =
                    format!("is a function of the file whose attribute '{asked}' has a default that cannot be read");
                return Err(Problem::operator(call, why, "export the model again without functions"));
            }
        }
    }
    node.attribute = attributes;
    Ok(())
}
