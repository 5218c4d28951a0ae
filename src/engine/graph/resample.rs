//! Resizing inside a graph. The engine has no Upsample, and Resize only from opset 10 on, with another rounding there.

use tract_onnx::pb::{ModelProto, NodeProto};

use super::node::{Attributes, int_tensor, remove, set, text};
use super::rewrites::Rewritten;
use super::scope::{Fresh, Scope, opset};

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

/// Resize of opset 10 rounds down; the engine rounds to the nearest.
pub fn resize(resize: &NodeProto, scope: &mut Scope) -> Rewritten {
    if scope.opset > 10 {
        return Ok(None);
    }
    let mut resize = resize.clone();
    set(&mut resize, text("nearest_mode", "floor"));
    Ok(Some(vec![resize]))
}
