//! The program: reads the command line, runs the command, and turns its failure into a message and an exit code.

use std::process::ExitCode;

use clap::CommandFactory;
use purecam::cli::{self, Cli};
#[cfg(feature = "training")]
use purecam::workshop::{cli::Command, commands::run};
#[cfg(not(feature = "training"))]
use purecam::{cli::Command, commands::run};
use purecam::{console, logging};

fn main() -> ExitCode {
    logging::install();
    if let Err(error) = console::survive_file_limits() {
        log::warn!("a file that reaches its size limit will end the program: {error}");
    }
    let Cli { command, json } = cli::parse::<Command>();
    match run(&command, Cli::<Command>::command, json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            logging::say_failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}
