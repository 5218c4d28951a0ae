//! One file a command. A command builds its parts, runs them, and says how it ended.

pub mod bench;
pub mod check;
pub mod classify;
pub mod generate;
pub mod models;
mod outputs;
pub mod probe;
pub mod run;

use crate::config::ConfigError;

/// Why a command ended without doing what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something went wrong this time.
    #[error("{0}")]
    Failed(String),
    /// The command line asks for what does not exist or does not fit together.
    #[error("{0}")]
    Usage(String),
    /// It was done, and took longer than it may.
    #[error("{0}")]
    TooSlow(String),
    /// The configuration or a model can never work: a service manager need not try again.
    #[error("{0}")]
    Hopeless(String),
}

impl Failure {
    /// The process's exit code, as `docs/reference/cli.md` lists them.
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
        Self::Failed(error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match error.is_wrong_usage() {
            true => Self::Usage(error.to_string()),
            false => Self::Hopeless(error.to_string()),
        }
    }
}
