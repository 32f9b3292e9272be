//! `verify`, `stats` and `compact`.

use std::fs;

use vaults::maintenance::{Progress, VerifyProblem};
use vaults::{Codec, EntryPart, Error, OpenOptions, Vault};

use crate::concurrency::processes::CHILD;
use crate::support::damage::{
    INTERIOR_TABLE, LEAF_INDEX, LEAF_TABLE, damage_page, entries_in, make_paged, pages_of,
    python_fixture,
};
use crate::support::{
    Child, Scratch, entries, make, numbers, on_each_engine, open, open_fast, put_row, rows, sql,
};

fn texts(count: u32) -> impl Iterator<Item = (u32, String)> {
    (0..count).map(|n| (n, format!("{n:0100}")))
}

// ---- verify -------------------------------------------------------------------------------

#[test]
fn an_intact_vault_has_no_problems() {
    on_each_engine::<u32, String>(|vault| {
        vault.try_extend(texts(3000)).unwrap();
        let report = vault.verify().unwrap();
        assert!(report.is_ok(), "{report:?}");
        assert_eq!(report.entries, 3000);
        assert_eq!(report.message_pack, 3000);
        assert_eq!((report.bincode, report.pickle), (0, 0));
        // The text has a tag and a header of 2 bytes. The number has a tag and 1, 2 or 3 bytes.
        assert_eq!(report.value_bytes, 3000 * 103);
        let keys = 128 * 2 + 128 * 3 + (3000 - 256) * 4;
        assert_eq!(report.key_bytes, keys);
    });
}

#[test]
fn an_empty_vault_has_no_problems() {
    on_each_engine::<u32, u32>(|vault| {
        let report = vault.verify().unwrap();
        assert!(report.is_ok());
        assert_eq!((report.entries, report.key_bytes), (0, 0));
    });
}

#[test]
fn every_undecodable_entry_is_a_problem() {
    let scratch = Scratch::new();
    let path = scratch.vault();
    make(&path, numbers(3));
    let options = OpenOptions::new().codec(Codec::Bincode).clone();
    let vault: Vault<u32, u32> = options.open(&path).unwrap();
    vault.put(&100, &1).unwrap();
    vault.close().unwrap();
    put_row(&path, b"M\x0a", b"M\xa3two");
    put_row(&path, b"M\x0b", b"Zwhat");
    put_row(&path, b"M\x0c", b"P\x80\x04N.");
    put_row(&path, b"M\x0d", b"");
    put_row(&path, b"M\x0e", b"M\x01more");
    put_row(&path, b"M\xa1k", b"M\x01");
    put_row(&path, b"Q", b"M\x01");
    put_row(&path, b"M\x14", b"M\x07");
    let vault = open::<u32, u32>(&path);
    let report = vault.verify().unwrap();
    assert_eq!(report.entries, 12);
    assert_eq!(
        (report.message_pack, report.bincode, report.pickle),
        (8, 1, 1)
    );
    let problems: Vec<&Error> = report
        .problems
        .iter()
        .map(|problem| match problem {
            VerifyProblem::Entry(error) => error,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(problems.len(), 6);
    let value = |key: &str, error: &Error| match error {
        Error::Decode { part, key: at, .. } => *part == EntryPart::Value && at == key,
        _ => false,
    };
    assert!(value("\"M\\n\"", problems[0]), "{:?}", problems[0]);
    assert_is!(problems[1], Error::UnknownTag { tag: b'Z', .. });
    assert!(value("\"M\\r\"", problems[2]), "{:?}", problems[2]);
    assert!(value("\"M\\x0e\"", problems[3]), "{:?}", problems[3]);
    assert_is!(
        problems[4],
        Error::Decode {
            part: EntryPart::Key,
            ..
        }
    );
    assert_is!(
        problems[5],
        Error::UnknownTag {
            part: EntryPart::Key,
            tag: b'Q',
            ..
        }
    );
    let shown = report.problems[1].to_string();
    assert!(
        shown.contains("M\\x0b") && shown.contains("0x5a"),
        "{shown}"
    );
}

#[test]
fn a_python_file_has_no_problems() {
    let scratch = Scratch::new();
    python_fixture(&scratch.vault());
    let stored = rows(&scratch.vault());
    let of = |tag: u8| stored.iter().filter(|(_, value)| value[0] == tag).count() as u64;
    let vault = open::<serde_json::Value, serde_json::Value>(scratch.vault());
    let report = vault.verify().unwrap();
    assert_eq!(report.entries, stored.len() as u64);
    assert_eq!((report.message_pack, report.pickle), (of(b'M'), of(b'P')));
    assert!(
        !report.problems.iter().any(|problem| matches!(
            problem,
            VerifyProblem::Structure(_) | VerifyProblem::Unreadable(_)
        )),
        "{report:?}"
    );
}

#[test]
fn verify_counts_the_entries_on_both_sides_of_a_damaged_leaf() {
    let scratch = Scratch::new();
    make_paged(&scratch.vault(), 1024, &OpenOptions::new(), texts(2000));
    let leaves = pages_of(&scratch.vault(), LEAF_TABLE);
    let page = leaves[leaves.len() / 2];
    let lost = entries_in(&scratch.vault(), page);
    damage_page(&scratch.vault(), page);
    let vault = open::<u32, String>(scratch.vault());
    let report = vault.verify().unwrap();
    assert_is!(
        &report.problems[0],
        VerifyProblem::Unreadable(Error::Corrupt { .. })
    );
    assert!(
        report.problems[1..]
            .iter()
            .all(|problem| matches!(problem, VerifyProblem::Structure(_))),
        "{report:?}"
    );
    assert!(report.problems.len() > 1);
    assert!(report.entries <= 2000 - lost, "{}", report.entries);
    // The entries are counted from both ends, without the rows of the batches that contain damaged
    // ones.
    assert!(
        report.entries >= 2000 - lost - 2 * 512,
        "{}",
        report.entries
    );
}

#[test]
fn a_damaged_index_is_a_problem_and_hides_nothing() {
    let scratch = Scratch::new();
    make_paged(&scratch.vault(), 1024, &OpenOptions::new(), texts(500));
    let page = pages_of(&scratch.vault(), LEAF_INDEX)[2];
    damage_page(&scratch.vault(), page);
    let vault = open::<u32, String>(scratch.vault());
    let report = vault.verify().unwrap();
    assert_eq!(report.entries, 500);
    assert!(!report.is_ok());
    assert_is!(&report.problems[0], VerifyProblem::Structure(_));
}

#[test]
fn an_index_that_lacks_an_entry_is_a_problem() {
    let scratch = Scratch::new();
    make(scratch.vault(), texts(20));
    // The row of the table is changed, but its entry in the index is not.
    crate::support::damage::change_byte_of(&scratch.vault(), b"M\x07M\xd9\x64", |_| b'M' + 1);
    let vault = open::<u32, String>(scratch.vault());
    let report = vault.verify().unwrap();
    assert_eq!(report.entries, 20);
    let (entry, structure): (Vec<_>, Vec<_>) = report
        .problems
        .iter()
        .partition(|problem| matches!(problem, VerifyProblem::Entry(_)));
    assert_eq!(entry.len(), 1);
    assert_is!(
        entry[0],
        VerifyProblem::Entry(Error::UnknownTag { tag: b'N', .. })
    );
    assert!(!structure.is_empty(), "{report:?}");
}

#[test]
fn verify_shows_its_progress() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(5000)).unwrap();
        let mut seen: Vec<Progress> = Vec::new();
        let report = vault.verify_with(|progress| seen.push(progress)).unwrap();
        assert_eq!(report.entries, 5000);
        assert!(seen.len() > 2);
        assert!(seen.iter().all(|progress| progress.total == 5000));
        assert!(seen.is_sorted_by_key(|progress| progress.done));
        assert_eq!(seen.last().unwrap().done, 5000);
    });
}

#[test]
fn verify_reads_one_state_and_does_not_block_writes() {
    let scratch = Scratch::new();
    let vault = open_fast::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(3000)).unwrap();
    let report = vault
        .verify_with(|_| {
            vault.pop_first().unwrap();
            vault.put(&1_000_000, &1).unwrap();
        })
        .unwrap();
    assert!(report.is_ok());
    assert_eq!(report.entries, 3000);
}

// ---- stats --------------------------------------------------------------------------------

#[test]
fn stats_match_the_files() {
    let scratch = Scratch::new();
    let vault = open::<u32, String>(scratch.vault());
    vault.try_extend(texts(1000)).unwrap();
    let size = |path: &std::path::Path| fs::metadata(path).unwrap().len();
    let stats = vault.stats().unwrap();
    assert_eq!(stats.entries, 1000);
    assert_eq!(stats.file_bytes, size(&scratch.vault()));
    assert_eq!(stats.log_bytes, size(&scratch.path("vault.db-wal")));
    assert_eq!(stats.page_bytes, 4096);
    assert_eq!(
        stats.file_bytes + stats.log_bytes,
        vault.size_on_disk().unwrap()
    );
    assert_eq!(stats.free_pages, 0);
    vault.retain(|n, _| n % 100 == 0).unwrap();
    let fewer = vault.stats().unwrap();
    assert_eq!((fewer.entries, fewer.pages), (10, stats.pages));
    assert!(fewer.free_pages > 20, "{fewer:?}");
    vault.compact().unwrap();
    let compacted = vault.stats().unwrap();
    assert_eq!((compacted.entries, compacted.free_pages), (10, 0));
    assert_eq!(compacted.log_bytes, 0);
    assert_eq!(compacted.file_bytes, compacted.pages * compacted.page_bytes);
}

fn readers(vault: &Vault<u32, u32>) -> (usize, usize) {
    let stats = vault.stats().unwrap();
    (stats.readers_open, stats.readers_idle)
}

#[test]
fn readers_of_a_file_are_counted() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    vault.get(&1).unwrap();
    let readers = || readers(&vault);
    assert_eq!(readers(), (1, 1));
    let snapshot = vault.snapshot().unwrap();
    let iterators = (vault.iter(), vault.keys());
    assert_eq!(readers(), (4, 1));
    drop(snapshot);
    assert_eq!(readers(), (4, 2));
    drop(iterators);
    assert_eq!(readers(), (4, 4));
    let many: Vec<_> = (0..20).map(|_| vault.iter()).collect();
    assert_eq!(readers(), (21, 1));
    drop(many);
    let (open, idle) = readers();
    assert_eq!(
        open, idle,
        "connections above the limit of idle ones are closed"
    );
    assert!(open < 21, "{open}");
}

#[test]
fn readers_in_memory_are_counted_while_they_are_open() {
    let vault: Vault<u32, u32> = Vault::open_in_memory().unwrap();
    vault.try_extend(numbers(10)).unwrap();
    vault.get(&1).unwrap();
    assert_eq!(readers(&vault), (0, 0));
    let (snapshot, iterators) = (vault.snapshot().unwrap(), (vault.iter(), vault.keys()));
    assert_eq!(readers(&vault), (3, 0));
    drop(snapshot);
    assert_eq!(readers(&vault), (2, 0));
    drop(iterators);
    assert_eq!(readers(&vault), (0, 0));
}

#[test]
fn stats_in_memory_count_bytes() {
    let vault: Vault<u32, String> = Vault::open_in_memory().unwrap();
    let empty = vault.stats().unwrap();
    assert_eq!((empty.entries, empty.file_bytes), (0, 0));
    vault.put(&1, &"x".repeat(10_000)).unwrap();
    let one = vault.stats().unwrap();
    assert_eq!(one.entries, 1);
    assert!((10_000..11_000).contains(&one.file_bytes), "{one:?}");
    assert_eq!(one.file_bytes, vault.size_on_disk().unwrap());
    assert_eq!(
        (one.log_bytes, one.page_bytes, one.pages, one.free_pages),
        (0, 0, 0, 0)
    );
    vault.put(&1, &"x".to_owned()).unwrap();
    assert!(vault.stats().unwrap().file_bytes < 1000);
    vault.remove(&1).unwrap();
    assert_eq!(vault.stats().unwrap().file_bytes, 0);
}

// ---- compact ------------------------------------------------------------------------------

#[test]
fn compacting_frees_space_and_keeps_the_order() {
    on_each_engine::<u32, String>(|vault| {
        vault.try_extend(texts(3000)).unwrap();
        vault.put(&10, &"moved".to_owned()).unwrap();
        vault.remove(&20).unwrap();
        vault.put(&20, &"at the end".to_owned()).unwrap();
        let full_bytes = vault.size_on_disk().unwrap();
        vault.retain(|n, _| n % 10 == 0).unwrap();
        let before = entries(&vault);
        let gained = vault.compact().unwrap();
        assert_eq!(entries(&vault), before);
        assert_eq!(before.last().unwrap().0, 20);
        assert!(gained.bytes_after * 4 < full_bytes, "{gained:?}");
        // In memory, what is removed is freed at once.
        if vault.path().is_some() {
            assert!(gained.bytes_after * 4 < gained.bytes_before, "{gained:?}");
        }
        assert_eq!(gained.bytes_after, vault.size_on_disk().unwrap());
        vault.put(&5, &"continues".to_owned()).unwrap();
        assert_eq!(entries(&vault).last().unwrap().0, 5);
        assert!(vault.verify().unwrap().is_ok());
        let again = vault.compact().unwrap();
        assert!(again.bytes_after <= again.bytes_before, "{again:?}");
    });
}

#[test]
fn compacting_while_a_snapshot_reads_an_older_state() {
    on_each_engine::<u32, String>(|vault| {
        vault.try_extend(texts(2000)).unwrap();
        let snapshot = vault.snapshot().unwrap();
        assert_eq!(snapshot.len().unwrap(), 2000);
        let mut iterator = vault.iter();
        for n in 0..300 {
            assert_eq!(iterator.next().unwrap().unwrap().0, n);
        }
        vault.retain(|n, _| n % 10 == 0).unwrap();
        vault.compact().unwrap();
        assert!(snapshot.iter().map(Result::unwrap).eq(texts(2000)));
        let rest: Vec<u32> = iterator.map(|entry| entry.unwrap().0).collect();
        assert!(rest.into_iter().eq(300..2000));
        assert_eq!(vault.len().unwrap(), 200);
        drop(snapshot);
        let gained = vault.compact().unwrap();
        assert!(vault.verify().unwrap().is_ok());
        assert!(gained.bytes_after < 200_000, "{gained:?}");
    });
}

#[test]
fn compacting_during_a_transaction_is_refused() {
    on_each_engine::<u32, String>(|vault| {
        vault.try_extend(texts(10)).unwrap();
        let mut tx = vault.begin().unwrap();
        tx.remove(&1).unwrap();
        assert_is!(vault.compact(), Err(Error::Reentrant { .. }));
        tx.commit().unwrap();
        vault.compact().unwrap();
        assert_eq!(vault.len().unwrap(), 9);
    });
}

#[test]
fn the_handle_of_another_process_works_after_compacting() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(2000)).unwrap();
    let mut child = Child::start(CHILD, "obedient", &scratch.vault());
    child.expect("ready");
    child.tell("get 1999");
    child.expect("Some(1999)");
    vault.retain(|n, _| *n < 10).unwrap();
    let gained = vault.compact().unwrap();
    assert!(gained.bytes_after < gained.bytes_before);
    child.tell("len");
    child.expect("10");
    child.tell("get 1999");
    child.expect("None");
    child.tell("put 77");
    child.expect("ok");
    assert_eq!(vault.get(&77).unwrap(), Some(77));
    vault.compact().unwrap();
    child.tell("get 77");
    child.expect("Some(77)");
    child.finish();
    assert!(vault.verify().unwrap().is_ok());
}

#[test]
fn maintenance_of_a_read_only_vault() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(100));
    let vault: Vault<u32, u32> = OpenOptions::new()
        .read_only(true)
        .open(scratch.vault())
        .unwrap();
    assert!(vault.verify().unwrap().is_ok());
    assert_eq!(vault.stats().unwrap().entries, 100);
    assert_is!(vault.compact(), Err(Error::ReadOnly { .. }));
}

#[test]
fn verify_and_compact_report_a_damaged_interior_page() {
    let scratch = Scratch::new();
    make_paged(&scratch.vault(), 512, &OpenOptions::new(), texts(300));
    let page = pages_of(&scratch.vault(), INTERIOR_TABLE)[0];
    damage_page(&scratch.vault(), page);
    let vault: Vault<u32, String> = open(scratch.vault());
    assert!(!vault.verify().unwrap().is_ok());
    assert_is!(vault.compact(), Err(Error::Corrupt { .. }));
}

#[test]
fn another_program_adds_a_table_while_the_vault_is_open() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    sql(&scratch.vault(), "CREATE TABLE more (x)");
    // The table of the vault is still intact.
    assert!(vault.verify().unwrap().is_ok());
    assert_eq!(entries(&vault).len(), 10);
    vault.compact().unwrap();
    vault.close().unwrap();
    assert_is!(
        Vault::<u32, u32>::open(scratch.vault()),
        Err(Error::NotAVault { .. })
    );
}
