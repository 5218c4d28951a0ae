//! The command line, defined once: help, manual pages and completions are made from it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::config::flags::{CameraFlags, LoopFlags, ModelFlags, ServiceFlags};
use crate::text;

/// The commands that only the feature `training` brings.
pub(crate) const WORKSTATION: [&str; 4] = ["train", "export", "attack", "evaluate"];

/// The whole command line with the commands of `C`: the device's, or a superset. Its help begins with the package's
/// description.
#[derive(Debug, Parser)]
#[command(name = "purecam", version, about, max_term_width = 120)]
pub struct Cli<C: Subcommand> {
    /// What to do.
    #[command(subcommand)]
    pub command: C,
    /// Write only JSON to standard output, one value per line
    #[arg(long, global = true)]
    pub json: bool,
}

/// Reads this process's command line. If it is wrong, the process ends with a message and exit code 2.
pub fn parse<C: Subcommand>() -> Cli<C> {
    Cli::try_parse().unwrap_or_else(|error| match error.kind() {
        // The message of the library does not say which.
        ErrorKind::InvalidUtf8 => {
            let wrong = std::env::args_os().filter(|argument| argument.to_str().is_none());
            let wrong: Vec<String> = wrong.map(|argument| format!("'{}'", text::name(&argument))).collect();
            let message = format!(
                "{} is not UTF-8, as this argument must be: rename what it names, or name a link to it",
                wrong.join(" or ")
            );
            clap::Error::raw(ErrorKind::InvalidUtf8, message).format(&mut Cli::<C>::command()).exit()
        }
        ErrorKind::InvalidSubcommand => match absent(&error) {
            Some(name) => {
                let message = format!(
                    "this build has no '{name}': it belongs to the workstation's build, which trains, attacks and measures; \
                     make that with `cargo build --release --features training`, see docs/guide/train.md"
                );
                clap::Error::raw(ErrorKind::InvalidSubcommand, message).format(&mut Cli::<C>::command()).exit()
            }
            None => error.exit(),
        },
        ErrorKind::UnknownArgument => match misplaced(&error, &Cli::<C>::command(), std::env::args_os().skip(1)) {
            Some(message) => {
                clap::Error::raw(ErrorKind::UnknownArgument, message).format(&mut Cli::<C>::command()).exit()
            }
            None => error.exit(),
        },
        _ => error.exit(),
    })
}

/// What to say of a flag that this command does not take and others do: that it would mean nothing here.
fn misplaced(
    error: &clap::Error,
    definition: &clap::Command,
    mut arguments: impl Iterator<Item = OsString>,
) -> Option<String> {
    let Some(ContextValue::String(found)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = found.split('=').next()?.strip_prefix("--")?;
    let command = arguments.find_map(|argument| definition.find_subcommand(argument))?;
    let has_it = |other: &&clap::Command| has_flag(other, flag) && !other.is_hide_set();
    let others: Vec<String> =
        definition.get_subcommands().filter(has_it).map(|other| format!("'{}'", other.get_name())).collect();
    let (last, rest) = others.split_last()?;
    let others = if rest.is_empty() { last.clone() } else { format!("{} and {last}", rest.join(", ")) };
    let name = command.get_name();
    Some(format!(
        "'{name}' does not take --{flag}, which would change nothing there: it is a flag of {others}; leave it out"
    ))
}

/// Whether a command, or one below it, has a flag of this name.
fn has_flag(command: &clap::Command, flag: &str) -> bool {
    let is_it = |argument: &clap::Arg| argument.get_long() == Some(flag);
    command.get_arguments().any(is_it) || command.get_subcommands().any(|command| has_flag(command, flag))
}

/// The command of another build that the command line asks for.
fn absent(error: &clap::Error) -> Option<&str> {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(name)) => WORKSTATION.contains(&name.as_str()).then_some(name.as_str()),
        _ => None,
    }
}

/// The commands of the device.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Purify and classify a stream of frames, until it ends or you press Ctrl-C
    Run(Run),
    /// Purify and classify image files
    Classify(Classify),
    /// Measure the latency of verdicts on this machine
    Bench(Bench),
    /// Report problems that would prevent `run` from starting: configuration, models, source, outputs
    Check(Check),
    /// List the cameras, the formats they offer, and the camera that `run` would open
    Probe(Probe),
    /// Write manual pages and shell completions, or the files of the repository that are made from the list of keys
    #[command(hide = true)]
    Generate(Generate),
}

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  purecam run camera: --http :8080
  purecam run camera: --config mine.toml --detect

Cameras: docs/guide/camera.md. Verdicts: docs/reference/verdict.md. Your own classifier: docs/guide/your-classifier.md")]
pub struct Run {
    /// Source, models and outputs.
    #[command(flatten)]
    pub settings: ServiceFlags,
    /// Stop after N verdicts
    #[arg(long, value_name = "N")]
    pub frames: Option<u64>,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  purecam check --config mine.toml
  purecam check camera: --print

The configuration: docs/reference/config.md")]
pub struct Check {
    /// Those of the `run` to check.
    #[command(flatten)]
    pub settings: ServiceFlags,
    /// Print the effective configuration with the origin of each value, and check nothing else
    #[arg(long)]
    pub print: bool,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  purecam bench camera: --frames 2000
  purecam bench --compare before.json

What the numbers mean: docs/guide/latency.md")]
pub struct Bench {
    /// Source and models.
    #[command(flatten)]
    pub settings: LoopFlags,
    /// Measure N verdicts
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub frames: u64,
    /// Ignore the first N verdicts
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub left_out: u64,
    /// Exit with code 3 if the 99th percentile of the latency, in milliseconds, is above this
    #[arg(long, value_name = "MS")]
    pub max_p99_ms: Option<f64>,
    /// Show the results beside those of an earlier `purecam bench --json`
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
}

/// Arguments of `probe`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  purecam probe
  purecam probe camera:C920 --width 1280 --height 720

How a camera is chosen: docs/guide/camera.md")]
pub struct Probe {
    /// Those of the `run` that would open the camera.
    #[command(flatten)]
    pub settings: CameraFlags,
}

/// Arguments of `classify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  purecam classify photo.jpg
  purecam classify photos --config mine.toml --save purified

Your own classifier: docs/guide/your-classifier.md")]
pub struct Classify {
    /// Images, or folders of images
    #[arg(required = true)]
    pub images: Vec<PathBuf>,
    /// Models.
    #[command(flatten)]
    pub models: ModelFlags,
    /// Number of classes to name
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub top: usize,
    /// Write each purified image as PNG into this folder
    #[arg(long, value_name = "FOLDER")]
    pub save: Option<PathBuf>,
}

/// Arguments of `generate`: one of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Generate {
    /// Write manual pages and completions into this folder, which is created if necessary
    pub folder: Option<PathBuf>,
    /// Update docs/reference/config.md and systemd/purecam.toml of this repository from the list of configuration keys
    #[arg(long, value_name = "FOLDER")]
    pub repository: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_knows_which_commands_another_build_has() {
        for name in WORKSTATION {
            let error = Cli::<Command>::try_parse_from(["purecam", name, "photos"]).unwrap_err();
            assert_eq!(absent(&error), Some(name));
        }
        assert_eq!(absent(&Cli::<Command>::try_parse_from(["purecam", "fly"]).unwrap_err()), None);
    }

    /// What is said of a wrong command line, if it is a flag of another command.
    fn said_of(line: &str) -> Option<String> {
        let words: Vec<&str> = line.split(' ').collect();
        let error = Cli::<Command>::try_parse_from(&words).unwrap_err();
        misplaced(&error, &Cli::<Command>::command(), words[1..].iter().map(OsString::from))
    }

    #[test]
    fn a_flag_of_other_commands_is_refused_with_their_names_and_an_unknown_one_as_ever() {
        let said = said_of("purecam bench demo: --http :8080").unwrap();
        assert!(said.starts_with("'bench' does not take --http, ") && said.contains("'run' and 'check'"), "{said}");
        assert_eq!(said_of("purecam bench --http=:8080").unwrap(), said);
        assert!(said_of("purecam probe --purifier p.onnx").unwrap().contains("'run', 'classify', 'bench' and 'check'"));
        assert!(said_of("purecam check --frames 3").unwrap().contains("'run' and 'bench'"));
        assert_eq!(said_of("purecam run --htttp :8080"), None);
    }

    #[test]
    fn a_command_lists_the_flags_that_change_something_and_no_others() {
        let definition = Cli::<Command>::command();
        let flags = |name: &str| -> Vec<&str> {
            let command = definition.find_subcommand(name).unwrap();
            command.get_arguments().filter_map(clap::Arg::get_long).collect()
        };
        let camera = ["fps", "width", "height", "pixel-format"];
        assert_eq!(flags("probe"), [&camera[..], &["config"]].concat());
        let models = ["purifier", "no-purifier", "classifier", "config", "strength", "seed"];
        assert_eq!(flags("classify"), [&models[..], &["top", "save"]].concat());
        let judging = [&camera[..], &models, &["smoothing", "detect"]].concat();
        assert_eq!(flags("bench"), [&judging[..], &["frames", "left-out", "max-p99-ms", "compare"]].concat());
        let serving = [&judging[..], &["max-age-ms", "output-file", "socket", "http", "token-file"]].concat();
        assert_eq!(flags("run"), [&serving[..], &["frames"]].concat());
        assert_eq!(flags("check"), [&serving[..], &["print"]].concat());
    }
}
