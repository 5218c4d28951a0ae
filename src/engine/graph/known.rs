//! Operators that the engine does not have are refused by name, before it tries.

use tract_onnx::pb::ModelProto;

use crate::engine::error::Problem;

/// The operators of onnxruntime's own set that the engine computes, compared with onnxruntime.
const MICROSOFT: [&str; 4] = ["BiasGelu", "FastGelu", "Gelu", "QuickGelu"];

/// Refuses a graph with an operator that the engine does not have. It looks at names alone; a name that another domain
/// gives to something else would silently be taken for ONNX's.
pub fn check(model: &ModelProto) -> Result<(), Problem> {
    let known = tract_onnx::onnx().op_register.0;
    for node in model.graph.iter().flat_map(|graph| &graph.node) {
        let own = matches!(node.domain.as_str(), "" | "ai.onnx");
        let microsoft = node.domain == "com.microsoft" && MICROSOFT.contains(&node.op_type.as_str());
        // What quantisers write is warned of elsewhere.
        let quantised = node.domain == "com.microsoft" && node.op_type.contains("Linear");
        if known.contains_key(&node.op_type) && (own || microsoft || quantised) {
            continue;
        }
        let why = match own {
            true => "is not among the operators that the engine has".to_owned(),
            false => format!("belongs to the set '{}', which the engine does not have", node.domain),
        };
        let instead =
            "export the model with plain operators of ONNX (docs/reference/models.md lists those that are taken)";
        return Err(Problem::operator(node, why, instead));
    }
    Ok(())
}
