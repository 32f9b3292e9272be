//! Files made to keep a reader busy forever, or to make it claim more memory or disk than they
//! justify. Each is read by a child process with limits on CPU time and file size.

#![allow(
    clippy::cast_possible_truncation,
    reason = "pages are written by hand, from small numbers"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_bytes::ByteBuf;
use vaults::{Durability, OpenOptions, Vault};

use crate::corruption::random_bytes::mend_log;
use crate::support::damage::{INTERIOR_TABLE, LEAF_INDEX, LEAF_TABLE, change, make_paged};
use crate::support::{Child, Scratch, make, numbers, open, role, say};

const CHILD: &str = test_path!(child);
/// The limits of a child. It needs milliseconds and some KiB.
const SECONDS: u32 = 20;
const BLOCKS: u32 = 200_000;
const PAGE: usize = 512;
const READING: [&str; 7] = [
    "open",
    "iterate",
    "iterate backwards",
    "len",
    "stats",
    "verify",
    "salvage",
];
const WRITING: [&str; 4] = ["retain", "drain", "clear", "compact"];
const INTERIOR_INDEX: u8 = 0x02;

#[test]
fn child() {
    let Some((role, path)) = role() else {
        return;
    };
    let most = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
    let answer = match role.as_str() {
        "open" => Vault::<u32, u32>::open(&path).map(|_| 0),
        "len" => open::<u32, u32>(&path).len(),
        "stats" => open::<u32, u32>(&path)
            .stats()
            .map(|stats| stats.entries as usize),
        "iterate" => {
            let vault = open::<u32, u32>(&path);
            Ok(vault.iter().take(most + 1).count())
        }
        "iterate backwards" => {
            let vault = open::<u32, u32>(&path);
            Ok(vault.iter().rev().take(most + 1).count())
        }
        "verify" => open::<u32, u32>(&path)
            .verify()
            .map(|report| report.entries as usize),
        "clear" => {
            let vault = open::<u32, u32>(&path);
            vault.clear().and_then(|()| vault.len())
        }
        "retain" => {
            let vault = open::<u32, u32>(&path);
            vault.retain(|_, _| false).and_then(|()| vault.len())
        }
        "drain" => Ok(open::<u32, u32>(&path).drain().count()),
        "compact" => {
            let vault = open::<u32, u32>(&path);
            vault.compact().and_then(|_| vault.len())
        }
        "salvage" => Vault::<u32, u32>::salvage(&path, path.with_extension("saved"))
            .map(|salvage| salvage.saved as usize),
        other => panic!("no role {other:?}"),
    };
    match answer {
        Ok(count) if count <= most => say("done"),
        Ok(count) => say(&format!("{count} entries in {most} bytes")),
        Err(error) => say(&format!("done: {error}")),
    }
}

/// Runs a task in a child process, and asserts that it ends.
#[cfg(unix)]
fn assert_ends(task: &str, path: &Path) {
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!(
            "ulimit -t {SECONDS}; ulimit -f {BLOCKS}; exec \"$0\" \"$@\""
        ))
        .arg(std::env::current_exe().unwrap());
    let mut child = Child::start_with(shell, CHILD, task, path);
    let line = child.hear();
    assert!(line.starts_with("done"), "{task}: it printed {line:?}");
    child.finish();
}

// ---- pages --------------------------------------------------------------------------------

fn page(kind: u8, cells: &[Vec<u8>], last_child: Option<u32>) -> Vec<u8> {
    let mut page = vec![0; PAGE];
    page[0] = kind;
    page[3..5].copy_from_slice(&u16::try_from(cells.len()).unwrap().to_be_bytes());
    let mut pointer = 8;
    if let Some(child) = last_child {
        page[8..12].copy_from_slice(&child.to_be_bytes());
        pointer = 12;
    }
    let mut at = PAGE;
    for cell in cells {
        at -= cell.len();
        page[at..at + cell.len()].copy_from_slice(cell);
        page[pointer..pointer + 2].copy_from_slice(&u16::try_from(at).unwrap().to_be_bytes());
        pointer += 2;
    }
    assert!(pointer <= at);
    page[5..7].copy_from_slice(&u16::try_from(at).unwrap().to_be_bytes());
    page
}

/// Makes a row of the table. Its key and its value are the number `n`, which is below 128.
fn row(rowid: u8, n: u8) -> Vec<u8> {
    vec![7, rowid, 3, 16, 16, b'M', n, b'M', n]
}

/// Makes the entry of a row in the index.
fn indexed(n: u8, rowid: u8) -> Vec<u8> {
    vec![6, 3, 16, 1, b'M', n, rowid]
}

/// Returns the pages of a vault with one entry: the schema, the root of the table, the root of the
/// index.
fn pages(scratch: &Scratch) -> Vec<Vec<u8>> {
    let options = OpenOptions::new();
    make_paged(&scratch.vault(), PAGE as u32, &options, [(1_u32, 1_u32)]);
    let file = fs::read(scratch.vault()).unwrap();
    let pages: Vec<Vec<u8>> = file.chunks(PAGE).map(<[u8]>::to_vec).collect();
    assert_eq!((pages[1][0], pages[2][0]), (LEAF_TABLE, LEAF_INDEX));
    pages
}

fn store(scratch: &Scratch, mut pages: Vec<Vec<u8>>) {
    let count = u32::try_from(pages.len()).unwrap();
    pages[0][28..32].copy_from_slice(&count.to_be_bytes());
    fs::write(scratch.vault(), pages.concat()).unwrap();
}

/// Makes pages from `first` on, each of which has the next one as all of its children, and a leaf.
/// The number of paths from the first page to the leaf is astronomical.
fn levels(first: usize, interior: impl Fn(u32) -> Vec<u8>, leaf: Vec<u8>) -> Vec<Vec<u8>> {
    const DEPTH: usize = 10;
    let mut pages: Vec<_> = (0..DEPTH)
        .map(|level| interior(u32::try_from(first + level + 1).unwrap()))
        .collect();
    pages.push(leaf);
    pages
}

fn child_of(child: u32, rest: &[u8]) -> Vec<u8> {
    [&child.to_be_bytes(), rest].concat()
}

fn interior_table(child: u32) -> Vec<u8> {
    let cells: Vec<_> = (1..30).map(|rowid| child_of(child, &[rowid])).collect();
    page(INTERIOR_TABLE, &cells, Some(child))
}

fn interior_index(child: u32) -> Vec<u8> {
    let cells: Vec<_> = (1..30).map(|n| child_of(child, &indexed(n, n))).collect();
    page(INTERIOR_INDEX, &cells, Some(child))
}

#[cfg(unix)]
#[test]
fn rows_that_are_not_in_order() {
    let scratch = Scratch::new();
    let mut file = pages(&scratch);
    file[1] = page(LEAF_TABLE, &[row(10, 1), row(5, 2)], None);
    file[2] = page(LEAF_INDEX, &[indexed(1, 10), indexed(2, 5)], None);
    store(&scratch, file);
    let all = fs::read(scratch.vault()).unwrap();
    for task in READING.iter().chain(&WRITING) {
        fs::write(scratch.vault(), &all).unwrap();
        assert_ends(task, &scratch.vault());
    }
}

#[cfg(unix)]
#[test]
fn pages_of_the_table_that_share_their_children() {
    let scratch = Scratch::new();
    let mut file = pages(&scratch);
    file[1] = interior_table(4);
    file.extend(levels(
        4,
        interior_table,
        page(LEAF_TABLE, &[row(1, 1)], None),
    ));
    store(&scratch, file);
    let all = fs::read(scratch.vault()).unwrap();
    for task in READING.iter().chain(&WRITING) {
        fs::write(scratch.vault(), &all).unwrap();
        assert_ends(task, &scratch.vault());
    }
}

#[cfg(unix)]
#[test]
fn pages_of_the_index_that_share_their_children() {
    let scratch = Scratch::new();
    let mut file = pages(&scratch);
    file[2] = interior_index(4);
    file.extend(levels(
        4,
        interior_index,
        page(LEAF_INDEX, &[indexed(1, 1)], None),
    ));
    store(&scratch, file);
    let all = fs::read(scratch.vault()).unwrap();
    for task in READING.iter().chain(&WRITING) {
        fs::write(scratch.vault(), &all).unwrap();
        assert_ends(task, &scratch.vault());
    }
}

/// The table has a gap, so the index is read for the missing rows, and its entries never end.
#[cfg(unix)]
#[test]
fn an_infinite_index_and_a_table_with_a_gap() {
    fn interior(child: u32) -> Vec<u8> {
        let cells: Vec<_> = (1..30).map(|n| child_of(child, &indexed(n, 1))).collect();
        page(INTERIOR_INDEX, &cells, Some(child))
    }
    let scratch = Scratch::new();
    let mut file = pages(&scratch);
    let leaves = [child_of(4, &[1]), child_of(5, &[29])];
    file[1] = page(INTERIOR_TABLE, &leaves, Some(6));
    file.push(page(LEAF_TABLE, &[row(1, 1)], None));
    file.push(vec![0x5A; PAGE]);
    file.push(page(LEAF_TABLE, &[row(30, 30)], None));
    file[2] = interior(7);
    file.extend(levels(
        7,
        interior,
        page(LEAF_INDEX, &[indexed(1, 1)], None),
    ));
    store(&scratch, file);
    let all = fs::read(scratch.vault()).unwrap();
    for task in READING {
        fs::write(scratch.vault(), &all).unwrap();
        assert_ends(task, &scratch.vault());
    }
}

#[cfg(unix)]
#[test]
fn pages_of_the_schema_that_share_their_children() {
    let scratch = Scratch::new();
    let mut file = pages(&scratch);
    // The first child is the original schema. The others repeat the row of the index.
    let schema = file[0].clone();
    let cell = |n: usize| {
        let at = 108 + 2 * n;
        let at = usize::from(u16::from_be_bytes([schema[at], schema[at + 1]]));
        let length = usize::from(schema[at]) + 2;
        // A payload of 128 bytes or more has a length of two bytes.
        let length = if schema[at] < 128 {
            length
        } else {
            (usize::from(schema[at] & 127) << 7) + usize::from(schema[at + 1]) + 3
        };
        schema[at..at + length].to_vec()
    };
    let root = [child_of(4, &[2]), child_of(5, &[3])];
    let whole = page(INTERIOR_TABLE, &root, Some(5));
    // The header of page 1 comes after that of the file.
    let mut first = schema[..100].to_vec();
    first.extend_from_slice(&whole[..16]);
    first.resize(PAGE, 0);
    first[PAGE - 16..].copy_from_slice(&whole[PAGE - 16..]);
    file[0] = first;
    file.push(page(LEAF_TABLE, &[cell(0), cell(1)], None));
    file.extend(levels(
        5,
        interior_table,
        page(LEAF_TABLE, &[cell(1)], None),
    ));
    store(&scratch, file);
    for task in ["salvage", "open"] {
        assert_ends(task, &scratch.vault());
    }
}

// ---- salvage ------------------------------------------------------------------------------

#[cfg(unix)]
#[test]
fn a_log_that_claims_more_pages_than_exist() {
    let source = Scratch::new();
    let vault: Vault<u32, u32> = OpenOptions::new()
        .durability(Durability::Off)
        .open(source.vault())
        .unwrap();
    vault.try_extend(numbers(100)).unwrap();
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(1));
    fs::write(scratch.vault(), fs::read(source.vault()).unwrap()).unwrap();
    let mut log = fs::read(source.path("vault.db-wal")).unwrap();
    let frames = (log.len() - 32) / (24 + 4096);
    let last = 32 + (frames - 1) * (24 + 4096);
    log[last + 4..last + 8].copy_from_slice(&u32::MAX.to_be_bytes());
    // The schema is damaged, so salvage reads every page.
    let schema = (0..frames)
        .map(|n| 32 + n * (24 + 4096))
        .find(|at| log[at + 3] == 1);
    log[schema.unwrap() + 24 + 100] = 0;
    mend_log(&mut log);
    fs::write(scratch.path("vault.db-wal"), log).unwrap();
    assert_ends("salvage", &scratch.vault());
}

/// Rows with overlapping bytes, which all continue in the same overflow pages up to the end of the
/// file.
#[test]
fn rows_that_share_their_bytes_are_not_multiplied() {
    const LARGE: usize = 65_536;
    const CELLS: u16 = 100;
    let scratch = Scratch::new();
    make_paged(&scratch.vault(), 65_536, &OpenOptions::new(), numbers(3));
    change(&scratch.vault(), |file| {
        let varint = |n: usize| {
            [
                (n >> 14) as u8 | 0x80,
                (n >> 7) as u8 | 0x80,
                n as u8 & 0x7F,
            ]
        };
        let value = 1 << 20;
        let payload = 5 + 2 + value;
        let next = u32::try_from(file.len() / LARGE + 2).unwrap();
        let mut page = vec![0; LARGE];
        page[0] = LEAF_TABLE;
        page[3..5].copy_from_slice(&CELLS.to_be_bytes());
        let least = (LARGE - 12) * 32 / 255 - 23;
        let local = least + (payload - least) % (LARGE - 4);
        let local = if local <= LARGE - 35 { local } else { least };
        for n in 0..CELLS {
            let cell = [
                &varint(payload)[..],
                &[n as u8 + 10, 5, 16],
                &varint(12 + 2 * value),
                &[b'M', n as u8 + 10, b'M', 0xC6],
                &u32::try_from(value - 6).unwrap().to_be_bytes(),
            ]
            .concat();
            let at = 1000 + usize::from(n) * cell.len();
            page[8 + 2 * usize::from(n)..][..2]
                .copy_from_slice(&u16::try_from(at).unwrap().to_be_bytes());
            page[at..at + cell.len()].copy_from_slice(&cell);
            // The number of the first overflow page, after the local part of the payload.
            page[at + 4 + local..][..4].copy_from_slice(&next.to_be_bytes());
        }
        file.extend_from_slice(&page);
        let mut page = vec![0; LARGE];
        page[..4].copy_from_slice(&next.to_be_bytes());
        file.extend_from_slice(&page);
        file.resize(file.len() + 16 * LARGE, 0);
        file[100..LARGE].fill(0);
    });
    let before = fs::metadata(scratch.vault()).unwrap().len();
    let saved = scratch.path("saved.db");
    Vault::<u32, ByteBuf>::salvage(scratch.vault(), &saved).unwrap();
    let after = fs::metadata(saved).unwrap().len();
    assert!(
        after <= 2 * before,
        "{after} bytes were saved out of {before}"
    );
}
