//! Checks of the sources: imports point down and form no circles, only one room uses SQLite, and
//! files are short.

mod circles;
mod imports;
mod papers;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use self::imports::{Graph, Names, module};
use crate::support::project;

/// The rooms of the crate from top to bottom. A room may only use those in lower rows.
const LAYERS: &[&[&str]] = &[
    // The guides contain only text.
    &["guide"],
    &["dir", "maintenance", "os"],
    &["options"],
    &["file"],
    &["sorted"],
    &["map"],
    &["order"],
    &["entry"],
    &["encoding"],
    &["backend"],
    &["codec", "memory", "sqlite"],
    &["engine"],
    &["error"],
];

const MAX_LINES: usize = 500;

fn add_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Returns every Rust file below a folder of the project, with its path in the folder and its text.
fn files(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = project().join(folder);
    let mut files = Vec::new();
    if folder.exists() {
        add_files(&folder, &mut files);
    }
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.strip_prefix(&folder).unwrap().to_owned(), text)
        })
        .collect()
}

/// Returns the lines of a file that are not comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Returns the modules whose items each module uses.
fn uses() -> BTreeMap<Names, BTreeSet<Names>> {
    let files = files("src");
    Graph::new(files.into_iter().map(|(file, text)| (module(&file), text))).uses()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for (module, used) in uses() {
        let Some(room) = module.first() else {
            continue;
        };
        let Some(own) = layer(room) else {
            wrong.push(format!("{room} has no layer"));
            continue;
        };
        for to in used {
            arrows += 1;
            // Items of the root are above everything else.
            let below = to.first().map_or(Some(0), |room| layer(room));
            if to.first() != Some(room) && below.is_none_or(|below| below <= own) {
                wrong.push(format!("{} uses {}", module.join("/"), to.join("/")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(arrows > 100, "only {arrows} uses were found");
}

#[test]
fn only_one_room_names_sqlite() {
    let mut wrong = Vec::new();
    for (file, text) in files("src") {
        if file.starts_with("sqlite") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if line.contains("rusqlite") {
                wrong.push(format!("{}:{}: {line}", file.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn unsafe_code_is_where_it_is_declared() {
    let keyword = |line: &str| {
        line.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .any(|word| word == "unsafe")
    };
    let mut with = 0;
    for (file, text) in files("src") {
        let declared = text.contains("#![allow(unsafe_code)]");
        let used = code(&text).any(|(_, line)| keyword(line));
        assert!(declared || !used, "{} has unsafe code", file.display());
        assert!(
            used || !declared,
            "{} needs no permission for unsafe code",
            file.display()
        );
        assert!(
            !text.contains("allow(unsafe_code)") || declared,
            "{}",
            file.display()
        );
        with += usize::from(used);
    }
    assert!(with > 0);
}

#[test]
fn files_are_short() {
    let mut long = Vec::new();
    for folder in ["src", "tests", "examples"] {
        for (file, text) in files(folder) {
            let lines = text.lines().count();
            if lines > MAX_LINES {
                long.push(format!("{folder}/{}: {lines} lines", file.display()));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn no_unfinished_code() {
    // They are assembled here, so that this file does not contain them.
    let words = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"]].map(|parts| parts.concat());
    let macros = ["todo!", "unimplemented!", "dbg!"];
    for folder in ["src", "tests", "examples"] {
        for (file, text) in files(folder) {
            for word in &words {
                assert!(
                    !text.contains(word.as_str()),
                    "{folder}/{}: {word}",
                    file.display()
                );
            }
            if folder != "tests" {
                for name in macros {
                    assert!(!text.contains(name), "{folder}/{}: {name}", file.display());
                }
            }
        }
    }
}

#[test]
fn every_module_has_a_doc_comment() {
    for folder in ["src", "tests", "examples"] {
        for (file, text) in files(folder) {
            let documented = text.starts_with("//!") || text.starts_with("#![doc");
            assert!(
                documented,
                "{folder}/{} has no doc comment at its beginning",
                file.display()
            );
        }
    }
}

#[test]
fn the_readme_names_every_example() {
    let readme = fs::read_to_string(project().join("README.md")).unwrap();
    let missing: Vec<String> = files("examples")
        .into_iter()
        .map(|(file, _)| module(&file).remove(0))
        .filter(|name| !readme.contains(name.as_str()))
        .collect();
    assert!(missing.is_empty(), "the README does not name {missing:?}");
}
