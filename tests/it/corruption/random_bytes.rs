//! Files with arbitrary bytes. A read returns a typed error or the stored entries, but never a
//! panic, an infinite loop or, with checksums, a wrong value.

use std::fs;

use vaults::{Durability, OpenOptions, Vault};

use crate::corruption::inspection::{
    Bench, Counts, Entries, Outcome, PAGE, is_typed, open_options, options, small,
};
use crate::support::Scratch;
use crate::support::damage::{Chance, make_paged, rounds};

#[path = "../../../fuzz/bodies/mod.rs"]
pub(crate) mod bodies;

pub(crate) use bodies::log::mend as mend_log;

// ---- single bytes -------------------------------------------------------------------------

/// Sets each byte of a small file to several values.
fn every_byte(checksums: bool) -> Counts {
    let mut bench = Bench::new(small());
    let source = Scratch::new();
    make_paged(&source.vault(), PAGE, &options(checksums), small());
    let file = fs::read(source.vault()).unwrap();
    assert!(file.len() <= 4 * PAGE as usize, "{}", file.len());
    let open_options = open_options();
    for at in 0..file.len() {
        let byte = file[at];
        for (n, changed) in [byte ^ 0x01, byte ^ 0x80, 0x00, 0xFF]
            .into_iter()
            .enumerate()
        {
            if changed == byte {
                continue;
            }
            let mut file = file.clone();
            file[at] = changed;
            let found = bench.inspect(&open_options[(at + n) % open_options.len()], &file, None);
            assert!(
                !checksums || found != Outcome::Other,
                "byte {at} as {changed:#04x} gives a wrong value"
            );
        }
    }
    bench.counts
}

#[test]
fn every_byte_of_a_small_vault() {
    let counts = every_byte(false).finish("each byte of a small file");
    assert!(counts.error > counts.total / 4 && counts.right > counts.total / 4);
    // Such damage is only detected by checksums.
    assert!(counts.other > 0);
}

#[test]
fn every_byte_of_a_small_vault_with_checksums() {
    let counts = every_byte(true).finish("each byte of a small file with checksums");
    assert!(counts.error > counts.total / 4 && counts.right > counts.total / 4);
    assert_eq!(counts.other, 0);
}

// ---- random bytes of larger files ---------------------------------------------------------

fn large() -> Entries {
    let text = |n: u32| format!("{n:05}").repeat(1 + (n as usize % 9) * (n as usize % 9));
    (0..150).map(|n| (n, text(n))).collect()
}

/// Changes a few random bytes.
fn spoil(chance: &mut Chance, bytes: &mut [u8]) {
    for _ in 0..=chance.below(3) {
        let at = chance.below(bytes.len());
        bytes[at] = match chance.below(3) {
            0 => bytes[at] ^ (1 << chance.below(8)),
            1 => chance.byte(),
            _ => bytes[at].wrapping_add(1),
        };
    }
}

fn random_bytes(checksums: bool, seed: u64) -> Counts {
    let mut bench = Bench::new(large());
    let source = Scratch::new();
    make_paged(&source.vault(), PAGE, &options(checksums), large());
    let file = fs::read(source.vault()).unwrap();
    let open_options = open_options();
    let mut chance = Chance::new(seed);
    for round in 0..1500 * rounds() {
        let mut file = file.clone();
        spoil(&mut chance, &mut file);
        let found = bench.inspect(&open_options[round % open_options.len()], &file, None);
        assert!(
            !checksums || found != Outcome::Other,
            "seed {seed}, round {round}"
        );
    }
    bench.counts
}

/// Makes a file that contains only the schema, and a log with one commit for each entry.
fn file_and_log(checksums: bool) -> (Vec<u8>, Vec<u8>) {
    let source = Scratch::new();
    make_paged(
        &source.vault(),
        PAGE,
        &options(checksums),
        [] as [(u32, String); 0],
    );
    let vault: Vault<u32, String> = OpenOptions::new()
        .durability(Durability::Off)
        .open(source.vault())
        .unwrap();
    for (key, value) in large().into_iter().take(100) {
        vault.put(&key, &value).unwrap();
    }
    let file = fs::read(source.vault()).unwrap();
    (file, fs::read(source.path("vault.db-wal")).unwrap())
}

/// Damages the log, and corrects its checksums if `mended`.
fn random_bytes_of_the_log(checksums: bool, mended: bool, seed: u64) -> Counts {
    let mut bench = Bench::new(large().into_iter().take(100).collect());
    let (file, log) = file_and_log(checksums);
    let [_, reading, writing] = open_options();
    let mut chance = Chance::new(seed);
    for round in 0..800 * rounds() {
        let mut log = log.clone();
        spoil(&mut chance, &mut log);
        if mended {
            mend_log(&mut log);
        }
        let way = if round % 2 == 0 { &reading } else { &writing };
        let found = bench.inspect(way, &file, Some(&log));
        assert!(
            !checksums || found != Outcome::Other,
            "seed {seed}, round {round}"
        );
    }
    bench.counts
}

#[test]
fn random_bytes_of_a_file() {
    let counts = random_bytes(false, 1).finish("random bytes of a file");
    assert!(counts.error > 0 && counts.right > 0 && counts.other > 0);
}

#[test]
fn random_bytes_of_a_file_with_checksums() {
    let counts = random_bytes(true, 2).finish("random bytes of a file with checksums");
    assert!(counts.error > counts.total / 4);
    assert_eq!(counts.other, 0);
}

#[test]
fn random_bytes_of_a_log() {
    for checksums in [false, true] {
        let counts = random_bytes_of_the_log(checksums, false, 3)
            .finish(&format!("random bytes of a log, checksums {checksums}"));
        // The log has checksums of its own, so everything after the damage is ignored.
        assert_eq!(counts.total, counts.right + counts.older + counts.error);
        assert!(counts.older > counts.total / 2);
    }
}

#[test]
fn random_bytes_of_a_log_with_corrected_checksums() {
    for checksums in [false, true] {
        let counts = random_bytes_of_the_log(checksums, true, 4).finish(&format!(
            "random bytes of a mended log, checksums {checksums}"
        ));
        assert!(counts.error > 0);
        assert!(!checksums || counts.other == 0);
    }
}

// ---- truncated and random files -----------------------------------------------------------

#[test]
fn a_file_truncated_to_every_length() {
    let source = Scratch::new();
    make_paged(&source.vault(), PAGE, &options(false), small());
    let file = fs::read(source.vault()).unwrap();
    let mut bench = Bench::new(small());
    let open_options = open_options();
    for length in 0..file.len() {
        let found = bench.inspect(
            &open_options[length % open_options.len()],
            &file[..length],
            None,
        );
        // A missing byte is read as zero, which may be its original value.
        let is_zero = file[length..].iter().all(|byte| *byte == 0);
        let expected = if is_zero {
            Outcome::Right
        } else {
            Outcome::Error
        };
        assert_eq!(found, expected, "{length} bytes");
    }
}

#[test]
fn a_truncated_log() {
    let (file, log) = file_and_log(false);
    let mut bench = Bench::new(large().into_iter().take(100).collect());
    let [_, reading, writing] = open_options();
    let mut chance = Chance::new(5);
    let step = log.len() / 150;
    for n in 0..150 {
        let length = n * step + chance.below(step);
        let way = if n % 2 == 0 { &reading } else { &writing };
        let found = bench.inspect(way, &file, Some(&log[..length]));
        assert!(
            matches!(found, Outcome::Older | Outcome::Right),
            "{length} bytes: {found:?}"
        );
    }
    assert_eq!(bench.inspect(&reading, &file, Some(&log)), Outcome::Right);
}

#[test]
fn random_bytes_as_a_file() {
    let mut chance = Chance::new(6);
    let source = Scratch::new();
    make_paged(&source.vault(), PAGE, &options(false), small());
    let vault = fs::read(source.vault()).unwrap();
    for round in 0..150 * rounds() {
        let mut file: Vec<u8> = (0..chance.below(3000)).map(|_| chance.byte()).collect();
        // Some files begin like a database, up to some point.
        let head = [0, 16, 18, 100, 108][round % 5].min(file.len());
        file[..head].copy_from_slice(&vault[..head]);
        let scratch = Scratch::new();
        fs::write(scratch.vault(), &file).unwrap();
        for way in &open_options() {
            match way.open::<u32, String>(scratch.vault()) {
                Ok(vault) => panic!("round {round} opened: {vault:?}"),
                Err(error) => assert!(is_typed(&error), "round {round}: {error:?}"),
            }
            assert!(fs::read(scratch.vault()).unwrap() == file, "round {round}");
        }
        Vault::<u32, String>::salvage(scratch.vault(), scratch.path("saved.db")).unwrap();
    }
}
