//! The windows of convolutions and pools: which pixels they cover, by ONNX's definitions.

use tract_onnx::pb::NodeProto;

use super::node::Attributes;

/// How a window moves along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its length, without dilation.
    pub kernel: usize,
    /// Its step.
    pub stride: usize,
    /// The distance of its taps.
    pub dilation: usize,
    /// Padding before and after that the node asks for.
    pub pads: [usize; 2],
    /// How far the last window reaches beyond that: only if lengths are rounded up.
    pub beyond: usize,
    /// How many windows there are.
    pub windows: usize,
}

/// The windows of a node over the axes `lengths`; `None` if its attributes contradict them.
pub fn windows(node: &NodeProto, kernel: &[usize], lengths: &[usize]) -> Option<Vec<Window>> {
    let count = lengths.len();
    let list = |name: &str, default: usize, length: usize| -> Option<Vec<usize>> {
        let Some(given) = node.ints(name).filter(|given| !given.is_empty()) else { return Some(vec![default; length]) };
        let given: Option<Vec<usize>> = given.iter().map(|&number| usize::try_from(number).ok()).collect();
        given.filter(|given| given.len() == length)
    };
    let (strides, dilations) = (list("strides", 1, count)?, list("dilations", 1, count)?);
    let pads = list("pads", 0, 2 * count)?;
    let ceil = node.int("ceil_mode", 0) != 0;
    let auto = node.text("auto_pad", "NOTSET");
    if kernel.len() != count || strides.contains(&0) || dilations.contains(&0) || kernel.contains(&0) {
        return None;
    }
    let window = |axis: usize| {
        let (length, kernel, stride, dilation) = (lengths[axis], kernel[axis], strides[axis], dilations[axis]);
        let reach = (kernel - 1).checked_mul(dilation)?.checked_add(1)?;
        let total = |windows: usize| ((windows - 1) * stride + reach).saturating_sub(length);
        if let "SAME_UPPER" | "SAME_LOWER" = auto {
            let windows = length.div_ceil(stride).max(1);
            let (small, large) = (total(windows) / 2, total(windows).div_ceil(2));
            let pads = if auto == "SAME_UPPER" { [small, large] } else { [large, small] };
            return Some(Window { kernel, stride, dilation, pads, beyond: 0, windows });
        }
        let pads = if auto == "VALID" { [0, 0] } else { [pads[axis], pads[axis + count]] };
        let room = (length + pads[0] + pads[1]).checked_sub(reach)?;
        let mut windows = if ceil { room.div_ceil(stride) } else { room / stride } + 1;
        // A window that would begin beyond the pixels and the padding before them is left out.
        if ceil && windows > 1 && (windows - 1) * stride >= length + pads[0] {
            windows -= 1;
        }
        let beyond = ((windows - 1) * stride + reach).saturating_sub(length + pads[0] + pads[1]);
        Some(Window { kernel, stride, dilation, pads, beyond, windows })
    };
    (0..count).map(window).collect()
}

/// A node's `kernel_shape`.
pub fn kernel(node: &NodeProto) -> Option<Vec<usize>> {
    node.ints("kernel_shape")?.iter().map(|&side| usize::try_from(side).ok().filter(|&side| side > 0)).collect()
}
