//! Rows with NULL, numbers or text instead of BLOBs, which a table of Python can contain. Each is
//! one error at its position, and hides no other row.

use std::fmt::Debug;
use std::path::Path;

use vaults::maintenance::VerifyProblem;
use vaults::{EntryPart, Error, Result, Vault};

use crate::support::{Scratch, open};

/// Enough rows for several pages.
const ROWS: u32 = 598;

/// The kind of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Good,
    BadKey,
    BadValue,
}

fn kind(row: u32) -> Kind {
    match row % 7 {
        3 | 6 => Kind::BadValue,
        4 | 5 => Kind::BadKey,
        _ => Kind::Good,
    }
}

fn count(wanted: Kind) -> usize {
    (0..ROWS).filter(|&row| kind(row) == wanted).count()
}

fn make_mixed(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch("CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB); BEGIN")
        .unwrap();
    for row in 0..ROWS {
        let blob = match row {
            0..128 => format!("x'4d{row:02x}'"),
            128..256 => format!("x'4dcc{row:02x}'"),
            _ => format!("x'4dcd{row:04x}'"),
        };
        let (key, value) = match row % 7 {
            3 => (blob.clone(), "NULL".to_owned()),
            4 => ("NULL".to_owned(), blob.clone()),
            5 => (row.to_string(), blob.clone()),
            6 => (blob.clone(), "'text'".to_owned()),
            _ => (blob.clone(), blob.clone()),
        };
        connection
            .execute_batch(&format!("INSERT INTO dict VALUES ({key}, {value})"))
            .unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
}

/// Returns every row as SQLite shows it.
fn dump(path: &Path) -> Vec<(i64, String, String)> {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .prepare("SELECT rowid, quote(key), quote(value) FROM dict ORDER BY rowid")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(rusqlite::Result::unwrap)
        .collect()
}

fn open_mixed(scratch: &Scratch) -> Vault<u64, u64> {
    make_mixed(&scratch.vault());
    open(scratch.vault())
}

/// Asserts that the items match the rows, each at its position.
fn check<T: Debug>(items: &[Result<T>], rows: &[u32], bad: &[Kind], of: impl Fn(&T) -> u64) {
    assert_eq!(items.len(), rows.len());
    for (item, &row) in items.iter().zip(rows) {
        match item {
            Ok(item) => {
                assert!(!bad.contains(&kind(row)), "row {row}");
                assert_eq!(of(item), u64::from(row));
            }
            Err(Error::NotABlob { part, key, .. }) => {
                let expected = match kind(row) {
                    Kind::BadKey => EntryPart::Key,
                    _ => EntryPart::Value,
                };
                assert!(bad.contains(&kind(row)), "row {row}");
                assert_eq!(*part, expected, "row {row}");
                let expected = format!("in row {}", row + 1);
                assert!(
                    *key == expected || key.starts_with("\"M"),
                    "row {row}: {key}"
                );
            }
            Err(error) => panic!("row {row}: {error:?}"),
        }
    }
}

/// Checks iteration forward, backward, and from both ends in turn.
fn check_ends<T: Debug, I>(iterate: impl Fn() -> I, bad: &[Kind], of: impl Fn(&T) -> u64 + Copy)
where
    I: DoubleEndedIterator<Item = Result<T>>,
{
    let rows: Vec<u32> = (0..ROWS).collect();
    check(&iterate().collect::<Vec<_>>(), &rows, bad, of);
    let mut back: Vec<_> = iterate().rev().collect();
    back.reverse();
    check(&back, &rows, bad, of);
    let (mut iterator, mut front, mut back) = (iterate(), Vec::new(), Vec::new());
    while let Some(item) = iterator.next() {
        front.push(item);
        back.extend(iterator.next_back());
        back.extend(iterator.next_back());
    }
    assert!(iterator.next().is_none() && iterator.next_back().is_none());
    front.extend(back.into_iter().rev());
    check(&front, &rows, bad, of);
}

#[test]
fn a_bad_row_is_one_error_of_every_iterator() {
    let scratch = Scratch::new();
    let vault = open_mixed(&scratch);
    let snapshot = vault.snapshot().unwrap();
    let both = [Kind::BadKey, Kind::BadValue];
    let (keys, values) = ([Kind::BadKey], [Kind::BadValue]);
    let key_of = |entry: &(u64, u64)| {
        assert_eq!(entry.0, entry.1);
        entry.0
    };
    let own = |item: &u64| *item;
    check_ends(|| vault.iter(), &both, key_of);
    check_ends(|| vault.keys(), &keys, own);
    check_ends(|| vault.values(), &values, own);
    check_ends(|| vault.clone().into_iter(), &both, key_of);
    check_ends(|| vault.clone().into_keys(), &keys, own);
    check_ends(|| vault.clone().into_values(), &values, own);
    check_ends(|| snapshot.iter(), &both, key_of);
    check_ends(|| snapshot.keys(), &keys, own);
    check_ends(|| snapshot.values(), &values, own);
    let tx = vault.begin().unwrap();
    check_ends(|| tx.iter(), &both, key_of);
    check_ends(|| tx.keys(), &keys, own);
    check_ends(|| tx.values(), &values, own);
}

#[test]
fn bad_rows_are_counted_and_reported() {
    let scratch = Scratch::new();
    let vault = open_mixed(&scratch);
    assert_eq!(vault.len().unwrap(), ROWS as usize);
    assert!(!vault.is_empty().unwrap());
    let report = vault.verify().unwrap();
    assert_eq!(report.entries, u64::from(ROWS));
    let bad = report
        .problems
        .iter()
        .filter(|problem| matches!(problem, VerifyProblem::Entry(Error::NotABlob { .. })));
    assert_eq!(bad.count(), count(Kind::BadKey) + count(Kind::BadValue));
}

#[test]
fn calls_that_change_all_entries_fail_and_change_nothing() {
    let scratch = Scratch::new();
    let vault = open_mixed(&scratch);
    let before = dump(&scratch.vault());
    let failed = |result: Result<()>| assert_is!(result, Err(Error::NotABlob { .. }));
    failed(vault.retain(|_, _| false));
    failed(vault.for_each_mut(|_, value| *value += 1));
    failed(vault.rewrite().map(drop));
    let drained: Vec<_> = vault.drain().collect();
    assert_is!(
        &drained[..],
        [Ok(_), Ok(_), Ok(_), Err(Error::NotABlob { .. })]
    );
    let drained: Vec<_> = vault.drain().rev().collect();
    // The rows at the end are good, up to the first bad one.
    let good = (0..ROWS).rev().take_while(|&row| kind(row) == Kind::Good);
    assert_eq!(drained.len(), good.count() + 1);
    assert_is!(drained.last(), Some(Err(Error::NotABlob { .. })));
    let extracted: Vec<_> = vault.extract_if(|_, _| true).collect();
    assert_eq!(extracted.len(), 4);
    assert_is!(extracted.last(), Some(Err(Error::NotABlob { .. })));
    let mut tx = vault.begin().unwrap();
    failed(tx.retain(|_, _| false));
    assert_eq!(tx.drain().count(), 4);
    tx.commit().unwrap();
    assert_eq!(dump(&scratch.vault()), before);
    // Dropping a drain without `next` empties the vault, even if there are bad rows.
    drop(vault.drain());
    assert!(vault.is_empty().unwrap());
}

#[test]
fn a_bad_row_at_an_end_is_not_popped() {
    let scratch = Scratch::new();
    let vault = open_mixed(&scratch);
    crate::support::sql(
        &scratch.vault(),
        "INSERT INTO dict (rowid, key, value) VALUES (-5, NULL, 1), (1000, x'4dcd0400', NULL)",
    );
    let before = dump(&scratch.vault());
    assert_is!(
        vault.pop_first(),
        Err(Error::NotABlob { part: EntryPart::Key, key, found: "NULL", .. }) if key == "in row -5"
    );
    let error = vault.pop_last().unwrap_err();
    assert_is!(
        &error,
        Error::NotABlob { part: EntryPart::Value, key, .. } if key == r#""M\xcd\x04\x00""#
    );
    assert!(error.to_string().contains("`discard`"), "{error}");
    assert!(!vault.is_empty().unwrap());
    assert_eq!(dump(&scratch.vault()), before);
    assert!(vault.discard(&1024).unwrap());
    assert_is!(vault.pop_last(), Ok(Some((597, 597))));
}

#[test]
fn all_bad_rows_can_be_discarded() {
    let scratch = Scratch::new();
    let vault = open_mixed(&scratch);
    let (good, bad) = (
        count(Kind::Good),
        count(Kind::BadKey) + count(Kind::BadValue),
    );
    let mut tx = vault.begin().unwrap();
    assert_eq!(tx.discard_undecodable().unwrap(), bad as u64);
    assert_eq!(tx.len().unwrap(), good);
    tx.rollback().unwrap();
    assert_eq!(vault.len().unwrap(), ROWS as usize);
    assert_eq!(vault.discard_undecodable().unwrap(), bad as u64);
    assert_eq!(vault.discard_undecodable().unwrap(), 0);
    assert_eq!(vault.len().unwrap(), good);
    let left = (0..ROWS)
        .filter(|&row| kind(row) == Kind::Good)
        .map(u64::from);
    assert!(vault.keys().map(Result::unwrap).eq(left));
    assert!(vault.verify().unwrap().is_ok());
}
