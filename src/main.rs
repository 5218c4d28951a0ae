use std::process::ExitCode;
use clap::Parser;
use purecam::cli::{Cli, Command};
use purecam::commands;
fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    let Cli { command, json } = Cli::parse();
    let outcome = match command {
        Command::Train(args) => commands::train::train(&args, json),
        Command::Export(args) => commands::export::export(&args, json),
        _ => todo!(),
    };
    match outcome { Ok(()) => ExitCode::SUCCESS, Err(f) => { eprintln!("purecam: {f}"); ExitCode::from(f.exit_code()) } }
}
