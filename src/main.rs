use std::process::ExitCode;

use clap::Parser;
use purecam::cli::{Cli, Command};
use purecam::{commands, logging};

fn main() -> ExitCode {
    logging::install();
    let Cli { command, json } = Cli::parse();
    let outcome = match command {
        Command::Run(args) => commands::run::run(&args, json),
        Command::Bench(args) => commands::bench::bench(&args, json),
        Command::Classify(args) => commands::classify::classify(&args, json),
        Command::Check(args) => commands::check::check(&args, json),
        Command::Probe(args) => commands::probe::probe(&args, json),
        #[cfg(feature = "training")]
        Command::Workshop(command) => purecam::workshop::commands::run(&command, json),
        Command::Generate(args) => commands::generate::generate(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            logging::say_failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}
