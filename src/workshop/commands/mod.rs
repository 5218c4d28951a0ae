//! The workshop's commands, one file each; `subjects` and `output` have what several need.

mod attack;
mod attack_demo;
mod evaluate;
mod export;
mod output;
mod subjects;
mod train;

use super::cli::Command;
use crate::commands::{self, Failure};

/// Runs a command; with `json` it prints JSON for programs. `definition` is the whole command line's.
///
/// # Errors
/// Whatever keeps the command from being done.
pub fn run(command: &Command, definition: fn() -> clap::Command, json: bool) -> Result<(), Failure> {
    match command {
        Command::Device(command) => commands::run(command, definition, json),
        Command::Train(args) => train::train(args, json),
        Command::Export(args) => export::export(args, json),
        Command::Attack(args) => attack::attack(args, json),
        Command::Evaluate(args) => evaluate::evaluate(args, json),
    }
}
