//! A graph in the engine: fixed inputs, one output, and a state that every run reuses.

use std::sync::Arc;

use prost::Message;
use tract_onnx::pb;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;

use super::error::{InferenceError, Problem};
use super::file::ModelFile;
use super::graph;
use super::kernel;
use crate::contain::contain;
use crate::passing::expect_room;

/// An input of a graph, and the tensor that is written before each run.
pub(super) struct Feed {
    pub name: String,
    tensor: Arc<Tensor>,
}

impl Feed {
    pub fn f32(name: &str, shape: &[usize]) -> Result<Self, Problem> {
        Self::zero::<f32>(name, shape)
    }

    pub fn i64(name: &str, shape: &[usize]) -> Result<Self, Problem> {
        Self::zero::<i64>(name, shape)
    }

    fn zero<T: Datum + tract_num_traits::Zero>(name: &str, shape: &[usize]) -> Result<Self, Problem> {
        // The warm-up's picture and the result are as large; the engine asserts that it gets its memory.
        let bytes = shape.iter().fold(size_of::<T>(), |bytes, &side| bytes.saturating_mul(side));
        expect_room(bytes.saturating_mul(3))?;
        let tensor = contain(|| Tensor::zero::<T>(shape)).map_err(Problem::of_panic)??;
        Ok(Self { name: name.to_owned(), tensor: Arc::new(tensor) })
    }

    /// The numbers to be written. Allocates only if the engine has kept the tensor of the run before.
    pub fn numbers<T: Datum>(&mut self) -> Result<&mut [T], InferenceError> {
        let tensor = Arc::make_mut(&mut self.tensor);
        let view = tensor.to_plain_array_view_mut::<T>()?;
        view.into_slice().ok_or_else(|| InferenceError::Engine("an input tensor is not contiguous".into()))
    }
}

/// An optimised graph, ready to run.
pub(super) struct Session {
    plan: Arc<TypedSimplePlan>,
    state: TypedSimpleState,
    /// The last run did not finish; the state may be half written.
    broken: bool,
}

impl Session {
    /// Prepares `proto` for the inputs `feeds`, in their order, and for the one output `output`.
    ///
    /// The graph is rewritten first ([`graph::rewrite`]). Shapes that it declares for anything but its inputs are
    /// ignored: files with a symbolic batch contradict the concrete one that is needed here.
    pub fn load(proto: &pb::ModelProto, feeds: &[Feed], output: &str) -> Result<Self, Problem> {
        expect_room(ModelFile::room_for(proto.encoded_len()))?;
        contain(|| Self::prepare(proto, feeds, output)).unwrap_or_else(|panic| Err(Problem::of_panic(panic)))
    }

    fn prepare(proto: &pb::ModelProto, feeds: &[Feed], output: &str) -> Result<Self, Problem> {
        let mut proto = proto.clone();
        if let Some(graph) = &mut proto.graph {
            graph.output.retain(|value| value.name == output);
        }
        let shapes: Vec<_> = feeds.iter().map(|feed| (feed.name.clone(), feed.tensor.shape().to_vec())).collect();
        graph::rewrite(&mut proto, &shapes)?;
        graph::check(&proto)?;
        let blame = |error| graph::blame(&proto, error);
        let onnx = tract_onnx::onnx().with_ignore_value_info(true).with_ignore_output_shapes(true);
        let mut model = onnx.model_for_proto_model(&proto).map_err(blame)?;
        model.set_input_names(feeds.iter().map(|feed| feed.name.as_str()))?;
        for (index, feed) in feeds.iter().enumerate() {
            let declared = model.input_fact(index)?.datum_type.concretize();
            let wanted = feed.tensor.datum_type();
            if let Some(declared) = declared.filter(|declared| *declared != wanted) {
                return Err(Problem::InputType {
                    input: feed.name.clone(),
                    expected: type_text(wanted),
                    found: type_text(declared),
                });
            }
            model.set_input_fact(index, InferenceFact::dt_shape(wanted, feed.tensor.shape()))?;
        }
        let mut model = model.into_typed().and_then(|model| model.into_decluttered()).map_err(blame)?;
        kernel::replace(&mut model)?;
        let model = model.into_optimized().map_err(blame)?;
        let plan = TypedSimplePlan::new(model)?;
        let state = plan.spawn()?;
        Ok(Self { plan, state, broken: false })
    }

    /// Runs the graph on the numbers in `feeds`. `take` gets the output's shape and numbers; returns its result.
    pub fn run<T>(&mut self, feeds: &[Feed], take: impl FnOnce(&[usize], &[f32]) -> T) -> Result<T, InferenceError> {
        if self.broken {
            self.state = self.plan.spawn()?;
        }
        self.broken = true;
        let outputs = contain(|| {
            let inputs = feeds.iter().map(|feed| feed.tensor.clone().into_tvalue()).collect();
            let outputs = self.state.run(inputs)?;
            outputs.into_iter().next().ok_or_else(|| TractError::msg("the graph has no output"))
        });
        let output = outputs.map_err(InferenceError::of_panic)??;
        self.broken = false;
        let numbers = output.cast_to::<f32>()?;
        let view = numbers.try_as_plain_ram()?;
        Ok(take(output.shape(), view.as_slice::<f32>()?))
    }
}

/// A type for people, as ONNX calls it.
fn type_text(kind: DatumType) -> String {
    match kind {
        kind if kind == f32::datum_type() => "float".to_owned(),
        kind if kind == u8::datum_type() => "uint8".to_owned(),
        kind => format!("{kind:?}").to_lowercase(),
    }
}

/// The inputs of a graph that a caller must feed, those without an initialiser, with the shapes that the file declares.
/// A free dimension is `None`.
pub(super) fn graph_inputs(proto: &pb::ModelProto) -> Vec<(String, Vec<Option<usize>>)> {
    let Some(graph) = &proto.graph else { return Vec::new() };
    let given = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    graph
        .input
        .iter()
        .filter(|input| !given(&input.name))
        .map(|input| (input.name.clone(), declared_shape(input)))
        .collect()
}

fn declared_shape(value: &pb::ValueInfoProto) -> Vec<Option<usize>> {
    use pb::tensor_shape_proto::dimension::Value;
    let Some(pb::type_proto::Value::TensorType(tensor)) = value.r#type.as_ref().and_then(|kind| kind.value.as_ref())
    else {
        return Vec::new();
    };
    let sides = tensor.shape.iter().flat_map(|shape| &shape.dim);
    sides
        .map(|side| match side.value {
            Some(Value::DimValue(length)) => usize::try_from(length).ok(),
            _ => None,
        })
        .collect()
}

/// A declared shape for people, free dimensions as `?`.
pub(super) fn shape_text(shape: &[Option<usize>]) -> String {
    let sides = shape.iter().map(|side| side.map_or("?".to_owned(), |side| side.to_string()));
    format!("[{}]", sides.collect::<Vec<_>>().join(", "))
}

/// Names for people: `'a', 'b'`, or `none`.
pub(super) fn names_text<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("'{name}'")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
