//! Places that are counted from the end, or lie beyond it.

use tract_onnx::pb::NodeProto;

use super::node::{Attributes, input, int_tensor, ints, set};
use super::rewrites::Rewritten;
use super::scope::Scope;
use crate::engine::error::Problem;

/// A bound beyond these is as good as at the end; the engine adds lengths to bounds and overflows.
const FAR: i64 = i32::MAX as i64;

/// Bounds that are far beyond the end come nearer, and axes that are left out are listed.
pub fn slice(slice: &NodeProto, scope: &mut Scope) -> Rewritten {
    let mut slice = slice.clone();
    if let Some(starts) = slice.ints("starts") {
        let all = (0..starts.len() as i64).collect::<Vec<_>>();
        let axes = slice.ints("axes").map_or(all, <[i64]>::to_vec);
        if axes.iter().any(|&axis| axis < 0) {
            let rank = input(&slice, 0).and_then(|x| scope.facts().rank(x));
            let Some(rank) = rank else {
                let why = "counts its axes from the end of an input of unknown rank";
                return Err(Problem::operator(&slice, why, "export the model with opset 13 or later"));
            };
            let axes = axes.iter().map(|&axis| if axis < 0 { axis + rank as i64 } else { axis }).collect();
            set(&mut slice, ints("axes", axes));
        } else {
            set(&mut slice, ints("axes", axes));
        }
        return Ok(Some(vec![slice]));
    }
    for place in [1, 2] {
        let Some(bounds) = input(&slice, place).and_then(|name| scope.stored_ints(name)) else { continue };
        if bounds.iter().any(|bound| !(-FAR..=FAR).contains(bound)) {
            let near: Vec<i64> = bounds.iter().map(|&bound| bound.clamp(-FAR, FAR)).collect();
            slice.input[place] = scope.integers("bounds", &near);
        }
    }
    Ok(Some(vec![slice]))
}

/// Stored places that are counted from the end, in GatherND and ScatterND.
pub fn gather_nd(gather: &NodeProto, scope: &mut Scope) -> Rewritten {
    let (Some(data), Some(places)) = (input(gather, 0), input(gather, 1)) else { return Ok(None) };
    let (Some(stored), Some(dims)) =
        (scope.stored_ints(places), scope.constant(places).map(|tensor| tensor.dims.clone()))
    else {
        return Ok(None);
    };
    if stored.iter().all(|&place| place >= 0) {
        return Ok(None);
    }
    let first = gather.int("batch_dims", 0).max(0) as usize;
    let depth = dims.last().copied().unwrap_or(1).max(1) as usize;
    let Some(shape) = scope.shape(data).filter(|shape| shape.len() >= first + depth) else {
        let why = "counts places from the end of an input of unknown size";
        return Err(Problem::operator(gather, why, "export the model with a fixed input size"));
    };
    let place =
        |(index, &place): (usize, &i64)| if place < 0 { place + shape[first + index % depth] as i64 } else { place };
    let counted: Vec<i64> = stored.iter().enumerate().map(place).collect();
    let name = scope.fresh.name("places");
    let mut tensor = int_tensor(&name, &counted);
    tensor.dims = dims;
    scope.stored.push(tensor);
    let mut gather = gather.clone();
    gather.input[1] = name;
    Ok(Some(vec![gather]))
}
