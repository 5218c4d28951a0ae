//! The diffusion noise schedule: how much of a signal is left at a step, and how much noise replaces it.
//!
//! The linear schedule of "Denoising Diffusion Probabilistic Models" (Ho et al., arXiv 2006.11239, section 4): 1000
//! steps, beta from 1e-4 to 0.02.

/// Number of steps of the schedule.
pub const STEPS: usize = 1000;

/// The two factors of a noised value: `signal * value + noise * eps` with eps of variance 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseLevel {
    /// Square root of the product of `1 - beta` up to the step.
    pub signal: f32,
    /// Square root of one minus that product.
    pub noise: f32,
}

/// The level of every step, [`STEPS`] in all.
pub fn schedule() -> Vec<NoiseLevel> {
    let (first, last) = (1e-4_f64, 0.02_f64);
    let mut left = 1.0;
    let level = |step: usize| {
        left *= 1.0 - (first + (last - first) * step as f64 / (STEPS - 1) as f64);
        NoiseLevel { signal: left.sqrt() as f32, noise: (1.0 - left).sqrt() as f32 }
    };
    (0..STEPS).map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_has_the_constants_of_the_published_code() {
        let schedule = schedule();
        let published =
            [(200, 0.81015, 0.58622), (400, 0.43997, 0.89801), (600, 0.15990, 0.98713), (999, 0.00635, 0.99998)];
        for (t, signal, noise) in published {
            assert!((schedule[t].signal - signal).abs() < 5e-6, "signal at {t}: {}", schedule[t].signal);
            assert!((schedule[t].noise - noise).abs() < 5e-6, "noise at {t}: {}", schedule[t].noise);
        }
    }
}
