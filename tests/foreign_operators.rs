//! Operators of other people's models, one by one: the engine gives onnxruntime's answer or refuses the operator by
//! name.

mod operators;

use std::collections::BTreeMap;
use std::fmt::Write;

use operators::{Case, cases};
use purecam::engine::{Problem, compute};

/// The operators of which a case is refused: no other may become one of them unnoticed.
#[rustfmt::skip]
const REFUSED: [&str; 23] = [
    "AffineGrid", "Attention", "CenterCropPad", "Col2Im", "Compress", "ConvTranspose", "Det", "GridSample", "If", "Loop",
    "MatMul", "MaxRoiPool", "MaxUnpool", "Pad", "Resize", "ReverseSequence", "RoiAlign", "Slice", "Unique",
    "com.microsoft.FusedConv", "com.microsoft.FusedMatMul", "com.microsoft.SkipLayerNormalization", "own.Default",
];

enum Outcome {
    Right,
    Refused(String),
    /// Another answer, or a message of the engine's own.
    Wrong(String),
}

fn outcome(case: &Case) -> Outcome {
    let inputs = case.inputs.iter().map(|(name, shape, numbers)| (name.as_str(), &shape[..], &numbers[..]));
    match compute(&case.model, &inputs.collect::<Vec<_>>(), "answered") {
        Err(Problem::Operator(refusal)) => Outcome::Refused(refusal.operator),
        Err(other) => Outcome::Wrong(other.to_string()),
        Ok((shape, numbers)) => case.differs(&shape, &numbers).map_or(Outcome::Right, Outcome::Wrong),
    }
}

#[test]
fn every_operator_is_computed_as_onnxruntime_does_or_refused_by_name() {
    let (mut wrong, mut refused, mut right) = (String::new(), BTreeMap::<String, Vec<String>>::new(), 0);
    for case in cases() {
        match outcome(&case) {
            Outcome::Right => right += 1,
            Outcome::Refused(operator) => refused.entry(operator).or_default().push(case.name),
            Outcome::Wrong(how) => writeln!(wrong, "{}: {how}", case.name).unwrap(),
        }
    }
    assert_eq!(refused.keys().map(String::as_str).collect::<Vec<_>>(), REFUSED, "{refused:?}");
    let refused: Vec<String> =
        refused.iter().map(|(operator, cases)| format!("{operator}: {}", cases.join(" "))).collect();
    eprintln!("{right} right; refused:\n{}", refused.join("\n"));
    assert!(wrong.is_empty(), "{} are wrong:\n{wrong}", wrong.lines().count());
}
