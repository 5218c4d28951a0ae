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
/// Characters of a bar that shows full confidence.
const BAR: usize = 20;
/// A terminal with fewer columns gets short names and no decimals, so that labels keep some letters.
const NARROW: usize = 32;
/// Columns of a terminal that does not say how many it has.
const COLUMNS: usize = 80;

const RIGHT: Style = AnsiColor::Green.on_default().bold();
const WRONG: Style = AnsiColor::Red.on_default().bold();
const ATTACKED: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Draws the view.
pub struct LiveView<W> {
    out: W,
    colours: bool,
    /// The terminal's columns now; `None` if it does not say.
    columns: fn() -> Option<usize>,
    /// The columns at the last drawing.
    drawn: usize,
    clock: Arc<dyn Clock>,
    /// When the last verdict came, by the clock.
    last: Option<Duration>,
    /// Smoothed time between verdicts, in seconds.
    interval: f64,
}

impl<W: Write> LiveView<W> {
    /// Draws to `out`, a terminal with so many `columns` at the time. No line is longer: one that wraps could not be drawn
    /// over.
    pub fn new(out: W, colours: bool, columns: fn() -> Option<usize>, clock: Arc<dyn Clock>) -> Self {
        Self { out, colours, columns, drawn: 0, clock, last: None, interval: 0.0 }
    }

    fn draw(&self, event: &Event, columns: usize) -> String {
        let Event { verdict, raw, staged, .. } = event;
        let wnid = staged.map(|staged| staged.wnid);
        let is_narrow = columns < NARROW;
        let name = match (verdict.purified, is_narrow) {
            (true, false) => "purified",
            (true, true) => "pure",
            (false, false) => "as it is",
            (false, true) => "as is",
        };
        let ending = fitting(["Ctrl-C ends; --json prints verdicts", "Ctrl-C ends"].map(str::to_owned), columns);
        let lines = [
            self.camera(event, columns),
            raw.as_ref().map_or_else(|| cut("raw       -", columns), |raw| self.guess("raw", raw, wnid, columns)),
            // A ranking has at least the verdict's own class.
            self.guess(name, &verdict.top[0], wnid, columns),
            self.styled(DIM, &fitting(times(&verdict.ms), columns)),
            self.styled(DIM, &fitting(self.counts(event), columns)),
            self.styled(DIM, &ending),
        ];
        lines.map(|line| format!("\r\x1b[2K{line}\n")).concat()
    }

    /// Which photograph the demonstration shows, and whether it attacks it.
    fn camera(&self, event: &Event, columns: usize) -> String {
        const ATTACK: &str = "UNDER ATTACK";
        let (style, state) = match event.staged.is_some_and(|staged| staged.attacked) {
            true => (ATTACKED, ATTACK),
            false => (DIM, "clean"),
        };
        let photograph = event.staged.map_or("", |staged| staged.photograph);
        if columns < NARROW {
            let state = cut(state, columns);
            let photograph = cut(photograph, columns.saturating_sub(state.len() + 1));
            return format!("{} {photograph}", self.styled(style, &state)).trim_end().to_owned();
        }
        let room = LABEL.min(columns - "camera     ".len() - ATTACK.len());
        format!("camera    {:<room$} {}", cut(photograph, room), self.styled(style, state))
    }

    /// A class and a bar whose length shows its confidence; green if the photograph shows this class, else red.
    fn guess(&self, name: &str, guess: &Guess, wnid: Option<&str>, columns: usize) -> String {
        let right = guess.wnid.as_deref().zip(wnid).map(|(guess, truth)| guess == truth);
        let style = right.map_or(Style::new(), |right| if right { RIGHT } else { WRONG });
        let percent = 100.0 * guess.confidence;
        let (named, number) = match columns < NARROW {
            true => (cut(&format!("{name:<6}"), columns), format!(" {percent:3.0} %")),
            false => (format!("{name:<10}"), format!(" {percent:5.1} %")),
        };
        let room = columns.saturating_sub(named.len() + number.len()).min(LABEL);
        let label = format!("{:<room$}", cut(&guess.label, room));
        let number = cut(&number, columns.saturating_sub(named.len() + room));
        let rest = columns.saturating_sub(named.len() + room + number.len() + 2).min(BAR);
        let bar = "#".repeat((f64::from(guess.confidence.clamp(0.0, 1.0)) * rest as f64).round() as usize);
        format!("{named}{}{number}  {bar}", self.styled(style, &label)).trim_end().to_owned()
    }

    /// How fast it is, longest text first.
    fn counts(&self, event: &Event) -> [String; 3] {
        let rate = if self.interval > 0.0 { 1.0 / self.interval } else { 0.0 };
        let Event { verdicts, replaced, withheld, .. } = event;
        [
            format!(
                "{rate:4.1} verdicts/s   {verdicts} verdicts, {replaced} frames replaced by newer ones, \
                 {withheld} withheld"
            ),
            format!("{rate:4.1} verdicts/s   {verdicts} verdicts"),
            format!("{rate:.1} verdicts/s"),
        ]
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.colours { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// The times of the stages, longest text first.
fn times(ms: &Milliseconds) -> [String; 3] {
    let Milliseconds { decode, resize, purify, classify, total } = ms;
    [
        format!(
            "ms        render {decode:.1}  resize {resize:.1}  purify {purify:.1}  classify {classify:.1}  \
             total {total:.1}"
        ),
        format!("ms        purify {purify:.1}  total {total:.1}"),
        format!("{total:.1} ms"),
    ]
}

/// The first text that fits into the columns; the last one, cut, if none does.
fn fitting<const N: usize>(texts: [String; N], columns: usize) -> String {
    let fits = |text: &&String| text.chars().count() <= columns;
    texts.iter().find(fits).cloned().unwrap_or_else(|| texts.last().map_or(String::new(), |text| cut(text, columns)))
}

/// At most `width` characters of `text`.
fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
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
        let columns = (self.columns)().unwrap_or(COLUMNS);
        let drawing = self.draw(event, columns);
        // In a terminal that has got another width, nobody knows where the last drawing is: the next goes below it.
        let is_same = std::mem::replace(&mut self.drawn, columns) == columns;
        if !first && is_same {
            write!(self.out, "\x1b[{LINES}A")?;
        }
        self.out.write_all(drawing.as_bytes())?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Staged;
    use crate::time::SystemClock;
    use crate::verdict::Verdict;

    /// An attacked church that the raw verdict takes for something with a long name.
    fn event() -> Event {
        let guess = |label: &str, confidence: f32, wnid: &str| Guess {
            label: label.into(),
            index: 0,
            confidence,
            wnid: Some(wnid.into()),
        };
        let ms = Milliseconds { decode: 1.25, resize: 0.5, purify: 123.4, classify: 20.25, total: 145.4 };
        let top = vec![guess("church", 0.984, "n03028079")];
        let verdict = Verdict { top, purified: true, ms, ..Verdict::default() };
        let raw = Some(guess("English springer spaniel, a dog", 1.0, "n02102040"));
        let staged = Some(Staged { photograph: "church-facade.jpg", wnid: "n03028079", attacked: true });
        Event { verdict, raw, staged, verdicts: 123_456, replaced: 78_901, withheld: 12 }
    }

    /// The lines of the view as a terminal shows them.
    fn lines(event: &Event, colours: bool, columns: usize) -> Vec<String> {
        let view = LiveView::new(Vec::new(), colours, || None, Arc::new(SystemClock));
        let drawing = view.draw(event, columns);
        assert_eq!(drawing.matches('\n').count(), LINES);
        let lines = drawing.lines().map(|line| line.strip_prefix("\r\x1b[2K").unwrap());
        let shown = |line: &str| {
            let mut parts = line.split('\x1b');
            let plain = parts.next().unwrap().to_owned();
            // A style ends with an m.
            // Blanks that a style ends are not seen.
            parts.fold(plain, |shown, part| shown + part.split_once('m').unwrap().1).trim_end().to_owned()
        };
        lines.map(shown).collect()
    }

    #[test]
    fn no_line_is_longer_than_the_terminal_is_wide() {
        let events = [event(), Event { raw: None, staged: None, ..event() }];
        for event in &events {
            for columns in (1..=120).chain([1000]) {
                let plain = lines(event, false, columns);
                assert_eq!(plain, lines(event, true, columns), "colours change what is read");
                for line in plain {
                    assert!(line.chars().count() <= columns, "{columns}: '{line}'");
                }
            }
        }
    }

    #[test]
    fn eighty_columns_show_everything_and_forty_and_twenty_what_matters() {
        assert_eq!(
            lines(&event(), false, 80),
            [
                "camera    church-facade.jpg        UNDER ATTACK",
                "raw       English springer spaniel 100.0 %  ####################",
                "purified  church                    98.4 %  ####################",
                "ms        render 1.2  resize 0.5  purify 123.4  classify 20.2  total 145.4",
                " 0.0 verdicts/s   123456 verdicts",
                "Ctrl-C ends; --json prints verdicts",
            ]
        );
        assert_eq!(
            lines(&event(), false, 40),
            [
                "camera    church-facade.jpg UNDER ATTACK",
                "raw       English springer spani 100.0 %",
                "purified  church                  98.4 %",
                "ms        purify 123.4  total 145.4",
                " 0.0 verdicts/s   123456 verdicts",
                "Ctrl-C ends; --json prints verdicts",
            ]
        );
        assert_eq!(
            lines(&event(), false, 20),
            [
                "UNDER ATTACK church-",
                "raw   English  100 %",
                "pure  church    98 %",
                "145.4 ms",
                "0.0 verdicts/s",
                "Ctrl-C ends",
            ]
        );
    }

    #[test]
    fn a_drawing_goes_over_the_last_one_unless_the_terminal_has_another_width() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static WIDTH: AtomicUsize = AtomicUsize::new(40);
        let columns = || Some(WIDTH.load(Ordering::Relaxed));
        let mut view = LiveView::new(Vec::new(), false, columns, Arc::new(SystemClock));
        let published = Published { event: Some(event()), ..Published::default() };
        let mut goes_up = || {
            view.out.clear();
            view.publish(&published).unwrap();
            view.out.starts_with(b"\x1b[6A")
        };
        assert_eq!([goes_up(), goes_up()], [false, true]);
        WIDTH.store(20, Ordering::Relaxed);
        assert_eq!([goes_up(), goes_up()], [false, true]);
    }
}
