//! Salvage from files with damaged, missing or undecodable content.

use std::fs;
use std::path::Path;

use vaults::maintenance::SalvageLoss;
use vaults::{Durability, Error, OpenOptions, Vault};

use crate::support::damage::{
    INTERIOR_TABLE, LEAF_TABLE, change, damage_page, entries_in, make_paged, pages_of,
};
use crate::support::{Scratch, entries, make, open, put_row, rows};

use super::{ENTRIES, all, assert_lacks, make_deep, salvage, saved, texts};

#[test]
fn an_intact_file_is_salvaged_completely() {
    let scratch = Scratch::new();
    make_deep(&scratch.vault());
    let report = salvage(&scratch);
    assert!(report.lost.is_empty(), "{report:?}");
    assert_eq!(report.saved, 1520);
    assert!(saved(&scratch) == all());
}

#[test]
fn a_damaged_header() {
    for (from, to) in [(0, 16), (18, 24), (24, 100)] {
        let scratch = Scratch::new();
        // The page size is in the damaged part too.
        make(scratch.vault(), texts(ENTRIES));
        change(&scratch.vault(), |file| file[from..to].fill(0xEE));
        let report = salvage(&scratch);
        assert_eq!(report.saved, u64::from(ENTRIES), "{from}..{to}");
        assert!(saved(&scratch).into_iter().eq(texts(ENTRIES)));
    }
}

#[test]
fn the_page_size_of_a_file_without_a_header() {
    for bytes in [512, 1024, 2048, 8192, 16384, 32768, 65536] {
        let scratch = Scratch::new();
        make_paged(&scratch.vault(), bytes, &OpenOptions::new(), texts(ENTRIES));
        change(&scratch.vault(), |file| {
            file[..bytes as usize].fill(0xEE);
        });
        let report = salvage(&scratch);
        assert_eq!(report.saved, u64::from(ENTRIES), "{bytes}: {report:?}");
        let mut saved = saved(&scratch);
        saved.sort();
        assert!(saved.into_iter().eq(texts(ENTRIES)), "{bytes}");
    }
}

#[test]
fn the_page_size_of_a_file_without_a_header_whose_rows_are_in_its_log() {
    let scratch = Scratch::new();
    let copy = scratch.path("copy.db");
    make_paged(&copy, 1024, &OpenOptions::new(), texts(0));
    let vault = open::<u32, String>(&copy);
    vault.try_extend(texts(20)).unwrap();
    fs::copy(scratch.path("copy.db-wal"), scratch.path("vault.db-wal")).unwrap();
    // The file contains no row from which the page size could be derived.
    fs::write(scratch.vault(), [0xEE; 4096]).unwrap();
    let report = salvage(&scratch);
    assert_eq!(report.saved, 20, "{report:?}");
    assert!(saved(&scratch).into_iter().eq(texts(20)));
}

#[test]
fn a_damaged_page_of_the_schema() {
    let scratch = Scratch::new();
    make(scratch.vault(), texts(ENTRIES));
    damage_page(&scratch.vault(), 1);
    let report = salvage(&scratch);
    assert_is!(&report.lost[0], SalvageLoss::Page { number: 1, .. });
    assert!(saved(&scratch).into_iter().eq(texts(ENTRIES)));
}

#[test]
fn a_damaged_schema_with_an_intact_header() {
    let scratch = Scratch::new();
    make_deep(&scratch.vault());
    change(&scratch.vault(), |file| file[100..512].fill(0xEE));
    let report = salvage(&scratch);
    assert_is!(&report.lost[0], SalvageLoss::Page { number: 1, .. });
    let mut saved = saved(&scratch);
    saved.sort();
    assert!(saved == all());
}

#[test]
fn a_damaged_interior_page() {
    let scratch = Scratch::new();
    make_deep(&scratch.vault());
    let interior = pages_of(&scratch.vault(), INTERIOR_TABLE);
    assert!(interior.len() > 2);
    for page in interior {
        let scratch = Scratch::new();
        make_deep(&scratch.vault());
        damage_page(&scratch.vault(), page);
        let report = salvage(&scratch);
        assert_is!(&report.lost[0], SalvageLoss::Page { number, .. } if *number as usize == page);
        assert_eq!(report.lost.len(), 1, "{report:?}");
        assert_eq!(report.saved, 1520, "page {page}");
        assert_lacks(&saved(&scratch), 0);
    }
}

#[test]
fn a_damaged_leaf() {
    let scratch = Scratch::new();
    make_deep(&scratch.vault());
    let leaves = pages_of(&scratch.vault(), LEAF_TABLE);
    let page = leaves[leaves.len() / 2];
    let lost = entries_in(&scratch.vault(), page);
    damage_page(&scratch.vault(), page);
    let report = salvage(&scratch);
    assert_is!(&report.lost[0], SalvageLoss::Page { number, .. } if *number as usize == page);
    assert_eq!(report.lost.len(), 1, "{report:?}");
    let text = report.lost[0].to_string();
    assert!(text.contains(&page.to_string()), "{text}");
    assert_eq!(report.saved, 1520 - lost);
    assert_lacks(&saved(&scratch), lost);
}

#[test]
fn a_truncated_file() {
    let scratch = Scratch::new();
    make_deep(&scratch.vault());
    change(&scratch.vault(), |file| {
        file.truncate(file.len() / 2 / 512 * 512);
    });
    let report = salvage(&scratch);
    assert!(!report.lost.is_empty());
    let saved = saved(&scratch);
    assert!(saved.len() > 400, "{}", saved.len());
    assert_lacks(&saved, 1520 - report.saved);
}

#[test]
fn undecodable_entries() {
    let scratch = Scratch::new();
    make(scratch.vault(), texts(10));
    put_row(&scratch.vault(), b"M\x14", b"M\xc3");
    put_row(&scratch.vault(), b"M\x15", b"P\x80\x04N.");
    put_row(&scratch.vault(), b"M\x16", b"Zzz");
    let report = salvage(&scratch);
    assert_eq!(report.saved, 11);
    assert_eq!(report.lost.len(), 2);
    assert_is!(&report.lost[0], SalvageLoss::Entry(Error::Decode { .. }));
    assert_is!(
        &report.lost[1],
        SalvageLoss::Entry(Error::UnknownTag { tag: b'Z', .. })
    );
    assert!(report.lost[0].to_string().contains("M\\x14"));
    let pickled = rows(&scratch.path("saved.db")).pop().unwrap();
    assert_eq!(pickled, (b"M\x15".to_vec(), b"P\x80\x04N.".to_vec()));
}

#[test]
fn entries_that_are_only_in_the_log() {
    let source = Scratch::new();
    let vault: Vault<u32, String> = OpenOptions::new()
        .durability(Durability::Off)
        .open(source.vault())
        .unwrap();
    vault.try_extend(texts(100)).unwrap();
    vault.put(&5, &"newer".to_owned()).unwrap();
    vault.remove(&6).unwrap();
    let copy = |scratch: &Scratch| {
        for suffix in ["", "-wal"] {
            let name = |path: &Path| format!("{}{suffix}", path.display());
            fs::copy(name(&source.vault()), name(&scratch.vault())).unwrap();
        }
    };
    let scratch = Scratch::new();
    copy(&scratch);
    let report = salvage(&scratch);
    assert!(report.lost.is_empty(), "{report:?}");
    assert_eq!(saved(&scratch), entries(&vault));

    // Damage the last frame, which invalidates the last commit.
    let scratch = Scratch::new();
    copy(&scratch);
    change(&scratch.path("vault.db-wal"), |log| {
        let last = log.len() - 1;
        log[last] ^= 1;
    });
    salvage(&scratch);
    let saved = saved(&scratch);
    assert_eq!(saved.len(), 100);
    assert_eq!(saved[5].1, "newer");
}
