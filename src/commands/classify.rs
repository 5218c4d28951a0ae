//! `purecam classify`: a verdict for each image file, as a table for people or as JSON lines for programs.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::{Failure, models};
use crate::cli;
use crate::config::Config;
use crate::console;
use crate::frame::{self, Frame, PictureFolder};
use crate::measure::medians;
use crate::service::{Judge, Judgement, Options, Pipeline};
use crate::sink::JsonLines;
use crate::source::images_in;
use crate::text;
use crate::time::{Clock, SystemClock};
use crate::verdict::{Header, Milliseconds, Verdict};

/// Characters of the table's label column; longer labels are cut.
const LABEL: usize = 28;

/// The JSON line of one file: its verdict, or the error.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    #[serde(flatten)]
    verdict: Option<&'a Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// Classifies the files. After all of them, it fails if any could not be classified.
pub fn classify(args: &cli::Classify, json: bool) -> Result<(), Failure> {
    let files = expand(&args.images);
    let config = args.models.config()?;
    let saved = args.save.as_deref().map(PictureFolder::create).transpose();
    let saved = saved.map_err(|error| Failure::failed(format!("--save {error}")))?;
    models::share_threads(&config)?;
    let loaded = models::load(&config)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let options = Options { top: args.top, ..Options::default() };
    let pipeline = Pipeline::new(loaded.purifier, loaded.classifier, options, clock.clone());
    let mut work = Work { pipeline, clock, saved };
    let outcome = match json {
        true => print_lines(&files, &mut work, &config),
        false => print_table(&files, &mut work),
    };
    match outcome {
        // The reader of standard output has closed it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::failed(format!("verdicts cannot be written: {error}"))),
        Ok(0) => Ok(()),
        Ok(failed) => Err(Failure::failed(format!("{failed} of {} could not be classified", files.len()))),
    }
}

/// All files to classify: an image as it is, a folder as its images. A folder that cannot be read keeps its error.
fn expand(images: &[PathBuf]) -> Vec<(PathBuf, Option<String>)> {
    let mut files = Vec::new();
    for path in images {
        match path.is_dir().then(|| images_in(path)) {
            None => files.push((path.clone(), None)),
            Some(Ok(images)) => files.extend(images.into_iter().map(|image| (image, None))),
            Some(Err(error)) => files.push((path.clone(), Some(error.to_string()))),
        }
    }
    files
}

/// What a file needs to become a verdict.
struct Work {
    pipeline: Pipeline,
    clock: Arc<dyn Clock>,
    saved: Option<PictureFolder>,
}

impl Work {
    /// The verdict about one file. Every file gets the noise of frame 0, so that a picture's verdict does not depend on
    /// earlier pictures.
    fn verdict(&mut self, file: &Path, problem: &Option<String>) -> Result<Verdict, String> {
        if let Some(problem) = problem {
            return Err(problem.clone());
        }
        let named = |problem: &dyn std::fmt::Display| format!("{} {problem}", file.display());
        let (captured, captured_at) = (self.clock.now(), self.clock.wall());
        let picture = frame::read(file).map_err(|error| named(&error))?;
        let decoding = self.clock.now().saturating_sub(captured);
        let frame = Frame { picture, captured, captured_at, decoding, ..Frame::default() };
        let mut judgement = Judgement::default();
        self.pipeline
            .judge(&frame, &mut judgement)
            .map_err(|withheld| named(&format!("has no verdict: {withheld}")))?;
        if let Some(saved) = &mut self.saved {
            let (planes, size) = (self.pipeline.last_picture(), self.pipeline.size());
            saved.save(file, planes, size).map_err(|error| format!("--save {error}"))?;
        }
        Ok(judgement.verdict)
    }
}

/// Prints a JSON line for each file. Returns how many could not be classified.
fn print_lines(files: &[(PathBuf, Option<String>)], work: &mut Work, config: &Config) -> io::Result<usize> {
    let header = Header::new(work.pipeline.models().clone(), config.sha256());
    let mut lines = JsonLines::new(io::stdout().lock());
    lines.write(&header)?;
    let mut failed = 0;
    for (file, problem) in files {
        let outcome = work.verdict(file, problem);
        failed += usize::from(outcome.is_err());
        let file = &*text::name(file);
        lines.write(&match &outcome {
            Ok(verdict) => Line { file, verdict: Some(verdict), error: None },
            Err(error) => Line { file, verdict: None, error: Some(error) },
        })?;
    }
    Ok(failed)
}

/// Prints a row for each file, and errors to standard error. Returns how many could not be classified.
fn print_table(files: &[(PathBuf, Option<String>)], work: &mut Work) -> io::Result<usize> {
    let mut out = io::stdout().lock();
    let width = files.iter().map(|(file, _)| text::name(file).chars().count()).max().unwrap_or(0).max(4);
    writeln!(out, "{:<width$}  {:<LABEL$}  {:>7}  {:>8}  also", "file", "label", "sure", "ms")?;
    let mut times = Vec::new();
    for (file, problem) in files {
        match work.verdict(file, problem) {
            Ok(verdict) => {
                writeln!(out, "{:<width$}  {}", text::name(file), row(&verdict))?;
                times.push(verdict.ms);
            }
            Err(error) => {
                out.flush()?;
                console::note(format_args!("purecam: {error}"));
            }
        }
    }
    if let Some(Milliseconds { decode, resize, purify, classify, total }) = medians(&times) {
        let count = times.len();
        writeln!(
            out,
            "median ms of {count}: decode {decode:.1}, resize {resize:.1}, purify {purify:.1}, classify {classify:.1}, \
             total {total:.1}"
        )?;
    }
    out.flush()?;
    Ok(files.len() - times.len())
}

/// A table's row after the file name.
fn row(verdict: &Verdict) -> String {
    let cut = |label: &str| label.chars().take(LABEL).collect::<String>();
    // Beside several labels or none, all of the most probable ones say how probable they are.
    let also = verdict.top[usize::from(verdict.present.is_none())..]
        .iter()
        .map(|guess| format!("{} {:.1} %", cut(&guess.label), guess.confidence * 100.0));
    let also = also.collect::<Vec<_>>().join(", ");
    let raw = if verdict.purified { "" } else { "  (not purified)" };
    let label = match &verdict.present {
        Some(present) if present.is_empty() => "(none)".to_owned(),
        Some(present) => cut(&present.iter().map(|guess| &*guess.label).collect::<Vec<_>>().join(", ")),
        None => cut(&verdict.label),
    };
    let (sure, ms) = (verdict.confidence * 100.0, verdict.ms.total);
    format!("{label:<LABEL$}  {sure:>5.1} %  {ms:>8.1}  {also}{raw}")
}
