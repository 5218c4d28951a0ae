//! Pools by a p-norm: the engine divides the global one by the number of pixels, and has no other.

use tract_onnx::pb::NodeProto;

use super::node::{Attributes, input, int, ints, node, node_with};
use super::rewrites::Rewritten;
use super::scope::Scope;
use super::window::{Window, kernel, windows};
use crate::engine::error::Problem;

/// The p-norm over all pixels of a channel: the root of their number times the mean of the powers.
pub fn global_lp_pool(pool: &NodeProto, scope: &mut Scope) -> Rewritten {
    let (Some(x), [y]) = (input(pool, 0), pool.output.as_slice()) else { return Ok(None) };
    let Some(shape) = scope.shape(x).filter(|shape| shape.len() > 2) else { return Err(unknown_size(pool)) };
    let pixels: usize = shape[2..].iter().product();
    let power = norm(pool)?;
    let (powers, means, sums) = (scope.fresh.name(y), scope.fresh.name(y), scope.fresh.name(y));
    let mut nodes = raise(x, power, &powers, scope);
    nodes.push(node("GlobalAveragePool", &[&powers], &means));
    let pixels = scope.number(y, pixels as f32);
    nodes.push(node("Mul", &[&means, &pixels], &sums));
    nodes.push(root(&sums, power, y, scope));
    Ok(Some(nodes))
}

/// The p-norm of windows: a convolution of the powers with ones.
pub fn lp_pool(pool: &NodeProto, scope: &mut Scope) -> Rewritten {
    let (Some(x), [y]) = (input(pool, 0), pool.output.as_slice()) else { return Ok(None) };
    let Some(shape) = scope.shape(x).filter(|shape| shape.len() > 2) else { return Err(unknown_size(pool)) };
    let windows = kernel(pool).and_then(|kernel| windows(pool, &kernel, &shape[2..]));
    let Some(windows) = windows else {
        return Err(Problem::operator(
            pool,
            "has a kernel, strides or pads that its input does not fit",
            "export the model again",
        ));
    };
    let power = norm(pool)?;
    let (powers, sums) = (scope.fresh.name(y), scope.fresh.name(y));
    let mut nodes = raise(x, power, &powers, scope);
    let each = |of: fn(&Window) -> usize| windows.iter().map(|window| of(window) as i64).collect::<Vec<_>>();
    let after = each(|window| window.pads[1] + window.beyond);
    let mut dims = vec![shape[1] as i64, 1];
    dims.extend(each(|window| window.kernel));
    let count = dims.iter().product::<i64>() as usize;
    let ones = scope.tensor(y, &dims, &vec![1.0; count]);
    let attributes = vec![
        ints("kernel_shape", dims[2..].to_vec()),
        ints("strides", each(|window| window.stride)),
        ints("dilations", each(|window| window.dilation)),
        ints("pads", [each(|window| window.pads[0]), after].concat()),
        int("group", shape[1] as i64),
    ];
    nodes.push(node_with("Conv", &[&powers, &ones], &sums, attributes));
    nodes.push(root(&sums, power, y, scope));
    Ok(Some(nodes))
}

/// The p of a p-norm.
fn norm(pool: &NodeProto) -> Result<f32, Problem> {
    // Before opset 2 it was a float.
    let power = pool.attribute("p").map_or(2.0, |p| if p.i != 0 { p.i as f32 } else { p.f });
    match power >= 1.0 {
        true => Ok(power),
        false => Err(Problem::operator(
            pool,
            format!("has p {power}, where at least 1 is expected"),
            "export the model again",
        )),
    }
}

/// |x|^p.
fn raise(x: &str, power: f32, powers: &str, scope: &mut Scope) -> Vec<NodeProto> {
    if power == 1.0 {
        return vec![node("Abs", &[x], powers)];
    }
    if power == 2.0 {
        return vec![node("Mul", &[x, x], powers)];
    }
    let (sizes, power) = (scope.fresh.name(powers), scope.number(powers, power));
    vec![node("Abs", &[x], &sizes), node("Pow", &[&sizes, &power], powers)]
}

/// The p-th root.
fn root(sums: &str, power: f32, y: &str, scope: &mut Scope) -> NodeProto {
    if power == 1.0 {
        return node("Identity", &[sums], y);
    }
    if power == 2.0 {
        return node("Sqrt", &[sums], y);
    }
    let power = scope.number(y, 1.0 / power);
    node("Pow", &[sums, &power], y)
}

fn unknown_size(pool: &NodeProto) -> Problem {
    Problem::operator(pool, "has an input of unknown size", "export the model with a fixed input size")
}
