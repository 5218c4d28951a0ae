//! Half and double precision become f32: half precision is slow on x86 and wrong in some operators of the engine, and a
//! file gives the same results on every machine.
//!
//! It happens in the file, before the engine sees it, so operators and constants cannot disagree. Numbers that half
//! precision would have turned into infinities stay finite.

use tract_core::prelude::f16;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{self, GraphProto, NodeProto, TensorProto};

/// Attributes that name the type of what a node makes. `stash_type` is the precision inside a normalisation.
const TYPES: [&str; 3] = ["to", "dtype", "stash_type"];

/// Makes every number of `model` f32: stored tensors, types of inputs and outputs, casts, inner graphs, functions.
pub fn widen(model: &mut pb::ModelProto) {
    model.graph.iter_mut().for_each(widen_graph);
    model.functions.iter_mut().flat_map(|function| &mut function.node).for_each(widen_node);
}

/// Whether `kind`, a number of `TensorProto.DataType`, is a type of floating point other than f32.
fn is_other_float(kind: i64) -> bool {
    [DataType::Float16, DataType::Bfloat16, DataType::Double].iter().any(|float| i64::from(*float as i32) == kind)
}

fn widen_graph(graph: &mut GraphProto) {
    graph.initializer.iter_mut().for_each(widen_tensor);
    graph.node.iter_mut().for_each(widen_node);
    for value in graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info) {
        if let Some(pb::type_proto::Value::TensorType(tensor)) =
            value.r#type.as_mut().and_then(|kind| kind.value.as_mut())
            && is_other_float(i64::from(tensor.elem_type))
        {
            tensor.elem_type = DataType::Float as i32;
        }
    }
}

fn widen_node(node: &mut NodeProto) {
    for attribute in &mut node.attribute {
        if TYPES.contains(&attribute.name.as_str()) && is_other_float(attribute.i) {
            attribute.i = i64::from(DataType::Float as i32);
        }
        attribute.t.iter_mut().chain(&mut attribute.tensors).for_each(widen_tensor);
        attribute.g.iter_mut().chain(&mut attribute.graphs).for_each(widen_graph);
    }
}

fn widen_tensor(tensor: &mut TensorProto) {
    let raw = &tensor.raw_data;
    let bits = || tensor.int32_data.iter().map(|&bits| bits as u16);
    let halves = || raw.as_chunks().0.iter().map(|&bytes| u16::from_le_bytes(bytes)).chain(bits());
    let numbers: Vec<f32> = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float16) => halves().map(|bits| f16::from_bits(bits).to_f32()).collect(),
        // bfloat16 is the upper half of an f32.
        Ok(DataType::Bfloat16) => halves().map(|bits| f32::from_bits(u32::from(bits) << 16)).collect(),
        Ok(DataType::Double) => {
            let raw = raw.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes));
            raw.chain(tensor.double_data.iter().copied()).map(narrow).collect()
        }
        _ => return,
    };
    tensor.data_type = DataType::Float as i32;
    tensor.raw_data = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    tensor.int32_data.clear();
    tensor.double_data.clear();
}

/// The nearest f32 that is of the same kind: a mask of -1.8e308 must not become an infinity, an epsilon of 1e-300 not 0.
fn narrow(number: f64) -> f32 {
    match number.abs() {
        0.0 => number as f32,
        size if size.is_infinite() || size.is_nan() => number as f32,
        size => (size as f32).clamp(f32::MIN_POSITIVE, f32::MAX).copysign(number as f32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_finite_and_not_0_stays_so() {
        assert_eq!(
            [1e300, -1e300, 1e-300, -1e-300].map(narrow),
            [f32::MAX, f32::MIN, f32::MIN_POSITIVE, -f32::MIN_POSITIVE]
        );
        assert_eq!([0.0, f64::NEG_INFINITY, 0.1].map(narrow), [0.0, f32::NEG_INFINITY, 0.1]);
    }
}
