//! Runs the bodies of the fuzz targets with their seed corpus and with changed seeds. It happens in
//! a child process with a limit on CPU time, so that an infinite loop fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::corruption::random_bytes::bodies::{decode, open, sorted};
use crate::support::damage::{Chance, rounds};
use crate::support::{Child, project, role, say};

const CHILD: &str = test_path!(child);
/// The limit for each round, many times the time that it takes.
const SECONDS: usize = 60;

#[test]
fn child() {
    let Some((role, folder)) = role() else {
        return;
    };
    match role.as_str() {
        "decode" => run_decode(&folder),
        "open" => run_open(&folder),
        "sorted" => run_sorted(&folder),
        other => panic!("no role {other:?}"),
    }
    say("done");
}

fn read(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths
        .iter()
        .map(|path| (name(path), fs::read(path).unwrap()))
        .collect()
}

/// Returns a seed with some bytes changed, and sometimes truncated or doubled.
fn changed(chance: &mut Chance, seed: &[u8]) -> Vec<u8> {
    let mut input = seed.to_vec();
    match chance.below(6) {
        0 => input.truncate(chance.below(input.len().max(1))),
        1 => input.extend_from_slice(seed),
        _ => {}
    }
    for _ in 0..chance.below(4) {
        if input.is_empty() {
            break;
        }
        let at = chance.below(input.len());
        let interesting = [
            0x00, 0x01, 0x7F, 0x80, 0xC0, 0xC6, 0xDD, 0xDF, 0xFB, 0xFD, 0xFF,
        ];
        input[at] = match chance.below(3) {
            0 => chance.byte(),
            1 => interesting[chance.below(interesting.len())],
            _ => input[at] ^ (1 << chance.below(8)),
        };
    }
    input
}

fn run_decode(folder: &Path) {
    let mut bench = decode::Bench::new();
    let mut chance = Chance::new(7);
    let seeds = read(folder);
    for (name, seed) in &seeds {
        say(name);
        let outcome = bench.run(seed);
        assert!(outcome.read + outcome.refused > 0, "{name}");
    }
    let (mut was_read, mut refused) = (0, 0);
    for round in 0..400 * rounds() {
        let (name, seed) = &seeds[round % seeds.len()];
        say(&format!("{name} in round {round}"));
        let outcome = bench.run(&changed(&mut chance, seed));
        was_read += outcome.read;
        refused += outcome.refused;
    }
    for length in 0..200 {
        let random: Vec<u8> = (0..length).map(|_| chance.byte()).collect();
        say(&format!("{length} random bytes"));
        bench.run(&[&[0, b"MB"[length % 2]], &random[..]].concat());
    }
    assert!(was_read > 0 && refused > was_read, "{was_read}, {refused}");
}

fn run_open(folder: &Path) {
    let bench = open::Bench::new();
    let mut chance = Chance::new(8);
    let seeds = read(folder);
    let tasks = [open::READ, open::READ_ALONE, open::WRITE, open::TASKS];
    let run = |name: &str, mut input: Vec<u8>, task: u8| {
        say(&format!("{name}, task {task}"));
        if let Some(choice) = input.first_mut() {
            *choice = *choice & !open::TASKS | task;
        }
        bench.run(&input);
    };
    for (name, seed) in &seeds {
        for task in tasks {
            run(name, seed.clone(), task);
        }
    }
    for round in 0..60 * rounds() {
        let (name, seed) = &seeds[round % seeds.len()];
        let name = format!("{name} in round {round}");
        let mut input = changed(&mut chance, seed);
        input.resize(input.len().max(4), 0);
        run(&name, input, tasks[round / 2 % tasks.len()]);
    }
}

fn run_sorted(folder: &Path) {
    let mut bench = sorted::Bench::new();
    let mut chance = Chance::new(9);
    let seeds = read(folder);
    let (mut was_read, mut refused) = (0, 0);
    let mut run = |name: &str, input: &[u8]| {
        say(&format!("{name}: {input:02x?}"));
        let outcome = bench.run(input);
        was_read += outcome.read;
        refused += outcome.refused;
    };
    for (name, seed) in &seeds {
        run(name, seed);
    }
    for round in 0..400 * rounds() {
        let (name, seed) = &seeds[round % seeds.len()];
        run(name, &changed(&mut chance, seed));
    }
    for round in 0..200 * rounds() {
        let random: Vec<u8> = (0..round % 20).map(|_| chance.byte() % 8).collect();
        run("few bytes", &[&[0, b'O'], &random[..]].concat());
    }
    assert!(
        was_read > 100 && refused > was_read,
        "{was_read}, {refused}"
    );
}

/// Runs a target in a child, which prints each input before it runs it.
#[cfg(unix)]
fn run(target: &str) {
    let seeds = project().join("fuzz/seeds");
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!(
            "ulimit -t {}; exec \"$0\" \"$@\"",
            SECONDS * rounds()
        ))
        .arg(std::env::current_exe().unwrap());
    let mut child = Child::start_with(shell, CHILD, target, &seeds.join(target));
    let mut last = String::from("nothing");
    loop {
        let line = child.hear();
        if line == "done" {
            break;
        }
        // A panic prints several lines. If the child was killed, the line is empty.
        assert!(
            !line.is_empty() && !line.contains("panicked"),
            "{target}: after {last:?}: {line}"
        );
        last = line;
    }
    child.finish();
}

#[cfg(unix)]
#[test]
fn seeds_decoded_as_every_shape() {
    run("decode");
}

#[cfg(unix)]
#[test]
fn seeds_opened_as_a_file_and_its_log() {
    run("open");
}

#[cfg(unix)]
#[test]
fn seeds_as_keys_of_a_sorted_vault() {
    run("sorted");
}
