//! An ONNX graph in memory, and how it is run.

use std::sync::Arc;

use burn::prelude::*;

use super::error::{Error, Reason};
use super::op::{Inputs, Operator};
use super::proto::Declared;
use super::value::Value;
use crate::contain::contain;
use crate::engine::contract::Metadata;

/// An ONNX graph, ready to run on a device.
#[derive(Debug)]
pub struct Network {
    pub(super) file: String,
    pub(super) device: Device,
    /// In the order of computation.
    pub(super) nodes: Vec<Node>,
    /// Every tensor of the graph has a slot; this is its name.
    pub(super) names: Vec<String>,
    /// By slot: what is known without any input.
    pub(super) constants: Vec<Option<Value>>,
    pub(super) inputs: Vec<Declared>,
    /// The slots of the graph's own outputs.
    pub(super) outputs: Vec<usize>,
    metadata: Option<Metadata>,
}

/// An operator, and the slots that it reads and writes.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// In the file, or `#` and the node's number.
    pub name: String,
    /// The operator's name in ONNX.
    pub op_type: String,
    pub operator: Arc<dyn Operator>,
    /// `None` is an optional input that is left out.
    pub inputs: Vec<Option<usize>>,
    pub outputs: Vec<usize>,
}

impl Network {
    /// A graph without nodes.
    pub(super) fn new(file: &str, device: Device, inputs: Vec<Declared>, metadata: Option<Metadata>) -> Self {
        Self {
            file: file.to_owned(),
            device,
            nodes: Vec::new(),
            names: Vec::new(),
            constants: Vec::new(),
            inputs,
            outputs: Vec::new(),
            metadata,
        }
    }

    /// Adds a tensor to the graph, with its value if it is constant.
    pub(super) fn new_slot(&mut self, name: &str, constant: Option<Value>) -> usize {
        self.names.push(name.to_owned());
        self.constants.push(constant);
        self.names.len() - 1
    }

    /// What the file says about itself; `None` if it was not written by purecam.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }

    /// The inputs that the graph declares. A declared length of the batch is not enforced.
    pub fn inputs(&self) -> &[Declared] {
        &self.inputs
    }

    /// The names of the graph's own outputs.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|&slot| self.names[slot].as_str())
    }

    /// The name of every tensor that a node computes, in the order of computation.
    ///
    /// The tensor between a convolution and its batch normalisation is not among them: the two are one node.
    pub fn node_outputs(&self) -> impl Iterator<Item = &str> {
        self.nodes
            .iter()
            .flat_map(|node| &node.outputs)
            .map(|&slot| self.names[slot].as_str())
            .filter(|name| !name.is_empty())
    }

    /// The numbers of a stored tensor of this shape, in row-major order.
    ///
    /// # Errors
    /// There is none of this name and shape.
    pub fn weight(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let what = format!("stored tensor '{name}'");
        let expected = format!("shape {shape:?}");
        let slot = self.names.iter().position(|known| known == name);
        let Some(value) = slot.and_then(|slot| self.constants[slot].clone()) else {
            return Err(self.unfit(&what, &expected, "none"));
        };
        let floats = value.into_floats(&self.device).and_then(|floats| {
            let found = floats.shape();
            if found == shape { floats.to_vec() } else { Err(format!("found shape {found:?}").into()) }
        });
        floats.map_err(|reason| self.unfit_value(&what, &expected, reason))
    }

    /// Runs what the named `outputs` need of the graph. They may be any tensors of it.
    ///
    /// # Errors
    /// A name that the graph does not have; an input that is missing; shapes that do not fit, with the node.
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
            let results = self.compute(node, taken)?;
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

    /// Computes one node. Shapes that contradict each other are refused before burn sees them; what was not checked
    /// panics in burn, and the panic is contained, because the file may come from anybody.
    pub(super) fn compute(&self, node: &Node, values: Vec<Option<Value>>) -> Result<Vec<Value>, Error> {
        let inputs = Inputs { values, device: &self.device };
        let outputs = contain(|| node.operator.compute(inputs));
        outputs.map_err(Reason::Panicked).flatten().map_err(|reason| self.node_error(node, reason))
    }

    pub(super) fn node_error(&self, node: &Node, source: Reason) -> Error {
        let (node, operator) = (node.name.clone(), node.op_type.clone());
        Error::Node { file: self.file.clone(), node, operator, source }
    }

    /// The error that a description or a value does not fit this graph.
    pub(super) fn unfit(&self, what: &str, expected: &str, found: &str) -> Error {
        let [file, what, expected, found] = [self.file.as_str(), what, expected, found].map(str::to_owned);
        Error::Unfit { file, what, expected, found }
    }

    /// The error that a value of this graph cannot be taken as what it should be.
    pub(super) fn unfit_value(&self, what: &str, expected: &str, source: Reason) -> Error {
        let [file, what, expected] = [self.file.as_str(), what, expected].map(str::to_owned);
        Error::Value { file, what, expected, source }
    }
}
