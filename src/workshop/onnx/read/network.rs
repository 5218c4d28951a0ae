//! Reads an ONNX file into burn at run time, so that gradients can flow through the very file that ships.
//!
//! The nodes of the graph are interpreted one by one over burn tensors; no code is generated. What depends on stored
//! tensors alone is computed once, at load, and an inference-time batch normalisation disappears into the convolution
//! before it. Stored tensors are constants, so a backward pass computes the gradient of the inputs and nothing else.

mod batch;
mod classifier;
mod elementwise;
mod evaluate;
mod fold;
mod host;
mod layout;
mod linear;
mod operator;
mod proto;
mod purifier;
mod value;
mod window;

use std::collections::HashMap;
use std::path::Path;

use burn::prelude::*;
use prost::Message;
use tract_onnx::pb;

pub use classifier::Classifier;
pub use proto::Declared;
pub use purifier::Purifier;
pub use value::{Floats, Ints, Value};

use crate::contain::contain;
use crate::engine::contract::{Metadata, MetadataError};
use evaluate::Inputs;
use operator::Operator;

/// Why a file cannot be read, or a graph cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{file}: {source}")]
    Unreadable { file: String, source: std::io::Error },
    #[error("{file}: not a whole ONNX file: {reason}")]
    NotOnnx { file: String, reason: String },
    #[error("{file}: {source}")]
    Metadata { file: String, source: MetadataError },
    #[error("{file}: stored tensor '{tensor}': {reason}")]
    Tensor { file: String, tensor: String, reason: String },
    #[error(
        "{file}: node '{node}' is a {operator} (opset {opset}){detail}, which cannot be read with gradients; \
         export the model with plain operators, or attack another one"
    )]
    Unsupported { file: String, node: String, operator: String, opset: i64, detail: String },
    #[error("{file}: node '{node}' ({operator}): {reason}")]
    Node { file: String, node: String, operator: String, reason: String },
    #[error("{file}: {what}: expected {expected}, found {found}")]
    Unfit { file: String, what: String, expected: String, found: String },
    #[error("{file}: there is no tensor '{tensor}'; there are {known}")]
    NoSuchTensor { file: String, tensor: String, known: String },
}

/// An ONNX graph, ready to run on a device.
#[derive(Debug)]
pub struct Network {
    file: String,
    device: Device,
    opset: i64,
    nodes: Vec<Node>,
    /// Every tensor of the graph has a slot; this is its name.
    names: Vec<String>,
    /// By slot: what is known without any input.
    constants: Vec<Option<Value>>,
    inputs: Vec<Declared>,
    outputs: Vec<usize>,
    metadata: Option<Metadata>,
}

#[derive(Clone, Debug)]
struct Node {
    name: String,
    operator: Operator,
    inputs: Vec<Option<usize>>,
    outputs: Vec<usize>,
}

impl Network {
    /// Reads a file onto a device.
    ///
    /// The stored tensors are constants without gradients, whatever the device: whether a run is recorded for a backward
    /// pass depends on the tensors that are given to [`Network::run`].
    ///
    /// # Errors
    /// An operator that cannot be read is named with its node now, not when the graph first runs.
    pub fn load(path: &Path, device: &Device) -> Result<Self, Error> {
        let file = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|source| Error::Unreadable { file: file.clone(), source })?;
        Self::from_bytes(&file, &bytes, device)
    }

    /// The same from memory; `name` stands in messages.
    pub fn from_bytes(name: &str, bytes: &[u8], device: &Device) -> Result<Self, Error> {
        let not_onnx = |reason: String| Error::NotOnnx { file: name.to_owned(), reason };
        let model = pb::ModelProto::decode(bytes).map_err(|error| not_onnx(error.to_string()))?;
        let metadata =
            proto::metadata(&model).map_err(|error| Error::Metadata { file: name.to_owned(), source: error })?;
        let opset = model.opset_import.iter().find(|set| matches!(set.domain.as_str(), "" | "ai.onnx"));
        let opset = opset.map(|set| set.version).ok_or_else(|| not_onnx("it names no operator set".to_owned()))?;
        let graph = model.graph.ok_or_else(|| not_onnx("it holds no graph".to_owned()))?;
        let mut network = Self {
            file: name.to_owned(),
            device: device.clone().inner(),
            opset,
            nodes: Vec::new(),
            names: Vec::new(),
            constants: Vec::new(),
            inputs: proto::inputs(&graph),
            outputs: Vec::new(),
            metadata,
        };
        network.build(&graph)?;
        network.fold_constants()?;
        network.fold_batch_normalizations()?;
        Ok(network)
    }

    /// What the file says of itself, if purecam wrote it.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }

    /// The inputs that the graph declares; the length of the batch that it declares binds nobody.
    pub fn inputs(&self) -> &[Declared] {
        &self.inputs
    }

    /// The names of the graph's own outputs.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|&slot| self.names[slot].as_str())
    }

    /// The name of every tensor that a node computes, in the order of computation.
    ///
    /// The tensor between a convolution and its batch normalisation is not among them: the two are one.
    pub fn node_outputs(&self) -> impl Iterator<Item = &str> {
        self.nodes
            .iter()
            .flat_map(|node| &node.outputs)
            .map(|&slot| self.names[slot].as_str())
            .filter(|name| !name.is_empty())
    }

    /// Runs what is needed of the graph for the named `outputs`, which may be any tensors of it.
    ///
    /// # Errors
    /// A name that is not there, an input that is missing, shapes that do not fit: with the node that says so.
    pub fn run(&self, inputs: &[(&str, Value)], outputs: &[&str]) -> Result<Vec<Value>, Error> {
        let wanted = outputs.iter().map(|name| self.slot(name)).collect::<Result<Vec<_>, _>>()?;
        let mut values: Vec<Option<Value>> = vec![None; self.names.len()];
        for (name, value) in inputs {
            values[self.slot(name)?] = Some(value.clone());
        }
        let given: Vec<bool> = values.iter().map(Option::is_some).collect();
        let (needed, mut uses) = self.plan(&wanted, &given);
        for &index in &needed {
            let node = &self.nodes[index];
            let taken =
                node.inputs.iter().map(|slot| slot.map(|slot| self.take(slot, &mut values, &mut uses)).transpose());
            let taken = taken.collect::<Result<Vec<_>, _>>()?;
            let results = self.evaluate_node(node, taken)?;
            for (&slot, result) in node.outputs.iter().zip(results) {
                if uses[slot] > 0 {
                    values[slot] = Some(result);
                }
            }
        }
        wanted.into_iter().map(|slot| self.take(slot, &mut values, &mut uses)).collect()
    }

    /// The value of a slot, given up at its last use so that the operator may work in place.
    fn take(&self, slot: usize, values: &mut [Option<Value>], uses: &mut [usize]) -> Result<Value, Error> {
        if let Some(constant) = &self.constants[slot] {
            return Ok(constant.clone());
        }
        uses[slot] -= 1;
        let value = if uses[slot] == 0 { values[slot].take() } else { values[slot].clone() };
        value.ok_or_else(|| Error::Unfit {
            file: self.file.clone(),
            what: format!("input '{}'", self.names[slot]),
            expected: "a value for it".to_owned(),
            found: "none".to_owned(),
        })
    }

    /// The nodes that the wanted slots need, in order, and how often each slot will be read.
    fn plan(&self, wanted: &[usize], given: &[bool]) -> (Vec<usize>, Vec<usize>) {
        let mut uses = vec![0; self.names.len()];
        for &slot in wanted {
            uses[slot] += 1;
        }
        let mut needed = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate().rev() {
            if node.outputs.iter().any(|&slot| uses[slot] > 0 && !given[slot]) {
                needed.push(index);
                for &slot in node.inputs.iter().flatten() {
                    uses[slot] += 1;
                }
            }
        }
        needed.reverse();
        (needed, uses)
    }

    fn slot(&self, name: &str) -> Result<usize, Error> {
        let found = self.names.iter().position(|known| known == name && !name.is_empty());
        found.ok_or_else(|| {
            let names: Vec<&str> = self.node_outputs().collect();
            let shown = names.iter().rev().take(12).rev().copied().collect::<Vec<_>>().join(", ");
            let known = if names.len() > 12 { format!("{} tensors, the last: {shown}", names.len()) } else { shown };
            Error::NoSuchTensor { file: self.file.clone(), tensor: name.to_owned(), known }
        })
    }

    /// Turns the protobuf's nodes and stored tensors into slots.
    fn build(&mut self, graph: &pb::GraphProto) -> Result<(), Error> {
        let mut slots = HashMap::new();
        for input in self.inputs.clone() {
            self.slot_for(&mut slots, &input.name);
        }
        for stored in &graph.initializer {
            let slot = self.slot_for(&mut slots, &stored.name);
            self.constants[slot] = Some(self.stored(&stored.name, stored)?);
        }
        for (index, proto) in graph.node.iter().enumerate() {
            self.add_node(&mut slots, index, proto)?;
        }
        for output in &graph.output {
            let slot = *slots.get(&output.name).ok_or_else(|| Error::NotOnnx {
                file: self.file.clone(),
                reason: format!("nothing computes its output '{}'", output.name),
            })?;
            self.outputs.push(slot);
        }
        Ok(())
    }

    fn add_node(
        &mut self,
        slots: &mut HashMap<String, usize>,
        index: usize,
        proto: &pb::NodeProto,
    ) -> Result<(), Error> {
        let name = if proto.name.is_empty() { format!("#{index}") } else { proto.name.clone() };
        let operator = Operator::parse(proto, self.opset).map_err(|detail| Error::Unsupported {
            file: self.file.clone(),
            node: name.clone(),
            operator: if proto.domain.is_empty() {
                proto.op_type.clone()
            } else {
                format!("{}.{}", proto.domain, proto.op_type)
            },
            opset: self.opset,
            detail: detail.map_or(String::new(), |detail| format!(" with {detail}")),
        })?;
        let mut inputs = Vec::new();
        for input in &proto.input {
            let known = slots.get(input).copied();
            if known.is_none() && !input.is_empty() {
                let reason = format!("nothing before it computes its input '{input}'");
                return Err(Error::Node {
                    file: self.file.clone(),
                    node: name,
                    operator: proto.op_type.clone(),
                    reason,
                });
            }
            inputs.push(known);
        }
        let outputs: Vec<usize> = proto.output.iter().map(|output| self.slot_for(slots, output)).collect();
        match operator {
            Operator::Constant => {
                let constant = self.constant(&name, proto)?;
                if let Some(&slot) = outputs.first() {
                    self.constants[slot] = Some(constant);
                }
            }
            Operator::ConstantOfShape => {
                let fill = proto
                    .attribute
                    .iter()
                    .find(|attribute| attribute.name == "value")
                    .and_then(|value| value.t.as_ref());
                let fill = fill.map(|fill| self.stored(&name, fill)).transpose()?;
                let slot = self.slot_for(slots, "");
                self.constants[slot] = fill;
                let fill = self.constants[slot].is_some().then_some(slot);
                inputs.push(fill);
                self.nodes.push(Node { name, operator, inputs, outputs });
            }
            operator => self.nodes.push(Node { name, operator, inputs, outputs }),
        }
        Ok(())
    }

    /// The slot of a name; an empty name is always a new one, as unused outputs have no name.
    fn slot_for(&mut self, slots: &mut HashMap<String, usize>, name: &str) -> usize {
        if let Some(&slot) = slots.get(name) {
            return slot;
        }
        let slot = self.new_slot(name, None);
        if !name.is_empty() {
            slots.insert(name.to_owned(), slot);
        }
        slot
    }

    fn new_slot(&mut self, name: &str, constant: Option<Value>) -> usize {
        self.names.push(name.to_owned());
        self.constants.push(constant);
        self.names.len() - 1
    }

    fn stored(&self, name: &str, stored: &pb::TensorProto) -> Result<Value, Error> {
        proto::tensor(stored, &self.device).map_err(|reason| Error::Tensor {
            file: self.file.clone(),
            tensor: name.to_owned(),
            reason,
        })
    }

    fn constant(&self, node: &str, proto: &pb::NodeProto) -> Result<Value, Error> {
        let unfit = |found: &str| Error::Tensor {
            file: self.file.clone(),
            tensor: node.to_owned(),
            reason: format!("expected a constant of numbers, found {found}"),
        };
        let attribute = proto.attribute.first().ok_or_else(|| unfit("nothing"))?;
        match attribute.name.as_str() {
            "value" => self.stored(node, attribute.t.as_ref().ok_or_else(|| unfit("nothing"))?),
            "value_float" => Ok(Value::Number(attribute.f)),
            "value_int" => Ok(Ints::new(vec![attribute.i], Vec::new()).into()),
            "value_ints" => Ok(Ints::vector(attribute.ints.clone()).into()),
            "value_floats" => {
                let floats = Floats::from_vec(attribute.floats.clone(), &[attribute.floats.len()], &self.device);
                Ok(floats.map_err(|reason| unfit(&reason))?.into())
            }
            other => Err(unfit(other)),
        }
    }

    /// Runs one node. Shapes that contradict each other are refused before burn sees them; what is overlooked panics
    /// there, and is contained, because the file may be anybody's.
    fn evaluate_node(&self, node: &Node, values: Vec<Option<Value>>) -> Result<Vec<Value>, Error> {
        let inputs = Inputs { values, device: &self.device };
        contain(|| evaluate::evaluate(&node.operator, inputs)).flatten().map_err(|reason| self.node_error(node, reason))
    }

    fn node_error(&self, node: &Node, reason: String) -> Error {
        let operator = format!("{:?}", node.operator);
        let operator = operator.split([' ', '{']).next().unwrap_or_default().to_owned();
        Error::Node { file: self.file.clone(), node: node.name.clone(), operator, reason }
    }
}
