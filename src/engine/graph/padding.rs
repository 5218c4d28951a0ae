//! Padding: what the engine takes for something else than ONNX says.

use tract_onnx::pb::NodeProto;

use super::node::{Attributes, input, int_tensor, ints, node, remove, set};
use super::rewrites::Rewritten;
use super::scope::Scope;
use crate::engine::error::Problem;

/// Explicit pads hold only without `auto_pad`; some exporters write both. Lengths are rounded up without padding, too.
pub fn automatic(windowed: &NodeProto, _: &mut Scope) -> Rewritten {
    let auto = windowed.text("auto_pad", "NOTSET");
    let rounded = auto == "VALID" && windowed.int("ceil_mode", 0) != 0;
    if auto == "NOTSET" || windowed.attribute("pads").is_none() && !rounded {
        return Ok(None);
    }
    let mut windowed = windowed.clone();
    remove(&mut windowed, "pads");
    if rounded {
        let sides = windowed.ints("kernel_shape").map_or(0, <[i64]>::len);
        remove(&mut windowed, "auto_pad");
        set(&mut windowed, ints("pads", vec![0; 2 * sides]));
    }
    Ok(Some(vec![windowed]))
}

/// The value of a Pad holds only in its mode `constant`, and a negative pad cuts off.
pub fn pad(pad: &NodeProto, scope: &mut Scope) -> Rewritten {
    let mode = pad.text("mode", "constant");
    if !matches!(mode, "constant" | "reflect" | "edge") {
        let why = format!("has the mode '{mode}', which the engine does not have");
        return Err(Problem::operator(pad, why, "export the model with another kind of padding"));
    }
    let mut changed = pad.clone();
    if mode != "constant" && changed.input.len() > 2 {
        changed.input[2].clear();
        while changed.input.last().is_some_and(String::is_empty) {
            changed.input.pop();
        }
    }
    let pads = match (pad.ints("pads"), input(pad, 1)) {
        (Some(pads), _) => Some(pads.to_vec()),
        (None, Some(name)) => scope.ints(name),
        (None, None) => None,
    };
    let Some(pads) = pads else {
        let why = "has a width that is not known before a run";
        return Err(Problem::operator(pad, why, "export the model with a fixed input size"));
    };
    if pads.iter().all(|&pad| pad >= 0) {
        return Ok(Some(vec![changed]));
    }
    if mode != "constant" || pad.input.is_empty() {
        let why = format!("has a negative width in the mode '{mode}', which the engine does not have");
        return Err(Problem::operator(pad, why, "export the model with a Slice in its place"));
    }
    let axes = match input(pad, 3) {
        None => (0..pads.len() as i64 / 2).collect::<Vec<_>>(),
        Some(name) => match scope.ints(name) {
            Some(axes) => axes,
            None => return Ok(Some(vec![changed])),
        },
    };
    // First cut, then pad: a side is either cut or padded.
    let (before, after) = pads.split_at(pads.len() / 2);
    let starts: Vec<i64> = before.iter().map(|&pad| (-pad).max(0)).collect();
    let ends: Vec<i64> = after.iter().map(|&pad| if pad < 0 { pad } else { i64::MAX }).collect();
    let padded: Vec<i64> = pads.iter().map(|&pad| pad.max(0)).collect();
    let cut = scope.fresh.name(&pad.input[0]);
    let mut slice = node("Slice", &[&pad.input[0]], &cut);
    if scope.opset < 10 {
        for (name, values) in [("starts", &starts), ("ends", &ends), ("axes", &axes)] {
            slice.attribute.push(ints(name, values.clone()));
        }
    } else {
        for values in [&starts, &ends, &axes] {
            slice.input.push(scope.integers("cut", values));
        }
    }
    changed.input[0] = cut;
    if pad.attribute("pads").is_some() {
        set(&mut changed, ints("pads", padded));
    } else {
        let name = scope.fresh.name("pads");
        scope.stored.push(int_tensor(&name, &padded));
        changed.input[1] = name;
    }
    Ok(Some(vec![slice, changed]))
}
