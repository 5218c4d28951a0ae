//! `purecam check`: what would keep `purecam run` from working, an item a line, without starting it.

mod outputs;

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::{Failure, models, settings};
use crate::cli;
use crate::config::{Config, Effective, Said};
use crate::engine::{Classifier, Purifier};
use crate::frame::SystemClock;
use crate::source::Files;

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
    let said = settings::said(&args.settings, false);
    if args.print {
        let effective = said.effective()?;
        match json {
            true => println!("{}", effective.to_json()),
            false => print!("{}", effective.to_toml()),
        }
        return Ok(());
    }
    let mut worst = Grade::Ok;
    let mut counts = [0, 0];
    for finding in findings(&said) {
        finding.print(json)?;
        worst = worst.max(finding.grade);
        counts = [counts[0] + 1, counts[1] + usize::from(finding.grade >= Grade::Fail)];
    }
    let [all, failed] = counts;
    let summary = format!("{failed} of {all} items would keep it from running");
    match worst {
        Grade::Ok | Grade::Warn => Ok(()),
        Grade::Fail => Err(Failure::Failed(summary)),
        Grade::Hopeless => Err(Failure::Hopeless(summary)),
    }
}

/// Everything, each item when it is asked for: what takes long comes after what is known at once.
fn findings(said: &Said) -> Box<dyn Iterator<Item = Finding>> {
    let effective = match said.effective() {
        Ok(effective) => effective,
        Err(error) => {
            let of =
                |problem: &crate::config::Problem| Finding::new("configuration", Grade::Hopeless, problem.to_string());
            return Box::new(error.0.iter().map(of).collect::<Vec<_>>().into_iter());
        }
    };
    let configuration = configuration(said, &effective);
    let config = Arc::new(effective.config);
    let later: [fn(&Config) -> Vec<Finding>; 3] = [outputs::findings, source, models_of];
    let later = later.into_iter().flat_map(move |look| look(&config));
    Box::new(configuration.into_iter().chain(later))
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
    if effective.config.run.threads > 1 {
        let detail = "run.threads is above 1: this engine computes a model on one thread, and the rest will be idle";
        findings.push(Finding::new("configuration", Grade::Warn, detail));
    }
    findings
}

fn source(config: &Config) -> Vec<Finding> {
    let finding = match config.source.uri.as_deref() {
        None => Finding::new(
            "source",
            Grade::Warn,
            "none is set: on a terminal that is the demonstration, for a service an error; set source.uri",
        ),
        Some(uri) => match uri.strip_prefix("file:") {
            Some(path) => match Files::open(Path::new(path), config.source.fps.unwrap_or(1.0), Arc::new(SystemClock)) {
                Ok(_) => Finding::ok("source", uri),
                Err(error) => Finding::new("source", Grade::Fail, error.to_string()),
            },
            None if uri == "demo:" => Finding::ok("source", "demo:, which is built in"),
            None => Finding::new("source", Grade::Warn, format!("{uri}: not looked at; `purecam probe` opens cameras")),
        },
    };
    vec![finding]
}

/// Loads both models as the service would: checksum, contract, warm-up, and whether they fit together.
fn models_of(config: &Config) -> Vec<Finding> {
    let purifier = models::purifier_path(config).and_then(|path| {
        // Any seed serves: nothing of this is published.
        let model = Purifier::load(&path, config.purifier.seed.unwrap_or(0));
        model.map(|model| (path, model)).map_err(|error| Failure::Hopeless(error.to_string()))
    });
    let classifier = models::classifier_path(config).and_then(|path| {
        let model = Classifier::load(&path, &config.classifier);
        model.map(|model| (path, model)).map_err(|error| Failure::Hopeless(error.to_string()))
    });
    let refused = |item, failure: &Failure| Finding::new(item, Grade::Hopeless, failure.to_string());
    let mut findings = vec![
        match &purifier {
            Ok((path, model)) => Finding::ok("purifier", described(path, model.size(), model.sha256())),
            Err(failure) => refused("purifier", failure),
        },
        match &classifier {
            Ok((path, model)) => Finding::ok("classifier", described(path, model.size(), model.sha256())),
            Err(failure) => refused("classifier", failure),
        },
    ];
    if let (Ok((_, purifier)), Ok((_, classifier))) = (&purifier, &classifier)
        && let Err(error) = classifier.expect_size_of(purifier)
    {
        findings.push(Finding::new("models", Grade::Hopeless, error.to_string()));
    }
    findings
}

fn described(path: &Path, [height, width]: [usize; 2], sha256: &str) -> String {
    format!("{}: warm, {width} x {height} pixels, sha256 {sha256}", path.display())
}
