//! Small ONNX models for the tests, made node by node: a 32 x 32 purifier that adds a little noise, a classifier that
//! recognises a picture's main colour, and ways to spoil both.

#![allow(dead_code)] // Each test file uses only a part of it.

use std::path::{Path, PathBuf};

use prost::Message;
use purecam::engine::contract::{Draw, Input, Label, Metadata, Noise, Role};
use tract_onnx::pb::{self, *};

pub const SIDE: usize = 32;

pub fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: output.into(),
        input: inputs.iter().map(|input| (*input).into()).collect(),
        output: vec![output.into()],
        ..Default::default()
    }
}

pub fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: tensor_proto::DataType::Float as i32,
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..Default::default()
    }
}

pub fn integers(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![values.len() as i64],
        data_type: tensor_proto::DataType::Int64 as i32,
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..Default::default()
    }
}

/// A graph's input or output; a negative side is free.
pub fn value(name: &str, kind: tensor_proto::DataType, shape: &[i64]) -> ValueInfoProto {
    use tensor_shape_proto::{Dimension, dimension::Value};
    let side = |&side: &i64| {
        let value = if side < 0 { Value::DimParam("N".into()) } else { Value::DimValue(side) };
        Dimension { value: Some(value), ..Default::default() }
    };
    let shape = Some(TensorShapeProto { dim: shape.iter().map(side).collect() });
    let tensor = type_proto::Tensor { elem_type: kind as i32, shape };
    let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: name.into(), r#type: Some(kind), ..Default::default() }
}

pub fn float_value(name: &str, shape: &[i64]) -> ValueInfoProto {
    value(name, tensor_proto::DataType::Float, shape)
}

pub fn model(graph: GraphProto, metadata: Option<&Metadata>) -> ModelProto {
    let mut model = pb::ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
        producer_name: "tests".into(),
        graph: Some(graph),
        ..Default::default()
    };
    if let Some(metadata) = metadata {
        model.metadata_props =
            metadata.to_props().into_iter().map(|(key, value)| StringStringEntryProto { key, value }).collect();
    }
    model
}

pub fn purifier_metadata(side: usize, noise: Vec<Noise>) -> Metadata {
    let input = Input::native(side);
    Metadata {
        role: Role::Purifier,
        input,
        noise,
        labels: Vec::new(),
        sides: None,
        strength: None,
        riae: None,
        unet: None,
        training: None,
    }
}

pub fn classifier_metadata(side: usize, labels: &[&str]) -> Metadata {
    let labels = labels.iter().map(|label| Label { label: (*label).into(), wnid: None }).collect();
    Metadata {
        role: Role::Classifier,
        input: Input::native(side),
        noise: Vec::new(),
        labels,
        sides: None,
        strength: None,
        riae: None,
        unet: None,
        training: None,
    }
}

/// purified = clip(image + 0.02 * noise + 0.001 * order[0] / 4, 0, 1), where `order` is a permutation of 0..4.
pub fn purifier(side: usize) -> ModelProto {
    let picture = [1, 3, side as i64, side as i64];
    let mut cast = node("Cast", &["first"], "order_f32");
    cast.attribute = vec![AttributeProto { name: "to".into(), r#type: 2, i: 1, ..Default::default() }];
    let graph = GraphProto {
        name: "purifier".into(),
        node: vec![
            node("Mul", &["noise", "strength"], "scaled"),
            node("Add", &["image", "scaled"], "noisy"),
            node("Gather", &["order", "zero_index"], "first"),
            cast,
            node("Mul", &["order_f32", "offset"], "shift"),
            node("Add", &["noisy", "shift"], "shifted"),
            node("Clip", &["shifted", "low", "high"], "purified"),
        ],
        initializer: vec![
            floats("strength", &[], &[0.02]),
            floats("offset", &[], &[0.00025]),
            floats("low", &[], &[0.0]),
            floats("high", &[], &[1.0]),
            integers("zero_index", &[0]),
        ],
        input: vec![
            float_value("image", &picture),
            float_value("noise", &picture),
            value("order", tensor_proto::DataType::Int64, &[4]),
        ],
        output: vec![float_value("purified", &picture)],
        ..Default::default()
    };
    let noise = vec![
        Noise { name: "noise".into(), shape: vec![1, 3, side, side], draw: Draw::Normal },
        Noise { name: "order".into(), shape: vec![4], draw: Draw::Permutation },
    ];
    model(graph, Some(&purifier_metadata(side, noise)))
}

/// purified = image / max(image): a black picture becomes NaN, any other is fine.
pub fn purifier_that_fails_on_black(side: usize) -> ModelProto {
    let picture = [1, 3, side as i64, side as i64];
    let graph = GraphProto {
        name: "fragile".into(),
        node: vec![node("ReduceMax", &["image"], "largest"), node("Div", &["image", "largest"], "purified")],
        input: vec![float_value("image", &picture)],
        output: vec![float_value("purified", &picture)],
        ..Default::default()
    };
    model(graph, Some(&purifier_metadata(side, Vec::new())))
}

/// The nodes of a classifier: `logits` = 20 * the mean of each channel of `image`.
pub fn mean_colour(side: i64, batch: i64, image: &str) -> GraphProto {
    GraphProto {
        name: "classifier".into(),
        node: vec![
            node("GlobalAveragePool", &[image], "pooled"),
            node("Reshape", &["pooled", "flat"], "means"),
            node("Mul", &["means", "scale"], "logits"),
        ],
        initializer: vec![integers("flat", &[-1, 3]), floats("scale", &[], &[20.0])],
        input: vec![float_value(image, &[batch, 3, side, side])],
        output: vec![float_value("logits", &[batch, 3])],
        ..Default::default()
    }
}

pub fn classifier(side: usize) -> ModelProto {
    model(mean_colour(side as i64, 1, "image"), Some(&classifier_metadata(side, &["red", "green", "blue"])))
}

/// The same without metadata, with a free batch and another input name.
pub fn foreign_classifier(side: usize) -> ModelProto {
    model(mean_colour(side as i64, -1, "data"), None)
}

pub fn write(folder: &Path, name: &str, model: &ModelProto) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    path
}

/// Writes both good models into `folder`; returns purifier and classifier.
pub fn write_pair(folder: &Path) -> (PathBuf, PathBuf) {
    (write(folder, "purifier-test.onnx", &purifier(SIDE)), write(folder, "classifier-test.onnx", &classifier(SIDE)))
}

/// Writes a picture of one colour as PNG.
pub fn write_picture(path: &Path, width: u32, height: u32, colour: [u8; 3]) {
    image::RgbImage::from_pixel(width, height, image::Rgb(colour)).save(path).unwrap();
}
