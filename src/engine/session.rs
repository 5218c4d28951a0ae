//! A graph in the engine: fixed inputs, one output, and a state that every run reuses.

use std::sync::Arc;

use prost::Message;
use tract_core::transform::get_transform;
use tract_onnx::pb;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;

use super::error::{InferenceError, Problem};
use super::file::ModelFile;
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
    /// The type that the graph wants for each input: half precision in some files.
    input_types: Vec<DatumType>,
}

impl Session {
    /// Prepares `proto` for the inputs `feeds`, in their order, and for the one output `output`.
    ///
    /// Shapes that the graph declares for anything but its inputs are ignored: files with a symbolic batch contradict
    /// the concrete one that is needed here. Half precision is widened, because x86 has no kernels for it and other
    /// machines should give the same answer.
    pub fn load(proto: &pb::ModelProto, feeds: &[Feed], output: &str) -> Result<Self, Problem> {
        expect_room(ModelFile::room_for(proto.encoded_len()))?;
        contain(|| Self::prepare(proto, feeds, output)).unwrap_or_else(|panic| Err(Problem::of_panic(panic)))
    }

    fn prepare(proto: &pb::ModelProto, feeds: &[Feed], output: &str) -> Result<Self, Problem> {
        let mut proto = proto.clone();
        if let Some(graph) = &mut proto.graph {
            graph.output.retain(|value| value.name == output);
        }
        let onnx = tract_onnx::onnx().with_ignore_value_info(true).with_ignore_output_shapes(true);
        let mut model = onnx.model_for_proto_model(&proto)?;
        model.set_input_names(feeds.iter().map(|feed| feed.name.as_str()))?;
        for (index, feed) in feeds.iter().enumerate() {
            let declared = model.input_fact(index)?.datum_type.concretize();
            let wanted = feed.tensor.datum_type();
            let half = wanted == f32::datum_type() && declared == Some(f16::datum_type());
            if declared.is_some_and(|declared| declared != wanted && !half) {
                let declared = declared.map(|declared| format!("{declared:?}")).unwrap_or_default();
                let message = format!("its input '{}' is {declared}, expected {wanted:?}", feed.name);
                return Err(Problem::Engine(message.into()));
            }
            let fact = InferenceFact::dt_shape(if half { f16::datum_type() } else { wanted }, feed.tensor.shape());
            model.set_input_fact(index, fact)?;
        }
        let mut model = model.into_typed().and_then(|model| model.into_decluttered())?;
        if has_half_precision(proto.graph.as_ref()) {
            let widen = get_transform("f16_to_f32")?;
            let widen = widen.ok_or_else(|| Problem::Engine("it lacks its transform f16_to_f32".into()))?;
            widen.transform(&mut model)?;
        }
        let model = model.into_optimized()?;
        let facts = (0..feeds.len()).map(|index| model.input_fact(index).map(|fact| fact.datum_type));
        let input_types = facts.collect::<TractResult<_>>()?;
        let plan = TypedSimplePlan::new(model)?;
        let state = plan.spawn()?;
        Ok(Self { plan, state, broken: false, input_types })
    }

    /// Runs the graph on the numbers in `feeds`. `take` gets the output's shape and numbers; returns its result.
    pub fn run<T>(&mut self, feeds: &[Feed], take: impl FnOnce(&[usize], &[f32]) -> T) -> Result<T, InferenceError> {
        if self.broken {
            self.state = self.plan.spawn()?;
        }
        self.broken = true;
        let outputs = contain(|| {
            let inputs = feeds.iter().zip(&self.input_types);
            let inputs = inputs.map(|(feed, &wanted)| match feed.tensor.datum_type() == wanted {
                true => Ok(feed.tensor.clone().into_tvalue()),
                false => feed.tensor.cast_to_dt(wanted).map(|tensor| tensor.into_owned().into_tvalue()),
            });
            let outputs = self.state.run(inputs.collect::<TractResult<_>>()?)?;
            outputs.into_iter().next().ok_or_else(|| TractError::msg("the graph has no output"))
        });
        let output = outputs.map_err(InferenceError::of_panic)??;
        self.broken = false;
        let numbers = output.cast_to::<f32>()?;
        let view = numbers.try_as_plain_ram()?;
        Ok(take(output.shape(), view.as_slice::<f32>()?))
    }
}

fn has_half_precision(graph: Option<&pb::GraphProto>) -> bool {
    let half = pb::tensor_proto::DataType::Float16 as i32;
    graph.is_some_and(|graph| {
        let constants = graph.node.iter().flat_map(|node| &node.attribute).filter_map(|attribute| attribute.t.as_ref());
        graph.initializer.iter().chain(constants).any(|tensor| tensor.data_type == half)
            || graph
                .node
                .iter()
                .flat_map(|node| &node.attribute)
                .any(|cast| cast.name == "to" && cast.i == i64::from(half))
    })
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
