//! The live view of the demonstration on a terminal: raw against purified, redrawn in place.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::{Event, Published, Sink};
use crate::time::Clock;
use crate::verdict::{Guess, Milliseconds};

/// Lines of the view.
const LINES: usize = 6;
/// Characters of a label; longer ones are cut.
const LABEL: usize = 24;

const RIGHT: Style = AnsiColor::Green.on_default().bold();
const WRONG: Style = AnsiColor::Red.on_default().bold();
const ATTACKED: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Draws the view.
pub struct LiveView<W> {
    out: W,
    colours: bool,
    clock: Arc<dyn Clock>,
    /// When the last verdict came, by the clock.
    last: Option<Duration>,
    /// Smoothed time between verdicts, in seconds.
    interval: f64,
}

impl<W: Write> LiveView<W> {
    /// Draws to `out`, a terminal.
    pub fn new(out: W, colours: bool, clock: Arc<dyn Clock>) -> Self {
        Self { out, colours, clock, last: None, interval: 0.0 }
    }

    fn draw(&self, event: &Event) -> String {
        let Event { verdict, raw, staged, .. } = event;
        let photograph = staged.map_or("", |staged| staged.photograph);
        let state = match staged.is_some_and(|staged| staged.attacked) {
            true => self.styled(ATTACKED, "UNDER ATTACK"),
            false => self.styled(DIM, "clean"),
        };
        let wnid = staged.map(|staged| staged.wnid);
        let lines = [
            format!("camera    {photograph:<LABEL$} {state}"),
            raw.as_ref().map_or("raw       -".to_owned(), |raw| self.guess("raw", raw, wnid)),
            // A ranking has at least the verdict's own class.
            self.guess(if verdict.purified { "purified" } else { "as it is" }, &verdict.top[0], wnid),
            self.styled(DIM, &times(&verdict.ms)),
            self.styled(DIM, &self.counts(event)),
            self.styled(DIM, "Ctrl-C ends; --json prints verdicts"),
        ];
        lines.map(|line| format!("\r\x1b[2K{line}\n")).concat()
    }

    /// A class and a bar whose length shows its confidence; green if the photograph shows this class, else red.
    fn guess(&self, name: &str, guess: &Guess, wnid: Option<&str>) -> String {
        let right = guess.wnid.as_deref().zip(wnid).map(|(guess, truth)| guess == truth);
        let style = right.map_or(Style::new(), |right| if right { RIGHT } else { WRONG });
        let mut label: String = guess.label.chars().take(LABEL).collect();
        label = format!("{label:<LABEL$}");
        let bar = "#".repeat((guess.confidence.clamp(0.0, 1.0) * 20.0).round() as usize);
        format!("{name:<9} {} {:5.1} %  {bar}", self.styled(style, &label), guess.confidence * 100.0)
    }

    fn counts(&self, event: &Event) -> String {
        let rate = if self.interval > 0.0 { 1.0 / self.interval } else { 0.0 };
        let Event { verdicts, replaced, withheld, .. } = event;
        format!(
            "{rate:4.1} verdicts/s   {verdicts} verdicts, {replaced} frames replaced by newer ones, {withheld} withheld"
        )
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.colours { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

fn times(ms: &Milliseconds) -> String {
    let Milliseconds { decode, resize, purify, classify, total } = ms;
    format!(
        "ms        render {decode:.1}  resize {resize:.1}  purify {purify:.1}  classify {classify:.1}  total {total:.1}"
    )
}

impl<W: Write + Send> Sink for LiveView<W> {
    fn publish(&mut self, published: &Published) -> io::Result<()> {
        let Some(event) = &published.event else { return Ok(()) };
        let now = self.clock.now();
        if let Some(last) = self.last {
            let interval = now.saturating_sub(last).as_secs_f64();
            self.interval = if self.interval == 0.0 { interval } else { 0.9 * self.interval + 0.1 * interval };
        }
        let first = self.last.replace(now).is_none();
        let drawing = self.draw(event);
        if !first {
            write!(self.out, "\x1b[{LINES}A")?;
        }
        self.out.write_all(drawing.as_bytes())?;
        self.out.flush()
    }
}
