//! Operators that move numbers without changing them, on the device for floats and on the host for integers.

use burn::prelude::*;
use burn::tensor::ops::PadMode;

use super::evaluate::Inputs;
use super::host;
use super::operator::{Operator, Padding};
use super::value::{Floats, Ints, Value, with_tensor};

pub fn evaluate(operator: &Operator, mut inputs: Inputs) -> Result<Vec<Value>, String> {
    let one = |value: Value| Ok(vec![value]);
    match operator {
        Operator::Transpose { permutation } => one(transpose(inputs.value(0)?, permutation)?),
        Operator::Flatten { axis } => {
            let value = inputs.value(0)?;
            let shape = value.shape();
            let axis = if *axis == shape.len() as i64 { shape.len() } else { host::axis(*axis, shape.len())? };
            one(value.reshape(&[shape[..axis].iter().product(), shape[axis..].iter().product()])?)
        }
        Operator::Reshape { keep_zero } => {
            let (value, wanted) = (inputs.value(0)?, inputs.ints(1)?.values);
            let shape = host::reshape(&value.shape(), &wanted, *keep_zero)?;
            one(value.reshape(&shape)?)
        }
        Operator::Squeeze { axes } => {
            let axes = inputs.ints_or(1, axes)?;
            one(squeeze(inputs.value(0)?, axes)?)
        }
        Operator::Unsqueeze { axes } => {
            let axes = inputs.ints_or(1, axes)?.ok_or("an Unsqueeze without axes")?;
            one(unsqueeze(inputs.value(0)?, &axes)?)
        }
        Operator::Shape { start, end } => {
            let shape = inputs.value(0)?.shape();
            let (first, last) = host::range(*start, end.unwrap_or(i64::MAX), shape.len());
            one(Ints::vector(shape[first..last].iter().map(|&length| length as i64).collect()).into())
        }
        Operator::Cast { to_float } => one(cast(inputs.value(0)?, *to_float, inputs.device)?),
        Operator::Concat { axis } => one(concat(inputs, *axis)?),
        Operator::Gather { axis } => one(gather(inputs, *axis)?),
        Operator::Slice { starts, ends, axes } => one(slice(inputs, starts, ends, axes)?),
        Operator::Split { axis, sizes, outputs } => {
            let sizes = inputs.ints_or(1, sizes)?;
            split(inputs.floats(0)?, *axis, sizes, *outputs)
        }
        Operator::Expand => one(expand(inputs)?),
        Operator::Tile => {
            let (floats, times) = (inputs.floats(0)?, inputs.ints(1)?.values);
            let times: Vec<usize> = times.iter().map(|&times| times.max(0) as usize).collect();
            if times.len() != floats.rank() {
                return Err(format!("{} repeats for a tensor of rank {}", times.len(), floats.rank()));
            }
            one(with_tensor!(floats, tensor => Floats::from(tensor.repeat(&times))).into())
        }
        Operator::Pad { mode, pads, value } => {
            let pads = inputs.ints_or(1, pads)?.ok_or("a Pad without pads")?;
            let value = if inputs.has(2) { inputs.number(2)? } else { *value };
            one(pad(inputs.floats(0)?, &pads, *mode, value)?.into())
        }
        Operator::DepthToSpace { block, column_row_depth } => {
            one(depth_to_space(inputs.floats(0)?, *block, *column_row_depth)?.into())
        }
        Operator::ConstantOfShape => {
            let shape: Vec<usize> = inputs.ints(0)?.values.iter().map(|&length| length.max(0) as usize).collect();
            let size = shape.iter().product();
            let value = if inputs.has(1) { inputs.value(1)? } else { Value::Number(0.0) };
            match value {
                Value::Int(ints) => one(Ints::new(vec![ints.values.first().copied().unwrap_or(0); size], shape).into()),
                Value::Number(number) => one(Floats::from_vec(vec![number; size], &shape, inputs.device)?.into()),
                Value::Float(_) => Err("the value of a ConstantOfShape has one element".to_owned()),
            }
        }
        Operator::Range => {
            let mut bound = |position: usize| -> Result<i64, String> {
                inputs.ints(position)?.values.first().copied().ok_or_else(|| "an empty bound".to_owned())
            };
            let (start, limit, step) = (bound(0)?, bound(1)?, bound(2)?);
            if step <= 0 {
                return Err(format!("a range in steps of {step}"));
            }
            one(Ints::vector((start..limit).step_by(step as usize).collect()).into())
        }
        other => Err(format!("{other:?} is not a layout operator")),
    }
}

fn transpose(value: Value, permutation: &Option<Vec<i64>>) -> Result<Value, String> {
    let floats = match value {
        Value::Float(floats) => floats,
        // Numbers and vectors have one axis at most.
        other if other.shape().len() < 2 => return Ok(other),
        other => return Err(format!("integers of shape {:?} transposed", other.shape())),
    };
    let rank = floats.rank();
    let order = match permutation {
        Some(order) => host::axes(order, rank)?,
        None => (0..rank).rev().collect(),
    };
    let mut seen = order.clone();
    seen.sort_unstable();
    if seen != (0..rank).collect::<Vec<_>>() {
        return Err(format!("{order:?} does not permute {rank} axes"));
    }
    if order.iter().enumerate().all(|(place, &axis)| place == axis) {
        return Ok(floats.into());
    }
    Ok(with_tensor!(floats, tensor => Floats::from(tensor.permute(std::array::from_fn(|place| order[place] as isize))))
        .into())
}

fn squeeze(value: Value, axes: Option<Vec<i64>>) -> Result<Value, String> {
    let shape = value.shape();
    let dropped = match axes {
        Some(axes) => host::axes(&axes, shape.len())?,
        None => (0..shape.len()).filter(|&axis| shape[axis] == 1).collect(),
    };
    let kept: Vec<usize> = (0..shape.len()).filter(|axis| !dropped.contains(axis)).map(|axis| shape[axis]).collect();
    value.reshape(&kept)
}

fn unsqueeze(value: Value, axes: &[i64]) -> Result<Value, String> {
    let shape = value.shape();
    let rank = shape.len() + axes.len();
    let new = host::axes(axes, rank)?;
    let mut old = shape.into_iter();
    let wanted: Vec<usize> =
        (0..rank).map(|axis| if new.contains(&axis) { 1 } else { old.next().unwrap_or(1) }).collect();
    value.reshape(&wanted)
}

fn cast(value: Value, to_float: bool, device: &Device) -> Result<Value, String> {
    match (value, to_float) {
        (Value::Int(ints), true) if ints.values.len() == 1 && ints.shape.len() < 2 => {
            Ok(Value::Number(ints.values[0] as f32))
        }
        (Value::Int(ints), true) => Ok(Value::Int(ints).into_floats(device)?.into()),
        (Value::Number(number), false) => Ok(Ints::new(vec![number as i64], Vec::new()).into()),
        (Value::Float(_), false) => Err("a cast of floats on the device to integers has no gradient".to_owned()),
        (value, _) => Ok(value),
    }
}

fn concat(mut inputs: Inputs, axis: i64) -> Result<Value, String> {
    let values = (0..inputs.values.len()).map(|position| inputs.value(position)).collect::<Result<Vec<_>, _>>()?;
    if values.iter().all(|value| matches!(value, Value::Int(_))) {
        let joined = values.into_iter().flat_map(|value| match value {
            Value::Int(ints) => ints.values,
            _ => Vec::new(),
        });
        return Ok(Ints::vector(joined.collect()).into());
    }
    let parts = values.into_iter().map(|value| value.into_floats(inputs.device)).collect::<Result<Vec<_>, _>>()?;
    let first = parts.first().map(Floats::shape).ok_or("a Concat of nothing")?;
    let axis = host::axis(axis, first.len())?;
    for shape in parts.iter().map(Floats::shape) {
        if shape.len() != first.len() || (0..first.len()).any(|place| place != axis && shape[place] != first[place]) {
            return Err(format!("{shape:?} cannot be joined to {first:?} along axis {axis}"));
        }
    }
    macro_rules! join {
        ($into:ident) => {
            Tensor::cat(parts.into_iter().map(Floats::$into).collect::<Result<Vec<_>, _>>()?, axis).into()
        };
    }
    Ok(match first.len() {
        1 => join!(into_rank1),
        2 => join!(into_rank2),
        3 => join!(into_rank3),
        4 => join!(into_rank4),
        5 => join!(into_rank5),
        _ => join!(into_rank6),
    })
}

fn gather(mut inputs: Inputs, axis: i64) -> Result<Value, String> {
    let (value, index) = (inputs.value(0)?, inputs.ints(1)?);
    let mut shape = value.shape();
    let axis = host::axis(axis, shape.len())?;
    let list = host::indices(&index.values, shape[axis])?;
    shape.splice(axis..=axis, index.shape.iter().copied());
    match value {
        Value::Int(ints) if ints.shape.len() == 1 => {
            Ok(Ints::new(list.iter().map(|&place| ints.values[place as usize]).collect(), shape).into())
        }
        Value::Float(floats) => {
            if let [place] = list[..] {
                // A narrow's gradient is a pad, a select's a scatter.
                let place = place as usize;
                return Ok(with_tensor!(floats, tensor => Floats::from(tensor.narrow(axis, place, 1)))
                    .reshape(&shape)?
                    .into());
            }
            let count = list.len();
            let list = Tensor::<1, Int>::from_data(TensorData::new(list, [count]), inputs.device);
            Ok(with_tensor!(floats, tensor => Floats::from(tensor.select(axis, list))).reshape(&shape)?.into())
        }
        other => Err(format!("a Gather from integers of shape {:?}", other.shape())),
    }
}

fn slice(mut inputs: Inputs, starts: &[i64], ends: &[i64], axes: &Option<Vec<i64>>) -> Result<Value, String> {
    let starts = inputs.ints_or(1, &Some(starts.to_vec()))?.unwrap_or_default();
    let ends = inputs.ints_or(2, &Some(ends.to_vec()))?.unwrap_or_default();
    let axes = inputs.ints_or(3, axes)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = inputs.ints_or(4, &None)?.unwrap_or_else(|| vec![1; starts.len()]);
    if steps.iter().any(|&step| step != 1) || starts.len() != ends.len() || starts.len() != axes.len() {
        return Err(format!(
            "starts {starts:?}, ends {ends:?}, axes {axes:?}, steps {steps:?}; only steps of 1 are supported"
        ));
    }
    let mut value = inputs.value(0)?;
    for ((&start, &end), &axis) in starts.iter().zip(&ends).zip(&axes) {
        let shape = value.shape();
        let axis = host::axis(axis, shape.len())?;
        let (first, last) = host::range(start, end, shape[axis]);
        value = match value {
            Value::Int(ints) if shape.len() == 1 => Ints::vector(ints.values[first..last].to_vec()).into(),
            Value::Float(floats) if first < last => {
                with_tensor!(floats, tensor => Floats::from(tensor.narrow(axis, first, last - first))).into()
            }
            _ => return Err(format!("a slice {first}..{last} of shape {shape:?}")),
        };
    }
    Ok(value)
}

fn split(floats: Floats, axis: i64, sizes: Option<Vec<i64>>, outputs: usize) -> Result<Vec<Value>, String> {
    let shape = floats.shape();
    let axis = host::axis(axis, shape.len())?;
    let sizes: Vec<usize> = match sizes {
        Some(sizes) => sizes.iter().map(|&size| size.max(0) as usize).collect(),
        None => {
            // The last part is the smaller one where they do not divide evenly (opset 18).
            let size = shape[axis].div_ceil(outputs.max(1));
            (0..outputs).map(|part| size.min(shape[axis].saturating_sub(part * size))).collect()
        }
    };
    if sizes.iter().sum::<usize>() != shape[axis] || sizes.contains(&0) {
        return Err(format!("parts of {sizes:?} along axis {axis} of {shape:?}"));
    }
    let mut start = 0;
    let part = |size: usize| {
        let part = with_tensor!(floats.clone(), tensor => Floats::from(tensor.narrow(axis, start, size)));
        start += size;
        part.into()
    };
    Ok(sizes.into_iter().map(part).collect())
}

fn expand(mut inputs: Inputs) -> Result<Value, String> {
    let (value, wanted) = (inputs.value(0)?, inputs.ints(1)?.values);
    let wanted = wanted
        .iter()
        .map(|&length| usize::try_from(length).map_err(|_| format!("expanded to {wanted:?}")))
        .collect::<Result<Vec<_>, _>>()?;
    let shape = host::broadcast(&value.shape(), &wanted)?;
    if let Value::Int(ints) = value {
        return Ok(Ints::new(host::expand(&ints, &shape)?, shape).into());
    }
    let floats = value.into_floats(inputs.device)?;
    let from = floats.shape();
    if from == shape {
        return Ok(floats.into());
    }
    let lead = [vec![1; shape.len().saturating_sub(from.len())], from].concat();
    let floats = floats.reshape(&lead[lead.len() - shape.len().max(1)..])?;
    Ok(with_tensor!(floats, tensor => Floats::from(expand_tensor(tensor, &shape))).into())
}

fn expand_tensor<const D: usize>(tensor: Tensor<D>, shape: &[usize]) -> Tensor<D> {
    let wanted: [usize; D] = std::array::from_fn(|axis| shape.get(axis).copied().unwrap_or(1));
    tensor.expand(wanted)
}

fn pad(floats: Floats, pads: &[i64], mode: Padding, value: f32) -> Result<Floats, String> {
    let rank = floats.rank();
    if pads.len() != 2 * rank || pads.iter().any(|&pixels| pixels < 0) {
        return Err(format!(
            "pads {pads:?} for a tensor of rank {rank}; expected {} numbers that are not negative",
            2 * rank
        ));
    }
    let mode = match mode {
        Padding::Constant => PadMode::Constant(value),
        Padding::Reflect => PadMode::Reflect,
        Padding::Edge => PadMode::Edge,
    };
    let pairs: Vec<(usize, usize)> = (0..rank).map(|axis| (pads[axis] as usize, pads[axis + rank] as usize)).collect();
    Ok(with_tensor!(floats, tensor => tensor.pad(pairs.as_slice(), mode).into()))
}

/// [B, C * block^2, H, W] -> [B, C, H * block, W * block].
fn depth_to_space(floats: Floats, block: usize, column_row_depth: bool) -> Result<Tensor<4>, String> {
    let image = floats.into_rank4()?;
    let [batch, deep, height, width] = image.dims();
    let channels = deep / (block * block);
    if channels * block * block != deep {
        return Err(format!("{deep} channels in blocks of {block} x {block}"));
    }
    let image = if column_row_depth {
        image.reshape([batch, channels, block, block, height, width]).permute([0, 1, 4, 2, 5, 3])
    } else {
        image.reshape([batch, block, block, channels, height, width]).permute([0, 3, 4, 1, 5, 2])
    };
    Ok(image.reshape([batch, channels, height * block, width * block]))
}
