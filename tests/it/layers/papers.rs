//! Checks of the papers: the tables, paths, functions and links in them exist.

use std::fs;
use std::path::Path;

use super::LAYERS;
use crate::support::project;

/// Returns the Markdown files at the top of the project and of the guides, with their texts.
fn papers() -> Vec<(String, String)> {
    let mut papers = Vec::new();
    for folder in ["", "src/guide", "benches/peers"] {
        for entry in fs::read_dir(project().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let name = path.strip_prefix(project()).unwrap().to_str().unwrap();
                papers.push((name.to_owned(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(papers.len() > 5);
    papers
}

fn paper(name: &str) -> String {
    fs::read_to_string(project().join(name)).unwrap()
}

/// Returns the text without its blocks of code.
fn prose(text: &str) -> String {
    let mut is_code = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns what stands in backticks.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns the targets of the links, without those of reference links.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| {
        let end = rest.find(')')?;
        rest.get(..end)
    })
}

/// Returns the cells of the rows of tables.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("|-"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
}

/// Returns the anchor that a heading has on the usual sites.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

/// Returns the patterns of `include` in Cargo.toml, which say what is in the package.
fn included() -> Vec<String> {
    let manifest = paper("Cargo.toml");
    let (_, rest) = manifest.split_once("include = [").unwrap();
    let (list, _) = rest.split_once(']').unwrap();
    let quoted = list.split('"').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

#[test]
fn the_rooms_of_the_paper_are_those_of_the_tests() {
    let text = paper("ARCHITECTURE.md");
    let (_, rest) = text.split_once("## The rooms").unwrap();
    let (table, _) = rest.split_once("Types `K` and `V`").unwrap();
    let written: Vec<Vec<&str>> = rows(table)
        .skip(1)
        .map(|cells| code_spans(cells[0]).collect())
        .collect();
    assert_eq!(written, LAYERS);
}

#[test]
fn functions_are_in_the_files_that_the_paper_names() {
    let text = paper("ARCHITECTURE.md");
    let mut steps = 0;
    for cells in rows(&text) {
        let [_, function, file] = cells[..] else {
            continue;
        };
        let (Some(function), Some(file)) = (code_spans(function).next(), code_spans(file).next())
        else {
            continue;
        };
        if !file.starts_with("src/") {
            continue;
        }
        steps += 1;
        let source = paper(file);
        let declared = ["(", "<"].map(|next| format!("fn {function}{next}"));
        assert!(
            declared.iter().any(|declared| source.contains(declared)),
            "{file} has no function {function}"
        );
    }
    assert!(steps > 20, "only {steps} steps were found");
}

#[test]
fn paths_in_the_papers_exist() {
    let mut paths = 0;
    for (name, text) in papers() {
        for span in code_spans(&prose(&text)) {
            let roots = ["src/", "tests/", "benches/", "examples/", "fuzz/"];
            let is_path = roots.iter().any(|root| span.starts_with(root)) && !span.contains(' ');
            if is_path {
                paths += 1;
                assert!(project().join(span).exists(), "{name}: {span}");
            }
        }
    }
    assert!(paths > 20, "only {paths} paths were found");
}

#[test]
fn links_of_the_papers_lead_somewhere() {
    let included = included();
    for (name, text) in papers() {
        for link in links(&prose(&text)) {
            if link.starts_with("https://") || link.contains("::") {
                continue;
            }
            let (file, part) = link.split_once('#').unwrap_or((link, ""));
            let folder = Path::new(&name).parent().unwrap();
            let target = if file.is_empty() {
                name.clone()
            } else {
                folder.join(file).to_str().unwrap().to_owned()
            };
            assert!(project().join(&target).exists(), "{name}: {link}");
            // What is in the package links only to what is in it too.
            if included.contains(&name) {
                assert!(
                    included.contains(&target),
                    "{name}: {link} is not in the package"
                );
            }
            if !part.is_empty() {
                let text = paper(&target);
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                assert!(
                    headings.any(|heading| anchor(heading) == part),
                    "{name}: {link}"
                );
            }
        }
    }
}

#[test]
fn the_papers_name_the_lowest_rust_version() {
    let manifest = paper("Cargo.toml");
    let (_, rest) = manifest.split_once("rust-version = \"").unwrap();
    let (version, _) = rest.split_once('"').unwrap();
    for name in ["README.md", "CONTRIBUTING.md"] {
        let text = paper(name);
        let named = text.contains(&format!("Rust {version} or newer"));
        assert!(named, "{name} does not name Rust {version}");
    }
}

#[test]
fn the_readme_names_every_dependency_and_guide() {
    let readme = paper("README.md");
    let manifest = paper("Cargo.toml");
    let (_, rest) = manifest.split_once("[dependencies]").unwrap();
    let (list, _) = rest.split_once("[dev-dependencies]").unwrap();
    let dependencies = list
        .lines()
        .filter(|line| !line.starts_with(['#', '[']))
        .filter_map(|line| Some(line.split_once(" = ")?.0.to_owned()));
    let guides = papers().into_iter().filter_map(|(name, _)| {
        let guide = name.strip_prefix("src/guide/")?.strip_suffix(".md")?;
        Some(guide.to_owned())
    });
    let mut names = 0;
    for name in dependencies.chain(guides) {
        names += 1;
        assert!(readme.contains(&format!("`{name}`")), "{name}");
    }
    assert!(names > 10, "only {names} names were found");
}
