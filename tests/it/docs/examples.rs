//! The examples, run as programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{Scratch, make, open, put_row};

/// Returns the path where `cargo test` builds an example, next to the folder of this binary.
fn example(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let folder = this.parent().and_then(Path::parent).unwrap();
    let path = folder
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.is_file(),
        "{} is not there: `cargo test` builds the examples, `cargo test --test it` alone does not; \
         run `cargo build --examples` first",
        path.display()
    );
    path
}

fn run(name: &str, arguments: &[&Path]) -> Output {
    Command::new(example(name))
        .args(arguments)
        .output()
        .unwrap()
}

/// Runs an example and returns its output, which must be successful.
fn printed(name: &str, arguments: &[&Path]) -> String {
    let output = run(name, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{name} ended with {}: {errors}",
        output.status
    );
    String::from_utf8(output.stdout).unwrap()
}

fn assert_contains_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn quickstart_finds_what_its_first_run_stored() {
    let scratch = Scratch::new();
    let path = scratch.path("cities.db");
    let first = printed("quickstart", &[&path]);
    assert_contains_all(
        &first,
        &["cities.db holds 0 cities", "Bern is new", "Lyon has 520000"],
    );
    let second = printed("quickstart", &[&path]);
    assert_contains_all(
        &second,
        &[
            "cities.db holds 3 cities",
            "Bern was stored by an earlier run",
        ],
    );
    assert!(!second.contains("Bern is new"), "{second}");
    let order: Vec<usize> = ["  Bern ", "  Lyon ", " Turin "]
        .iter()
        .map(|city| second.rfind(city).unwrap())
        .collect();
    assert!(order.is_sorted(), "{second}");
}

#[test]
fn word_count_adds_to_the_counts_of_earlier_runs() {
    let scratch = Scratch::new();
    let (path, text) = (scratch.path("words.db"), scratch.path("text"));
    fs::write(&text, "The cat and the dog. The CAT's end\n").unwrap();
    let arguments = [Path::new("--vault"), &path, &text];
    let first = printed("word_count", &arguments);
    assert_contains_all(
        &first,
        &[
            "holds 0 words",
            "now 6 different words",
            "3  the",
            "2  cat",
            "1  s",
        ],
    );
    let second = printed("word_count", &arguments);
    assert_contains_all(&second, &["holds 6 words", "6  the", "4  cat"]);
    let counts = open::<String, u64>(&path);
    assert_eq!(counts.get_many(["the", "dog"]).unwrap(), [Some(6), Some(2)]);
}

#[test]
fn memoize_computes_once() {
    let scratch = Scratch::new();
    let path = scratch.path("cache.db");
    let first = printed("memoize", &[&path]);
    assert_contains_all(&first, &["holds 0 results", "77031 takes 350 steps"]);
    // Four threads asked for three results each.
    assert_contains_all(&first, &["12 answers, of which 3 were computed"]);
    let second = printed("memoize", &[&path]);
    assert_contains_all(&second, &["holds 3 results", "77031 takes 350 steps"]);
    assert_contains_all(&second, &["12 answers, of which 0 were computed"]);
}

#[test]
fn counters_are_exact_over_several_processes() {
    let scratch = Scratch::new();
    let path = scratch.path("counters.db");
    let first = printed("counters", &[&path]);
    assert_contains_all(
        &first,
        &["red: 0 + 4 x 250 = 1000", "blue: 0 + 4 x 250 = 1000"],
    );
    let second = printed("counters", &[&path]);
    assert_contains_all(&second, &["green: 1000 + 4 x 250 = 2000"]);
    let counters = open::<String, u64>(&path);
    assert_eq!(counters.get("red").unwrap(), Some(2000));
}

#[test]
fn job_queue_does_every_job_once() {
    let scratch = Scratch::new();
    let folder = scratch.path("jobs");
    // The second run starts behind the finished jobs of the first.
    for _ in 0..2 {
        let text = printed("job_queue", &[&folder]);
        assert_contains_all(
            &text,
            &["doomed took job 0, and was killed", "jobs released: 1"],
        );
        assert_contains_all(&text, &["60 of 60 jobs done, in 69 tries"]);
    }
}

#[test]
fn python_vault_skips_pickles() {
    let scratch = Scratch::new();
    let path = scratch.path("python.db");
    make(&path, [("answer".to_owned(), 42_u32)]);
    put_row(&path, b"M\xa4list", b"M\x93\x01\xa3two\xc0");
    put_row(&path, b"M\xa6object", b"P\x80\x04K\x01.");
    let text = printed("python_vault", &[&path]);
    assert_contains_all(
        &text,
        &[
            "3 entries",
            "answer = 42",
            "list = [1, \"two\", nil]",
            "skipped: ",
        ],
    );
    assert_contains_all(&text, &["object", "Python pickle"]);
}

#[test]
fn python_vault_reports_errors() {
    let scratch = Scratch::new();
    let output = run("python_vault", &[&scratch.path("missing.db")]);
    assert!(!output.status.success());
    assert_contains_all(
        &String::from_utf8_lossy(&output.stderr),
        &["error: there is no vault at"],
    );
    make(scratch.path("numbers.db"), [(1_u32, 1_u32)]);
    let output = run("python_vault", &[&scratch.path("numbers.db")]);
    assert!(!output.status.success());
    assert_contains_all(
        &String::from_utf8_lossy(&output.stderr),
        &["does not hold a map", "caused by: "],
    );
    assert!(!run("python_vault", &[]).status.success());
}

#[test]
fn todo_keeps_its_maps_together() {
    let scratch = Scratch::new();
    let path = scratch.path("todo.db");
    let call = |arguments: &[&str]| {
        let arguments: Vec<&Path> = arguments.iter().map(Path::new).collect();
        printed("todo", &[&[path.as_path()], arguments.as_slice()].concat())
    };
    assert_eq!(call(&["add", "Buy milk", "shop"]), "1\n");
    assert_eq!(call(&["add", "Call Ada"]), "2\n");
    assert_eq!(call(&["add", "Buy pears", "shop"]), "3\n");
    assert_contains_all(&call(&["done", "1"]), &["done: Buy milk"]);
    let listed = call(&["list", "shop"]);
    assert!(
        listed.contains("3  Buy pears") && !listed.contains("milk"),
        "{listed}"
    );
    assert_contains_all(&call(&["list"]), &["2  Call Ada", "3  Buy pears"]);
    let exported = call(&["export"]);
    assert_contains_all(&exported, &["\"done\"", "\"shop\"", "Buy pears"]);
    assert_contains_all(
        &printed("todo", &[]),
        &["To buy:\n   3  Buy pears", "Imported elsewhere: 2 tasks"],
    );
}
