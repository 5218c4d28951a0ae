//! Ranges of stored numbers: the engine counts in whole steps, and only upwards.

use tract_onnx::pb::NodeProto;

use super::node::{input, node};
use super::rewrites::Rewritten;
use super::scope::Scope;
use crate::engine::error::Problem;

/// The most numbers of a stored range.
const MOST: f64 = 1e6;

/// A range whose bounds are stored becomes its numbers.
pub fn range(range: &NodeProto, scope: &mut Scope) -> Rewritten {
    let names = [0, 1, 2].map(|place| input(range, place).unwrap_or_default());
    let [y] = range.output.as_slice() else { return Ok(None) };
    let one =
        |numbers: Option<Vec<f32>>| numbers.filter(|numbers| numbers.len() == 1).map(|numbers| f64::from(numbers[0]));
    let floats = names.map(|name| one(scope.stored_floats(name)));
    let whole = names.map(|name| scope.stored_ints(name).filter(|ints| ints.len() == 1).map(|ints| ints[0] as f64));
    let (bounds, is_float) = match (floats, whole) {
        ([Some(start), Some(limit), Some(step)], _) => ([start, limit, step], true),
        (_, [Some(start), Some(limit), Some(step)]) => ([start, limit, step], false),
        _ => return Ok(None),
    };
    let [start, limit, step] = bounds;
    let count = ((limit - start) / step).ceil().max(0.0);
    if count.is_nan() || count > MOST {
        return Err(Problem::operator(
            range,
            format!("counts from {start} to {limit} in steps of {step}"),
            "export the model again",
        ));
    }
    let numbers = (0..count as usize).map(|place| start + place as f64 * step);
    let stored = match is_float {
        true => scope.numbers(y, &numbers.map(|number| number as f32).collect::<Vec<_>>()),
        false => scope.integers(y, &numbers.map(|number| number as i64).collect::<Vec<_>>()),
    };
    Ok(Some(vec![node("Identity", &[&stored], y)]))
}
