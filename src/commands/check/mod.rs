//! `purecam check`: what would keep `purecam run` from working, one line per item. Each part of `run` is made by its
//! own constructor, or asked through its `outlook`; the loop does not start.

mod report;

use std::path::Path;
use std::sync::Arc;

use super::{Failure, models, outputs, run};
use crate::cli;
use crate::config::{Config, Effective, Problem, Said};
use crate::console;
use crate::source::camera::{Chosen, Linux, Which, probe};
use crate::source::{SourceUri, opener};
use crate::time::SystemClock;
use report::{Finding, Grade, Report};

/// The size in which the demonstration is opened, [height, width]: no frame of it is used.
const ANY_SIZE: [usize; 2] = [32, 32];

/// Checks everything, or prints the effective configuration.
pub fn check(args: &cli::Check, json: bool) -> Result<(), Failure> {
    let said = args.settings.said(false);
    if args.print {
        let effective = said.effective()?;
        match json {
            true => console::print_line(effective.to_json())?,
            false => console::print(effective.to_toml())?,
        }
        return Ok(());
    }
    let mut report = Report::new(json);
    match said.effective() {
        Ok(effective) => {
            let config = &effective.config;
            report.add(configuration(&said, &effective))?;
            report.add(outputs::outlooks(config).into_iter().map(|(item, outlook)| match outlook {
                Ok(outlook) => Finding::outlook(item, outlook),
                Err(failure) => Finding::failure(item, &failure),
            }))?;
            report.add([source(config)])?;
            report.add(models_of(config))?;
        }
        Err(error) => {
            let of = |problem: &Problem| Finding::new("configuration", Grade::Hopeless, problem.to_string());
            report.add(error.0.iter().map(of))?;
            report.add(regardless(&said).into_iter().map(Finding::without_configuration))?;
        }
    }
    report.outcome()
}

/// What can be checked although the configuration cannot be used: the models and the source that flags and variables
/// name, else the shipped models and the first camera.
fn regardless(said: &Said) -> Vec<Finding> {
    let without_file = Said { file: None, ..said.clone() };
    let effective = without_file.effective().or_else(|_| Said::default().effective());
    let Ok(Effective { mut config, .. }) = effective else { return Vec::new() };
    config.source.uri.get_or_insert(SourceUri::Camera(Which::First));
    [source(&config)].into_iter().chain(models_of(&config)).collect()
}

/// Values that are good, but that their user may not mean together.
fn configuration(said: &Said, effective: &Effective) -> Vec<Finding> {
    const ITEM: &str = "configuration";
    let file = said.file.as_ref().map_or("no file, only defaults".to_owned(), |file| file.display().to_string());
    let hash = effective.config.sha256().unwrap_or_default();
    let mut findings = vec![Finding::ok(ITEM, format!("{file}; sha256 {hash}"))];
    if effective.config.detect.keep_dir.is_some() && !effective.config.detect.enabled {
        let detail =
            "detect.keep_dir is set, but detect.enabled is false: no frames are kept; set detect.enabled = true";
        findings.push(Finding::warn(ITEM, detail));
    }
    let output = &effective.config.output;
    let ways =
        [output.file.is_some(), output.socket.is_some(), output.mqtt.is_some(), effective.config.http.listen.is_some()];
    if !output.stdout && !ways.contains(&true) {
        let detail =
            "verdicts go nowhere: set one of output.stdout, output.file, output.socket, output.mqtt and http.listen";
        findings.push(Finding::warn(ITEM, detail));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if effective.config.run.threads as usize > cores {
        let threads = effective.config.run.threads;
        let detail =
            format!("run.threads is {threads}, but there are only {cores} cores: threads will wait for each other");
        findings.push(Finding::warn(ITEM, detail));
    }
    findings
}

/// Opens files and the demonstration as `run` does. Takes no frame of a camera, only asks what it offers.
fn source(config: &Config) -> Finding {
    const ITEM: &str = "source";
    let Some(uri) = &config.source.uri else {
        return Finding::warn(ITEM, "not set: the demonstration on a terminal, an error for a service; set source.uri");
    };
    let opened = opener(uri, config.source.wanted(), run::DEFAULT_RATE, ANY_SIZE, Arc::new(SystemClock));
    if let Err(error) = opened {
        return Finding::failure(ITEM, &Failure::failed(error));
    }
    match uri {
        SourceUri::Camera(which) => camera(uri, which, config),
        SourceUri::File(_) | SourceUri::Demo => Finding::ok(ITEM, uri.to_string()),
    }
}

/// Asks the camera what it offers, and takes no frame of it.
fn camera(uri: &SourceUri, which: &Which, config: &Config) -> Finding {
    const ITEM: &str = "source";
    match probe(&Linux, which, &config.source.wanted()).chosen {
        Ok(Chosen { path, format, width, height, .. }) => {
            Finding::ok(ITEM, format!("{uri}: {}, {format} {width}x{height}", path.display()))
        }
        // Whatever a camera's fault is, `run` opens it again and again.
        Err(fault) => Finding::warn(ITEM, format!("would wait for it: {fault}")),
    }
}

/// Loads both models as `run` does: checksum, contract, one size, warm-up.
fn models_of(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(models::share_threads(config).err().map(|failure| Finding::failure("models", &failure)));
    let mut classifier = models::classifier(config);
    let size = classifier.as_ref().ok().map(|(_, classifier)| classifier.size());
    let mut purifier = models::purifier(config, size);
    findings.push(match &purifier {
        Ok(Some((path, model))) => {
            let mode = model.mode().map(|mode| format!(", mode {mode}")).unwrap_or_default();
            let strength = model.strength().map(|strength| format!(", strength {strength}")).unwrap_or_default();
            Finding::ok("purifier", described(path, model.size(), model.sha256()) + &mode + &strength)
        }
        Ok(None) => {
            let detail = "none, because purifier.enabled is false: frames are not purified, and every verdict says so";
            Finding::warn("purifier", detail)
        }
        Err(failure) => Finding::failure("purifier", failure),
    });
    findings.push(match &classifier {
        Ok((path, model)) => Finding::ok("classifier", described(path, model.size(), model.sha256())),
        Err(failure) => Finding::failure("classifier", failure),
    });
    if let (Ok(purifier), Ok((_, classifier))) = (&mut purifier, &mut classifier) {
        let matched = models::match_up(purifier.as_mut().map(|(_, purifier)| purifier), classifier, config);
        findings.extend(matched.err().map(|failure| Finding::failure("models", &failure)));
    }
    findings
}

fn described(path: &Path, [height, width]: [usize; 2], sha256: &str) -> String {
    format!("{}: warm, {width} x {height} pixels, sha256 {sha256}", path.display())
}
