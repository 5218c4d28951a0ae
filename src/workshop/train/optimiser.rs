//! Learning rate, gradient clipping and averaged weights.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::prelude::*;

/// AdamW (Loshchilov and Hutter, arXiv 1711.05101) without decay of biases and normalisations.
pub fn adamw(weight_decay: f64) -> ModuleOptimizer {
    let config = AdamWConfig::new().with_beta_2(0.95);
    // Each pattern is a plain word, and so a valid regular expression.
    let undecayed = ParamGroup::from_any_regexes(vec!["bias", "norm", "gamma", "beta", "token"])
        .expect("five plain words are regular expressions");
    config.clone().with_weight_decay(weight_decay as f32).init().with_group(
        undecayed,
        config.with_weight_decay(0.0).build(),
        None,
    )
}

/// The rate of step `step`, counted from 0: linear warm-up over the first 5 % of the `steps`, then a cosine down to a
/// hundredth of `highest`.
pub fn learning_rate(highest: f64, step: u64, steps: u64) -> f64 {
    let warm_up = (steps as f64 * 0.05).max(1.0);
    let step = step as f64 + 1.0;
    if step < warm_up {
        return highest * step / warm_up;
    }
    let progress = ((step - warm_up) / (steps as f64 - warm_up).max(1.0)).min(1.0);
    let floor = highest / 100.0;
    floor + (highest - floor) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
}

/// Scales all gradients by one factor so that the L2 norm of all together is at most `bound`; all on the device.
///
/// burn's own clipping works on each parameter alone.
pub fn clip_global_norm<M: Module>(model: &M, mut gradients: GradientsParams, bound: f32) -> GradientsParams {
    let mut sum = SquaredNorm { gradients: &gradients, sum: None };
    model.visit(&mut sum);
    let Some(sum) = sum.sum else { return gradients };
    let scale = (sum.sqrt() + 1e-6).recip().mul_scalar(bound).clamp_max(1.0);
    model.visit(&mut Scale { gradients: &mut gradients, scale });
    gradients
}

struct SquaredNorm<'a> {
    gradients: &'a GradientsParams,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for SquaredNorm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let square = (gradient.clone() * gradient).sum();
            self.sum = Some(self.sum.take().map_or(square.clone(), |sum| sum + square));
        }
    }
}

struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    scale: Tensor<1>,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register::<D>(param.id, gradient * self.scale.clone().reshape([1; D]));
        }
    }
}

/// Moves `average` towards `model` (Polyak averaging) with a half-life in steps, shorter at first; 0 copies the model.
///
/// Both must be merged by `valid` first: burn's visitors do not see the pending statistics of batch normalisation.
pub fn average<M: Module>(average: M, model: &M, half_life: f64, step: u64) -> M {
    if half_life <= 0.0 {
        return model.clone();
    }
    let decay = 0.5f64.powf(1.0 / half_life).min((step as f64 + 1.0) / (step as f64 + 10.0));
    let mut values = Values(HashMap::new());
    model.visit(&mut values);
    average.map(&mut Towards { values: values.0, decay })
}

struct Values(HashMap<ParamId, Tensor<1>>);

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let elements = value.shape().num_elements();
        self.0.insert(param.id, value.reshape([elements]));
    }
}

struct Towards {
    values: HashMap<ParamId, Tensor<1>>,
    decay: f64,
}

impl ModuleMapper for Towards {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (value, decay) = (self.values.remove(&param.id), self.decay);
        match value {
            Some(value) => param.map(|old| {
                let new = value.reshape(old.shape());
                old * decay + new * (1.0 - decay)
            }),
            None => param,
        }
    }
}
