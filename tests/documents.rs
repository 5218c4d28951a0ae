//! The commands in the documents are commands that this program takes.
#![cfg(feature = "training")]

use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use purecam::cli::Cli;
use purecam::workshop::cli::Command;

/// README and all documents below `docs`.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// The calls of purecam in a document's blocks of shell commands, without what the shell makes of them.
fn calls(document: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    for block in document.split("```").skip(1).step_by(2) {
        if !["sh", "console"].iter().any(|language| block.lines().next() == Some(language)) {
            continue;
        }
        let joined = block.replace("\\\n", " ");
        for line in joined.lines() {
            let line = line.strip_prefix("$ ").unwrap_or(line);
            let words = words(line);
            let Some(start) = words.iter().position(|word| word == "purecam") else { continue };
            // `cargo install purecam` and the like only name it.
            if words[..start].iter().all(|word| word == "sudo" || word.contains('=')) {
                calls.push(words[start..].to_vec());
            }
        }
    }
    calls
}

/// The words of a command line up to a comment, a pipe or a redirection.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for char in line.chars() {
        match (quote, char) {
            (Some(open), char) if open == char => quote = None,
            (None, '"' | '\'') => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, '#' | '|' | '>' | '&' | ';') if word.is_none() => return words,
            (None, '|' | '>' | '&' | ';') => break,
            (_, char) => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

#[test]
fn every_command_in_the_documents_can_be_parsed() {
    let mut count = 0;
    for path in documents() {
        for call in calls(&fs::read_to_string(&path).unwrap()) {
            count += 1;
            if let Err(error) = Cli::<Command>::try_parse_from(&call) {
                let shown = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
                assert!(shown, "{}: {}\n{error}", path.display(), call.join(" "));
            }
        }
    }
    assert!(count > 20, "only {count} commands were found");
}

/// The help texts of all commands, by name.
fn helps(command: &mut clap::Command, name: &str, found: &mut Vec<(String, String)>) {
    for inner in command.get_subcommands_mut() {
        let name = format!("{name} {}", inner.get_name());
        if inner.has_subcommands() {
            helps(inner, &name, found);
        } else if !inner.is_hide_set() {
            found.push((name, inner.render_help().to_string()));
        }
    }
}

#[test]
fn every_command_ends_its_help_with_two_examples_that_can_be_parsed_and_says_where_to_read_on() {
    let mut found = Vec::new();
    helps(&mut Cli::<Command>::command().disable_help_subcommand(true), "purecam", &mut found);
    assert!(found.len() >= 10, "{found:?}");
    for (name, help) in found {
        let (_, end) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{name} has no examples"));
        let examples: Vec<_> = end.lines().map_while(|line| line.strip_prefix("  ")).map(words).collect();
        assert_eq!(examples.len(), 2, "{name}");
        for example in examples {
            assert!(example.join(" ").starts_with(&name), "{name}: {example:?}");
            if let Err(error) = Cli::<Command>::try_parse_from(&example) {
                panic!("{name}: {error}");
            }
        }
        for document in end.split(|char: char| char.is_whitespace()).filter(|word| word.starts_with("docs/")) {
            let path = document.trim_end_matches('.');
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists(), "{name}: {document}");
        }
        assert!(end.contains("docs/"), "{name}");
    }
}

#[test]
fn a_command_line_is_taken_apart_as_a_shell_does() {
    let document = "```sh\npurecam run \\\n    camera: --x \"\" # why\nsudo A=1 purecam check | less\ncargo install purecam\n```\n\
                    ```toml\npurecam run\n```";
    assert_eq!(calls(document), [vec!["purecam", "run", "camera:", "--x", ""], vec!["purecam", "check"]]);
}
