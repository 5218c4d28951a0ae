//! The command line as a layer of the configuration.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Failure;
use crate::cli;
use crate::config::{Config, ConfigError, Flag, Said};

/// What was said to a command that serves: its flags over the variables over the file, the system's if need be.
pub fn said(settings: &cli::Settings, json: bool) -> Said {
    let text = |name, key, value: &Option<String>| flag(name, key, value.as_ref().map(OsString::from));
    let path = |name, key, value: &Option<PathBuf>| flag(name, key, value.as_ref().map(OsString::from));
    let set = |name, key, value: bool| flag(name, key, value.then(|| "true".into()));
    let flags = [
        text("SOURCE", "source.uri", &settings.source),
        text("--fps", "source.fps", &settings.fps),
        text("--width", "source.width", &settings.width),
        text("--height", "source.height", &settings.height),
        text("--pixel-format", "source.format", &settings.pixel_format),
        text("--max-age-ms", "run.max_age_ms", &settings.max_age_ms),
        text("--smoothing", "verdict.smoothing", &settings.smoothing),
        set("--detect", "detect.enabled", settings.detect),
        set("--json", "output.stdout", json),
        path("--output-file", "output.file", &settings.output_file),
        path("--socket", "output.socket", &settings.socket),
        text("--http", "http.listen", &settings.http),
    ];
    let models = &settings.models;
    Said::new(models.config.as_deref(), flags.into_iter().flatten().chain(model_flags(models)).collect())
        .or_system_file()
}

/// The configuration of a command that does not serve: flags over variables over the file, if one is named.
pub fn of_models(models: &cli::Models) -> Result<Config, Failure> {
    Ok(Said::new(models.config.as_deref(), model_flags(models)).effective()?.config)
}

fn model_flags(models: &cli::Models) -> Vec<Flag> {
    let flags = [
        // Who names one wants it, whatever the file says.
        flag("--purifier", "purifier.enabled", models.purifier.as_ref().map(|_| "true".into())),
        flag("--purifier", "purifier.model", models.purifier.as_ref().map(OsString::from)),
        flag("--no-purifier", "purifier.enabled", models.no_purifier.then(|| "false".into())),
        flag("--classifier", "classifier.model", models.classifier.as_ref().map(OsString::from)),
        flag("--seed", "purifier.seed", models.seed.map(|seed| seed.to_string().into())),
    ];
    flags.into_iter().flatten().collect()
}

fn flag(name: &'static str, key: &'static str, text: Option<OsString>) -> Option<Flag> {
    text.map(|text| Flag { name, key, text })
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match error.is_wrong_usage() {
            true => Self::Usage(error.to_string()),
            false => Self::Hopeless(error.to_string()),
        }
    }
}
