//! Training steps compared with a plain matrix product on the same device in the same run.
//!
//! `cargo bench --features training --profile release --bench training [-- DEVICE]`. A training step counts as the
//! arithmetic of three forward passes; the share is that of one large product, the most that any step could reach.

use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::prelude::*;
use burn::tensor::Distribution;
use purecam::workshop::device::DeviceRequest;
use purecam::workshop::riae::RiaeConfig;
use purecam::workshop::train::{generator, optimiser};
use purecam::workshop::zoo::{ClassifierConfig, Family};

const BATCH: usize = 16;
const SIDE: usize = 128;
const REPEATS: usize = 7;

fn main() {
    let name = std::env::args().skip(1).find(|arg| !arg.starts_with("--")).unwrap_or_else(|| "cpu".to_owned());
    let request: DeviceRequest = name.parse().expect("the name of a device");
    let device = request.open().expect("a device that can be opened").autodiff();
    let plain = device.clone().inner();
    let [a, b] = [0, 1].map(|_| Tensor::<2>::random([1024, 1024], Distribution::Default, &plain));
    let product = 2.0 * 1024f64.powi(3) / 1e9 / median(|| drop(a.clone().matmul(b.clone()).into_data()));
    println!("device {name}, batch {BATCH}, {SIDE} px; matrix product 1024: {product:.0} GFLOP/s\n");
    println!("| model | GFLOP forward | samples/s | GFLOP/s | share of the product |\n|---|---|---|---|---|");

    let image = Tensor::<4>::random([BATCH, 3, SIDE, SIDE], Distribution::Uniform(0.0, 1.0), &device);
    for (name, family) in
        [("residual", Family::Residual), ("inverted", Family::Inverted), ("convnext", Family::ConvNext)]
    {
        let config = ClassifierConfig::new(family, 32, 10);
        let seconds = step(config.init(&device), |model| model.forward(image.clone()).powf_scalar(2.0).mean());
        report(name, config.gflop(SIDE), seconds, product);
    }
    for name in ["edge", "nano-x", "nano", "tiny-x"] {
        let Some(config) = RiaeConfig::preset(name) else { continue };
        let model = config.init(&device);
        let draw = model.draw_evaluation(BATCH, SIDE, &mut generator(1, "bench", &[]));
        let seconds = step(model, |model| (model.forward(image.clone(), &draw).image - image.clone()).abs().mean());
        report(name, config.gflop(SIDE), seconds, product);
    }
}

/// Median seconds of forward, backward and an AdamW step.
fn step<M: Module>(model: M, loss: impl Fn(&M) -> Tensor<1>) -> f64 {
    let mut optimiser = optimiser::adamw(0.05);
    let mut model = Some(model);
    median(|| {
        let current = model.take().expect("put back by every call");
        let gradients = GradientsParams::from_grads(loss(&current).backward(), &current);
        let next = optimiser.step(1e-4, current, gradients);
        let _ = next.valid();
        model = Some(next);
    })
}

fn median(mut work: impl FnMut()) -> f64 {
    work();
    let mut seconds: Vec<f64> = (0..REPEATS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[REPEATS / 2]
}

fn report(name: &str, gflop: f64, seconds: f64, product: f64) {
    let rate = 3.0 * gflop * BATCH as f64 / seconds;
    println!("| {name} | {gflop:.2} | {:.1} | {rate:.0} | {:.0} % |", BATCH as f64 / seconds, 100.0 * rate / product);
}
