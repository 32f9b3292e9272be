//! Scans of files of sorted maps.

use std::collections::BTreeMap;
use std::fs;

use rusqlite::Connection;

use super::*;
use crate::engine::Position;
use crate::sqlite::connection::sorted_rows::MAX_SMALL_VALUE_BYTES;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// The types of pages.
const INTERIOR_INDEX: u8 = 0x02;
const LEAF_INDEX: u8 = 0x0A;
const INTERIOR_TABLE: u8 = 0x05;
const LEAF_TABLE: u8 = 0x0D;

/// Returns a row. Some keys do not fit into a page of 512 bytes, and some values are large.
fn mixed(n: u32) -> (Vec<u8>, Vec<u8>) {
    // The rows are not inserted in the order of their keys.
    let number = n.wrapping_mul(0x9E37_79B1).to_be_bytes();
    let key_bytes = if n % 9 == 4 { 1024 } else { 8 };
    let value_bytes = match n % 50 {
        3 => 9000,
        m if m % 5 == 1 => 401 + m,
        m => m * 3,
    };
    let key = [b"O", number.as_slice()].concat();
    let key = [key, vec![b'k'; key_bytes]].concat();
    let value = number.into_iter().cycle().take(value_bytes as usize);
    (key, value.collect())
}

/// Returns a row whose value is beside its key.
fn small(n: u32) -> (Vec<u8>, Vec<u8>) {
    let number = n.to_be_bytes();
    ([b"O", number.as_slice()].concat(), number.repeat(5))
}

struct Sample {
    folder: tempfile::TempDir,
    rows: Rows,
}

impl Sample {
    /// Makes a file of the rows. Some more rows were deleted again.
    fn new(page_bytes: usize, count: u32, row: fn(u32) -> (Vec<u8>, Vec<u8>)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let create = schema::create(Format::one(RowOrder::Key, false));
        let connection = Connection::open(folder.path().join("a.db")).unwrap();
        connection
            .execute_batch(&format!("PRAGMA page_size = {page_bytes}; {create}; BEGIN"))
            .unwrap();
        for n in 0..count + 20 {
            insert(&connection, n.into(), &row(n));
        }
        for n in count..count + 20 {
            let key = row(n).0;
            connection
                .execute("DELETE FROM sorted WHERE key = ?1", [key])
                .unwrap();
            connection
                .execute("DELETE FROM sorted_large WHERE id = ?1", [n])
                .unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
        connection.close().unwrap();
        let rows = (0..count).map(row).collect();
        Self { folder, rows }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("a.db")
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    fn sql(&self, sql: &str) {
        let connection = Connection::open(self.path()).unwrap();
        connection.execute_batch(sql).unwrap();
        connection.close().unwrap();
    }

    /// Scans these bytes in place of the file.
    fn scan_bytes(&self, bytes: &[u8]) -> Found {
        let path = self.folder.path().join("damaged.db");
        fs::write(&path, bytes).unwrap();
        Found::in_file(&path)
    }
}

fn insert(connection: &Connection, id: i64, (key, value): &(Vec<u8>, Vec<u8>)) {
    const INSERT: &str = "INSERT INTO sorted VALUES (?1, ?2)";
    if value.len() <= MAX_SMALL_VALUE_BYTES {
        connection.execute(INSERT, (key, value)).unwrap();
        return;
    }
    connection.execute(INSERT, (key, id)).unwrap();
    connection
        .execute("INSERT INTO sorted_large VALUES (?1, ?2)", (id, value))
        .unwrap();
}

struct Found {
    order: RowOrder,
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    faults: Vec<(u32, &'static str)>,
}

impl Found {
    fn in_file(path: &Path) -> Self {
        let mut scanner = PageScanner::open(path).unwrap();
        let mut found = Self {
            order: scanner.order().unwrap(),
            rows: Vec::new(),
            faults: Vec::new(),
        };
        scanner.scan(&mut |recovered| {
            match recovered {
                Recovered::Row(row) => {
                    assert_eq!(row.position, Position::NONE);
                    found.rows.push((row.key, row.value));
                }
                Recovered::Fault { page, reason } => found.faults.push((page, reason)),
            }
            true
        });
        found
    }

    /// Returns how many of the rows that were written are not in the result, and how many others are.
    fn lost_and_wrong(&self, rows: &Rows) -> (usize, usize) {
        let found: Rows = self.rows.iter().cloned().collect();
        let right = found
            .iter()
            .filter(|(key, value)| rows.get(*key) == Some(value))
            .count();
        (rows.len() - right, found.len() - right)
    }

    /// Returns how many rows are lost. All others must be those that were written.
    fn lost(&self, rows: &Rows) -> usize {
        let (lost, wrong) = self.lost_and_wrong(rows);
        assert_eq!(wrong, 0, "rows that were not written");
        lost
    }

    fn assert_is_whole(self, rows: &Rows) {
        assert_eq!(self.order, RowOrder::Key);
        assert_eq!(self.faults, []);
        assert!(self.rows.into_iter().eq(rows.clone()), "the rows differ");
    }
}

#[test]
fn rows_of_an_intact_file_are_found_in_order() {
    for page_bytes in [512, 4096, 65536] {
        let sample = Sample::new(page_bytes, 1500, mixed);
        Found::in_file(&sample.path()).assert_is_whole(&sample.rows);
    }
}

#[test]
fn rows_of_deep_trees_are_found_in_order() {
    for page_bytes in [512, 4096] {
        let sample = Sample::new(page_bytes, 20_000, small);
        Found::in_file(&sample.path()).assert_is_whole(&sample.rows);
    }
}

#[test]
fn an_empty_map_has_no_rows() {
    let sample = Sample::new(4096, 0, small);
    Found::in_file(&sample.path()).assert_is_whole(&sample.rows);
}

#[test]
fn ids_of_every_length_lead_to_their_values() {
    let mut sample = Sample::new(4096, 0, small);
    let connection = Connection::open(sample.path()).unwrap();
    let ends = [i64::MIN, i64::MAX];
    let ids = (0..63)
        .flat_map(|bits| [1 << bits, -(1 << bits)])
        .chain(ends);
    for (n, id) in (0..).zip(ids.chain([0])) {
        let row = (small(n).0, small(n).1.repeat(25));
        insert(&connection, id, &row);
        sample.rows.insert(row.0, row.1);
    }
    connection.close().unwrap();
    Found::in_file(&sample.path()).assert_is_whole(&sample.rows);
}

#[test]
fn committed_frames_of_the_log_are_read() {
    let mut sample = Sample::new(4096, 500, mixed);
    let connection = Connection::open(sample.path()).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; BEGIN")
        .unwrap();
    for n in 600..900 {
        let row = mixed(n);
        insert(&connection, n.into(), &row);
        sample.rows.insert(row.0, row.1);
    }
    connection
        .execute_batch("COMMIT; BEGIN; PRAGMA cache_size = 1; DELETE FROM sorted;")
        .unwrap();
    Found::in_file(&sample.path()).assert_is_whole(&sample.rows);
}

#[test]
fn a_damaged_page_loses_only_its_own_rows() {
    for (page_bytes, rows) in [(512, 200), (4096, 1000)] {
        let sample = Sample::new(page_bytes, rows, mixed);
        sample.sql("VACUUM");
        let whole = sample.bytes();
        let mut seen = Vec::new();
        for (index, page) in whole.chunks(page_bytes).enumerate() {
            let kind = if index == 0 { 0 } else { page[0] };
            let cells = usize::from(u16::from_be_bytes([page[3], page[4]]));
            let expected = match kind {
                _ if index == 0 => 0,
                INTERIOR_INDEX | LEAF_INDEX | LEAF_TABLE => cells,
                INTERIOR_TABLE => 0,
                // This is a part of one row.
                _ => 1,
            };
            seen.push(kind);
            let mut damaged = whole.clone();
            damaged[index * page_bytes..][..page_bytes].fill(0xA5);
            let found = sample.scan_bytes(&damaged);
            let page = index + 1;
            let (lost, wrong) = found.lost_and_wrong(&sample.rows);
            assert_eq!(lost, expected, "page {page}: {kind}");
            // The last part of a row shows no damage.
            if kind != 0 || index == 0 {
                let mut faults = found.faults.iter();
                assert!(faults.any(|fault| fault.0 as usize == page), "page {page}");
                assert_eq!(wrong, 0, "page {page}");
            }
        }
        for kind in [INTERIOR_INDEX, LEAF_INDEX, INTERIOR_TABLE, LEAF_TABLE, 0] {
            assert!(seen.contains(&kind), "no page of the type {kind}");
        }
    }
}

#[test]
fn the_order_and_the_page_size_are_found_without_a_header() {
    for page_bytes in [512, 1024, 4096, 65536] {
        let sample = Sample::new(page_bytes, 600, mixed);
        sample.sql("VACUUM");
        let mut damaged = sample.bytes();
        damaged[..page_bytes].fill(0xEE);
        let found = sample.scan_bytes(&damaged);
        assert_eq!(found.order, RowOrder::Key);
        assert_eq!(found.faults.len(), 1);
        assert_eq!(found.lost(&sample.rows), 0, "pages of {page_bytes} bytes");
    }
}

#[test]
fn the_order_is_found_in_the_header_or_in_the_schema() {
    let sample = Sample::new(512, 200, mixed);
    sample.sql("VACUUM");
    let whole = sample.bytes();
    for (from, to, faults) in [(60, 72, 0), (100, 512, 1)] {
        let mut damaged = whole.clone();
        damaged[from..to].fill(0);
        let found = sample.scan_bytes(&damaged);
        assert_eq!(found.order, RowOrder::Key);
        assert_eq!(found.faults.len(), faults, "{:?}", found.faults);
        assert_eq!(found.lost(&sample.rows), 0);
    }
}

#[test]
fn values_without_a_row_and_rows_without_a_value_are_faults() {
    let sample = Sample::new(4096, 300, mixed);
    sample.sql("DELETE FROM sorted_large WHERE id = 6");
    let found = Found::in_file(&sample.path());
    assert_eq!(found.lost(&sample.rows), 1);
    let [(_, reason)] = found.faults[..] else {
        panic!("{:?}", found.faults);
    };
    assert_eq!(reason, "the large value of a row is missing");

    let sample = Sample::new(4096, 300, mixed);
    sample.sql("DELETE FROM sorted WHERE value = 6");
    let found = Found::in_file(&sample.path());
    assert_eq!(found.lost(&sample.rows), 1);
    let [(_, reason)] = found.faults[..] else {
        panic!("{:?}", found.faults);
    };
    assert_eq!(reason, "a large value belongs to no row");
}

#[test]
fn a_large_value_is_not_given_to_two_rows() {
    let sample = Sample::new(4096, 300, mixed);
    let (n, id) = (0, 6);
    let key = mixed(n).0;
    let connection = Connection::open(sample.path()).unwrap();
    connection
        .execute("UPDATE sorted SET value = ?2 WHERE key = ?1", (&key, id))
        .unwrap();
    connection.close().unwrap();
    let found = Found::in_file(&sample.path());
    assert_eq!(found.rows.len(), sample.rows.len() - 1);
    let with_value = found.rows.iter().filter(|row| row.1 == mixed(id).1);
    assert_eq!(with_value.count(), 1);
    let [(_, reason)] = found.faults[..] else {
        panic!("{:?}", found.faults);
    };
    assert_eq!(reason, "two rows have the same large value");
}

/// Returns numbers that are less than what is asked for, the same in each run.
fn chance() -> impl FnMut(usize) -> usize {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    move |below| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    }
}

#[test]
fn a_damaged_byte_changes_at_most_one_row() {
    let sample = Sample::new(512, 150, mixed);
    let whole = sample.bytes();
    let mut random = chance();
    let (mut wrong, mut lost) = (0, 0);
    for _ in 0..400 {
        let mut damaged = whole.clone();
        // The header is not damaged, because its page size is about all rows.
        let at = 100 + random(damaged.len() - 100);
        damaged[at] ^= 1 << random(8);
        let found = sample.scan_bytes(&damaged).lost_and_wrong(&sample.rows);
        assert!(found.1 <= 1, "byte {at}");
        lost += found.0;
        wrong += found.1;
    }
    assert!(wrong > 0 && lost > wrong, "{wrong} wrong, {lost} lost");
}

#[test]
fn random_damage_causes_no_panic() {
    let mut random = chance();
    for page_bytes in [512, 65536] {
        let sample = Sample::new(page_bytes, 300, mixed);
        let whole = sample.bytes();
        for _ in 0..40 {
            let mut damaged = whole.clone();
            for _ in 0..random(300) {
                // Headers of pages and pointers to rows are damaged more often than the rest.
                let page = random(damaged.len() / page_bytes) * page_bytes;
                let part = [20, page_bytes][random(2)];
                let at = page + random(part);
                damaged[at] = u8::try_from(random(256)).unwrap();
            }
            if random(2) == 0 {
                damaged.truncate(random(damaged.len()) + 1);
            }
            let found = sample.scan_bytes(&damaged);
            let bytes: usize = found.rows.iter().map(|row| row.0.len() + row.1.len()).sum();
            assert!(bytes < 64 << 20);
        }
    }
}

/// Replaces a page by an interior page without rows and with one child.
fn lead_to(file: &mut [u8], page: usize, child: u32) {
    let page = &mut file[(page - 1) * 512..page * 512];
    page[..12].fill(0);
    page[0] = INTERIOR_INDEX;
    page[8..12].copy_from_slice(&child.to_be_bytes());
}

#[test]
fn cycles_and_deep_trees_come_to_an_end() {
    let sample = Sample::new(512, 3000, small);
    sample.sql("VACUUM");
    let whole = sample.bytes();
    // Page 2 is the root, and page 3 that of the other table.
    for (last, child) in [(3, 2), (10, 2), (60, 61)] {
        let mut damaged = whole.clone();
        lead_to(&mut damaged, 2, if last == 3 { child } else { 4 });
        for page in 4..=last {
            let next = u32::try_from(page).unwrap() + 1;
            lead_to(&mut damaged, page, if page == last { child } else { next });
        }
        let found = sample.scan_bytes(&damaged);
        assert_eq!(found.faults.len(), 1, "{:?}", found.faults);
        // The pages that were not replaced are found.
        let rows = sample.rows.len() - found.lost(&sample.rows);
        assert!(rows > 500, "{rows}");
    }
}

#[test]
fn rows_that_share_their_pages_are_not_read_without_end() {
    let sample = Sample::new(65536, 0, small);
    let row = (small(1).0, vec![7; 300]);
    let long_key = [row.0.as_slice(), &vec![b'k'; 1 << 20]].concat();
    let connection = Connection::open(sample.path()).unwrap();
    insert(&connection, 1, &(long_key, row.1));
    connection.close().unwrap();
    let mut file = sample.bytes();
    // Let thousands of pointers of the root lead to the one row.
    let root = &mut file[65536..2 * 65536];
    assert_eq!(root[..5], [LEAF_INDEX, 0, 0, 0, 1]);
    let pointer = [root[8], root[9]];
    let count = (u16::from_be_bytes(pointer) - 8) / 2;
    assert!(count > 10_000);
    root[3..5].copy_from_slice(&count.to_be_bytes());
    for at in 0..usize::from(count) {
        root[8 + 2 * at..10 + 2 * at].copy_from_slice(&pointer);
    }
    let path = sample.folder.path().join("damaged.db");
    fs::write(&path, &file).unwrap();
    let mut bytes = 0;
    PageScanner::open(&path).unwrap().scan(&mut |recovered| {
        if let Recovered::Row(row) = recovered {
            bytes += row.key.len() + row.value.len();
        }
        true
    });
    assert!(bytes < 300 * file.len(), "{bytes}");
}
