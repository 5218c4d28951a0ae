use std::process::ExitCode;

use clap::Parser;
use purecam::cli::{Cli, Command};
use purecam::commands;

// tract warns of every opset above the 18 that its own tests cover; `purecam export` compares each file with burn instead.
fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn,tract_onnx=error")).init();
    let Cli { command, json } = Cli::parse();
    let outcome = match command {
        Command::Run(args) => commands::run::run(&args, json),
        Command::Bench(args) => commands::bench::bench(&args, json),
        Command::Classify(args) => commands::classify::classify(&args, json),
        Command::Check(args) => commands::check::check(&args, json),
        #[cfg(target_os = "linux")]
        Command::Probe(args) => commands::probe::probe(&args, json),
        #[cfg(feature = "training")]
        Command::Train(args) => commands::train::train(&args, json),
        #[cfg(feature = "training")]
        Command::Export(args) => commands::export::export(&args, json),
        #[cfg(feature = "training")]
        Command::Attack(args) => commands::attack::attack(&args, json),
        #[cfg(feature = "training")]
        Command::Evaluate(args) => commands::evaluate::evaluate(&args, json),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("purecam: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
