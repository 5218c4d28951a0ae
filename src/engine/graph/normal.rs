//! Normalisation over neighbouring channels: the engine puts an even window one channel too low.

use tract_onnx::pb::NodeProto;

use super::node::{Attributes, input, int, ints, node, node_with};
use super::rewrites::Rewritten;
use super::scope::Scope;

/// `x / (bias + alpha mean(x^2))^beta`, the mean over `size` channels, of which the larger half comes after.
pub fn lrn(lrn: &NodeProto, scope: &mut Scope) -> Rewritten {
    let (Some(x), [y], size) = (input(lrn, 0), lrn.output.as_slice(), lrn.int("size", 1)) else { return Ok(None) };
    if size % 2 != 0 || scope.shape(x).is_none_or(|shape| shape.len() != 4) {
        return Ok(None);
    }
    let [squares, deep, means, flat, scaled, sums, powers] = [(); 7].map(|()| scope.fresh.name(y));
    let [alpha, bias, beta] = [("alpha", 1e-4), ("bias", 1.0), ("beta", 0.75)].map(|(name, default)| {
        let number = lrn.float(name, default);
        scope.number(name, number)
    });
    let (before, after) = ((size - 1) / 2, size / 2);
    // The channels become the first of three axes to pool over.
    let pool = vec![
        ints("kernel_shape", vec![size, 1, 1]),
        ints("pads", vec![before, 0, 0, after, 0, 0]),
        ints("strides", vec![1, 1, 1]),
        int("count_include_pad", 1),
    ];
    let (mut unsqueeze, mut squeeze) = (node("Unsqueeze", &[&squares], &deep), node("Squeeze", &[&means], &flat));
    for shape in [&mut unsqueeze, &mut squeeze] {
        if scope.opset < 13 {
            shape.attribute.push(ints("axes", vec![1]));
        } else {
            shape.input.push(scope.integers("axes", &[1]));
        }
    }
    Ok(Some(vec![
        node("Mul", &[x, x], &squares),
        unsqueeze,
        node_with("AveragePool", &[&deep], &means, pool),
        squeeze,
        node("Mul", &[&flat, &alpha], &scaled),
        node("Add", &[&scaled, &bias], &sums),
        node("Pow", &[&sums, &beta], &powers),
        node("Div", &[x, &powers], y),
    ]))
}
