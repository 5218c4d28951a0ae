//! The workshop's commands, one file each; `subjects` and `output` have what several need.

mod attack;
mod attack_demo;
mod evaluate;
mod export;
mod output;
mod subjects;
mod train;

use super::cli::Command;
use crate::commands::Failure;

/// Runs a command; with `json` it prints JSON for programs.
///
/// # Errors
/// Whatever keeps the command from being done.
pub fn run(command: &Command, json: bool) -> Result<(), Failure> {
    match command {
        Command::Train(args) => train::train(args, json),
        Command::Export(args) => export::export(args, json),
        Command::Attack(args) => attack::attack(args, json),
        Command::Evaluate(args) => evaluate::evaluate(args, json),
    }
}
