//! Arithmetic on shapes, axes and indices, on the host.

use super::operator::Binary;
use super::value::Ints;

/// An axis counted from the start; negative ones count from the end.
pub fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let found = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(found)
        .ok()
        .filter(|&found| found < rank)
        .ok_or_else(|| format!("axis {axis} of a tensor of rank {rank}"))
}

pub fn axes(list: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    list.iter().map(|&one| axis(one, rank)).collect()
}

/// The shape that two shapes broadcast to.
pub fn broadcast(left: &[usize], right: &[usize]) -> Result<Vec<usize>, String> {
    let rank = left.len().max(right.len());
    let at = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    (0..rank)
        .map(|axis| match (at(left, axis), at(right, axis)) {
            (a, b) if a == b || b == 1 => Ok(a),
            (1, b) => Ok(b),
            _ => Err(format!("shapes {left:?} and {right:?} do not broadcast")),
        })
        .collect()
}

/// The values of `ints` repeated to a shape that they broadcast to.
pub fn expand(ints: &Ints, shape: &[usize]) -> Result<Vec<i64>, String> {
    if broadcast(&ints.shape, shape)? != shape {
        return Err(format!("shape {:?} does not expand to {shape:?}", ints.shape));
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

pub fn binary(operator: Binary, left: &Ints, right: &Ints) -> Result<Ints, String> {
    let shape = broadcast(&left.shape, &right.shape)?;
    let (a, b) = (expand(left, &shape)?, expand(right, &shape)?);
    let values = a.into_iter().zip(b).map(|(x, y)| apply(operator, x, y)).collect::<Option<Vec<_>>>();
    Ok(Ints::new(values.ok_or_else(|| format!("{operator:?} of these integers has no integer result"))?, shape))
}

fn apply(operator: Binary, x: i64, y: i64) -> Option<i64> {
    match operator {
        Binary::Add => x.checked_add(y),
        Binary::Sub => x.checked_sub(y),
        Binary::Mul => x.checked_mul(y),
        Binary::Div => x.checked_div(y),
        Binary::Mod => x.checked_rem_euclid(y),
        Binary::Pow => x.checked_pow(u32::try_from(y).ok()?),
        Binary::Max => Some(x.max(y)),
        Binary::Min => Some(x.min(y)),
        Binary::Equal => Some(i64::from(x == y)),
        Binary::PRelu => None,
    }
}

/// A slice's first and one-past-last place along an axis of this length, in steps of one.
pub fn range(start: i64, end: i64, length: usize) -> (usize, usize) {
    let length = length as i64;
    let place = |value: i64| if value < 0 { value.saturating_add(length) } else { value }.clamp(0, length);
    let first = place(start);
    (first as usize, place(end).max(first) as usize)
}

/// Indices along an axis of this length; negative ones count from the end.
pub fn indices(list: &[i64], length: usize) -> Result<Vec<i64>, String> {
    list.iter().map(|&index| axis(index, length).map(|index| index as i64)).collect()
}

/// The shape that a Reshape's second input asks for: 0 keeps an axis, -1 takes what is left.
pub fn reshape(from: &[usize], wanted: &[i64], keep_zero: bool) -> Result<Vec<usize>, String> {
    let refuse = || format!("cannot reshape {from:?} to {wanted:?}");
    let mut shape = Vec::with_capacity(wanted.len());
    for (axis, &length) in wanted.iter().enumerate() {
        shape.push(match length {
            0 if !keep_zero => *from.get(axis).ok_or_else(refuse)?,
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
        assert_eq!(reshape(&[2, 3, 4], &[0, -1], false), Ok(vec![2, 12]));
        assert!(reshape(&[2, 3, 4], &[5, -1], false).is_err());
    }

    #[test]
    fn integers_broadcast_like_numpy() {
        let column = Ints::new(vec![1, 2], vec![2, 1]);
        let row = Ints::vector(vec![10, 20, 30]);
        let sum = binary(Binary::Add, &column, &row).unwrap();
        assert_eq!(sum, Ints::new(vec![11, 21, 31, 12, 22, 32], vec![2, 3]));
    }

    #[test]
    fn a_slice_beyond_the_end_stops_there() {
        assert_eq!(range(1, i64::MAX, 4), (1, 4));
        assert_eq!(range(-2, -1, 4), (2, 3));
        assert_eq!(range(3, 1, 4), (3, 3));
    }
}
