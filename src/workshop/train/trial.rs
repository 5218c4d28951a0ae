//! A few steps before a run, which tell how long it will take on this machine.

use std::time::Duration;

use super::settings::PurifierSettings;

/// How long the parts of a purifier's training take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trial {
    /// A step of stage 1.
    pub clean_step: Duration,
    /// A step of stage 2.
    pub pair_step: Duration,
    /// Making one pair.
    pub pair: Duration,
    /// A validation.
    pub validation: Duration,
}

/// Steps of an epoch over `count` pictures.
fn steps(count: usize, settings: &PurifierSettings) -> f64 {
    (count / settings.training.batch).max(1) as f64
}

impl Trial {
    /// How long a run with `settings` takes on `photographs` photographs.
    pub fn whole(&self, settings: &PurifierSettings, photographs: usize) -> Duration {
        let seconds = self.clean_stage(settings, photographs)
            + settings.pair_epochs as f64 * self.pair_epoch(settings, settings.pairs.min(photographs));
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Chooses epochs of stage 2, and if one is too long the number of pairs, so that the run takes about `time`.
    pub fn fit(&self, settings: &mut PurifierSettings, photographs: usize, time: Duration) {
        let left = (time.as_secs_f64() - self.clean_stage(settings, photographs)).max(0.0);
        let pairs = settings.pairs.min(photographs);
        let epochs = left / self.pair_epoch(settings, pairs);
        settings.pair_epochs = (epochs.round() as u64).max(1);
        // A generation that serves fewer epochs than it was made for costs too much of a short run.
        settings.refresh_every = settings.refresh_every.min(settings.pair_epochs);
        if epochs < 1.0 {
            let pair = self.pair.as_secs_f64() + self.pair_step.as_secs_f64() / settings.training.batch as f64;
            let affordable = ((left - self.validation.as_secs_f64()) / pair.max(1e-9)) as usize;
            settings.pairs = affordable.clamp(settings.training.batch.min(pairs), pairs);
        }
    }

    fn clean_stage(&self, settings: &PurifierSettings, photographs: usize) -> f64 {
        let epoch = steps(photographs, settings) * self.clean_step.as_secs_f64() + self.validation.as_secs_f64();
        settings.clean_epochs as f64 * epoch
    }

    /// An epoch of stage 2 with its share of a generation, in seconds.
    fn pair_epoch(&self, settings: &PurifierSettings, pairs: usize) -> f64 {
        let generation = pairs as f64 * self.pair.as_secs_f64() / settings.refresh_every.max(1) as f64;
        (steps(pairs, settings) * self.pair_step.as_secs_f64() + generation + self.validation.as_secs_f64()).max(1e-9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workshop::attack::Epsilon;
    use crate::workshop::purifier::PurifierConfig;
    use crate::workshop::train::trainer::Loop;

    fn settings() -> PurifierSettings {
        PurifierSettings {
            kind: "riae".into(),
            model: PurifierConfig::preset("general").unwrap(),
            data: String::new(),
            photographs: 1000,
            side: 128,
            clean_epochs: 0,
            pair_epochs: 24,
            classifiers: Vec::new(),
            perceptual: Vec::new(),
            attacks: Vec::new(),
            epsilon: "16/255".parse::<Epsilon>().unwrap(),
            rcm: 0.5,
            pairs: 320,
            refresh_every: 2,
            jpeg: 0.3,
            resample: 0.2,
            view: [0.2, 0.7],
            judges: Vec::new(),
            perceptual_weight: 0.5,
            random_windows: false,
            held_out: 0.05,
            training: Loop {
                batch: 16,
                learning_rate: 1e-3,
                weight_decay: 0.05,
                clip: 1.0,
                ema_half_life: 100.0,
                seed: 1,
                initial: None,
            },
        }
    }

    /// An epoch of stage 2 takes 20 steps of 2 s, half of a generation of 64 s and a validation of 8 s: 80 s.
    fn trial() -> Trial {
        let seconds = Duration::from_secs_f64;
        Trial { clean_step: seconds(1.0), pair_step: seconds(2.0), pair: seconds(0.2), validation: seconds(8.0) }
    }

    #[test]
    fn a_run_takes_as_long_as_its_parts() {
        let mut settings = settings();
        assert_eq!(trial().whole(&settings, 1000).as_secs(), 24 * 80);
        settings.clean_epochs = 2;
        // 62 steps and a validation each.
        assert_eq!(trial().whole(&settings, 1000).as_secs(), 24 * 80 + 2 * 70);
        assert_eq!(trial().whole(&settings, 160).as_secs(), 24 * (20 + 16 + 8) + 2 * 18);
    }

    #[test]
    fn a_run_is_fitted_into_a_time_by_epochs_and_then_by_pairs() {
        let fit = |seconds| {
            let mut settings = settings();
            trial().fit(&mut settings, 1000, Duration::from_secs(seconds));
            (settings.pair_epochs, settings.pairs, settings.refresh_every, trial().whole(&settings, 1000).as_secs())
        };
        assert_eq!(fit(800), (10, 320, 2, 800));
        // One epoch bears its whole generation.
        let (epochs, pairs, refresh, took) = fit(75);
        assert_eq!((epochs, pairs, refresh), (1, 206, 1));
        assert!((60..90).contains(&took), "{took}");
        assert_eq!(fit(1).1, 16, "never fewer than a step needs");
    }
}
