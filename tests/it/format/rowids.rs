//! Extreme rowids, as other programs choose them: the number of entries and the order of insertion
//! stay correct.

use std::path::Path;

use vaults::{Error, RefMut, Vault};

use crate::support::{Scratch, entries, make, numbers, open, sql};

fn rowids(path: &Path) -> Vec<i64> {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .prepare("SELECT rowid FROM dict ORDER BY rowid")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(rusqlite::Result::unwrap)
        .collect()
}

/// Makes a vault with the numbers below `count`, and gives this rowid to the last row.
fn with_last(count: u32, rowid: i64) -> Scratch {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(count));
    sql(
        &scratch.vault(),
        &format!("UPDATE dict SET rowid = {rowid} WHERE rowid = {count}"),
    );
    scratch
}

fn keys(vault: &Vault<u32, u32>) -> Vec<u32> {
    vault.keys().map(Result::unwrap).collect()
}

#[test]
fn a_row_with_rowid_zero_is_counted() {
    let scratch = Scratch::new();
    make(scratch.vault(), [(1_u32, 1_u32)]);
    sql(&scratch.vault(), "UPDATE dict SET rowid = -2");
    let vault = open::<u32, u32>(scratch.vault());
    for key in 1..=6 {
        assert_eq!(vault.len().unwrap(), key as usize);
        vault.put(&(key + 1), &0).unwrap();
        let mut tx = vault.begin().unwrap();
        assert_eq!(tx.len().unwrap(), key as usize + 1);
        tx.put(&(key + 1), &1).unwrap();
        assert_eq!(tx.len().unwrap(), key as usize + 1);
        tx.commit().unwrap();
    }
    assert_eq!(rowids(&scratch.vault()), [-2, -1, 0, 1, 2, 3, 4]);
    assert_eq!(vault.len().unwrap(), 7);
    assert_eq!(keys(&vault), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_row_with_the_smallest_rowid_is_counted() {
    let scratch = with_last(1, i64::MIN);
    let vault = open::<u32, u32>(scratch.vault());
    assert_eq!(vault.len().unwrap(), 1);
    vault.put(&0, &9).unwrap();
    assert_eq!(vault.len().unwrap(), 1);
    vault.put(&1, &1).unwrap();
    assert_eq!(vault.len().unwrap(), 2);
    assert_eq!(rowids(&scratch.vault()), [i64::MIN, i64::MIN + 1]);
    assert_eq!(entries(&vault), [(0, 9), (1, 1)]);
}

#[test]
fn after_the_largest_rowid_nothing_is_inserted() {
    let scratch = with_last(5, i64::MAX);
    let vault = open::<u32, u32>(scratch.vault());
    let before = rowids(&scratch.vault());
    let refused = |result: vaults::Result<()>| {
        let error = result.unwrap_err();
        assert_is!(&error, Error::OutOfRowids { .. });
        assert!(error.to_string().contains("`compact`"), "{error}");
        assert_eq!(rowids(&scratch.vault()), before);
        assert_eq!(vault.len().unwrap(), 5);
    };
    refused(vault.put(&100, &1));
    refused(vault.insert(100, 1).map(drop));
    refused(vault.entry(100).or_insert(1).and_then(RefMut::commit));
    refused(vault.try_extend(numbers(10)));
    refused(vault.get_or_insert_with(100, || 1).map(drop));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let vault = &vault;
                scope.spawn(move || (vault.put(&(n + 100), &1), vault.put(&(n % 5), &n)))
            })
            .collect();
        for thread in threads {
            let (inserted, overwritten) = thread.join().unwrap();
            assert_is!(inserted, Err(Error::OutOfRowids { .. }));
            overwritten.unwrap();
        }
    });
    // In a transaction, only the call fails.
    let mut tx = vault.begin().unwrap();
    tx.put(&0, &50).unwrap();
    assert_is!(tx.put(&100, &1), Err(Error::OutOfRowids { .. }));
    assert!(!tx.contains_key(&100).unwrap());
    assert_eq!(tx.len().unwrap(), 5);
    tx.commit().unwrap();
    assert_eq!(vault.get(&0).unwrap(), Some(50));
    assert_eq!(vault.len().unwrap(), 5);

    vault.compact().unwrap();
    assert_eq!(keys(&vault), [0, 1, 2, 3, 4]);
    vault.put(&100, &1).unwrap();
    vault.put(&50, &1).unwrap();
    assert_eq!(keys(&vault), [0, 1, 2, 3, 4, 100, 50]);
    assert_eq!(rowids(&scratch.vault()), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(vault.len().unwrap(), 7);
    assert!(vault.verify().unwrap().is_ok());
}

#[test]
fn inserting_works_after_the_last_entry_is_removed() {
    let scratch = with_last(3, i64::MAX);
    let vault = open::<u32, u32>(scratch.vault());
    assert_eq!(vault.pop_last().unwrap(), Some((2, 2)));
    vault.put(&7, &7).unwrap();
    assert_eq!(rowids(&scratch.vault()), [1, 2, 3]);
}

#[test]
fn the_largest_rowid_itself_is_used() {
    let scratch = with_last(3, i64::MAX - 1);
    let vault = open::<u32, u32>(scratch.vault());
    vault.put(&7, &7).unwrap();
    assert_is!(vault.put(&8, &8), Err(Error::OutOfRowids { .. }));
    assert_eq!(keys(&vault), [0, 1, 2, 7]);
    let items: Vec<_> = vault.keys().rev().map(Result::unwrap).collect();
    assert_eq!(items, [7, 2, 1, 0]);
}

#[test]
fn a_row_of_another_program_with_the_largest_rowid_is_noticed() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    let other = open::<u32, u32>(scratch.vault());
    for round in 0..3_u32 {
        vault.put(&round, &0).unwrap();
        other.put(&(round + 10), &0).unwrap();
        sql(
            &scratch.vault(),
            &format!(
                "INSERT INTO dict (rowid, key, value) VALUES ({}, x'4d{:02x}', x'4d00')",
                i64::MAX,
                round + 20
            ),
        );
        assert_is!(vault.put(&100, &0), Err(Error::OutOfRowids { .. }));
        assert_is!(other.put(&100, &0), Err(Error::OutOfRowids { .. }));
        other.compact().unwrap();
    }
    assert_eq!(keys(&vault), [0, 10, 20, 1, 11, 21, 2, 12, 22]);
    assert_eq!(vault.len().unwrap(), 9);
}

#[test]
fn compacting_assigns_new_rowids_in_order() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(2_000));
    sql(
        &scratch.vault(),
        &format!(
            "UPDATE dict SET rowid = -rowid WHERE rowid <= 700;
             UPDATE dict SET rowid = {} - rowid WHERE rowid > 1400",
            i64::MAX
        ),
    );
    let vault = open::<u32, u32>(scratch.vault());
    let before = entries(&vault);
    let snapshot = vault.snapshot().unwrap();
    assert_eq!(before.len(), 2_000);
    vault.compact().unwrap();
    assert_eq!(entries(&vault), before);
    assert_eq!(rowids(&scratch.vault()), (-700..1_300).collect::<Vec<_>>());
    let kept: Vec<_> = snapshot.iter().map(Result::unwrap).collect();
    assert_eq!(kept, before);
    vault.put(&5_000, &0).unwrap();
    assert_eq!(vault.keys().next_back().unwrap().unwrap(), 5_000);
    assert!(vault.verify().unwrap().is_ok());
}

#[test]
fn compacting_keeps_ordinary_rowids_and_the_order() {
    let scratch = Scratch::new();
    make(scratch.vault(), (0..3_000_u32).rev().map(|n| (n, n)));
    let vault = open::<u32, u32>(scratch.vault());
    vault.retain(|key, _| key % 3 == 0).unwrap();
    let (before, numbers) = (entries(&vault), rowids(&scratch.vault()));
    vault.compact().unwrap();
    assert_eq!(entries(&vault), before);
    assert_eq!(rowids(&scratch.vault()), numbers);
}

#[test]
fn large_rowids_below_the_largest_are_used() {
    let scratch = with_last(4, 1 << 61);
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend((10..2_000).map(|n| (n, n))).unwrap();
    assert_eq!(vault.len().unwrap(), 4 + 1_990);
    assert!(keys(&vault).into_iter().eq((0..4).chain(10..2_000)));
    vault.compact().unwrap();
    assert_eq!(rowids(&scratch.vault()).last(), Some(&1_994));
    assert!(keys(&vault).into_iter().eq((0..4).chain(10..2_000)));
}
