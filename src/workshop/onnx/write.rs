//! Builds an ONNX graph node by node as the bytes of one file.
//!
//! A [`Value`] is the name of a tensor in the graph; every method that adds a node returns the value that it computes.
//! Graphs are declared with batch 1, and stay correct for any batch as long as reshapes use 0 and -1 for it.

use prost::Message;

use super::wire;
use crate::engine::contract::Metadata;

/// Opset 20 has `Gelu` and `LayerNormalization` as single operators.
const OPSET: i64 = 20;
/// The first IR version that allows opset 20.
const IR_VERSION: i64 = 9;

const FLOAT: i32 = 1;
const INT64: i32 = 7;

/// The name of a tensor in a [`Graph`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value(String);

impl Value {
    /// The tensor's name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// An attribute of a node.
#[derive(Clone, Debug)]
pub enum Attribute {
    /// One integer.
    Int(i64),
    /// A list of integers.
    Ints(Vec<i64>),
    /// One number.
    Float(f32),
}

/// The length of an axis of an input or an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Fixed.
    Length(usize),
    /// Any length; axes of one name have the same.
    Free(&'static str),
}

/// A graph under construction.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<wire::Node>,
    initializers: Vec<wire::Tensor>,
    inputs: Vec<wire::ValueInfo>,
    outputs: Vec<wire::ValueInfo>,
}

impl Graph {
    /// A graph without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares an f32 input.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> Value {
        self.inputs.push(value_info(name, FLOAT, &lengths(shape)));
        Value(name.to_owned())
    }

    /// Declares an f32 input with axes that may be free.
    pub fn free_input(&mut self, name: &str, axes: &[Axis]) -> Value {
        self.inputs.push(value_info(name, FLOAT, axes));
        Value(name.to_owned())
    }

    /// Declares an i64 input.
    pub fn integer_input(&mut self, name: &str, shape: &[usize]) -> Value {
        self.inputs.push(value_info(name, INT64, &lengths(shape)));
        Value(name.to_owned())
    }

    /// Declares `value` as an f32 output. The output carries the value's own name.
    pub fn output(&mut self, value: &Value, shape: &[usize]) {
        self.outputs.push(value_info(value.name(), FLOAT, &lengths(shape)));
    }

    /// Declares `value` as an f32 output with axes that may be free.
    pub fn free_output(&mut self, value: &Value, axes: &[Axis]) {
        self.outputs.push(value_info(value.name(), FLOAT, axes));
    }

    /// Adds a constant f32 tensor. `data` is in row-major order and fills `shape`.
    pub fn weight(&mut self, name: &str, shape: &[usize], data: &[f32]) -> Value {
        debug_assert_eq!(shape.iter().product::<usize>(), data.len(), "{name}");
        self.initializer(name, FLOAT, shape, data.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    /// Adds a constant i64 vector, for example the shape of a reshape.
    pub fn integers(&mut self, name: &str, data: &[i64]) -> Value {
        self.initializer(name, INT64, &[data.len()], data.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    fn initializer(&mut self, name: &str, data_type: i32, shape: &[usize], raw_data: Vec<u8>) -> Value {
        let dims = shape.iter().map(|d| *d as i64).collect();
        self.initializers.push(wire::Tensor { dims, data_type, name: name.to_owned(), raw_data });
        Value(name.to_owned())
    }

    /// Adds a node with one output, which has the node's name. `op` is the operator's name in ONNX.
    pub fn node(&mut self, op: &str, name: &str, inputs: &[&Value], attributes: &[(&str, Attribute)]) -> Value {
        self.nodes.push(wire::Node {
            op_type: op.to_owned(),
            name: name.to_owned(),
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            output: vec![name.to_owned()],
            attribute: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
        });
        Value(name.to_owned())
    }

    /// 2-D convolution with square kernel, stride and padding; `weight` is [out, in / groups, kernel, kernel].
    pub fn conv(
        &mut self,
        name: &str,
        x: &Value,
        weight: (&[usize; 4], &[f32]),
        bias: &[f32],
        window: Window,
    ) -> Value {
        let w = self.weight(&format!("{name}.weight"), weight.0, weight.1);
        let b = self.weight(&format!("{name}.bias"), &[bias.len()], bias);
        let (kernel, stride, pad) = (weight.0[2] as i64, window.stride as i64, window.padding as i64);
        let attributes = [
            ("kernel_shape", Attribute::Ints(vec![kernel; 2])),
            ("strides", Attribute::Ints(vec![stride; 2])),
            ("pads", Attribute::Ints(vec![pad; 4])),
            ("group", Attribute::Int(window.groups as i64)),
        ];
        self.node("Conv", name, &[x, &w, &b], &attributes)
    }

    /// `x @ weight + bias` over the last axis; `weight` is [in, out] in row-major order.
    pub fn linear(&mut self, name: &str, x: &Value, weight: (&[usize; 2], &[f32]), bias: &[f32]) -> Value {
        let w = self.weight(&format!("{name}.weight"), weight.0, weight.1);
        let b = self.weight(&format!("{name}.bias"), &[bias.len()], bias);
        let product = self.node("MatMul", &format!("{name}.matmul"), &[x, &w], &[]);
        self.node("Add", name, &[&product, &b], &[])
    }

    /// Layer normalisation over the last axis.
    pub fn layer_norm(&mut self, name: &str, x: &Value, weight: &[f32], bias: &[f32], epsilon: f32) -> Value {
        let w = self.weight(&format!("{name}.weight"), &[weight.len()], weight);
        let b = self.weight(&format!("{name}.bias"), &[bias.len()], bias);
        let attributes = [("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(epsilon))];
        self.node("LayerNormalization", name, &[x, &w, &b], &attributes)
    }

    /// Exact GELU.
    pub fn gelu(&mut self, name: &str, x: &Value) -> Value {
        self.node("Gelu", name, &[x], &[])
    }

    /// Reshape; 0 keeps the axis of the input, -1 takes what is left.
    pub fn reshape(&mut self, name: &str, x: &Value, shape: &[i64]) -> Value {
        let shape = self.integers(&format!("{name}.shape"), shape);
        self.node("Reshape", name, &[x, &shape], &[])
    }

    /// The axes in another order: output axis i is input axis `permutation[i]`.
    pub fn transpose(&mut self, name: &str, x: &Value, permutation: &[i64]) -> Value {
        self.node("Transpose", name, &[x], &[("perm", Attribute::Ints(permutation.to_vec()))])
    }

    /// Channels spread over squares of `side` x `side` places, in the order row, column, channel (mode DCR).
    pub fn depth_to_space(&mut self, name: &str, x: &Value, side: usize) -> Value {
        self.node("DepthToSpace", name, &[x], &[("blocksize", Attribute::Int(side as i64))])
    }

    /// Soft-max along one axis.
    pub fn softmax(&mut self, name: &str, x: &Value, axis: i64) -> Value {
        self.node("Softmax", name, &[x], &[("axis", Attribute::Int(axis))])
    }

    /// Tensors joined along one axis.
    pub fn concat(&mut self, name: &str, values: &[&Value], axis: i64) -> Value {
        self.node("Concat", name, values, &[("axis", Attribute::Int(axis))])
    }

    /// `x[start..end]` along one axis.
    pub fn slice(&mut self, name: &str, x: &Value, axis: i64, start: i64, end: i64) -> Value {
        let start = self.integers(&format!("{name}.start"), &[start]);
        let end = self.integers(&format!("{name}.end"), &[end]);
        let axis = self.integers(&format!("{name}.axis"), &[axis]);
        self.node("Slice", name, &[x, &start, &end, &axis], &[])
    }

    /// Limits each number to `low..=high`.
    pub fn clip(&mut self, name: &str, x: &Value, low: f32, high: f32) -> Value {
        let low = self.weight(&format!("{name}.low"), &[], &[low]);
        let high = self.weight(&format!("{name}.high"), &[], &[high]);
        self.node("Clip", name, &[x, &low, &high], &[])
    }

    /// The bytes of the finished file, with `metadata` as its `metadata_props`; `name` is the graph's name.
    pub fn into_bytes(self, name: &str, metadata: &Metadata) -> Vec<u8> {
        let graph = wire::Graph {
            name: name.to_owned(),
            node: self.nodes,
            initializer: self.initializers,
            input: self.inputs,
            output: self.outputs,
        };
        let prop = |(key, value)| wire::Property { key, value };
        wire::Model {
            ir_version: IR_VERSION,
            opset_import: vec![wire::OperatorSet { domain: String::new(), version: OPSET }],
            producer_name: "purecam".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(graph),
            metadata_props: metadata.to_props().into_iter().map(prop).collect(),
        }
        .encode_to_vec()
    }
}

/// How a convolution moves over its input, the same in rows and columns.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Pixels between two places of the window, in rows and columns.
    pub stride: usize,
    /// Zeros added on each of the four sides.
    pub padding: usize,
    /// Groups of channels that are convolved separately; 1 is the usual convolution.
    pub groups: usize,
}

fn attribute(name: &str, value: &Attribute) -> wire::Attribute {
    let mut proto = wire::Attribute { name: name.to_owned(), ..Default::default() };
    match value {
        Attribute::Float(f) => (proto.r#type, proto.f) = (1, Some(*f)),
        Attribute::Int(i) => (proto.r#type, proto.i) = (2, Some(*i)),
        Attribute::Ints(ints) => (proto.r#type, proto.ints) = (7, ints.clone()),
    }
    proto
}

fn lengths(shape: &[usize]) -> Vec<Axis> {
    shape.iter().map(|length| Axis::Length(*length)).collect()
}

fn value_info(name: &str, elem_type: i32, axes: &[Axis]) -> wire::ValueInfo {
    let dimension = |axis: &Axis| wire::Dimension {
        length: Some(match axis {
            Axis::Length(length) => wire::Length::Value(*length as i64),
            Axis::Free(name) => wire::Length::Name((*name).to_owned()),
        }),
    };
    let shape = wire::Shape { dim: axes.iter().map(dimension).collect() };
    let tensor_type = wire::TensorType { elem_type, shape: Some(shape) };
    wire::ValueInfo { name: name.to_owned(), r#type: Some(wire::Type { tensor_type: Some(tensor_type) }) }
}
