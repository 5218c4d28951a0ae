//! Uses of operators that the engine computes in another way than ONNX says, and that are not rewritten.

use tract_onnx::pb::NodeProto;

use super::node::{Attributes, input, int, node_with};
use super::padding;
use super::rewrites::Rewritten;
use super::scope::Scope;
use crate::engine::error::Problem;

/// An `output_shape` beside automatic padding is not implemented.
pub fn conv_transpose(transpose: &NodeProto, scope: &mut Scope) -> Rewritten {
    if transpose.attribute("output_shape").is_some() {
        let why = "has an output_shape, which the engine does not take as ONNX means it";
        return Err(Problem::operator(transpose, why, "export the model with pads and output_padding"));
    }
    padding::automatic(transpose, scope)
}

/// An equation without an output (`ij->`) is read as one that leaves it out (`ij`).
pub fn einsum(einsum: &NodeProto, _: &mut Scope) -> Rewritten {
    let equation: String = einsum.text("equation", "").chars().filter(|letter| !letter.is_whitespace()).collect();
    let Some(operands) = equation.strip_suffix("->") else { return Ok(None) };
    let single = |letter: char| letter.is_alphabetic() && operands.matches(letter).count() == 1;
    if !operands.contains('.') && !operands.chars().any(single) {
        return Ok(None);
    }
    if let ([x], [y], true) = (einsum.input.as_slice(), einsum.output.as_slice(), operands.chars().all(single)) {
        return Ok(Some(vec![node_with("ReduceSum", &[x], y, vec![int("keepdims", 0)])]));
    }
    let why = format!("sums over every axis ('{equation}'), which the engine misreads");
    Err(Problem::operator(einsum, why, "export the model with MatMul and ReduceSum"))
}

/// A recurrent network that reads its sequence backwards is read forwards.
pub fn recurrent(network: &NodeProto, _: &mut Scope) -> Rewritten {
    match network.text("direction", "forward") {
        "forward" => Ok(None),
        direction => {
            let why = format!("has the direction '{direction}', which the engine takes for 'forward'");
            Err(Problem::operator(network, why, "export the model without it"))
        }
    }
}

/// The engine knows one order of the channels.
pub fn space_to_depth(space: &NodeProto, _: &mut Scope) -> Rewritten {
    match space.text("mode", "DCR") {
        "DCR" => Ok(None),
        mode => {
            let why = format!("has the mode '{mode}', which the engine takes for 'DCR'");
            Err(Problem::operator(space, why, "export the model with Reshape and Transpose"))
        }
    }
}

/// A model in training mode answers differently every time.
pub fn dropout(dropout: &NodeProto, scope: &mut Scope) -> Rewritten {
    let mode = input(dropout, 2).and_then(|name| scope.constant(name));
    match mode
        .is_some_and(|mode| mode.raw_data.first().is_some_and(|on| *on != 0) || mode.int32_data.first() == Some(&1))
    {
        false => Ok(None),
        true => Err(Problem::operator(
            dropout,
            "is in training mode",
            "export the model in evaluation mode (`model.eval()`)",
        )),
    }
}

/// Bicubic sampling takes other pixels at the border.
pub fn grid_sample(sample: &NodeProto, _: &mut Scope) -> Rewritten {
    let bicubic = matches!(sample.text("mode", "linear"), "bicubic" | "cubic");
    if bicubic && sample.text("padding_mode", "zeros") == "border" {
        let why =
            "samples bicubically with padding_mode 'border', where the engine's results differ from onnxruntime's";
        return Err(Problem::operator(sample, why, "export the model with mode 'bilinear'"));
    }
    Ok(None)
}
