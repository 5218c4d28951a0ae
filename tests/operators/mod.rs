//! The cases of `cases.bin`: graphs of an operator, what goes in, what must come out. `make.py` made them and describes
//! the file.

#![allow(dead_code)] // Each test file uses only a part of it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use prost::Message;
use tract_onnx::pb::{ModelProto, TensorProto};

/// How far an answer may be from onnxruntime's, relative to 1 and to the answer.
const TOLERANCE: f32 = 2e-4;

pub struct Case {
    pub name: String,
    pub model: ModelProto,
    pub inputs: Vec<(String, Vec<usize>, Vec<f32>)>,
    pub shape: Vec<usize>,
    pub answer: Vec<f32>,
}

impl Case {
    /// How an answer differs from the right one; `None` if it does not.
    pub fn differs(&self, shape: &[usize], numbers: &[f32]) -> Option<String> {
        if shape != self.shape {
            return Some(format!("shape {shape:?}, expected {:?}", self.shape));
        }
        let near = |(found, expected): (&f32, &f32)| (found - expected).abs() <= TOLERANCE * (1.0 + expected.abs());
        let at = numbers.iter().zip(&self.answer).position(|pair| !near(pair))?;
        Some(format!("{} at {at}, expected {}", numbers[at], self.answer[at]))
    }
}

/// The cases of the repository, or of `PURECAM_OPERATORS`, a file that `make.py` made.
pub fn cases() -> Vec<Case> {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/operators/cases.bin");
    let packed = std::fs::read(std::env::var_os("PURECAM_OPERATORS").map_or(own, PathBuf::from)).unwrap();
    let mut bytes = Vec::new();
    flate2::read::ZlibDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
    let mut rest = bytes.as_slice();
    let mut cases = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let (model, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        cases.push(case(ModelProto::decode(model).unwrap()));
        rest = after;
    }
    cases
}

/// Takes what is stored beside a case's graph out of it.
fn case(mut model: ModelProto) -> Case {
    let graph = model.graph.as_mut().unwrap();
    let mut beside = BTreeMap::new();
    graph.initializer.retain(|tensor| {
        let kept = tensor.name != "answer" && !tensor.name.starts_with("input:");
        if !kept {
            beside.insert(tensor.name.clone(), tensor.clone());
        }
        kept
    });
    let inputs = graph.input.iter().map(|input| {
        let stored = beside.get(&format!("input:{}", input.name));
        let ramp = model.metadata_props.iter().find(|entry| entry.key == input.name);
        let shape = stored.map_or_else(|| declared(input), shape);
        let numbers = match (stored, ramp) {
            (Some(stored), _) => numbers(stored),
            (None, Some(ramp)) => self::ramp(&ramp.value, shape.iter().product()),
            (None, None) => panic!("{}: nothing goes into {}", model.doc_string, input.name),
        };
        (input.name.clone(), shape, numbers)
    });
    let inputs = inputs.collect();
    let answer = &beside["answer"];
    Case { name: model.doc_string.clone(), inputs, shape: shape(answer), answer: numbers(answer), model }
}

fn declared(input: &tract_onnx::pb::ValueInfoProto) -> Vec<usize> {
    use tract_onnx::pb::{tensor_shape_proto::dimension::Value, type_proto};
    let type_proto::Value::TensorType(tensor) = input.r#type.as_ref().unwrap().value.as_ref().unwrap();
    let sides = tensor.shape.iter().flat_map(|shape| &shape.dim);
    sides.map(|side| if let Some(Value::DimValue(side)) = side.value { side as usize } else { panic!() }).collect()
}

fn shape(tensor: &TensorProto) -> Vec<usize> {
    tensor.dims.iter().map(|&side| side as usize).collect()
}

fn numbers(tensor: &TensorProto) -> Vec<f32> {
    tensor.raw_data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// The same as `ramp` in `make.py`.
fn ramp(bounds: &str, count: usize) -> Vec<f32> {
    let bounds: Vec<f64> = bounds.split(' ').map(|bound| bound.parse().unwrap()).collect();
    let (low, high, start) = (bounds[0], bounds[1], bounds[2] as usize);
    let number = |k: usize| (((97 * k + 13) % 251) as f64 + 0.37) / 251.0 * (high - low) + low;
    (start..start + count).map(|k| number(k) as f32).collect()
}
