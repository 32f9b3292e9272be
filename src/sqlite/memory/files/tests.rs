//! The files, handles and mutexes, without SQLite.

use super::*;

const DATABASE: Opening = Opening {
    role: Role::Database,
    existence: Existence::Optional,
    access: Access::ReadWrite,
};
const COMPANION: Opening = Opening {
    role: Role::Companion,
    ..DATABASE
};

fn open(files: &Files, name: &str, opening: Opening) -> Handle {
    files.open(Some(name.as_bytes()), opening).unwrap()
}

fn contents(handle: &Handle) -> Vec<u8> {
    let mut bytes = Vec::new();
    handle.read(0, usize::MAX, |piece| bytes.extend_from_slice(piece));
    bytes
}

#[test]
fn handles_of_one_name_see_one_file() {
    let files = Files::new();
    let (a, b) = (open(&files, "/a", DATABASE), open(&files, "/a", DATABASE));
    let other = open(&files, "/b", DATABASE);
    a.write(0, b"abc").unwrap();
    assert_eq!(contents(&b), b"abc");
    assert_eq!(other.len(), 0);
    b.resize(1).unwrap();
    assert_eq!(contents(&a), b"a");
    assert_eq!(files.size(b"/a"), Some(1));
}

#[test]
fn opening_heeds_what_exists() {
    let files = Files::new();
    let with = |existence| Opening {
        existence,
        ..DATABASE
    };
    let open = |existence| files.open(Some(b"/a"), with(existence));
    assert!(open(Existence::Required).is_none());
    let first = open(Existence::Forbidden).unwrap();
    assert!(open(Existence::Forbidden).is_none());
    let second = open(Existence::Required).unwrap();
    files.close(first);
    files.close(second);
    assert!(open(Existence::Required).is_none());
}

#[test]
fn a_handle_for_reading_does_not_write() {
    let files = Files::new();
    let access = Access::ReadOnly;
    let handle = open(&files, "/a", Opening { access, ..DATABASE });
    assert_eq!(handle.write(0, b"a"), Err(Refusal::ReadOnly));
    assert_eq!(handle.resize(1), Err(Refusal::ReadOnly));
}

#[test]
fn the_last_handle_takes_the_file_and_its_companions_along() {
    let files = Files::new();
    let (a, b) = (open(&files, "/1", DATABASE), open(&files, "/1", DATABASE));
    let neighbour = open(&files, "/10", DATABASE);
    files.close(open(&files, "/1-wal", COMPANION));
    files.close(open(&files, "/10-wal", COMPANION));
    let exists = files.watch("/1");
    files.close(a);
    assert_eq!(files.names("/1"), ["/1", "/1-wal", "/10", "/10-wal"]);
    assert!(exists());
    files.close(b);
    assert_eq!(files.names("/1"), ["/10", "/10-wal"]);
    assert!(!exists());
    files.close(neighbour);
    assert!(files.names("").is_empty());
}

#[test]
fn a_deleted_file_lives_on_for_those_who_have_it_open() {
    let files = Files::new();
    assert!(!files.delete(b"/a"));
    let old = open(&files, "/a", DATABASE);
    old.write(0, b"old").unwrap();
    assert!(files.delete(b"/a"));
    assert_eq!(files.size(b"/a"), None);
    let new = open(&files, "/a", DATABASE);
    assert_eq!(new.len(), 0);
    assert_eq!(contents(&old), b"old");
    files.close(old);
    assert_eq!(files.names(""), ["/a"]);
    files.close(new);
    assert!(files.names("").is_empty());
}

#[test]
fn the_companions_of_a_deleted_database_go_too() {
    let files = Files::new();
    let database = open(&files, "/a", DATABASE);
    files.close(open(&files, "/a-journal", COMPANION));
    files.delete(b"/a");
    files.close(database);
    assert!(files.names("").is_empty());
}

#[test]
fn a_nameless_file_is_its_handles_own() {
    let files = Files::new();
    let (a, b) = (files.open(None, COMPANION), files.open(None, COMPANION));
    let (a, b) = (a.unwrap(), b.unwrap());
    a.write(0, b"a").unwrap();
    assert_eq!((a.len(), b.len()), (1, 0));
    assert!(files.names("").is_empty());
    files.close(a);
    files.close(b);
}

#[test]
fn closing_unlocks() {
    let files = Files::new();
    let (a, b) = (open(&files, "/a", DATABASE), open(&files, "/a", DATABASE));
    let range = SlotRange::new(0, 8).unwrap();
    a.lock(Level::Shared).unwrap();
    a.lock(Level::Exclusive).unwrap();
    a.map(0, Missing::Create).unwrap();
    a.lock_slots(range, SlotMode::Exclusive).unwrap();
    b.map(0, Missing::Create).unwrap();
    assert!(b.is_reserved());
    assert_eq!(b.lock(Level::Shared), Err(Refusal::Busy));
    let refused = b.lock_slots(range, SlotMode::Exclusive);
    assert_eq!(refused, Err(Refusal::Busy));
    files.close(a);
    b.lock(Level::Shared).unwrap();
    b.lock_slots(range, SlotMode::Exclusive).unwrap();
    b.unlock_slots(range).unwrap();
    assert!(!b.is_reserved());
}

#[test]
fn slots_need_shared_memory() {
    let files = Files::new();
    let a = open(&files, "/a", DATABASE);
    let range = SlotRange::new(0, 1).unwrap();
    let refused = a.lock_slots(range, SlotMode::Shared);
    assert_eq!(refused, Err(Refusal::NotMapped));
    assert_eq!(a.unlock_slots(range), Err(Refusal::NotMapped));
    a.unmap();
}

#[test]
fn shared_memory_goes_with_the_last_who_mapped_it() {
    let files = Files::new();
    let (a, b) = (open(&files, "/a", DATABASE), open(&files, "/a", DATABASE));
    assert_eq!(b.map(0, Missing::Report), Ok(None));
    let start = a.map(0, Missing::Create).unwrap();
    assert!(start.is_some());
    assert_eq!(b.map(0, Missing::Report), Ok(start));
    let memory = lock(&a.file.shared).clone();
    a.unmap();
    assert_eq!(b.map(0, Missing::Create), Ok(start));
    b.unmap();
    assert!(memory.upgrade().is_none());
    assert_eq!(b.map(0, Missing::Report), Ok(None));
}
