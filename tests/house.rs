//! The order of the house: the device does not import the workshop.

use std::fs;
use std::path::{Path, PathBuf};

/// The entry of the program may name the workshop, each file in one line: the module, and its command line.
const ENTRY: [&str; 2] = ["lib.rs", "main.rs"];

/// The lines of `source`, counted from 1, whose code names the module `workshop`.
///
/// Comments and string literals do not count, nor do longer names such as `workshops`.
fn lines_that_name_the_workshop(source: &str) -> Vec<usize> {
    let is_name = |char: char| char.is_alphanumeric() || char == '_';
    let names_it = |line: &&str| {
        line.match_indices("workshop")
            .any(|(at, name)| !line[..at].ends_with(is_name) && !line[at + name.len()..].starts_with(is_name))
    };
    let code = without_comments_and_strings(source);
    code.lines().enumerate().filter(|(_, line)| names_it(line)).map(|(index, _)| index + 1).collect()
}

/// `source` with its comments and string literals taken out; every line keeps its number.
fn without_comments_and_strings(source: &str) -> String {
    let mut code = String::new();
    let mut rest = source;
    while let Some(char) = rest.chars().next() {
        let length = match char {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            'r' if raw_string(rest).is_some() => raw_string(rest).unwrap_or(1),
            '"' => string(rest),
            // A quote as a character; a lifetime has no closing quote there.
            '\'' if rest.starts_with("'\"'") => 3,
            '\'' if rest.starts_with("'\\\"'") => 4,
            char => {
                code.push(char);
                rest = &rest[char.len_utf8()..];
                continue;
            }
        };
        let (taken, left) = rest.split_at(length);
        code.extend(taken.chars().filter(|char| *char == '\n'));
        rest = left;
    }
    code
}

/// The length of the string literal that `rest` begins with.
fn string(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.char_indices().position(|(at, char)| {
        let ends = at > 0 && char == '"' && !escaped;
        escaped = at > 0 && char == '\\' && !escaped;
        ends
    });
    end.and_then(|end| rest.char_indices().nth(end + 1)).map_or(rest.len(), |(next, _)| next)
}

/// The length of the raw string literal that `rest` begins with, if it begins with one.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest[1..].chars().take_while(|char| *char == '#').count();
    let start = 1 + hashes;
    if !rest[start..].starts_with('"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    Some(rest[start + 1..].find(&end).map_or(rest.len(), |found| start + 1 + found + end.len()))
}

/// All files of Rust below `folder`, sorted.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[test]
fn the_device_does_not_import_the_workshop() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut device = 0;
    let mut found = Vec::new();
    for path in sources(&src) {
        let name = path.strip_prefix(&src).unwrap();
        if name.starts_with("workshop") {
            continue;
        }
        device += 1;
        let lines = lines_that_name_the_workshop(&fs::read_to_string(&path).unwrap());
        let allowed = usize::from(ENTRY.iter().any(|entry| name == Path::new(entry)));
        found.extend(lines.iter().skip(allowed).map(|line| format!("src/{}:{line}", name.display())));
    }
    assert!(device > 50, "only {device} files of the device were found");
    assert!(found.is_empty(), "the device imports the workshop:\n{}", found.join("\n"));
}

#[test]
fn every_way_to_name_the_workshop_is_found() {
    let ways = [
        "use crate::workshop::train;",
        "use super::super::workshop;",
        "fn f() { purecam::workshop::commands::run() }",
        "use crate::{engine, workshop::zoo};",
        "use crate::workshop as w;",
        "pub mod workshop;",
        "let quote = '\"'; crate::workshop::run();",
        "let quote = '\\\"'; crate::workshop::run();",
        "let text = \"a \\\" b\"; crate::workshop::run();",
        "let text = \"\"; crate::workshop::run();",
        "let text = \"ends in a backslash \\\\\"; crate::workshop::run();",
        "let text = r#\"a \" b\"#; crate::workshop::run();",
        "let text = br#\"a \" b\"#; crate::workshop::run();",
        "/* a comment */ crate::workshop::run();",
    ];
    for way in ways {
        assert_eq!(lines_that_name_the_workshop(&format!("// first\n{way}\n")), [2], "{way}");
    }
}

#[test]
fn comments_strings_and_longer_names_do_not_name_the_workshop() {
    let source = "//! The workshop trains.\nlet text = \"in the workshop\";\nlet workshops = 1; // workshop\n\
                  /* the\nworkshop */\nlet text = r#\"the \"workshop\"#;\nlet a_workshop = '\"';\n";
    assert_eq!(lines_that_name_the_workshop(source), []);
}
