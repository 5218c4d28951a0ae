//! `purecam check`: what would keep `purecam run` from working, an item a line, without starting it.

mod outputs;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::{Failure, models};
use crate::cli;
use crate::config::{Config, Effective, Problem, Said};
use crate::engine::{Classifier, Purifier};
use crate::source::camera::{Chosen, Linux, Which, probe};
use crate::source::{Files, FrameRate, SourceUri};
use crate::time::SystemClock;

/// How an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Grade {
    Ok,
    /// It works, and perhaps not as it is meant.
    Warn,
    /// It would fail now; tomorrow it may work as it is.
    Fail,
    /// It can never work as it is.
    #[serde(rename = "fail")]
    Hopeless,
}

/// What was found of one item.
#[derive(Debug, Serialize)]
struct Finding {
    item: &'static str,
    grade: Grade,
    /// What was found and, where it is not well, why and what to do.
    detail: String,
}

impl Finding {
    fn new(item: &'static str, grade: Grade, detail: impl Into<String>) -> Self {
        Self { item, grade, detail: detail.into() }
    }

    fn ok(item: &'static str, detail: impl Into<String>) -> Self {
        Self::new(item, Grade::Ok, detail)
    }

    fn print(&self, json: bool) -> std::io::Result<()> {
        use std::io::Write;
        let mut out = std::io::stdout().lock();
        if json {
            return writeln!(out, "{}", serde_json::json!(self));
        }
        let grade = match self.grade {
            Grade::Ok => "ok",
            Grade::Warn => "warn",
            Grade::Fail | Grade::Hopeless => "fail",
        };
        // What a message says in several lines stays in its column.
        let detail = self.detail.trim_end().replace('\n', "\n                     ");
        writeln!(out, "{grade:<5} {:<14} {detail}", self.item)
    }
}

/// Goes through everything, or prints the configuration that holds.
pub fn check(args: &cli::Check, json: bool) -> Result<(), Failure> {
    let said = args.settings.said(false);
    if args.print {
        let effective = said.effective()?;
        match json {
            true => println!("{}", effective.to_json()),
            false => print!("{}", effective.to_toml()),
        }
        return Ok(());
    }
    let mut report = Report { json, worst: Grade::Ok, all: 0, failed: 0 };
    match said.effective() {
        Ok(effective) => {
            report.tell(configuration(&said, &effective))?;
            report.tell(outputs::findings(&effective.config))?;
            report.tell(vec![source(&effective.config)])?;
            report.tell(models_of(&effective.config))?;
        }
        Err(error) => {
            let of = |problem: &Problem| Finding::new("configuration", Grade::Hopeless, problem.to_string());
            report.tell(error.0.iter().map(of).collect())?;
        }
    }
    report.outcome()
}

/// What was found so far, printed as it is found: models take their time.
struct Report {
    json: bool,
    worst: Grade,
    all: usize,
    failed: usize,
}

impl Report {
    fn tell(&mut self, findings: Vec<Finding>) -> std::io::Result<()> {
        for finding in findings {
            finding.print(self.json)?;
            self.worst = self.worst.max(finding.grade);
            self.all += 1;
            self.failed += usize::from(finding.grade >= Grade::Fail);
        }
        Ok(())
    }

    fn outcome(self) -> Result<(), Failure> {
        let summary = format!("{} of {} items would keep it from running", self.failed, self.all);
        match self.worst {
            Grade::Ok | Grade::Warn => Ok(()),
            Grade::Fail => Err(Failure::Failed(summary)),
            Grade::Hopeless => Err(Failure::Hopeless(summary)),
        }
    }
}

fn configuration(said: &Said, effective: &Effective) -> Vec<Finding> {
    let file = said.file.as_ref().map_or("no file, defaults".to_owned(), |file| file.display().to_string());
    let hash = effective.config.sha256().unwrap_or_default();
    let mut findings = vec![Finding::ok("configuration", format!("{file}; sha256 {hash}"))];
    if effective.config.detect.keep_dir.is_some() && !effective.config.detect.enabled {
        let detail =
            "detect.keep_dir is set and detect.enabled is false: nothing will be kept; set detect.enabled = true";
        findings.push(Finding::new("configuration", Grade::Warn, detail));
    }
    let output = &effective.config.output;
    let ways =
        [output.file.is_some(), output.socket.is_some(), output.mqtt.is_some(), effective.config.http.listen.is_some()];
    if !output.stdout && !ways.contains(&true) {
        let detail =
            "verdicts go nowhere: set one of output.stdout, output.file, output.socket, output.mqtt and http.listen";
        findings.push(Finding::new("configuration", Grade::Warn, detail));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if effective.config.run.threads as usize > cores {
        let threads = effective.config.run.threads;
        let detail = format!("run.threads is {threads} and there are {cores} cores: they will wait for each other");
        findings.push(Finding::new("configuration", Grade::Warn, detail));
    }
    findings
}

fn source(config: &Config) -> Finding {
    const ITEM: &str = "source";
    let Some(uri) = &config.source.uri else {
        let detail = "none is set: on a terminal that is the demonstration, for a service an error; set source.uri";
        return Finding::new(ITEM, Grade::Warn, detail);
    };
    match uri {
        // Opened as by `run`; the rate does not matter.
        SourceUri::File(path) => match Files::open(path, FrameRate::ONE, Arc::new(SystemClock)) {
            Ok(_) => Finding::ok(ITEM, uri.to_string()),
            Err(error) => Finding::new(ITEM, Grade::Fail, error.to_string()),
        },
        SourceUri::Demo => Finding::ok(ITEM, "demo:, which is built in"),
        SourceUri::Camera(which) => camera(uri, which, config),
    }
}

/// Asks the camera what it offers, and takes no frame of it.
fn camera(uri: &SourceUri, which: &Which, config: &Config) -> Finding {
    const ITEM: &str = "source";
    match probe(&Linux, which, &config.source.wanted()).chosen {
        Ok(chosen) => {
            let Chosen { path, format, width, height, .. } = &chosen;
            Finding::ok(ITEM, format!("{uri}: {}, {format} {width}x{height}", path.display()))
        }
        Err(fault) => Finding::new(ITEM, Grade::Fail, format!("{fault}; `purecam probe` lists what there is")),
    }
}

/// Loads both models as the service would: checksum, contract, warm-up, and whether they fit together.
fn models_of(config: &Config) -> Vec<Finding> {
    let purifier = models::purifier_path(config).and_then(|path| {
        // Any seed serves: nothing of this is published.
        let load = |path: PathBuf| Purifier::load(&path, config.purifier.seed.unwrap_or(0)).map(|model| (path, model));
        path.map(load).transpose().map_err(|error| Failure::Hopeless(error.to_string()))
    });
    let classifier = models::classifier_path(config).and_then(|path| {
        let model = Classifier::load(&path, &config.classifier);
        model.map(|model| (path, model)).map_err(|error| Failure::Hopeless(error.to_string()))
    });
    let refused = |item, failure: &Failure| Finding::new(item, Grade::Hopeless, failure.to_string());
    let mut findings = vec![
        match &purifier {
            Ok(Some((path, model))) => Finding::ok("purifier", described(path, model.size(), model.sha256())),
            Ok(None) => {
                let detail =
                    "none, as purifier.enabled asks: frames are classified as they are, and every verdict says so";
                Finding::new("purifier", Grade::Warn, detail)
            }
            Err(failure) => refused("purifier", failure),
        },
        match &classifier {
            Ok((path, model)) => Finding::ok("classifier", described(path, model.size(), model.sha256())),
            Err(failure) => refused("classifier", failure),
        },
    ];
    if let (Ok(Some((_, purifier))), Ok((_, classifier))) = (&purifier, &classifier)
        && let Err(error) = classifier.expect_size_of(purifier)
    {
        findings.push(Finding::new("models", Grade::Hopeless, error.to_string()));
    }
    findings
}

fn described(path: &Path, [height, width]: [usize; 2], sha256: &str) -> String {
    format!("{}: warm, {width} x {height} pixels, sha256 {sha256}", path.display())
}
