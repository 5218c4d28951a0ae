//! What `purecam check` prints: a line per finding, and how it all ends.

use std::io;

use serde::Serialize;

use crate::commands::Failure;
use crate::console;
use crate::sink::Outlook;

/// How an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Grade {
    /// It works.
    Ok,
    /// `run` would start, but perhaps not as its user means it.
    Warn,
    /// `run` would fail now; later it may work without a change.
    Fail,
    /// `run` can never work like this.
    #[serde(rename = "fail")]
    Hopeless,
}

/// What was found about one item.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub item: &'static str,
    pub grade: Grade,
    /// What was found and, unless all is well, why and what to do.
    pub detail: String,
}

impl Finding {
    pub fn new(item: &'static str, grade: Grade, detail: impl Into<String>) -> Self {
        Self { item, grade, detail: detail.into() }
    }

    pub fn ok(item: &'static str, detail: impl Into<String>) -> Self {
        Self::new(item, Grade::Ok, detail)
    }

    pub fn warn(item: &'static str, detail: impl Into<String>) -> Self {
        Self::new(item, Grade::Warn, detail)
    }

    /// With this, `run` would end: as hopeless if it would end with exit code 78 or 2.
    pub fn failure(item: &'static str, failure: &Failure) -> Self {
        let grade = match failure {
            Failure::Failed(_) | Failure::TooSlow(_) => Grade::Fail,
            Failure::Usage(_) | Failure::Hopeless(_) => Grade::Hopeless,
        };
        Self::new(item, grade, failure.to_string())
    }

    pub fn outlook(item: &'static str, outlook: Outlook) -> Self {
        match outlook {
            Outlook::Ready(detail) => Self::ok(item, detail),
            Outlook::Caution(detail) => Self::warn(item, detail),
            Outlook::Waits(detail) => Self::warn(item, format!("would wait for it: {detail}")),
            Outlook::Without(detail) => Self::warn(item, format!("would run without it: {detail}")),
        }
    }

    /// The same of a default that a configuration may replace: it keeps nothing from starting.
    pub fn without_configuration(self) -> Self {
        let detail = format!("unless the configuration names another: {}", self.detail);
        Self { grade: self.grade.min(Grade::Warn), detail, ..self }
    }

    fn print(&self, json: bool) -> io::Result<()> {
        if json {
            return console::print_line(serde_json::json!(self));
        }
        let grade = match self.grade {
            Grade::Ok => "ok",
            Grade::Warn => "warn",
            Grade::Fail | Grade::Hopeless => "fail",
        };
        // A message of several lines stays in its column.
        let detail = self.detail.trim_end().replace('\n', "\n                     ");
        console::print_line(format_args!("{grade:<5} {:<14} {detail}", self.item))
    }
}

/// Prints findings as they come, because models take their time, and remembers the worst.
pub(super) struct Report {
    json: bool,
    worst: Grade,
    all: usize,
    failed: usize,
}

impl Report {
    /// With `json`, findings are printed as JSON lines.
    pub fn new(json: bool) -> Self {
        Self { json, worst: Grade::Ok, all: 0, failed: 0 }
    }

    /// Prints findings.
    pub fn add(&mut self, findings: impl IntoIterator<Item = Finding>) -> io::Result<()> {
        for finding in findings {
            finding.print(self.json)?;
            self.worst = self.worst.max(finding.grade);
            self.all += 1;
            self.failed += usize::from(finding.grade >= Grade::Fail);
        }
        Ok(())
    }

    /// Fails if any finding does, as `docs/reference/cli.md` says.
    pub fn outcome(self) -> Result<(), Failure> {
        let problems = if self.failed == 1 { "problem" } else { "problems" };
        let summary = format!("{} {problems} would prevent a start ({} items checked)", self.failed, self.all);
        match self.worst {
            Grade::Ok | Grade::Warn => Ok(()),
            Grade::Fail => Err(Failure::failed(summary)),
            Grade::Hopeless => Err(Failure::hopeless(summary)),
        }
    }
}
