//! Sorted vaults with arbitrary bytes. A read returns a typed error or the stored entries, but never a panic, an
//! infinite loop or, with checksums, a wrong value. What can be read of the file can be salvaged.

use std::fs;

use vaults::SortedVault;
use vaults::order::KeyOrder;

use crate::corruption::inspection::{
    Bench, Counts, Entries, Outcome, PAGE, is_typed, open_options, options,
};
use crate::support::Scratch;
use crate::support::damage::{Chance, make_paged_in, rounds};

/// Small values, and two that are in a table of their own.
fn small() -> Entries {
    let text = |n: u32| "large value ".repeat(if n % 4 == 1 { 36 } else { 1 });
    (0..7).map(|n| (n * 50, text(n))).collect()
}

fn large() -> Entries {
    let text = |n: u32| format!("{n:05}").repeat(1 + (n as usize % 11) * (n as usize % 11));
    (0..150).map(|n| (n, text(n))).collect()
}

fn file_of(checksums: bool, entries: Entries) -> Vec<u8> {
    let source = Scratch::new();
    make_paged_in::<_, _, KeyOrder>(&source.vault(), PAGE, &options(checksums), entries);
    fs::read(source.vault()).unwrap()
}

/// Salvages the file that was inspected last.
fn salvage(bench: &Bench, checksums: bool, stored: &Entries, when: &str) {
    let saved = bench.path().with_extension("saved");
    fs::remove_file(&saved).ok();
    let salvaged = SortedVault::<u32, String>::salvage(bench.path(), &saved);
    let report = match salvaged {
        Ok(report) => report,
        Err(error) => return assert!(is_typed(&error), "{when}: {error:?}"),
    };
    let vault: SortedVault<u32, String> = SortedVault::open(&saved).unwrap();
    let found: Entries = vault.iter().map(Result::unwrap).collect();
    assert_eq!(found.len() as u64, report.saved, "{when}");
    assert!(found.is_sorted_by_key(|entry| entry.0), "{when}: {found:?}");
    assert!(
        !checksums || found.iter().all(|entry| stored.contains(entry)),
        "{when}: {found:?}"
    );
}

/// Changes each byte of a small file.
fn every_byte(checksums: bool) -> Counts {
    let mut bench = Bench::new(small());
    let file = file_of(checksums, small());
    let open_options = open_options();
    for at in 0..file.len() {
        let byte = file[at];
        let changed = [byte ^ 0x01, byte ^ 0x80, !byte, byte.wrapping_add(1)][at % 4];
        let mut file = file.clone();
        file[at] = changed;
        let way = &open_options[at % open_options.len()];
        let found = bench.inspect_in::<KeyOrder>(way, &file, None);
        let when = format!("byte {at} as {changed:#04x}");
        assert!(
            !checksums || found != Outcome::Other,
            "{when} gives a wrong value"
        );
        // It syncs, so it takes much longer than reading.
        if at % 97 == 0 {
            salvage(&bench, checksums, &small(), &when);
        }
    }
    bench.counts
}

#[test]
fn every_byte_of_a_small_sorted_vault() {
    let counts = every_byte(false).finish("each byte of a small sorted file");
    assert!(counts.error > counts.total / 4 && counts.right > counts.total / 8);
    // Such damage is only detected by checksums.
    assert!(counts.other > 0);
}

#[test]
fn every_byte_of_a_small_sorted_vault_with_checksums() {
    let counts = every_byte(true).finish("each byte of a small sorted file with checksums");
    assert!(counts.error > counts.total / 4 && counts.right > counts.total / 8);
    assert_eq!(counts.other, 0);
}

/// Changes a few random bytes of a larger file.
#[test]
fn random_bytes_of_a_sorted_file() {
    for checksums in [false, true] {
        let mut bench = Bench::new(large());
        let file = file_of(checksums, large());
        let open_options = open_options();
        let mut chance = Chance::new(9);
        for round in 0..120 * rounds() {
            let mut file = file.clone();
            for _ in 0..=chance.below(3) {
                let at = chance.below(file.len());
                file[at] = chance.byte();
            }
            let way = &open_options[round % open_options.len()];
            let found = bench.inspect_in::<KeyOrder>(way, &file, None);
            let when = format!("round {round}, checksums {checksums}");
            assert!(!checksums || found != Outcome::Other, "{when}");
            if round % 20 == 0 {
                salvage(&bench, checksums, &large(), &when);
            }
        }
        bench.counts.finish("random bytes of a sorted file");
    }
}
