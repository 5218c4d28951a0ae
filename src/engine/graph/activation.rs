//! Activations and logarithms that the engine computes wrongly, or where large numbers overflow.

use tract_onnx::pb::NodeProto;

use super::node::{Attributes, input, int, ints, node, node_with};
use super::rewrites::Rewritten;
use super::scope::Scope;
use crate::engine::error::Problem;

/// `Celu(x) = alpha Elu(x / alpha)`. The engine forgets the factor before the exponential.
pub fn celu(celu: &NodeProto, scope: &mut Scope) -> Rewritten {
    let alpha = celu.float("alpha", 1.0);
    let ([x], [y]) = (celu.input.as_slice(), celu.output.as_slice()) else { return Ok(None) };
    if alpha <= 0.0 || !alpha.is_finite() {
        let why = format!("has alpha {alpha}, where a number above 0 is expected");
        return Err(Problem::operator(celu, why, "export the model again"));
    }
    let (alpha, scaled, bent) = (scope.number(y, alpha), scope.fresh.name(y), scope.fresh.name(y));
    Ok(Some(vec![
        node("Div", &[x, &alpha], &scaled),
        node_with("Elu", &[&scaled], &bent, Vec::new()),
        node("Mul", &[&bent, &alpha], y),
    ]))
}

/// `softplus(x) = max(x, 0) + log(1 + exp(-|x|))`. The engine takes the exponential of x itself, which overflows.
pub fn softplus(softplus: &NodeProto, scope: &mut Scope) -> Rewritten {
    let ([x], [y]) = (softplus.input.as_slice(), softplus.output.as_slice()) else { return Ok(None) };
    let [size, negative, small, sum, log, positive] = [(); 6].map(|()| scope.fresh.name(y));
    let one = scope.number(y, 1.0);
    Ok(Some(vec![
        node("Abs", &[x], &size),
        node("Neg", &[&size], &negative),
        node("Exp", &[&negative], &small),
        node("Add", &[&small, &one], &sum),
        node("Log", &[&sum], &log),
        node("Relu", &[x], &positive),
        node("Add", &[&positive, &log], y),
    ]))
}

/// `swish(x) = x sigmoid(alpha x)`. The engine forgets alpha.
pub fn swish(swish: &NodeProto, scope: &mut Scope) -> Rewritten {
    let ([x], [y]) = (swish.input.as_slice(), swish.output.as_slice()) else { return Ok(None) };
    let (alpha, [scaled, gate]) = (swish.float("alpha", 1.0), [(); 2].map(|()| scope.fresh.name(y)));
    let alpha = scope.number(y, alpha);
    Ok(Some(vec![node("Mul", &[x, &alpha], &scaled), node("Sigmoid", &[&scaled], &gate), node("Mul", &[x, &gate], y)]))
}

/// `x - max - log(sum(exp(x - max)))`. The engine takes the logarithm of a probability, which may be 0.
pub fn log_softmax(softmax: &NodeProto, scope: &mut Scope) -> Rewritten {
    let ([x], [y]) = (softmax.input.as_slice(), softmax.output.as_slice()) else { return Ok(None) };
    let axes = if scope.opset < 13 {
        // All axes from this one on are one then.
        let Some(rank) = scope.facts().rank(x) else { return Ok(None) };
        let axis = softmax.int("axis", 1);
        let axis = if axis < 0 { axis + rank as i64 } else { axis };
        (axis..rank as i64).collect()
    } else {
        vec![softmax.int("axis", -1)]
    };
    let [largest, shifted, powers, sum, log] = [(); 5].map(|()| scope.fresh.name(y));
    Ok(Some(vec![
        reduce("ReduceMax", 18, x, &axes, &largest, scope),
        node("Sub", &[x, &largest], &shifted),
        node("Exp", &[&shifted], &powers),
        reduce("ReduceSum", 13, &powers, &axes, &sum, scope),
        node("Log", &[&sum], &log),
        node("Sub", &[&shifted, &log], y),
    ]))
}

/// `max + log(sum(exp(x - max)))`. The engine takes the exponential of x itself, which overflows.
pub fn reduce_log_sum_exp(logarithm: &NodeProto, scope: &mut Scope) -> Rewritten {
    let (Some(x), [y]) = (input(logarithm, 0), logarithm.output.as_slice()) else { return Ok(None) };
    let asked = match (logarithm.ints("axes"), input(logarithm, 1)) {
        (Some(axes), _) => axes.to_vec(),
        (None, Some(name)) => match scope.ints(name) {
            Some(axes) => axes,
            None => return Ok(None),
        },
        (None, None) => Vec::new(),
    };
    if asked.is_empty() && logarithm.int("noop_with_empty_axes", 0) != 0 {
        return Ok(None);
    }
    let Some(rank) = scope.facts().rank(x) else { return Ok(None) };
    let mut axes: Vec<i64> = asked.iter().map(|&axis| if axis < 0 { axis + rank as i64 } else { axis }).collect();
    if axes.is_empty() {
        axes = (0..rank as i64).collect();
    }
    axes.sort_unstable();
    let [largest, shifted, powers, sum, log, wide] = [(); 6].map(|()| scope.fresh.name(y));
    let mut last = node("Identity", &[&wide], y);
    if logarithm.int("keepdims", 1) == 0 {
        last.op_type = "Squeeze".to_owned();
        if scope.opset < 13 {
            last.attribute.push(ints("axes", axes.clone()));
        } else {
            last.input.push(scope.integers("axes", &axes));
        }
    }
    Ok(Some(vec![
        reduce("ReduceMax", 18, x, &axes, &largest, scope),
        node("Sub", &[x, &largest], &shifted),
        node("Exp", &[&shifted], &powers),
        reduce("ReduceSum", 13, &powers, &axes, &sum, scope),
        node("Log", &[&sum], &log),
        node("Add", &[&largest, &log], &wide),
        last,
    ]))
}

/// A reduction that keeps its axes, which are an input from opset `since` on.
fn reduce(operator: &str, since: i64, x: &str, axes: &[i64], y: &str, scope: &mut Scope) -> NodeProto {
    if scope.opset < since {
        return node_with(operator, &[x], y, vec![ints("axes", axes.to_vec()), int("keepdims", 1)]);
    }
    let axes = scope.integers("axes", axes);
    node_with(operator, &[x, &axes], y, vec![int("keepdims", 1)])
}
