//! One file a command of the workshop.

mod attack;
mod attack_demo;
mod evaluate;
mod export;
mod train;

use super::cli::Command;
use crate::commands::Failure;

/// Runs a command.
pub fn run(command: &Command, json: bool) -> Result<(), Failure> {
    match command {
        Command::Train(args) => train::train(args, json),
        Command::Export(args) => export::export(args, json),
        Command::Attack(args) => attack::attack(args, json),
        Command::Evaluate(args) => evaluate::evaluate(args, json),
    }
}
