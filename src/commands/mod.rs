//! One file per command. A command builds its parts, runs them, and reports how it ended.

pub mod bench;
pub mod check;
pub mod classify;
pub mod generate;
pub mod models;
mod outputs;
pub mod probe;
pub mod run;

use std::error::Error;

use crate::cli::Command;
use crate::config::ConfigError;
use crate::passing::{NoThread, Passing};

/// Runs a command; with `json` it prints JSON for programs. `definition` is the whole command line's, from which manual
/// pages and completions are made.
///
/// # Errors
/// Whatever keeps the command from being done.
pub fn run(command: &Command, definition: fn() -> clap::Command, json: bool) -> Result<(), Failure> {
    match command {
        Command::Run(args) => run::run(args, json),
        Command::Classify(args) => classify::classify(args, json),
        Command::Bench(args) => bench::bench(args, json),
        Command::Check(args) => check::check(args, json),
        Command::Probe(args) => probe::probe(args, json),
        Command::Generate(_) if json => {
            Err(Failure::usage("'generate' writes files and prints no JSON: leave --json out"))
        }
        Command::Generate(args) => generate::generate(args, definition),
    }
}

/// Why a command failed: an error, or the text of one.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why a command did not do what the user asked for. The kinds differ by their exit code; the message is the cause's.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something went wrong this time.
    #[error("{0}")]
    Failed(#[source] Cause),
    /// The command line names what does not exist, or its parts do not fit together.
    #[error("{0}")]
    Usage(#[source] Cause),
    /// It was done, but took longer than allowed.
    #[error("{0}")]
    TooSlow(#[source] Cause),
    /// The configuration or a model can never work: a service manager need not try again.
    #[error("{0}")]
    Hopeless(#[source] Cause),
}

impl Failure {
    /// Something went wrong this time: exit code 1. If a cause says that something is short, the message ends with what
    /// to do about it.
    pub fn failed(cause: impl Into<Cause>) -> Self {
        let cause = cause.into();
        // A camera's error is no disk's.
        match Passing::of(&*cause).filter(|passing| *passing != Passing::Storage) {
            Some(passing) => Self::Failed(MayPass { cause, passing }.into()),
            None => Self::Failed(cause),
        }
    }

    /// Wrong usage: exit code 2.
    pub fn usage(cause: impl Into<Cause>) -> Self {
        Self::Usage(cause.into())
    }

    /// Slower than allowed: exit code 3.
    pub fn too_slow(cause: impl Into<Cause>) -> Self {
        Self::TooSlow(cause.into())
    }

    /// It can never work: exit code 78; unless one of its causes [may pass](Passing), then it is [`Failed`](Self::Failed).
    pub fn hopeless(cause: impl Into<Cause>) -> Self {
        let cause = cause.into();
        match Passing::of(&*cause) {
            Some(passing) => Self::Failed(MayPass { cause, passing }.into()),
            None => Self::Hopeless(cause),
        }
    }

    /// A file that the configuration names cannot be used: as [`hopeless`](Self::hopeless), unless it is not there. Its disk may
    /// be mounted later, so that is exit code 1: only content can never work.
    pub fn of_file(cause: impl Into<Cause>) -> Self {
        let cause = cause.into();
        match Passing::is_missing(&*cause) {
            true => Self::Failed(cause),
            false => Self::hopeless(cause),
        }
    }

    /// The process's exit code, as in `docs/reference/cli.md`.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::TooSlow(_) => 3,
            Self::Hopeless(_) => 78,
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match error.is_wrong_usage() {
            true => Self::usage(error),
            false => Self::hopeless(error),
        }
    }
}

/// A failure that may pass, with what to do: "{cause}; {advice}".
#[derive(Debug, thiserror::Error)]
#[error("{cause}; {}", .passing.advice())]
struct MayPass {
    #[source]
    cause: Cause,
    passing: Passing,
}

/// Calls `handler` at Ctrl-C, on a thread of its own.
///
/// # Errors
/// The system has no thread or no descriptor left.
fn on_interrupt(handler: impl FnMut() + Send + 'static) -> Result<(), Failure> {
    ctrlc::set_handler(handler).map_err(|error| match error {
        ctrlc::Error::System(cause) => Failure::failed(because(NO_SIGNALS, NoThread::error("ctrl-c", cause))),
        error => Failure::failed(because(NO_SIGNALS, error)),
    })
}

/// What cannot be done without a signal's handler.
const NO_SIGNALS: &str = "signals cannot be handled";

/// An error with what could not be done because of it: "{what}: {cause}".
#[derive(Debug, thiserror::Error)]
#[error("{what}: {cause}")]
pub struct Because {
    what: String,
    #[source]
    cause: Cause,
}

/// Says before an error what could not be done because of it.
pub fn because(what: impl Into<String>, cause: impl Into<Cause>) -> Because {
    Because { what: what.into(), cause: cause.into() }
}
