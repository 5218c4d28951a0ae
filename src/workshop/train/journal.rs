//! The report of a run's progress: a bar on a terminal, plain lines elsewhere, metrics as JSON lines, curves as PNG.

use std::fs::{File, OpenOptions};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use serde_json::{Value, json};

use super::error::{Error, RunProblem};
use super::pace::{Ahead, Pace};
use crate::console;

/// Steps whose values are averaged into one metrics line.
const REPORT_EVERY: u64 = 20;
/// Time between two lines if there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// A step that is done.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Steps that are done with it.
    pub number: u64,
    /// Its samples.
    pub batch: usize,
    /// How long it took.
    pub took: Duration,
    /// The name of its stage.
    pub stage: &'static str,
}

/// The metrics of one run and their display.
pub struct Journal {
    path: PathBuf,
    file: Option<File>,
    echo: bool,
    bar: ProgressBar,
    lines: Vec<Value>,
    pending: Vec<Vec<(&'static str, f32)>>,
    pace: Pace,
    steps: u64,
    last_line: Option<Instant>,
}

impl Journal {
    /// A journal in `folder`; with `echo` every metrics line also goes to standard output.
    pub fn new(folder: &Path, echo: bool) -> Self {
        Self {
            path: folder.join("metrics.jsonl"),
            file: None,
            echo,
            bar: ProgressBar::hidden(),
            lines: Vec::new(),
            pending: Vec::new(),
            pace: Pace::default(),
            steps: 0,
            last_line: None,
        }
    }

    /// Starts at `step` of `steps`: removes the lines of later steps, left by an interrupted run, from the file.
    ///
    /// # Errors
    /// A metrics file that cannot be written.
    pub fn begin(&mut self, step: u64, steps: u64) -> Result<(), Error> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let parsed = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        self.lines = parsed.filter(|line| line["step"].as_u64().is_some_and(|at| at <= step)).collect();
        let kept: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        crate::atomic::write(&self.path, kept.as_bytes()).map_err(|e| Error::run(&self.path, e))?;
        let file = OpenOptions::new().append(true).open(&self.path).map_err(|e| Error::run(&self.path, e))?;
        self.file = Some(file);
        self.steps = steps;
        if std::io::stderr().is_terminal() {
            // The template is this constant, and it is valid.
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}");
            self.bar = ProgressBar::new(steps).with_style(style.expect("a valid template"));
            self.bar.set_position(step);
        }
        if step > 0 {
            self.say(&format!("resumes after step {step} of {steps}"));
        }
        Ok(())
    }

    /// Notes how long the preparation of a step took.
    pub fn prepared(&mut self, took: Duration) {
        self.pace.preparation(took);
    }

    /// Notes how long a validation took.
    pub fn validated(&mut self, took: Duration) {
        self.pace.validation(took);
    }

    /// Counts one step; `ahead` says what is left of its stage.
    ///
    /// # Errors
    /// A metrics file that cannot be written.
    pub fn step(
        &mut self,
        step: &Step,
        values: &[(&'static str, f32)],
        ahead: impl FnOnce() -> Ahead,
    ) -> Result<(), Error> {
        let Step { number: step, batch, took, stage } = *step;
        self.pace.step(took);
        self.pending.push(values.to_vec());
        self.bar.set_position(step);
        let due = self.last_line.is_none_or(|last| last.elapsed() >= LINE_EVERY);
        if !step.is_multiple_of(REPORT_EVERY) && step != self.steps && !due {
            return Ok(());
        }
        let rate = self.pace.steps_per_second() * batch as f64;
        let left = format!("{} left of {stage}", span(self.pace.left(ahead())));
        let loss = values.iter().find(|(name, _)| *name == "loss").map_or(f32::NAN, |(_, value)| *value);
        self.bar.set_message(format!("loss {loss:.4}  {rate:.0} samples/s  {left}"));
        if self.bar.is_hidden() && due {
            self.last_line = Some(Instant::now());
            self.say(&format!("step {step}/{}  loss {loss:.4}  {rate:.1} samples/s  {left}", self.steps));
        }
        if step.is_multiple_of(REPORT_EVERY) || step == self.steps {
            let mut line = json!({"step": step, "kind": "train", "samples_per_second": rate});
            for (name, _) in values {
                let of_name = self.pending.iter().flatten().filter(|(other, _)| other == name).map(|(_, value)| *value);
                let (sum, count) = of_name.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
                line[*name] = json!(sum / count as f32);
            }
            self.pending.clear();
            self.write(line)?;
        }
        Ok(())
    }

    /// Writes a validation and redraws the curves.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn validation(
        &mut self,
        step: u64,
        score: f64,
        values: &[(&'static str, f32)],
        folder: &Path,
    ) -> Result<(), Error> {
        let mut line = json!({"step": step, "kind": "validation", "score": score});
        values.iter().for_each(|(name, value)| line[*name] = json!(value));
        let shown: Vec<_> = values.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
        self.say(&format!("validation after step {step}: {}", shown.join("  ")));
        self.write(line)?;
        let file = folder.join("curves.png");
        curves(&self.lines, &file).map_err(|error| Error::run(file, RunProblem::Curves(error)))
    }

    /// Removes the bar.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// A line for the person at the terminal.
    pub fn say(&self, text: &str) {
        self.bar.suspend(|| console::note(text));
    }

    fn write(&mut self, line: Value) -> Result<(), Error> {
        if self.echo {
            console::print_line(&line).map_err(|error| Error::run("standard output", error))?;
        }
        if let Some(file) = &mut self.file {
            file.write_all(format!("{line}\n").as_bytes()).map_err(|error| Error::run(&self.path, error))?;
        }
        self.lines.push(line);
        Ok(())
    }
}

/// A time as people say it, not finer than it is known.
pub fn span(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60);
    match minutes {
        0 | 1 => format!("{} s", time.as_secs()),
        2..120 => format!("{minutes} min"),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

/// Draws all metrics over the steps: losses above, validations below them, decibels in a panel of their own.
fn curves(lines: &[Value], file: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    use_own_font();
    let training = series(lines, "train", &["step", "kind", "samples_per_second", "learning_rate"]);
    let (decibels, shares): (Series, Series) = series(lines, "validation", &["step", "kind", "score"])
        .into_iter()
        .partition(|(name, _)| name.ends_with("_dB"));
    let panels = [("training", training), ("validation", shares), ("validation, dB", decibels)];
    let panels: Vec<_> = panels.iter().filter(|(_, series)| !series.is_empty()).collect();
    let area = BitMapBackend::new(file, (1000, 320 * panels.len().max(1) as u32)).into_drawing_area();
    area.fill(&WHITE)?;
    for (area, (title, series)) in area.split_evenly((panels.len().max(1), 1)).iter().zip(panels) {
        panel(area, title, series)?;
    }
    area.present()?;
    Ok(())
}

/// Registers the one font that the pictures use.
pub fn use_own_font() {
    // A second registration replaces the first by the same font; neither can fail for these bytes.
    let _ = register_font("sans-serif", FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
}

type Series = Vec<(String, Vec<(f64, f64)>)>;

fn series(lines: &[Value], kind: &str, without: &[&str]) -> Series {
    let mut all: Series = Vec::new();
    for line in lines.iter().filter(|line| line["kind"] == kind) {
        let step = line["step"].as_f64().unwrap_or_default();
        for (name, value) in line.as_object().into_iter().flatten() {
            let Some(value) = value.as_f64().filter(|_| !without.contains(&name.as_str())) else { continue };
            match all.iter_mut().find(|(other, _)| other == name) {
                Some((_, points)) => points.push((step, value)),
                None => all.push((name.clone(), vec![(step, value)])),
            }
        }
    }
    all
}

fn panel<B: DrawingBackend>(
    area: &DrawingArea<B, plotters::coord::Shift>,
    title: &str,
    series: &Series,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
where
    B::ErrorType: Send + Sync + 'static,
{
    let points = || series.iter().flat_map(|(_, points)| points);
    let last = points().map(|p| p.0).fold(1.0, f64::max);
    let top = points().map(|p| p.1).fold(f64::MIN_POSITIVE, f64::max) * 1.05;
    let bottom = points().map(|p| p.1).fold(0.0, f64::min);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 20))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..last, bottom..top)?;
    chart.configure_mesh().x_desc("step").light_line_style(WHITE).draw()?;
    for (i, (name, points)) in series.iter().enumerate() {
        let colour = Palette99::pick(i).to_rgba();
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(
            points.iter().filter(|_| points.len() < 40).map(|point| Circle::new(*point, 3, colour.filled())),
        )?;
    }
    if !series.is_empty() {
        chart
            .configure_series_labels()
            .label_font(("sans-serif", 15))
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()?;
    }
    Ok(())
}
