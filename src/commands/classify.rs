//! `purecam classify`: a verdict for each image file, as a table for people or as JSON lines for programs.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::{Failure, because, models};
use crate::cli;
use crate::config::Config;
use crate::frame::{self, Frame};
use crate::service::{Judge, Judgement, Options, Pipeline};
use crate::sink::JsonLines;
use crate::source::images_in;
use crate::time::{Clock, SystemClock};
use crate::verdict::{Header, Milliseconds, Verdict};

/// Characters of the table's label column; longer labels are cut.
const LABEL: usize = 28;

/// The JSON line about one file.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    #[serde(flatten)]
    verdict: Option<&'a Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// Classifies the files. Fails after the last one if any could not be classified.
pub fn classify(args: &cli::Classify, json: bool) -> Result<(), Failure> {
    let files = expand(&args.images);
    let config = args.models.config()?;
    let saved = args.save.as_deref().map(Saved::new).transpose()?;
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
        // The reader has closed the pipe.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::failed(because("verdicts cannot be written", error))),
        Ok(0) => Ok(()),
        Ok(failed) => Err(Failure::failed(format!("{failed} of {} could not be classified", files.len()))),
    }
}

/// The files that are meant: an image as it is, a folder as the images in it. What is wrong with a folder stays with
/// it.
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

struct Work {
    pipeline: Pipeline,
    clock: Arc<dyn Clock>,
    saved: Option<Saved>,
}

impl Work {
    /// The verdict about one file. Every file gets the noise of frame 0: a picture's verdict does not depend on those
    /// before it.
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
            saved.save(file, self.pipeline.last_picture(), self.pipeline.size())?;
        }
        Ok(judgement.verdict)
    }
}

fn print_lines(files: &[(PathBuf, Option<String>)], work: &mut Work, config: &Config) -> io::Result<usize> {
    let header = Header::new(work.pipeline.models().clone(), config.sha256());
    let mut lines = JsonLines::new(io::stdout().lock());
    lines.write(&header)?;
    let mut failed = 0;
    for (file, problem) in files {
        let outcome = work.verdict(file, problem);
        failed += usize::from(outcome.is_err());
        let file = &*file.to_string_lossy();
        lines.write(&match &outcome {
            Ok(verdict) => Line { file, verdict: Some(verdict), error: None },
            Err(error) => Line { file, verdict: None, error: Some(error) },
        })?;
    }
    Ok(failed)
}

fn print_table(files: &[(PathBuf, Option<String>)], work: &mut Work) -> io::Result<usize> {
    let mut out = io::stdout().lock();
    let width = files.iter().map(|(file, _)| file.display().to_string().chars().count()).max().unwrap_or(0).max(4);
    writeln!(out, "{:<width$}  {:<LABEL$}  {:>7}  {:>8}  also", "file", "label", "sure", "ms")?;
    let mut times = Vec::new();
    for (file, problem) in files {
        match work.verdict(file, problem) {
            Ok(verdict) => {
                writeln!(out, "{:<width$}  {}", file.display().to_string(), row(&verdict))?;
                times.push(verdict.ms);
            }
            Err(error) => {
                out.flush()?;
                eprintln!("purecam: {error}");
            }
        }
    }
    if !times.is_empty() {
        writeln!(out, "{}", medians(&times))?;
    }
    out.flush()?;
    Ok(files.len() - times.len())
}

fn row(verdict: &Verdict) -> String {
    let cut = |label: &str| label.chars().take(LABEL).collect::<String>();
    let also = verdict.top[1..].iter().map(|guess| format!("{} {:.1} %", cut(&guess.label), guess.confidence * 100.0));
    let also = also.collect::<Vec<_>>().join(", ");
    let raw = if verdict.purified { "" } else { "  (not purified)" };
    let (label, sure, ms) = (cut(&verdict.label), verdict.confidence * 100.0, verdict.ms.total);
    format!("{label:<LABEL$}  {sure:>5.1} %  {ms:>8.1}  {also}{raw}")
}

/// The middle time of each stage over all pictures.
fn medians(times: &[Milliseconds]) -> String {
    let median = |stage: fn(&Milliseconds) -> f64| {
        let mut stage: Vec<f64> = times.iter().map(stage).collect();
        stage.sort_by(f64::total_cmp);
        stage[stage.len() / 2]
    };
    format!(
        "median ms of {}: decode {:.1}, resize {:.1}, purify {:.1}, classify {:.1}, total {:.1}",
        times.len(),
        median(|ms| ms.decode),
        median(|ms| ms.resize),
        median(|ms| ms.purify),
        median(|ms| ms.classify),
        median(|ms| ms.total)
    )
}

/// The folder of `--save`.
struct Saved {
    folder: PathBuf,
    /// The names that were given out, so that `a/1.jpg` and `b/1.jpg` do not become one file.
    names: std::collections::HashSet<String>,
}

impl Saved {
    /// Makes the folder and tries to write into it: better now than after an hour of purifying.
    fn new(folder: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder)).map_err(|error| {
            Failure::failed(because(format!("--save {}: cannot be written to", folder.display()), error))
        })?;
        Ok(Self { folder: folder.to_owned(), names: Default::default() })
    }

    /// Writes a picture, [3, height, width] in 0..1, as PNG under the name of its file. It appears whole or not at all.
    fn save(&mut self, file: &Path, planes: &[f32], [height, width]: [usize; 2]) -> Result<(), String> {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let mut names =
            std::iter::once(format!("{stem}.png")).chain((2..).map(|number| format!("{stem}-{number}.png")));
        // The names never run out, and only finitely many are taken.
        let name = names.find(|name| !self.names.contains(name)).unwrap_or_default();
        let target = self.folder.join(&name);
        let pixels = height * width;
        let byte = |index: usize| (planes[index % 3 * pixels + index / 3] * 255.0).round() as u8;
        let rgb: Vec<u8> = (0..3 * pixels).map(byte).collect();
        frame::write_png(&target, &rgb, [height, width])
            .map_err(|error| format!("--save {}: cannot be written: {error}", target.display()))?;
        self.names.insert(name);
        Ok(())
    }
}
