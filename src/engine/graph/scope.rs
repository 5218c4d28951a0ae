//! What a rewrite may ask about the graph around its node, and add to it.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto};

use super::facts::Facts;
use super::node::{float_tensor, int_tensor};

/// The version of ONNX's own operators that a model uses; 0 if it does not say.
pub fn opset(model: &ModelProto) -> i64 {
    let own = model.opset_import.iter().find(|set| matches!(set.domain.as_str(), "" | "ai.onnx"));
    own.map_or(0, |set| set.version)
}

/// Names that a graph does not use yet.
pub struct Fresh {
    taken: HashSet<String>,
    counter: usize,
}

impl Fresh {
    /// Names that are new to `graph` and to the graphs inside of it.
    pub fn of(graph: &GraphProto) -> Self {
        let mut taken = HashSet::new();
        collect(graph, &mut taken);
        Self { taken, counter: 0 }
    }

    /// A name that begins with `stem`.
    pub fn name(&mut self, stem: &str) -> String {
        loop {
            self.counter += 1;
            let name = format!("{stem}.{}", self.counter);
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}

fn collect(graph: &GraphProto, taken: &mut HashSet<String>) {
    taken.extend(graph.input.iter().chain(&graph.output).map(|value| value.name.clone()));
    taken.extend(graph.initializer.iter().map(|tensor| tensor.name.clone()));
    for node in &graph.node {
        taken.extend(node.input.iter().chain(&node.output).cloned());
        taken.insert(node.name.clone());
        for attribute in &node.attribute {
            attribute.g.iter().chain(&attribute.graphs).for_each(|graph| collect(graph, taken));
        }
    }
}

/// The graph around a node that is being rewritten.
pub struct Scope<'a> {
    /// The version of ONNX's operators.
    pub opset: i64,
    /// Names for new tensors.
    pub fresh: Fresh,
    /// Tensors to be stored in the graph.
    pub stored: Vec<TensorProto>,
    model: &'a ModelProto,
    inputs: &'a [(String, Vec<usize>)],
    facts: Option<Facts>,
    constants: HashMap<&'a str, &'a TensorProto>,
}

impl<'a> Scope<'a> {
    /// The scope of `model`'s graph, of which `inputs` are fed.
    pub fn new(model: &'a ModelProto, inputs: &'a [(String, Vec<usize>)]) -> Self {
        let empty = GraphProto::default();
        let fresh = Fresh::of(model.graph.as_ref().unwrap_or(&empty));
        let constants = model.graph.iter().flat_map(constants).collect();
        Self { opset: opset(model), fresh, stored: Vec::new(), model, inputs, facts: None, constants }
    }

    /// Stores one number; returns its name.
    pub fn number(&mut self, stem: &str, number: f32) -> String {
        self.tensor(stem, &[], &[number])
    }

    /// Stores a list of numbers; returns its name.
    pub fn numbers(&mut self, stem: &str, numbers: &[f32]) -> String {
        self.tensor(stem, &[numbers.len() as i64], numbers)
    }

    /// Stores numbers in `dims`; returns their name.
    pub fn tensor(&mut self, stem: &str, dims: &[i64], numbers: &[f32]) -> String {
        let name = self.fresh.name(stem);
        self.stored.push(float_tensor(&name, dims, numbers));
        name
    }

    /// Stores a list of integers; returns its name.
    pub fn integers(&mut self, stem: &str, integers: &[i64]) -> String {
        let name = self.fresh.name(stem);
        self.stored.push(int_tensor(&name, integers));
        name
    }

    /// The stored tensor `name`.
    pub fn constant(&self, name: &str) -> Option<&'a TensorProto> {
        self.constants.get(name).copied()
    }

    /// What is known about tensors without a run: shapes and, for what depends on shapes alone, values.
    pub fn facts(&mut self) -> &Facts {
        self.facts.get_or_insert_with(|| Facts::of(self.model, self.inputs))
    }

    /// The integers of a stored tensor; `None` if it is not stored in the graph or holds other numbers.
    pub fn stored_ints(&self, name: &str) -> Option<Vec<i64>> {
        let tensor = self.constant(name)?;
        let raw = &tensor.raw_data;
        Some(match DataType::try_from(tensor.data_type).ok()? {
            DataType::Int64 if raw.is_empty() => tensor.int64_data.clone(),
            DataType::Int64 => raw.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect(),
            DataType::Int32 if raw.is_empty() => tensor.int32_data.iter().map(|&value| i64::from(value)).collect(),
            DataType::Int32 => raw.as_chunks().0.iter().map(|&bytes| i64::from(i32::from_le_bytes(bytes))).collect(),
            _ => return None,
        })
    }

    /// The same for f32.
    pub fn stored_floats(&self, name: &str) -> Option<Vec<f32>> {
        let tensor = self.constant(name).filter(|tensor| tensor.data_type == DataType::Float as i32)?;
        let raw = tensor.raw_data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
        Some(raw.chain(tensor.float_data.iter().copied()).collect())
    }

    /// Integers that are stored, or that depend on shapes alone.
    pub fn ints(&mut self, name: &str) -> Option<Vec<i64>> {
        let known = |facts: &Facts| Some(facts.value(name)?.iter().map(|&value| value as i64).collect());
        self.stored_ints(name).or_else(|| known(self.facts()))
    }

    /// The shape of a tensor, if it is known.
    pub fn shape(&mut self, name: &str) -> Option<Vec<usize>> {
        self.facts().shape(name)
    }
}

/// The stored tensors of a graph by name: initialisers and the values of Constant nodes.
fn constants(graph: &GraphProto) -> impl Iterator<Item = (&str, &TensorProto)> {
    let stored = graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor));
    let nodes = graph.node.iter().filter(|node| node.op_type == "Constant");
    let values = nodes.filter_map(|node| {
        let value = node.attribute.iter().find(|attribute| attribute.name == "value")?.t.as_ref()?;
        Some((node.output.first()?.as_str(), value))
    });
    stored.chain(values)
}
