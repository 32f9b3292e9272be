//! Files with damaged pages in the table or the index: some calls still work, and the errors of the
//! others recommend `salvage`.

use std::path::Path;

use vaults::maintenance::{IfExists, VerifyProblem, VerifyReport};
use vaults::{Error, OpenOptions, Vault};

use crate::support::damage::{
    INTERIOR_TABLE, LEAF_TABLE, damage_page, entries_in, make_paged, pages_of,
};
use crate::support::{Scratch, entries, open, rows};

const ENTRIES: u32 = 1500;
/// The root pages of the table and of its index, which never move.
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

fn assert_recommends_salvage(error: &Error) {
    assert_is!(error, Error::Corrupt { .. });
    let shown = error.to_string();
    assert!(shown.contains("`salvage`"), "{shown}");
}

fn structures(report: &VerifyReport) -> usize {
    let is_structure = |problem: &&VerifyProblem| matches!(problem, VerifyProblem::Structure(_));
    report.problems.iter().filter(is_structure).count()
}

fn page_count(path: &Path) -> usize {
    std::fs::read(path).unwrap().len() / 512
}

// ---- the index ----------------------------------------------------------------------------

#[test]
fn verify_lists_the_entries_if_the_root_of_the_index_is_damaged() {
    let (_scratch, vault) = damaged(&[INDEX_ROOT]);
    let mut last = None;
    let report = vault
        .verify_with(|progress| last = Some((progress.done, progress.total)))
        .unwrap();
    assert_eq!(report.entries, u64::from(ENTRIES));
    assert_eq!(report.unreadable, 0);
    assert!(structures(&report) > 0, "{report:?}");
    assert_eq!(structures(&report), report.problems.len(), "{report:?}");
    assert_eq!(last, Some((1500, 1500)), "the total comes from the table");
}

#[test]
fn a_snapshot_works_if_the_root_of_the_index_is_damaged() {
    let (_scratch, vault) = damaged(&[INDEX_ROOT]);
    let snapshot = vault.snapshot().unwrap();
    assert!(snapshot.iter().map(Result::unwrap).eq(texts()));
    assert!(!snapshot.is_empty().unwrap());
    assert_recommends_salvage(&snapshot.get(&7).unwrap_err());
    assert_recommends_salvage(&snapshot.len().unwrap_err());
    // After a failed read, the snapshot and the vault still work.
    assert!(
        snapshot
            .iter()
            .rev()
            .map(Result::unwrap)
            .eq(texts().collect::<Vec<_>>().into_iter().rev())
    );
}

#[test]
fn calls_that_need_the_index_recommend_salvage() {
    let (_scratch, vault) = damaged(&[INDEX_ROOT]);
    assert!(vault.iter().map(Result::unwrap).eq(texts()));
    assert!(!vault.is_empty().unwrap());
    assert_recommends_salvage(&vault.get(&7).unwrap_err());
    assert_recommends_salvage(&vault.contains_key(&7).unwrap_err());
    assert_recommends_salvage(&vault.len().unwrap_err());
    assert_recommends_salvage(&vault.stats().unwrap_err());
    assert_recommends_salvage(&vault.put(&7, &String::new()).unwrap_err());
    assert_recommends_salvage(&vault.insert(7, String::new()).unwrap_err());
    assert_recommends_salvage(&vault.remove(&7).unwrap_err());
    assert_recommends_salvage(&vault.compact().unwrap_err());
    assert!(
        vault.iter().map(Result::unwrap).eq(texts()),
        "nothing was lost"
    );
}

#[test]
fn a_backup_copies_damaged_pages_unchanged() {
    for page in [TABLE_ROOT, INDEX_ROOT] {
        let scratch = Scratch::new();
        make_paged(&scratch.vault(), 512, &OpenOptions::new(), texts());
        let vault = open::<u32, String>(scratch.vault());
        damage_page(&scratch.vault(), page);
        vault.backup(scratch.path("copy.db")).unwrap();
        let replaced = scratch.path("replaced.db");
        open::<u32, u32>(&replaced).close().unwrap();
        vault
            .backup_with(&replaced, IfExists::Replace, |_| ())
            .unwrap();
        vault.close().unwrap();
        let pages = |path: &Path| {
            let file = std::fs::read(path).unwrap();
            // The first page contains counters, which a copy increments.
            file[512..].to_vec()
        };
        for name in ["copy.db", "replaced.db"] {
            assert!(
                pages(&scratch.path(name)) == pages(&scratch.vault()),
                "{name}"
            );
        }
        // The copy can be salvaged like the original.
        let salvage =
            Vault::<u32, String>::salvage(scratch.path("copy.db"), scratch.path("saved.db"));
        assert_eq!(salvage.unwrap().saved, u64::from(ENTRIES));
    }
}

// ---- the table ----------------------------------------------------------------------------

#[test]
fn verify_counts_the_entries_of_the_index_if_the_root_of_the_table_is_damaged() {
    let scratch = Scratch::new();
    make_paged(&scratch.vault(), 512, &OpenOptions::new(), texts());
    let vault = open::<u32, String>(scratch.vault());
    damage_page(&scratch.vault(), TABLE_ROOT);
    let report = vault.verify().unwrap();
    assert_eq!((report.entries, report.unreadable), (0, u64::from(ENTRIES)));
    assert_is!(
        &report.problems[0],
        VerifyProblem::Unreadable(Error::Corrupt { .. })
    );
    assert!(structures(&report) > 0);
    // The keys can still be read from the index.
    assert_eq!(vault.len().unwrap(), 1500);
    assert!(vault.contains_key(&7).unwrap());
    assert_recommends_salvage(&vault.get(&7).unwrap_err());
    assert_recommends_salvage(&vault.iter().next().unwrap().unwrap_err());
}

#[test]
fn verify_reads_every_row_outside_the_damaged_leaves() {
    let scratch = Scratch::new();
    make_paged(&scratch.vault(), 512, &OpenOptions::new(), texts());
    let leaves = pages_of(&scratch.vault(), LEAF_TABLE);
    // The pages are neither neighbours nor near an end, so the rows between them are only found
    // through the index.
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
        VerifyProblem::Unreadable(Error::Corrupt { .. })
    );
}

#[test]
fn verify_reads_the_rows_that_are_not_below_a_damaged_interior_page() {
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
fn any_page_may_be_damaged() {
    let scratch = Scratch::new();
    make_paged(&scratch.vault(), 512, &OpenOptions::new(), texts());
    let stored = rows(&scratch.vault());
    let whole = std::fs::read(scratch.vault()).unwrap();
    let count = page_count(&scratch.vault());
    for page in (2..=count).step_by(count / 15) {
        std::fs::write(scratch.vault(), &whole).unwrap();
        damage_page(&scratch.vault(), page);
        // Opening only needs one end of the table.
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
