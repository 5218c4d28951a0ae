//! Arithmetic on shapes, axes and indices, on the host.

use super::error::Reason;
use super::value::Ints;

/// An axis counted from the start; negative ones count from the end.
///
/// # Errors
/// A tensor of this rank has no such axis.
pub fn axis(axis: i64, rank: usize) -> Result<usize, Reason> {
    let found = from_start(axis, rank);
    found.ok_or_else(|| format!("axis {axis} of a tensor of rank {rank}").into())
}

/// The same for a list of axes.
pub fn axes(list: &[i64], rank: usize) -> Result<Vec<usize>, Reason> {
    list.iter().map(|&one| axis(one, rank)).collect()
}

/// Indices along an axis of this length, counted from the start; negative ones count from the end.
pub fn indices(list: &[i64], length: usize) -> Result<Vec<usize>, Reason> {
    let refuse = |index: i64| Reason::from(format!("index {index} of an axis of length {length}"));
    list.iter().map(|&index| from_start(index, length).ok_or_else(|| refuse(index))).collect()
}

fn from_start(index: i64, length: usize) -> Option<usize> {
    let found = if index < 0 { index.checked_add(length as i64)? } else { index };
    usize::try_from(found).ok().filter(|&found| found < length)
}

/// A shape without some of its axes.
pub fn without(shape: &[usize], axes: &[usize]) -> Vec<usize> {
    (0..shape.len()).filter(|axis| !axes.contains(axis)).map(|axis| shape[axis]).collect()
}

/// The shape that two shapes broadcast to.
pub fn broadcast(left: &[usize], right: &[usize]) -> Result<Vec<usize>, Reason> {
    let rank = left.len().max(right.len());
    let at = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    (0..rank)
        .map(|axis| match (at(left, axis), at(right, axis)) {
            (a, b) if a == b || b == 1 => Ok(a),
            (1, b) => Ok(b),
            _ => Err(format!("shapes {left:?} and {right:?} do not broadcast").into()),
        })
        .collect()
}

/// The values of `ints` repeated to a shape that they broadcast to.
pub fn expand(ints: &Ints, shape: &[usize]) -> Result<Vec<i64>, Reason> {
    if broadcast(&ints.shape, shape)? != shape {
        return Err(format!("shape {:?} does not expand to {shape:?}", ints.shape).into());
    }
    let offset = shape.len() - ints.shape.len();
    Ok((0..shape.iter().product::<usize>())
        .map(|flat| {
            let (mut rest, mut place, mut stride) = (flat, 0, 1);
            for axis in (0..shape.len()).rev() {
                let index = rest % shape[axis];
                rest /= shape[axis];
                if axis >= offset {
                    let length = ints.shape[axis - offset];
                    place += if length == 1 { 0 } else { index * stride };
                    stride *= length;
                }
            }
            ints.values[place]
        })
        .collect())
}

/// The first and one-past-last place of a part of an axis of this length.
pub fn range(start: i64, end: i64, length: usize) -> (usize, usize) {
    let first = place(start, 0, length);
    (first as usize, place(end, 0, length).max(first) as usize)
}

/// A slice's places along an axis of this length, as ONNX defines them: from `start` to before `end`, backwards if the
/// step is negative. A step of 0 has none.
pub fn places(start: i64, end: i64, step: i64, length: usize) -> Vec<usize> {
    let every = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
    match step {
        0 => Vec::new(),
        1.. => {
            let (first, end) = range(start, end, length);
            (first..end).step_by(every).collect()
        }
        _ => {
            let (first, before) = (place(start, -1, length) + 1, place(end, -1, length) + 1);
            (before as usize..first.min(length as i64) as usize).rev().step_by(every).collect()
        }
    }
}

/// A place along an axis, counted from the start and kept between `least` and the length.
fn place(value: i64, least: i64, length: usize) -> i64 {
    let length = length as i64;
    let from_start = if value < 0 { value.saturating_add(length) } else { value };
    from_start.clamp(least, length)
}

/// The shape that a Reshape gives: 0 keeps an axis (or is a length of 0, with `allow_zero`), -1 takes what is left.
pub fn reshape(from: &[usize], wanted: &[i64], allow_zero: bool) -> Result<Vec<usize>, Reason> {
    let refuse = || Reason::from(format!("cannot reshape {from:?} to {wanted:?}"));
    let mut shape = Vec::with_capacity(wanted.len());
    for (axis, &length) in wanted.iter().enumerate() {
        shape.push(match length {
            0 if !allow_zero => *from.get(axis).ok_or_else(refuse)?,
            -1 => 1,
            length => usize::try_from(length).map_err(|_| refuse())?,
        });
    }
    if let Some(free) = wanted.iter().position(|&length| length == -1) {
        let (total, known) = (from.iter().product::<usize>(), shape.iter().product::<usize>());
        if known == 0 || total % known != 0 {
            return Err(refuse());
        }
        shape[free] = total / known;
    }
    Ok(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshape_keeps_zeros_and_fills_the_free_axis() {
        assert_eq!(reshape(&[2, 3, 4], &[0, -1], false).unwrap(), [2, 12]);
        assert!(reshape(&[2, 3, 4], &[5, -1], false).is_err());
    }

    #[test]
    fn a_slice_beyond_the_end_stops_there() {
        assert_eq!(range(1, i64::MAX, 4), (1, 4));
        assert_eq!(range(-2, -1, 4), (2, 3));
        assert_eq!(range(3, 1, 4), (3, 3));
    }

    #[test]
    fn a_slice_steps_as_onnx_says() {
        assert_eq!(places(0, i64::MAX, 2, 5), [0, 2, 4]);
        assert_eq!(places(-4, -1, 2, 5), [1, 3]);
        // All of it backwards, as exporters write it.
        assert_eq!(places(-1, i64::MIN, -1, 4), [3, 2, 1, 0]);
        assert_eq!(places(i64::MAX, -5, -1, 4), [3, 2, 1, 0]);
        assert_eq!(places(3, 0, -2, 4), [3, 1]);
        assert_eq!(places(-9, i64::MIN, -1, 4), [0; 0]);
        assert_eq!(places(0, 2, -1, 4), [0; 0]);
        assert_eq!(places(0, 4, 0, 4), [0; 0]);
        assert_eq!(places(0, 0, -1, 0), [0; 0]);
    }
}
