//! The command line, defined once: help, man page and completions come from here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::flags::{ModelFlags, ServiceFlags};

#[derive(Debug, Parser)]
#[command(name = "purecam", version, about, max_term_width = 120)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Write only JSON, a line each, to standard output
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Purify and classify a stream of frames until it ends or Ctrl-C
    Run(Run),
    /// Purify and classify image files
    Classify(Classify),
    /// Measure how long a verdict takes on this machine
    Bench(Bench),
    /// Say what would keep `run` from working: configuration, models, source, outputs
    Check(Check),
    /// List the cameras, what they offer, and which one would be chosen
    Probe(Probe),
    /// What a workstation does besides.
    #[cfg(feature = "training")]
    #[command(flatten)]
    Workshop(crate::workshop::cli::Command),
    /// Write the manual pages and the completions of bash, zsh and fish into a folder
    #[command(hide = true)]
    Generate(Generate),
}

#[derive(Clone, Debug, Args)]
pub struct Run {
    #[command(flatten)]
    pub settings: ServiceFlags,
    /// End after N verdicts
    #[arg(long, value_name = "N")]
    pub frames: Option<u64>,
}

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub settings: ServiceFlags,
    /// Print the configuration that holds, with where each value comes from, and check nothing else
    #[arg(long)]
    pub print: bool,
}

#[derive(Debug, Args)]
pub struct Bench {
    #[command(flatten)]
    pub settings: ServiceFlags,
    /// Measure N verdicts
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub frames: u64,
    /// Leave out the first N verdicts
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub left_out: u64,
    /// Exit with code 3 where the 99th percentile of a verdict's milliseconds is above this
    #[arg(long, value_name = "MS")]
    pub max_p99_ms: Option<f64>,
    /// Show the numbers beside those of an earlier `purecam bench --json`
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Probe {
    #[command(flatten)]
    pub settings: ServiceFlags,
}

#[derive(Debug, Args)]
pub struct Classify {
    /// Images, or folders of images
    #[arg(required = true)]
    pub images: Vec<PathBuf>,
    #[command(flatten)]
    pub models: ModelFlags,
    /// How many classes to name
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub top: usize,
    /// Write every purified picture as PNG into this folder
    #[arg(long, value_name = "FOLDER")]
    pub save: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Generate {
    /// The folder, which is made where it is missing
    pub folder: PathBuf,
}
