//! `purecam generate`: manual pages and shell completions from the command line's definition, for packages.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{Failure, because};
use crate::atomic;
use crate::cli::{Cli, Generate};

/// What is not in the definition, and a user looks for in the manual: of each section, terms and what they mean.
const SECTIONS: [(&str, &[(&str, &str)]); 3] = [
    (
        "FILES",
        &[
            ("/etc/purecam/purecam.toml", "The configuration of run, bench and check if --config names no other."),
            ("/usr/share/purecam/models", "The models that ship, with a manifest of their checksums."),
            (
                "/usr/share/doc/purecam",
                "Guides and reference: every key of the configuration, every field of a verdict.",
            ),
        ],
    ),
    (
        "ENVIRONMENT",
        &[
            ("PURECAM_MODELS", "The folder of the models that are used if none is named."),
            (
                "PURECAM_KEY",
                "A key of the configuration, as in PURECAM_RUN_MAX_AGE_MS=500; goes over the file and under flags.",
            ),
            ("RUST_LOG", "The level of the log, as in info; goes over log.level."),
            ("NO_COLOR", "Set to anything: no colours on a terminal."),
        ],
    ),
    (
        "EXIT STATUS",
        &[
            ("0", "It did what it was asked to."),
            ("1", "It failed this time."),
            ("2", "The command line is wrong."),
            ("3", "bench was slower than --max-p99-ms."),
            ("78", "The configuration or a model can never work."),
        ],
    ),
];

pub fn generate(args: &Generate) -> Result<(), Failure> {
    let failed = |path: &Path, error: io::Error| {
        Failure::failed(because(format!("{}: cannot be written", path.display()), error))
    };
    std::fs::create_dir_all(&args.folder).map_err(|error| failed(&args.folder, error))?;
    for (name, bytes) in manual_pages()?.into_iter().chain(completions()) {
        let path = args.folder.join(name);
        atomic::write(&path, &bytes).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

/// A page of section 1 for purecam and for each of its commands, by file name.
fn manual_pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add_pages(&command, &mut pages)?;
    let mut sections = Roff::new();
    for (heading, entries) in SECTIONS {
        sections.control("SH", [heading]);
        for (term, meaning) in entries {
            sections.control("TP", []).text([bold(*term)]).text([roman(*meaning)]);
        }
    }
    sections.to_writer(&mut pages[0].1)?;
    Ok(pages)
}

fn add_pages(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    // Of a command below purecam, clap_mangen would take the command's own name for the program's.
    let source = concat!("purecam ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(source).manual("purecam").date(date());
    let mut page = Vec::new();
    man.render(&mut page)?;
    pages.push((man.get_filename(), page));
    command.get_subcommands().filter(|command| !command.is_hide_set()).try_for_each(|command| add_pages(command, pages))
}

/// The date on the pages: the source's from `SOURCE_DATE_EPOCH` if that is set, so that two builds do not differ.
fn date() -> String {
    let epoch = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse().ok());
    let day = epoch.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()).unwrap_or_else(jiff::Timestamp::now);
    day.strftime("%Y-%m-%d").to_string()
}

/// A script for each shell, by the file name that the shell expects.
fn completions() -> impl Iterator<Item = (String, Vec<u8>)> {
    [(Shell::Bash, "purecam"), (Shell::Zsh, "_purecam"), (Shell::Fish, "purecam.fish")].into_iter().map(
        |(shell, file)| {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "purecam", &mut script);
            (file.to_owned(), script)
        },
    )
}
