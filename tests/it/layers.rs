//! The sources themselves: imports point down, SQLite is named in one place, files are short.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the crate, from the uppermost down. One may use those of lower rows only.
const LAYERS: &[&[&str]] = &[
    &["lib"],
    // Guides, which are words only.
    &["guide"],
    &["dir", "maintenance"],
    &["options"],
    &["entry"],
    &["map"],
    &["encoding"],
    &["codec", "sqlite"],
    &["engine"],
    &["buffer", "error"],
];

const MAX_LINES: usize = 500;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

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

/// Every Rust file below a folder of the project: its path there, and its text.
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

/// The module a file belongs to, as a path: `store/open.rs` is `store`, `open`.
fn module(file: &Path) -> Vec<String> {
    let mut module: Vec<String> = file
        .with_extension("")
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    module.pop_if(|last| last == "mod");
    module
}

/// The lines of a file that are no comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn first_word(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    end.map_or(text, |end| &text[..end])
}

/// The top-level modules that a line of a file in `module` names.
fn named(line: &str, module: &[String]) -> Vec<String> {
    let absolute = line.split("crate::").skip(1).map(first_word).filter(|_| {
        // What says who may see an item names no dependency.
        !line.contains("pub(in crate::")
    });
    let mut names: Vec<String> = absolute.map(str::to_owned).collect();
    if let Some((_, path)) = line.split_once("use super::") {
        let climbs = 1 + path.matches("super::").count();
        // A module within the file, such as its tests, is one level deeper.
        let depth = module.len() + usize::from(line.starts_with(' '));
        let name = path.trim_start_matches("super::");
        let top = match depth.checked_sub(climbs) {
            Some(0) | None => first_word(name),
            Some(_) => &module[0],
        };
        names.extend((top != "*").then(|| top.to_owned()));
    }
    names.retain(|name| !name.is_empty());
    names
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for (file, text) in files("src") {
        let module = module(&file);
        let from = &module[0];
        let Some(own) = layer(from) else {
            wrong.push(format!("{from} has no layer"));
            continue;
        };
        if from == "lib" {
            continue;
        }
        for (number, line) in code(&text) {
            for to in named(line, &module) {
                arrows += 1;
                // A name that is no module is one that the root re-exports.
                let below = layer(&to).unwrap_or(0);
                if to != *from && below <= own {
                    wrong.push(format!("{}:{number}: {from} uses {to}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(arrows > 50, "only {arrows} imports were found");
}

#[test]
fn the_import_reader_reads_imports() {
    let of = |line: &str, module: &[&str]| {
        let module: Vec<String> = module.iter().map(|part| (*part).to_owned()).collect();
        named(line, &module)
    };
    assert_eq!(
        of("use crate::store::{Config, End};", &["vault"]),
        ["store"]
    );
    assert_eq!(of("pub(crate) use crate::key::Key;", &["vault"]), ["key"]);
    assert_eq!(
        of("    let x: crate::Error = crate::ops::f();", &["iter"]),
        ["Error", "ops"]
    );
    assert_eq!(of("use super::lock::Lock;", &["store", "open"]), ["store"]);
    assert_eq!(
        of("use super::super::vault::Vault;", &["store", "open"]),
        ["vault"]
    );
    assert_eq!(of("use super::vault::Vault;", &["key"]), ["vault"]);
    assert_eq!(of("    use super::*;", &["key"]), ["key"]);
    assert_eq!(
        of("    pub(in crate::store) struct Span;", &["store", "trace"]),
        Vec::<String>::new()
    );
}

#[test]
fn one_room_alone_names_sqlite() {
    let mut wrong = Vec::new();
    for (file, text) in files("src") {
        if module(&file)[0] == "sqlite" {
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
        assert!(used || !declared, "{} needs no permission", file.display());
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
    for folder in ["src", "examples"] {
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
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not contain them.
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
fn every_module_says_what_it_is_about() {
    for folder in ["src", "tests", "examples"] {
        for (file, text) in files(folder) {
            let documented = text.starts_with("//!") || text.starts_with("#![doc");
            assert!(
                documented,
                "{folder}/{} begins without a word",
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
