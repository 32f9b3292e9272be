//! Files in which pages of the table or of the index are damaged: what still works, and that the
//! rest says what to do.

use std::path::Path;

use vaults::{Error, Existing, OpenOptions, Problem, Report, Vault};

use crate::support::damage::{
    INTERIOR_TABLE, LEAF_TABLE, damage_page, entries_in, make_paged, pages_of,
};
use crate::support::{Scratch, entries, open, rows};

const ENTRIES: u32 = 1500;
/// The first pages of the table and of its index, which never move.
const TABLE_ROOT: usize = 2;
const INDEX_ROOT: usize = 3;

fn texts() -> impl Iterator<Item = (u32, String)> {
    (0..ENTRIES).map(|n| (n, format!("{n:0100}")))
}

fn damaged(pages: &[usize]) -> (Scratch, Vault<u32, String>) {
    let scratch = Scratch::new();
    make_paged(&scratch.vault(), 512, &OpenOptions::new(), texts());
    for &page in pages {
        damage_page(&scratch.vault(), page);
    }
    let vault = open(scratch.vault());
    (scratch, vault)
}

fn names_salvage(error: &Error) {
    assert_is!(error, Error::Corrupt { .. });
    let shown = error.to_string();
    assert!(shown.contains("`salvage`"), "{shown}");
}

fn structures(report: &Report) -> usize {
    let is_structure = |problem: &&Problem| matches!(problem, Problem::Structure(_));
    report.problems.iter().filter(is_structure).count()
}

fn page_count(path: &Path) -> usize {
    std::fs::read(path).unwrap().len() / 512
}

// ---- the index ----------------------------------------------------------------------------

#[test]
fn verify_lists_with_the_root_of_the_index_damaged() {
    let (_scratch, vault) = damaged(&[INDEX_ROOT]);
    let mut last = None;
    let report = vault
        .verify_with(|progress| last = Some((progress.done, progress.total)))
        .unwrap();
    assert_eq!(report.entries, u64::from(ENTRIES));
    assert_eq!(report.unreadable, 0);
    assert!(structures(&report) > 0, "{report:?}");
    assert_eq!(structures(&report), report.problems.len(), "{report:?}");
    assert_eq!(last, Some((1500, 1500)), "the table tells the total");
}

#[test]
fn a_snapshot_begins_with_the_root_of_the_index_damaged() {
    let (_scratch, vault) = damaged(&[INDEX_ROOT]);
    let snapshot = vault.snapshot().unwrap();
    assert!(snapshot.iter().map(Result::unwrap).eq(texts()));
    assert!(!snapshot.is_empty().unwrap());
    names_salvage(&snapshot.get(&7).unwrap_err());
    names_salvage(&snapshot.len().unwrap_err());
    // An error of a read ends neither the snapshot nor the vault.
    assert!(
        snapshot
            .iter()
            .rev()
            .map(Result::unwrap)
            .eq(texts().collect::<Vec<_>>().into_iter().rev())
    );
}

#[test]
fn calls_that_need_the_index_say_what_to_do() {
    let (_scratch, vault) = damaged(&[INDEX_ROOT]);
    assert!(vault.iter().map(Result::unwrap).eq(texts()));
    assert!(!vault.is_empty().unwrap());
    names_salvage(&vault.get(&7).unwrap_err());
    names_salvage(&vault.contains_key(&7).unwrap_err());
    names_salvage(&vault.len().unwrap_err());
    names_salvage(&vault.stats().unwrap_err());
    names_salvage(&vault.put(&7, &String::new()).unwrap_err());
    names_salvage(&vault.insert(7, String::new()).unwrap_err());
    names_salvage(&vault.remove(&7).unwrap_err());
    names_salvage(&vault.compact().unwrap_err());
    assert!(
        vault.iter().map(Result::unwrap).eq(texts()),
        "nothing was lost"
    );
}

#[test]
fn a_backup_copies_the_pages_as_they_are() {
    for page in [TABLE_ROOT, INDEX_ROOT] {
        let scratch = Scratch::new();
        make_paged(&scratch.vault(), 512, &OpenOptions::new(), texts());
        let vault = open::<u32, String>(scratch.vault());
        damage_page(&scratch.vault(), page);
        vault.backup(scratch.path("copy.db")).unwrap();
        let replaced = scratch.path("replaced.db");
        open::<u32, u32>(&replaced).close().unwrap();
        vault
            .backup_with(&replaced, Existing::Replace, |_| ())
            .unwrap();
        vault.close().unwrap();
        let pages = |path: &Path| {
            let file = std::fs::read(path).unwrap();
            // The first one has counters that a copy moves on.
            file[512..].to_vec()
        };
        for name in ["copy.db", "replaced.db"] {
            assert!(
                pages(&scratch.path(name)) == pages(&scratch.vault()),
                "{name}"
            );
        }
        // What can be saved from the one can be saved from the other.
        let salvage =
            Vault::<u32, String>::salvage(scratch.path("copy.db"), scratch.path("saved.db"));
        assert_eq!(salvage.unwrap().saved, u64::from(ENTRIES));
    }
}

// ---- the table ----------------------------------------------------------------------------

#[test]
fn verify_counts_what_the_index_names_when_the_root_of_the_table_is_damaged() {
    let scratch = Scratch::new();
    make_paged(&scratch.vault(), 512, &OpenOptions::new(), texts());
    let vault = open::<u32, String>(scratch.vault());
    damage_page(&scratch.vault(), TABLE_ROOT);
    let report = vault.verify().unwrap();
    assert_eq!((report.entries, report.unreadable), (0, u64::from(ENTRIES)));
    assert_is!(
        &report.problems[0],
        Problem::Unreadable(Error::Corrupt { .. })
    );
    assert!(structures(&report) > 0);
    // The index still tells what there was.
    assert_eq!(vault.len().unwrap(), 1500);
    assert!(vault.contains_key(&7).unwrap());
    names_salvage(&vault.get(&7).unwrap_err());
    names_salvage(&vault.iter().next().unwrap().unwrap_err());
}

#[test]
fn verify_reaches_every_row_of_a_whole_leaf() {
    let scratch = Scratch::new();
    make_paged(&scratch.vault(), 512, &OpenOptions::new(), texts());
    let leaves = pages_of(&scratch.vault(), LEAF_TABLE);
    // Neither next to each other, nor near an end: what is between them is reached by the index alone.
    let chosen = [leaves.len() / 5, leaves.len() / 2, leaves.len() * 4 / 5].map(|n| leaves[n]);
    let lost: u64 = chosen
        .iter()
        .map(|&page| entries_in(&scratch.vault(), page))
        .sum();
    for page in chosen {
        damage_page(&scratch.vault(), page);
    }
    let vault = open::<u32, String>(scratch.vault());
    let report = vault.verify().unwrap();
    assert_eq!(report.unreadable, lost);
    assert_eq!(report.entries, u64::from(ENTRIES) - lost);
    assert_is!(
        &report.problems[0],
        Problem::Unreadable(Error::Corrupt { .. })
    );
}

#[test]
fn verify_reaches_what_does_not_hang_on_a_damaged_interior_page() {
    let scratch = Scratch::new();
    make_paged(&scratch.vault(), 512, &OpenOptions::new(), texts());
    let interior = pages_of(&scratch.vault(), INTERIOR_TABLE);
    let page = *interior.iter().find(|&&page| page != TABLE_ROOT).unwrap();
    let vault = open::<u32, String>(scratch.vault());
    damage_page(&scratch.vault(), page);
    let report = vault.verify().unwrap();
    assert_eq!(report.entries + report.unreadable, u64::from(ENTRIES));
    assert!(report.entries > 0 && report.unreadable > 0, "{report:?}");
}

#[test]
fn every_page_may_be_damaged() {
    let scratch = Scratch::new();
    make_paged(&scratch.vault(), 512, &OpenOptions::new(), texts());
    let stored = rows(&scratch.vault());
    let whole = std::fs::read(scratch.vault()).unwrap();
    let count = page_count(&scratch.vault());
    for page in (2..=count).step_by(count / 15) {
        std::fs::write(scratch.vault(), &whole).unwrap();
        damage_page(&scratch.vault(), page);
        // Opening needs an end of the table only.
        let Ok(vault) = Vault::<u32, String>::open(scratch.vault()) else {
            continue;
        };
        let report = vault.verify().unwrap();
        assert!(!report.is_ok(), "page {page}");
        assert!(report.entries <= u64::from(ENTRIES), "page {page}");
        let snapshot = vault.snapshot().unwrap();
        for (n, text) in texts().step_by(100) {
            if let Ok(found) = snapshot.get(&n) {
                assert_eq!(found, Some(text), "page {page}");
            }
        }
        let copy = scratch.path(&format!("{page}.db"));
        vault.backup(&copy).unwrap();
        drop((snapshot, vault));
        assert_eq!(std::fs::read(copy).unwrap().len(), whole.len());
    }
    std::fs::write(scratch.vault(), &whole).unwrap();
    assert_eq!(
        entries(&open::<u32, String>(scratch.vault())).len(),
        stored.len()
    );
}
