use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use purecam::cli::Cli;
use purecam::logging;
#[cfg(feature = "training")]
use purecam::workshop::{cli::Command, commands::run};
#[cfg(not(feature = "training"))]
use purecam::{cli::Command, commands::run};

fn main() -> ExitCode {
    logging::install();
    let Cli { command, json } = Cli::<Command>::parse();
    match run(&command, Cli::<Command>::command, json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            logging::say_failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}
