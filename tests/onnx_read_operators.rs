//! The reader with gradients on operators of other people's models: onnxruntime's answer, or a refusal.
#![cfg(feature = "training")]

mod operators;

use std::fmt::Write;

use burn::prelude::Device;
use operators::{Case, cases};
use prost::Message;
use purecam::workshop::onnx::read::{Error, Floats, Network, Value};

/// Shape and numbers of the case's output.
fn computed(case: &Case, device: &Device) -> Result<(Vec<usize>, Vec<f32>), Error> {
    let network = Network::from_bytes(&case.name, &case.model.encode_to_vec(), device)?;
    let floats = |shape: &[usize], numbers: &[f32]| Floats::from_vec(numbers.to_vec(), shape, device).unwrap();
    let inputs = case.inputs.iter().map(|(name, shape, numbers)| (name.as_str(), floats(shape, numbers).into()));
    let output = network.run(&inputs.collect::<Vec<_>>(), &["answered"])?.remove(0);
    let shape = output.shape();
    let numbers = match output {
        Value::Int(ints) => ints.values.iter().map(|&value| value as f32).collect(),
        other => other.into_floats(device).unwrap().to_vec().unwrap(),
    };
    Ok((shape, numbers))
}

#[test]
fn every_operator_is_read_as_onnxruntime_computes_it_or_refused() {
    let device = Device::flex();
    let (mut wrong, mut right, mut refused) = (String::new(), 0, 0);
    for case in cases() {
        match computed(&case, &device) {
            Err(_) => refused += 1,
            // A single number has no shape there.
            Ok((shape, numbers)) => {
                match case.differs(if numbers.len() == 1 && shape.len() < 2 { &case.shape } else { &shape }, &numbers) {
                    None => right += 1,
                    Some(how) => writeln!(wrong, "{}: {how}", case.name).unwrap(),
                }
            }
        }
    }
    eprintln!("{right} right, {refused} refused");
    assert!(wrong.is_empty(), "{} are wrong:\n{wrong}", wrong.lines().count());
}
