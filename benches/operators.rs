//! Where the engine's time goes: the shortest time of every node of a model's optimised graph, by operator.
//!
//! `cargo bench --profile release --features training,mqtt --bench operators -- MODEL.onnx SIDE [all] [plain]`: `all`
//! lists every node, `plain` leaves purecam's own operators out. The model's picture is a fixed pattern; every other input of the picture's rank has its shape or is a number.
//! Foreign files go to the engine as they are, without purecam's rewrites.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tract_onnx::prelude::*;

/// Runs, of which the shortest time counts.
const RUNS: usize = 20;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let (Some(path), Some(Ok(side))) = (args.first(), args.get(1).map(|side| side.parse())) else {
        eprintln!("expected: MODEL.onnx SIDE [all] [plain]");
        return ExitCode::from(2);
    };
    let has = |word: &str| args[2..].iter().any(|arg| arg == word);
    match measure(path, side, has("all"), has("plain")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(path: &str, side: usize, all: bool, plain: bool) -> TractResult<()> {
    let onnx = tract_onnx::onnx().with_ignore_value_info(true).with_ignore_output_shapes(true);
    let mut model = onnx.model_for_path(path)?;
    let mut feeds = TVec::new();
    for input in 0..model.inputs.len() {
        let name = &model.node(model.inputs[input].node).name;
        let shape = if name == "strength" { [1; 4] } else { [1, 3, side, side] };
        model.set_input_fact(input, InferenceFact::dt_shape(f32::datum_type(), shape))?;
        let pattern: Vec<f32> = (0..shape.iter().product()).map(|i: usize| ((i * 37) % 255) as f32 / 255.0).collect();
        feeds.push(Tensor::from_shape(&shape, &pattern)?.into_tvalue());
    }
    let mut model = model.into_typed()?.into_decluttered()?;
    if !plain {
        purecam::engine::kernel::replace(&mut model)?;
    }
    let plan = TypedSimplePlan::new(model.into_optimized()?)?;
    let mut state = plan.spawn()?;
    let mut whole = Duration::MAX;
    let mut nodes: BTreeMap<usize, Duration> = BTreeMap::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        state.run(feeds.clone())?;
        whole = whole.min(begun.elapsed());
        state.run_plan_with_eval(feeds.clone(), |context, op_state, node, inputs| {
            let begun = Instant::now();
            let outputs = tract_core::plan::eval(context, op_state, node, inputs);
            let shortest = nodes.entry(node.id).or_insert(Duration::MAX);
            *shortest = (*shortest).min(begun.elapsed());
            outputs
        })?;
    }
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let mut operators: BTreeMap<String, (usize, Duration)> = BTreeMap::new();
    for (id, time) in &nodes {
        let node = plan.model().node(*id);
        let (count, sum) = operators.entry(node.op.name().to_string()).or_default();
        (*count, *sum) = (*count + 1, *sum + *time);
        if all {
            let shape = &node.outputs[0].fact.shape;
            println!("{:8.3} ms  {:24} {:40} {shape:?}", milliseconds(*time), node.op.name(), node.name);
        }
    }
    let sum: Duration = nodes.values().sum();
    println!("{path}: {:.2} ms, the nodes alone {:.2} ms", milliseconds(whole), milliseconds(sum));
    let mut operators: Vec<_> = operators.into_iter().collect();
    operators.sort_by_key(|(_, (_, time))| std::cmp::Reverse(*time));
    for (name, (count, time)) in operators {
        let share = 100.0 * time.as_secs_f64() / sum.as_secs_f64();
        println!("{:8.2} ms {share:5.1} %  {count:4} x {name}", milliseconds(time));
    }
    Ok(())
}
