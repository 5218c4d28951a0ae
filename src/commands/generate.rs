//! `purecam generate`: manual pages and shell completions from the command line's definition, for packages; and the
//! files of the repository that are made from the list of configuration keys.

use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::Failure;
use crate::atomic;
use crate::cli::Generate;
use crate::config::reference;

/// What a manual has besides the definition: sections, with terms and their meanings.
const SECTIONS: [(&str, &[(&str, &str)]); 3] = [
    (
        "FILES",
        &[
            (
                "/etc/purecam/purecam.toml",
                "The configuration of run, bench, check and probe, unless --config names another.",
            ),
            ("/usr/share/purecam/models", "The shipped models, with a manifest of their checksums."),
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
                "A key of the configuration, as in PURECAM_RUN_MAX_AGE_MS=500; overrides the file; flags override it.",
            ),
            ("RUST_LOG", "The level of the log, as in info; overrides log.level."),
            ("NO_COLOR", "If set to any value, no colours on a terminal."),
        ],
    ),
    (
        "EXIT STATUS",
        &[
            ("0", "Success."),
            ("1", "Failure; it may succeed if tried again. Too little memory is always this."),
            ("2", "The command line is wrong."),
            ("3", "bench was slower than --max-p99-ms."),
            ("78", "The configuration or a model can never work."),
        ],
    ),
];

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
enum GenerateError {
    #[error("{}: cannot be read: {cause}", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{}: cannot be written: {cause}", .path.display())]
    Write {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{}: its two marker comments, <!-- keys: ... --> and <!-- /keys -->, are missing", .0.display())]
    NoMarkers(PathBuf),
    #[error("a manual page cannot be made: {0}")]
    Manual(#[from] io::Error),
}

/// Writes manual pages and completions, or updates the files of a repository.
///
/// # Errors
/// A file cannot be read or written, or the page of the repository has lost its markers.
pub fn generate(args: &Generate, definition: fn() -> Command) -> Result<(), Failure> {
    let written = match args {
        Generate { repository: Some(repository), .. } => update(repository),
        Generate { folder: Some(folder), .. } => fill(folder, definition),
        // The command line's definition demands one of them.
        Generate { repository: None, folder: None } => Ok(()),
    };
    written.map_err(Failure::failed)
}

/// Writes manual pages and completions into a folder.
fn fill(folder: &Path, definition: fn() -> Command) -> Result<(), GenerateError> {
    std::fs::create_dir_all(folder).map_err(|cause| GenerateError::Write { path: folder.to_owned(), cause })?;
    for (name, bytes) in manual_pages(definition())?.into_iter().chain(completions(definition)) {
        write(folder.join(name), &bytes)?;
    }
    Ok(())
}

/// Updates the files of a repository that are made from the list of keys.
fn update(repository: &Path) -> Result<(), GenerateError> {
    let page = repository.join(reference::PAGE);
    let written = match std::fs::read_to_string(&page) {
        Ok(written) => written,
        Err(cause) => return Err(GenerateError::Read { path: page, cause }),
    };
    let made = reference::page(&written).ok_or_else(|| GenerateError::NoMarkers(page.clone()))?;
    write(page, made.as_bytes())?;
    write(repository.join(reference::SHIPPED_FILE), reference::shipped_file().as_bytes())
}

fn write(path: PathBuf, bytes: &[u8]) -> Result<(), GenerateError> {
    atomic::write(&path, bytes).map_err(|cause| GenerateError::Write { path, cause })
}

/// A page of section 1 for purecam and for each of its commands: file name and content.
fn manual_pages(command: Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = command.disable_help_subcommand(true);
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
    // For a subcommand, clap_mangen would use the subcommand's name as the program's.
    let source = concat!("purecam ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(source).manual("purecam").date(date());
    let mut page = Vec::new();
    man.render(&mut page)?;
    pages.push((man.get_filename(), page));
    command.get_subcommands().filter(|command| !command.is_hide_set()).try_for_each(|command| add_pages(command, pages))
}

/// The date of the pages: that of `SOURCE_DATE_EPOCH` if it is set, so that builds are reproducible.
fn date() -> String {
    let epoch = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse().ok());
    let day = epoch.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()).unwrap_or_else(jiff::Timestamp::now);
    day.strftime("%Y-%m-%d").to_string()
}

/// A script per shell: the file name that the shell expects, and content.
fn completions(definition: fn() -> Command) -> impl Iterator<Item = (String, Vec<u8>)> {
    [(Shell::Bash, "purecam"), (Shell::Zsh, "_purecam"), (Shell::Fish, "purecam.fish")].into_iter().map(
        move |(shell, file)| {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut definition(), "purecam", &mut script);
            (file.to_owned(), script)
        },
    )
}
