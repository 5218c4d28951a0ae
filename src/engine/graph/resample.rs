//! Resizing inside a graph. The engine has no Upsample, and Resize only from opset 10 on, with another rounding there.

use tract_onnx::pb::{ModelProto, NodeProto};

use super::node::{Attributes, input, int_tensor, remove, set, text};
use super::rewrites::Rewritten;
use super::scope::{Fresh, Scope, opset};
use crate::engine::error::Problem;

/// Lifts a model with an Upsample to the opset that has Resize. Of the operators that changed until then the engine
/// tells two apart: their attributes become inputs.
pub fn raise(model: &ModelProto) -> ModelProto {
    const RESIZE: i64 = 10;
    let mut model = model.clone();
    let Some(graph) = &mut model.graph else { return model };
    let raised = graph.node.iter().any(|node| node.op_type == "Upsample");
    if !raised || opset(&ModelProto { opset_import: model.opset_import.clone(), ..ModelProto::default() }) >= RESIZE {
        return model;
    }
    let mut fresh = Fresh::of(graph);
    for node in &mut graph.node {
        let asked: &[&str] = match node.op_type.as_str() {
            "Slice" => &["starts", "ends", "axes"],
            "TopK" => &["k"],
            _ => continue,
        };
        for name in asked {
            let Some(attribute) = node.attribute(name) else { continue };
            let values = if attribute.ints.is_empty() { vec![attribute.i] } else { attribute.ints.clone() };
            let stored = fresh.name(name);
            graph.initializer.push(int_tensor(&stored, &values));
            node.input.push(stored);
        }
        asked.iter().for_each(|name| remove(node, name));
    }
    for set in model.opset_import.iter_mut().filter(|set| matches!(set.domain.as_str(), "" | "ai.onnx")) {
        set.version = RESIZE;
    }
    model
}

/// Upsample is Resize as it was in opset 10; its scales were an attribute first, then an input.
pub fn upsample(upsample: &NodeProto, scope: &mut Scope) -> Rewritten {
    let mut resize = NodeProto { op_type: "Resize".to_owned(), ..upsample.clone() };
    if let Some(scales) = upsample.attribute("scales") {
        let scales = scope.numbers("scales", &scales.floats);
        resize.input.truncate(1);
        resize.input.push(scales);
        remove(&mut resize, "scales");
    }
    set(&mut resize, text("nearest_mode", "floor"));
    set(&mut resize, text("coordinate_transformation_mode", "asymmetric"));
    Ok(Some(vec![resize]))
}

/// Resize of opset 10 rounds down; the engine rounds to the nearest. With aligned corners the engine reckons with the
/// scales, where ONNX reckons with the whole lengths that they give.
pub fn resize(resize: &NodeProto, scope: &mut Scope) -> Rewritten {
    if scope.opset <= 10 {
        let mut resize = resize.clone();
        set(&mut resize, text("nearest_mode", "floor"));
        return Ok(Some(vec![resize]));
    }
    let transform = resize.text("coordinate_transformation_mode", "half_pixel");
    let single = resize.text("mode", "nearest") == "cubic" && transform == "pytorch_half_pixel";
    if transform != "align_corners" && !single {
        return Ok(None);
    }
    let scales = input(resize, 2).and_then(|name| scope.stored_floats(name)).filter(|scales| !scales.is_empty());
    let (Some(scales), Some(x)) = (scales, input(resize, 0)) else { return Ok(None) };
    let Some(shape) = scope.shape(x) else { return Ok(None) };
    let axes = resize.ints("axes").map_or_else(|| (0..shape.len() as i64).collect(), <[i64]>::to_vec);
    let length = |(&axis, scale): (&i64, &f32)| {
        let axis = if axis < 0 { axis + shape.len() as i64 } else { axis };
        shape.get(axis as usize).map(|&length| (length as f32 * scale).floor() as i64)
    };
    let Some(sizes) = axes.iter().zip(&scales).map(length).collect::<Option<Vec<_>>>() else { return Ok(None) };
    if single {
        let shrunk = sizes.iter().zip(&scales).any(|(&size, &scale)| size == 1 && scale != 1.0);
        let why = "resizes an axis to one pixel bicubically, where the engine's results differ from onnxruntime's";
        return if shrunk {
            Err(Problem::operator(resize, why, "export the model with mode 'linear'"))
        } else {
            Ok(None)
        };
    }
    let mut resize = resize.clone();
    resize.input.truncate(2);
    // Before opset 13 an input that is not used is empty and not left out.
    let unused = if scope.opset < 13 { scope.numbers("scales", &[]) } else { String::new() };
    resize.input.push(unused);
    resize.input.push(scope.integers("sizes", &sizes));
    Ok(Some(vec![resize]))
}
