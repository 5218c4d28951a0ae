//! A graph without a meaning, run once: for comparing the engine with others.

use tract_onnx::pb;

use super::error::Problem;
use super::session::{Feed, Session};

/// An input's name, shape and numbers.
pub type Given<'a> = (&'a str, &'a [usize], &'a [f32]);

/// Prepares a graph like that of any model, runs it once, and returns shape and numbers of `output`.
///
/// # Errors
/// As for a model: what the graph holds that cannot be run, or why the run failed.
pub fn compute(model: &pb::ModelProto, inputs: &[Given], output: &str) -> Result<(Vec<usize>, Vec<f32>), Problem> {
    let mut feeds = Vec::with_capacity(inputs.len());
    for (name, shape, numbers) in inputs {
        let mut feed = Feed::f32(name, shape)?;
        let fed = feed.numbers::<f32>().map_err(Problem::WarmUp)?;
        if fed.len() != numbers.len() {
            let (expected, found) = (shape.to_vec(), format!("{} numbers", numbers.len()));
            return Err(Problem::InputShape { input: (*name).to_owned(), expected, found });
        }
        fed.copy_from_slice(numbers);
        feeds.push(feed);
    }
    let mut session = Session::load(model, &feeds, output)?;
    session.run(&feeds, |shape, numbers| (shape.to_vec(), numbers.to_vec())).map_err(Problem::WarmUp)
}
