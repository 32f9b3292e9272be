//! Finds out which source file uses which, from its imports and paths.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The path of a module or an item, as a list of names.
pub(super) type Names = Vec<String>;

/// Returns the module of a file: `sqlite/open/mod.rs` is `sqlite`, `open`.
pub(super) fn module(file: &Path) -> Names {
    let mut module: Names = file
        .with_extension("")
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    module.pop_if(|last| last == "mod" || last == "lib");
    module
}

// ---- tokens -----------------------------------------------------------------------------

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    /// `::`
    Colons,
    Mark(char),
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Returns the length of the comment, literal or lifetime at the beginning of a text, or zero.
fn opaque_prefix(text: &str) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return text.find("*/").map_or(text.len(), |end| end + 2);
    }
    if let Some(quoted) = text.strip_prefix('"') {
        return 1 + quoted_length(quoted, '"');
    }
    if let Some(quoted) = text.strip_prefix('\'') {
        let mut letters = quoted.chars();
        let (first, second) = (letters.next(), letters.next());
        let is_literal = first == Some('\\') || second == Some('\'');
        return 1 + if is_literal {
            quoted_length(quoted, '\'')
        } else {
            quoted.find(|letter| !is_word(letter)).unwrap_or(0)
        };
    }
    let raw = text.strip_prefix('b').unwrap_or(text);
    if let Some(raw) = raw.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = text.len() - raw.len() + hashes + 1;
            return text[start..]
                .find(&end)
                .map_or(text.len(), |at| start + at + end.len());
        }
    }
    0
}

/// Returns the length of a quoted text, including its closing quote.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, letter) in text.char_indices() {
        if letter == quote && !is_escaped {
            return at + 1;
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    text.len()
}

fn tokens(mut text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    while let Some(first) = text.chars().next() {
        let opaque = opaque_prefix(text);
        let length = if opaque > 0 {
            opaque
        } else if is_word(first) {
            let length = text.find(|letter| !is_word(letter)).unwrap_or(text.len());
            tokens.push(Token::Word(&text[..length]));
            length
        } else if text.starts_with("::") {
            tokens.push(Token::Colons);
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Mark(first));
            }
            first.len_utf8()
        };
        text = &text[length..];
    }
    tokens
}

// ---- files ------------------------------------------------------------------------------

/// The imports and paths in one file.
#[derive(Debug, Default)]
struct Source {
    /// Each imported name, with the path that it stands for.
    imports: BTreeMap<String, Names>,
    /// All paths in the text, including those of imports.
    paths: Vec<Names>,
    /// Modules that exist only in tests.
    test_modules: BTreeSet<String>,
}

/// Returns the end of the block whose opening brace is at `open`.
fn end_of_block(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

fn read(text: &str) -> Source {
    use Token::{Colons, Mark, Word};
    let tokens = tokens(text);
    let mut source = Source::default();
    let mut is_for_tests = false;
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at..] {
            [
                Mark('#'),
                Mark('['),
                Word("cfg"),
                Mark('('),
                Word("test"),
                ..,
            ] => {
                is_for_tests = true;
                at += 7;
            }
            [Word("mod"), Word(name), end, ..] => {
                if is_for_tests && *end == Mark(';') {
                    source.test_modules.insert((*name).to_owned());
                }
                at = if is_for_tests && *end == Mark('{') {
                    end_of_block(&tokens, at + 2)
                } else {
                    at + 3
                };
                is_for_tests = false;
            }
            // The visibility of an item is not a dependency.
            [Word("pub"), Mark('('), ..] => {
                let end = tokens[at..].iter().position(|token| *token == Mark(')'));
                at += end.unwrap() + 1;
            }
            // These are the captures of an `impl Trait`.
            [Word("use"), Mark('<'), ..] => at += 2,
            [Word("use"), ..] => {
                at = read_tree(&tokens, at + 1, &Vec::new(), &mut source);
                is_for_tests = false;
            }
            [Word(first), Colons, Word(_), ..] => {
                let mut path = vec![(*first).to_owned()];
                at += 1;
                while let [Colons, Word(next), ..] = &tokens[at..] {
                    path.push((*next).to_owned());
                    at += 2;
                }
                source.paths.push(path);
            }
            _ => at += 1,
        }
    }
    source
}

/// Reads one tree of a `use`, and returns its end.
fn read_tree(tokens: &[Token<'_>], mut at: usize, prefix: &Names, source: &mut Source) -> usize {
    let mut path = prefix.clone();
    loop {
        match &tokens[at..] {
            [Token::Word("as"), Token::Word(alias), ..] => {
                source.imports.insert((*alias).to_owned(), path.clone());
                source.paths.push(path);
                return at + 2;
            }
            [Token::Word("self"), ..] if !path.is_empty() => at += 1,
            [Token::Word(name), ..] => {
                path.push((*name).to_owned());
                at += 1;
            }
            [Token::Colons, ..] => at += 1,
            [Token::Mark('*'), ..] => {
                path.push("*".to_owned());
                at += 1;
            }
            [Token::Mark('{'), ..] => {
                at += 1;
                while tokens[at] != Token::Mark('}') {
                    if tokens[at] == Token::Mark(',') {
                        at += 1;
                    } else {
                        at = read_tree(tokens, at, &path, source);
                    }
                }
                return at + 1;
            }
            _ => {
                let name = path.last().unwrap();
                source.imports.insert(name.clone(), path.clone());
                source.paths.push(path);
                return at;
            }
        }
    }
}

// ---- the graph --------------------------------------------------------------------------

/// The source files by their modules, and which uses which.
pub(super) struct Graph {
    sources: BTreeMap<Names, Source>,
}

impl Graph {
    /// Reads files, given by their modules and texts. Modules that exist only in tests are left
    /// out.
    pub(super) fn new(files: impl IntoIterator<Item = (Names, String)>) -> Self {
        let mut sources: BTreeMap<Names, Source> = files
            .into_iter()
            .map(|(module, text)| (module, read(&text)))
            .collect();
        let for_tests: Vec<Names> = sources
            .iter()
            .flat_map(|(module, source)| {
                source.test_modules.iter().map(|name| {
                    let mut module = module.clone();
                    module.push(name.clone());
                    module
                })
            })
            .collect();
        sources.retain(|module, _| !for_tests.iter().any(|test| module.starts_with(test)));
        Self { sources }
    }

    /// Returns the modules whose items each module uses.
    pub(super) fn uses(&self) -> BTreeMap<Names, BTreeSet<Names>> {
        self.sources
            .iter()
            .map(|(module, source)| {
                let used = source
                    .paths
                    .iter()
                    .filter_map(|path| self.absolute(module, path))
                    .filter_map(|path| self.home(path))
                    .filter(|home| home != module)
                    .collect();
                (module.clone(), used)
            })
            .collect()
    }

    /// Resolves a path in a module from the root. Returns `None` if it leads to another crate or to
    /// an item of the same module.
    fn absolute(&self, module: &Names, path: &[String]) -> Option<Names> {
        let (first, rest) = path.split_first()?;
        let mut absolute = match first.as_str() {
            "crate" => Names::new(),
            "self" => module.clone(),
            "super" => module[..module.len().checked_sub(1)?].to_vec(),
            _ => {
                let mut child = module.clone();
                child.push(first.clone());
                if self.sources.contains_key(&child) {
                    child
                } else {
                    let import = self.sources[module].imports.get(first)?;
                    if import == path || import.first() == Some(first) {
                        return None;
                    }
                    self.absolute(module, import)?
                }
            }
        };
        for name in rest {
            if name == "super" {
                absolute.pop()?;
            } else {
                absolute.push(name.clone());
            }
        }
        Some(absolute)
    }

    /// Returns the module that defines the item of a path, by following re-exports. Returns `None`
    /// for a module, because its name alone uses no item of it.
    fn home(&self, path: Names) -> Option<Names> {
        let mut path = path;
        // Limits the number of re-exports that are followed.
        for _ in 0..8 {
            let length = (0..=path.len())
                .rev()
                .find(|length| self.sources.contains_key(&path[..*length]))?;
            let module = path[..length].to_vec();
            let item = path.get(length)?;
            let import = self.sources[&module].imports.get(item);
            let Some(mut next) = import.and_then(|import| self.absolute(&module, import)) else {
                return Some(module);
            };
            next.extend_from_slice(&path[length + 1..]);
            path = next;
        }
        None
    }
}

/// Returns the modules that use themselves through others, each with a shortest path.
pub(super) fn circles(uses: &BTreeMap<Names, BTreeSet<Names>>) -> BTreeMap<Names, Vec<Names>> {
    let mut circles = BTreeMap::new();
    for start in uses.keys() {
        let mut came_from: BTreeMap<&Names, &Names> = BTreeMap::new();
        let mut edge = vec![start];
        while !edge.is_empty() && !came_from.contains_key(start) {
            let mut next = Vec::new();
            for from in edge {
                for to in &uses[from] {
                    came_from.entry(to).or_insert_with(|| {
                        next.push(to);
                        from
                    });
                }
            }
            edge = next;
        }
        if let Some(mut at) = came_from.get(start).copied() {
            let mut way = vec![start.clone()];
            while at != start {
                way.push(at.clone());
                at = came_from[at];
            }
            way.push(start.clone());
            way.reverse();
            circles.insert(start.clone(), way);
        }
    }
    circles
}

// ---- tests ------------------------------------------------------------------------------

fn graph(files: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
    let files = files
        .iter()
        .map(|(file, text)| (module(Path::new(file)), (*text).to_owned()));
    let uses = Graph::new(files).uses();
    let uses = uses.into_iter().map(|(module, used)| {
        let names = used.iter().map(|module| module.join("/")).collect();
        (module.join("/"), names)
    });
    uses.collect()
}

#[test]
fn imports_and_paths_lead_to_the_file_of_the_item() {
    let uses = graph(&[
        (
            "lib.rs",
            "mod error; mod map; mod sqlite; pub use error::{Error, Result as Outcome};",
        ),
        ("error.rs", "pub enum Error {} pub type Result<T> = T;"),
        (
            "map/mod.rs",
            "mod point; pub(in crate::sqlite) struct Map; use crate::{Error, sqlite::open};
             fn f() -> crate::Outcome { open::begin() }",
        ),
        (
            "map/point.rs",
            "use super::{Map, super::sqlite::{self, Store as S}}; // crate::no",
        ),
        (
            "sqlite/mod.rs",
            "pub mod open; pub use self::open::Store; const A: &str = \"crate::map::Map\";",
        ),
        (
            "sqlite/open.rs",
            "pub struct Store; fn f<'a>(x: char) -> bool { x == '\"' || super::g() }
             #[cfg(test)] mod tests { use crate::map::Map; }
             fn h() { <Store as crate::map::point::Read>::read() }",
        ),
    ]);
    let of = |module: &str| uses[module].clone();
    assert_eq!(of(""), ["error"]);
    assert!(of("error").is_empty());
    assert_eq!(of("map"), ["error", "sqlite/open"]);
    assert_eq!(of("map/point"), ["map", "sqlite/open"]);
    assert_eq!(of("sqlite"), ["sqlite/open"]);
    assert_eq!(of("sqlite/open"), ["map/point", "sqlite"]);
}

#[test]
fn modules_of_tests_are_left_out() {
    let uses = graph(&[
        ("lib.rs", "mod a; mod b;"),
        (
            "a/mod.rs",
            "#[cfg(test)] mod tests; use crate::b::B; pub struct A;",
        ),
        ("a/tests.rs", "use super::A;"),
        ("b.rs", "pub struct B;"),
    ]);
    assert_eq!(uses.keys().collect::<Vec<_>>(), ["", "a", "b"]);
    assert_eq!(uses["a"], ["b"]);
}

#[test]
fn every_file_of_a_circle_is_found() {
    let names = |name: &str| vec![name.to_owned()];
    let uses = [
        ("a", vec!["b"]),
        ("b", vec!["c"]),
        ("c", vec!["a", "d"]),
        ("d", vec![]),
    ]
    .map(|(from, to)| (names(from), to.into_iter().map(names).collect()));
    let circles = circles(&uses.into());
    assert_eq!(
        circles.keys().collect::<Vec<_>>(),
        [&names("a"), &names("b"), &names("c")]
    );
    assert_eq!(circles[&names("b")], ["b", "c", "a", "b"].map(names));
}
