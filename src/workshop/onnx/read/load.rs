//! From an ONNX file to a [`Network`]: protobuf nodes and stored tensors become operators and slots.

use std::collections::HashMap;
use std::path::Path;

use burn::prelude::*;
use prost::Message;
use tract_onnx::pb;

use super::error::Error;
use super::network::{Network, Node};
use super::op::{self, Attributes, ParseError};
use super::proto::{self, Declared};
use crate::engine::contract::Input;
use crate::engine::rewrite;

impl Network {
    /// Reads a file onto a device.
    ///
    /// The stored tensors are constants without gradients, whatever the device: whether a run is recorded for a
    /// backward pass depends on the tensors that are given to [`Network::run`].
    ///
    /// # Errors
    /// The file cannot be read, or is damaged. An operator that is not supported is named with its node now, not when
    /// the graph first runs.
    pub fn load(path: &Path, device: &Device) -> Result<Self, Error> {
        Self::load_for(path, None, device)
    }

    /// The same for pictures as `input` describes them: a graph that leaves its size free may depend on it.
    ///
    /// # Errors
    /// As [`Network::load`].
    pub fn load_for(path: &Path, input: Option<&Input>, device: &Device) -> Result<Self, Error> {
        let file = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|source| Error::Unreadable { file: file.clone(), source })?;
        Self::read(&file, &bytes, input, device)
    }

    /// The same from memory; `name` stands in messages.
    ///
    /// # Errors
    /// As [`Network::load`].
    pub fn from_bytes(name: &str, bytes: &[u8], device: &Device) -> Result<Self, Error> {
        Self::read(name, bytes, None, device)
    }

    fn read(name: &str, bytes: &[u8], input: Option<&Input>, device: &Device) -> Result<Self, Error> {
        let file = || name.to_owned();
        let not_onnx = |reason: &str| Error::NotOnnx { file: file(), reason: reason.to_owned() };
        let mut model = pb::ModelProto::decode(bytes).map_err(|source| Error::Undecodable { file: file(), source })?;
        let inputs = model.graph.as_ref().map(|graph| fed(graph, input)).unwrap_or_default();
        rewrite(&mut model, &inputs).map_err(|source| Error::Rewrite { file: file(), source: Box::new(source) })?;
        let metadata = proto::metadata(&model).map_err(|source| Error::Metadata { file: file(), source })?;
        let opset = model.opset_import.iter().find(|set| matches!(set.domain.as_str(), "" | "ai.onnx"));
        let opset = opset.map(|set| set.version).ok_or_else(|| not_onnx("it names no operator set"))?;
        let graph = model.graph.ok_or_else(|| not_onnx("it holds no graph"))?;
        let network = Self::new(name, device.clone().inner(), proto::inputs(&graph), metadata);
        let mut network = Builder { network, opset, slots: HashMap::new() }.build(&graph)?;
        network.fold_constants()?;
        network.fold_batch_normalizations()?;
        Ok(network)
    }
}

/// The shapes that a graph is simplified for: one picture at a time. An input whose shape nobody says is left out.
fn fed(graph: &pb::GraphProto, input: Option<&Input>) -> Vec<(String, Vec<usize>)> {
    let shape = |declared: &Declared| match input.filter(|input| input.name == declared.name) {
        Some(input) => Some(input.shape()),
        None => {
            let first = declared.shape.first().map(|batch| Some(batch.unwrap_or(1)));
            first.into_iter().chain(declared.shape.iter().skip(1).copied()).collect()
        }
    };
    proto::inputs(graph).iter().filter_map(|declared| Some((declared.name.clone(), shape(declared)?))).collect()
}

/// A network under construction.
struct Builder {
    network: Network,
    opset: i64,
    /// By the name of a tensor.
    slots: HashMap<String, usize>,
}

impl Builder {
    fn build(mut self, graph: &pb::GraphProto) -> Result<Network, Error> {
        for input in self.network.inputs.clone() {
            self.slot(&input.name);
        }
        for stored in &graph.initializer {
            let slot = self.slot(&stored.name);
            let tensor = proto::tensor(stored, &self.network.device);
            let tensor = tensor.map_err(|source| Error::Tensor {
                file: self.network.file.clone(),
                tensor: stored.name.clone(),
                source,
            })?;
            self.network.constants[slot] = Some(tensor);
        }
        for (index, proto) in graph.node.iter().enumerate() {
            let node = self.node(index, proto)?;
            self.network.nodes.push(node);
        }
        for output in &graph.output {
            let slot = *self.slots.get(&output.name).ok_or_else(|| Error::NotOnnx {
                file: self.network.file.clone(),
                reason: format!("nothing computes its output '{}'", output.name),
            })?;
            self.network.outputs.push(slot);
        }
        Ok(self.network)
    }

    fn node(&mut self, index: usize, proto: &pb::NodeProto) -> Result<Node, Error> {
        let name = if proto.name.is_empty() { format!("#{index}") } else { proto.name.clone() };
        let unsupported = |detail: String| Error::Unsupported {
            file: self.network.file.clone(),
            node: name.clone(),
            operator: op_type(proto),
            opset: self.opset,
            detail,
        };
        let parse = op::find(&proto.domain, &proto.op_type).ok_or_else(|| unsupported(String::new()))?;
        let attributes = Attributes { node: proto, opset: self.opset, device: &self.network.device };
        let operator = parse(&attributes).map_err(|error| match error {
            ParseError::Unsupported(found) => unsupported(format!(" with {found}")),
            ParseError::Tensor(source) => {
                Error::Tensor { file: self.network.file.clone(), tensor: name.clone(), source }
            }
        })?;
        let inputs = self.inputs(&name, proto)?;
        let outputs = proto.output.iter().take(operator.outputs()).map(|output| self.slot(output)).collect();
        Ok(Node { name, op_type: proto.op_type.clone(), operator, inputs, outputs })
    }

    /// The slots that a node reads; each must be an input, a stored tensor, or computed by a node before.
    fn inputs(&self, node: &str, proto: &pb::NodeProto) -> Result<Vec<Option<usize>>, Error> {
        let slot = |input: &String| match self.slots.get(input) {
            Some(&slot) => Ok(Some(slot)),
            None if input.is_empty() => Ok(None),
            None => Err(Error::Node {
                file: self.network.file.clone(),
                node: node.to_owned(),
                operator: op_type(proto),
                source: format!("nothing before it computes its input '{input}'").into(),
            }),
        };
        proto.input.iter().map(slot).collect()
    }

    /// The slot of a name; an empty name is always a new one, as unused outputs have no name.
    fn slot(&mut self, name: &str) -> usize {
        if let Some(&slot) = self.slots.get(name) {
            return slot;
        }
        let slot = self.network.new_slot(name, None);
        if !name.is_empty() {
            self.slots.insert(name.to_owned(), slot);
        }
        slot
    }
}

/// The operator of a node as a message shows it.
fn op_type(proto: &pb::NodeProto) -> String {
    if proto.domain.is_empty() { proto.op_type.clone() } else { format!("{}.{}", proto.domain, proto.op_type) }
}
