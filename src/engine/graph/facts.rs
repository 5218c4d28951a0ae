//! What the engine knows about a graph's tensors without running it.

use std::collections::HashMap;

use tract_core::internal::DimLike;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::InferenceModelExt;

use crate::contain::contain;

/// An operator that no engine has: it stands for a node about which nothing shall be asked.
const UNKNOWN: &str = "purecam.Unknown";

/// Whether axes are counted from both ends: the engine then removes others.
fn mixed(axes: &[i64]) -> bool {
    axes.iter().any(|&axis| axis < 0) && axes.iter().any(|&axis| axis >= 0)
}

/// Shapes and values by tensor.
#[derive(Default)]
pub struct Facts(HashMap<String, InferenceFact>);

impl Facts {
    /// What is known if `inputs` are fed. Nothing is, if the engine cannot even read the graph.
    pub fn of(model: &ModelProto, inputs: &[(String, Vec<usize>)]) -> Self {
        contain(|| Self::ask(model, inputs)).ok().and_then(Result::ok).unwrap_or_default()
    }

    fn ask(model: &ModelProto, inputs: &[(String, Vec<usize>)]) -> TractResult<Self> {
        let mut model = model.clone();
        let opset = super::scope::opset(&model);
        for node in model.graph.iter_mut().flat_map(|graph| &mut graph.node) {
            // What the engine cannot read, or stumbles over before it has been rewritten.
            let axes =
                node.attribute.iter().find(|attribute| attribute.name == "axes").map(|axes| axes.ints.as_slice());
            let unread = node.op_type == "Squeeze"
                && (axes.is_none() && node.input.len() < 2 && opset < 13 || axes.is_some_and(mixed));
            if unread || node.op_type == "Range" || node.attribute.iter().any(|attribute| attribute.g.is_some()) {
                node.op_type = UNKNOWN.to_owned();
                node.attribute.clear();
            }
        }
        let onnx = tract_onnx::onnx().with_ignore_value_info(true).with_ignore_output_shapes(true);
        let parsed = onnx.parse(&model, None)?;
        let mut inference = parsed.model;
        for (name, shape) in inputs {
            if let Some(outlet) = parsed.outlets_by_name.get(name) {
                let kind = inference.outlet_fact(*outlet)?.datum_type.concretize().unwrap_or(f32::datum_type());
                inference.set_outlet_fact(*outlet, InferenceFact::dt_shape(kind, shape))?;
            }
        }
        // What contradicts itself is found when the graph is prepared; until then the rest is known all the same.
        let _ = inference.analyse(true);
        let facts =
            parsed.outlets_by_name.into_iter().map(|(name, outlet)| Ok((name, inference.outlet_fact(outlet)?.clone())));
        facts.collect::<TractResult<_>>().map(Self)
    }

    /// The shape of a tensor, if all of it is known.
    pub fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let shape = self.0.get(name)?.shape.concretize()?;
        shape.iter().map(|side| side.to_usize().ok()).collect()
    }

    /// The number of a tensor's axes, if it is known.
    pub fn rank(&self, name: &str) -> Option<usize> {
        self.0.get(name)?.shape.rank().concretize().and_then(|rank| usize::try_from(rank).ok())
    }

    /// The numbers of a tensor that depends on no picture.
    pub fn value(&self, name: &str) -> Option<Vec<f32>> {
        let value = self.0.get(name)?.value.concretize()?;
        let numbers = value.cast_to::<f32>().ok()?;
        Some(numbers.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec())
    }
}
