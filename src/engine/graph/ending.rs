//! What a graph does last: whether its output holds probabilities already.

use tract_onnx::pb::ModelProto;

/// What turns numbers into probabilities at the end of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Probabilities of one choice.
    SoftMax,
    /// A probability per label.
    Sigmoid,
}

/// Operators that give the numbers that they take, perhaps in another shape or order.
const KEEP_NUMBERS: [&str; 8] =
    ["Cast", "Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"];

/// What makes `output` of the model's graph; `None` if it is neither.
pub fn ending(model: &ModelProto, output: &str) -> Option<Ending> {
    let graph = model.graph.as_ref()?;
    let mut name = output;
    // Each step goes to a node further up; a damaged graph could lead in a circle.
    for _ in 0..graph.node.len() {
        let node = graph.node.iter().find(|node| node.output.first().is_some_and(|output| output == name))?;
        match node.op_type.as_str() {
            "Softmax" => return Some(Ending::SoftMax),
            "Sigmoid" | "HardSigmoid" => return Some(Ending::Sigmoid),
            keeps if KEEP_NUMBERS.contains(&keeps) => name = node.input.first()?,
            _ => return None,
        }
    }
    None
}
