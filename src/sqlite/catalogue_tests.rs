//! Tests of files with several maps, by the engine's door.

mod hostile;

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use crate::engine::{
    Columns, Cursor, Direction, Engine as _, MAX_MAPS, MapId, Read, RowOrder, Write as _, WriteOp,
};
use crate::error::{Error, Location, Result};
use crate::sqlite::open::ANY_TYPES;
use crate::sqlite::open::config::{Config, Content};
use crate::sqlite::open::format::Format;
use crate::sqlite::store::Store;

const SEVERAL: Config = Config {
    content: Content::Several,
    ..Config::DEFAULT
};

fn open(path: &Path) -> Result<Arc<Store>> {
    Store::open(path, SEVERAL, ANY_TYPES).map(Arc::new)
}

/// Runs one transaction that only changes the catalogue.
fn change<R>(store: &Arc<Store>, f: impl FnOnce(&mut super::Writer) -> Result<R>) -> Result<R> {
    let mut writer = store.begin_write()?;
    let result = f(&mut writer)?;
    writer.commit()?;
    Ok(result)
}

fn create(store: &Arc<Store>, name: &str, order: RowOrder) -> MapId {
    change(store, |writer| writer.create_map(name, order, false)).unwrap()
}

fn put(store: &Arc<Store>, map: MapId, key: &[u8], value: &[u8]) -> Result<()> {
    let (key, value) = (key.to_vec(), value.to_vec());
    store.apply(map, WriteOp::Put { key, value })
}

fn get(store: &Store, map: MapId, key: &[u8]) -> Result<Option<Vec<u8>>> {
    store.get(map, key, <[u8]>::to_vec)
}

fn names(store: &Arc<Store>) -> Vec<String> {
    let maps = store.begin_read_now().unwrap().maps().unwrap();
    maps.into_iter().map(|map| map.name).collect()
}

fn rows(reader: &mut impl Read, map: MapId) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut cursor = Cursor::new(Columns::Both);
    let mut rows = Vec::new();
    loop {
        cursor.prefetch(reader, map, Direction::Forward).unwrap();
        let Some(row) = cursor.next(Direction::Forward) else {
            return rows;
        };
        let (key, value) = row.bytes().unwrap();
        rows.push((key.to_vec(), value.to_vec()));
    }
}

fn assert_removed(found: Result<impl std::fmt::Debug>, name: &str) {
    match found {
        Err(Error::NotFound {
            location: Location::Map { name: found, .. },
        }) => assert_eq!(found, name),
        other => panic!("{other:?}"),
    }
}

#[test]
fn maps_are_apart_and_survive_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let large = vec![7; 5000];
    let (users, index);
    {
        let store = open(&path).unwrap();
        assert!(store.has_catalogue());
        assert!(names(&store).is_empty());
        users = create(&store, "users", RowOrder::Insertion);
        index = create(&store, "by name", RowOrder::Key);
        for map in [users, index] {
            assert_eq!(store.len(map).unwrap(), 0);
            put(&store, map, b"b", map.number.to_string().as_bytes()).unwrap();
            put(&store, map, b"a", &large).unwrap();
            assert_eq!(store.len(map).unwrap(), 2);
        }
        // The same key has its own value in each map, from the cache too.
        for _ in 0..2 {
            assert_eq!(get(&store, users, b"b").unwrap().unwrap(), b"1");
            assert_eq!(get(&store, index, b"b").unwrap().unwrap(), b"2");
        }
    }
    let store = open(&path).unwrap();
    assert_eq!(names(&store), ["by name", "users"]);
    let mut reader = store.begin_read_now().unwrap();
    let found = reader.find_map("users").unwrap().unwrap();
    assert_eq!((found.map, found.checksums), (users, false));
    assert_eq!(reader.find_map("Users").unwrap(), None);
    let keys = |rows: Vec<(Vec<u8>, Vec<u8>)>| -> Vec<Vec<u8>> {
        rows.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(rows(&mut reader, users)), [b"b", b"a"]);
    assert_eq!(keys(rows(&mut reader, index)), [b"a", b"b"]);
    assert_eq!(reader.len(users).unwrap(), 2);
}

#[test]
fn a_transaction_is_one_change_of_all_maps() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("app.db")).unwrap();
    let one = create(&store, "one", RowOrder::Insertion);
    let other = create(&store, "other", RowOrder::Key);
    put(&store, one, b"k", b"0").unwrap();
    let mut before = store.begin_read_now().unwrap();
    let mut writer = store.begin_write().unwrap();
    writer.delete(one, b"k").unwrap();
    writer.put(other, b"k", b"0").unwrap();
    writer.savepoint().unwrap();
    writer.put(one, b"x", b"1").unwrap();
    writer.put(other, b"x", b"1").unwrap();
    assert_eq!(
        (writer.len(one).unwrap(), writer.len(other).unwrap()),
        (1, 2)
    );
    writer.rollback_to().unwrap();
    assert_eq!(
        (writer.len(one).unwrap(), writer.len(other).unwrap()),
        (0, 1)
    );
    assert_eq!(get(&store, one, b"k").unwrap().unwrap(), b"0");
    writer.commit().unwrap();
    drop(writer);
    assert_eq!(get(&store, one, b"k").unwrap(), None);
    assert_eq!(get(&store, other, b"k").unwrap().unwrap(), b"0");
    assert_eq!((store.len(one).unwrap(), store.len(other).unwrap()), (0, 1));
    assert_eq!(rows(&mut before, one).len(), 1);
    assert!(rows(&mut before, other).is_empty());
}

#[test]
fn a_removed_map_is_not_found_and_its_number_is_not_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let store = open(&path).unwrap();
    for order in [RowOrder::Insertion, RowOrder::Key] {
        let elsewhere = open(&path).unwrap();
        let map = create(&store, "gone", order);
        put(&store, map, b"k", &[1; 3000]).unwrap();
        assert!(get(&store, map, b"k").unwrap().is_some());
        let mut known = elsewhere.begin_read_now().unwrap();
        assert_eq!(known.find_map("gone").unwrap().unwrap().map, map);
        assert_eq!(elsewhere.len(map).unwrap(), 1);
        let mut before = store.begin_read_now().unwrap();
        change(&store, |writer| writer.remove_map(map)).unwrap();
        for store in [&store, &elsewhere] {
            assert_removed(get(store, map, b"k"), "gone");
            assert_removed(store.len(map), "gone");
            assert_removed(store.contains(map, b"k"), "gone");
            assert_removed(put(store, map, b"k", b"1"), "gone");
            assert_removed(store.begin_write().unwrap().clear(map), "gone");
            assert!(names(store).is_empty());
        }
        assert_eq!(rows(&mut before, map).len(), 1);
        let next = create(&elsewhere, "gone", order);
        assert!(next.number > map.number);
        assert_removed(get(&store, map, b"k"), "gone");
        assert_eq!(get(&store, next, b"k").unwrap(), None);
        change(&store, |writer| writer.remove_map(next)).unwrap();
    }
}

#[test]
fn renaming_changes_only_the_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("app.db")).unwrap();
    let map = create(&store, "a", RowOrder::Insertion);
    put(&store, map, b"k", b"v").unwrap();
    change(&store, |writer| writer.rename_map(map, "b \"quoted\"; --")).unwrap();
    assert_eq!(names(&store), ["b \"quoted\"; --"]);
    assert_eq!(get(&store, map, b"k").unwrap().unwrap(), b"v");
    change(&store, |writer| writer.remove_map(map)).unwrap();
    assert_removed(
        change(&store, |writer| writer.rename_map(map, "c")),
        "b \"quoted\"; --",
    );
}

#[test]
fn more_maps_than_statements_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("app.db")).unwrap();
    let maps: Vec<MapId> = (0..150)
        .map(|n| create(&store, &format!("map {n}"), RowOrder::Insertion))
        .collect();
    for _ in 0..2 {
        for map in &maps {
            put(&store, *map, b"k", &map.number.to_be_bytes()).unwrap();
            let mut reader = store.begin_read_now().unwrap();
            let value = reader.find(*map, b"k", |_, value| value.to_vec()).unwrap();
            assert_eq!(value.unwrap(), map.number.to_be_bytes());
        }
    }
}

#[test]
fn the_number_of_maps_is_limited() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let store = open(&path).unwrap();
    change(&store, |writer| {
        for n in 0..MAX_MAPS {
            let order = [RowOrder::Key, RowOrder::Insertion][usize::from(n % 8 == 0)];
            writer.create_map(&n.to_string(), order, false)?;
        }
        Ok(())
    })
    .unwrap();
    let error = change(&store, |writer| {
        writer.create_map("more", RowOrder::Key, false)
    });
    assert!(matches!(
        error,
        Err(Error::TooManyMaps {
            limit: MAX_MAPS,
            ..
        })
    ));
    assert_eq!(names(&store).len(), MAX_MAPS);
    drop(store);
    assert_eq!(names(&open(&path).unwrap()).len(), MAX_MAPS);
}

#[test]
fn files_of_one_map_and_of_several_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let contents = [
        (Content::One(RowOrder::Insertion), "Vault"),
        (Content::One(RowOrder::Key), "SortedVault"),
        (Content::Several, "VaultFile"),
    ];
    let config = |content| Config {
        content,
        ..Config::DEFAULT
    };
    for (content, name) in contents {
        let path = folder.path().join(name);
        Store::open(&path, config(content), ANY_TYPES).unwrap();
        Store::open(&path, config(Content::Any), ANY_TYPES).unwrap();
        for (other, other_name) in contents {
            let opened = Store::open(&path, config(other), ANY_TYPES);
            if other == content {
                opened.unwrap();
                continue;
            }
            match opened.map(drop) {
                Err(Error::WrongKind {
                    expected, found, ..
                }) => {
                    assert_eq!((expected, found), (other_name, name));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Creates a file with one map and an entry.
fn with_one_map(path: &Path, order: RowOrder, checksums: bool) -> Arc<Store> {
    let config = Config {
        content: Content::One(order),
        checksums,
        ..Config::DEFAULT
    };
    let store = Arc::new(Store::open(path, config, ANY_TYPES).unwrap());
    for key in [b"b", b"a"] {
        put(&store, MapId::only(order), key, &[key[0]; 1000]).unwrap();
    }
    store
}

#[test]
fn a_file_of_one_map_is_converted() {
    let folder = tempfile::tempdir().unwrap();
    for (order, checksums) in [
        (RowOrder::Insertion, false),
        (RowOrder::Insertion, true),
        (RowOrder::Key, false),
        (RowOrder::Key, true),
    ] {
        let path = folder.path().join(format!("{order:?}{checksums}.db"));
        let old = with_one_map(&path, order, checksums);
        let only = MapId::only(order);
        let expected = rows(&mut old.begin_read_now().unwrap(), only);
        let mut before = old.begin_read_now().unwrap();
        Store::convert(&path, "my map").unwrap();
        let store = open(&path).unwrap();
        let mut reader = store.begin_read_now().unwrap();
        let map = reader.find_map("my map").unwrap().unwrap();
        assert_eq!((map.map.order, map.checksums), (order, checksums));
        assert_eq!(rows(&mut reader, map.map), expected);
        put(&store, map.map, b"c", b"1").unwrap();
        create(&store, "another", RowOrder::Key);
        // The handle that was open before refuses, and its snapshot still reads.
        assert_eq!(rows(&mut before, only), expected);
        for refused in [
            get(&old, only, b"a").map(drop),
            put(&old, only, b"a", b"1"),
            old.len(only).map(drop),
        ] {
            match refused {
                Err(Error::WrongKind {
                    expected, found, ..
                }) => {
                    assert_eq!((expected, found), (order.type_name(), "VaultFile"));
                }
                other => panic!("{other:?}"),
            }
        }
        let error = Store::convert(&path, "again");
        assert!(matches!(
            error,
            Err(Error::WrongKind {
                found: "VaultFile",
                ..
            })
        ));
        drop((old, before, store, reader));
        assert_eq!(names(&open(&path).unwrap()), ["another", "my map"]);
    }
}

#[test]
fn a_file_of_the_python_package_is_converted() {
    let folder = tempfile::tempdir().unwrap();
    for ddl in [
        "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB)",
        "CREATE TABLE IF NOT EXISTS dict (key BLOB CONSTRAINT k PRIMARY KEY, value BLOB)",
    ] {
        let path = folder.path().join(format!("{}.db", ddl.len()));
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(&format!(
                "{ddl}; INSERT INTO dict VALUES (x'4d01', x'4d02')"
            ))
            .unwrap();
        connection.close().unwrap();
        Store::convert(&path, "dict").unwrap();
        let store = open(&path).unwrap();
        let map = store.begin_read_now().unwrap().find_map("dict").unwrap();
        let map = map.unwrap().map;
        assert_eq!(get(&store, map, b"M\x01").unwrap().unwrap(), b"M\x02");
        put(&store, map, b"M\x01", b"M\x03").unwrap();
        assert_eq!(store.len(map).unwrap(), 1);
    }
}

#[test]
fn whole_files_are_checked_compacted_and_copied() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("app.db")).unwrap();
    let maps = [RowOrder::Insertion, RowOrder::Key].map(|order| {
        let map = create(&store, order.type_name(), order);
        for n in 0..2000_u32 {
            put(&store, map, &n.to_be_bytes(), &[7; 600]).unwrap();
        }
        change(&store, |writer| {
            for n in 0..1900_u32 {
                writer.delete(map, &n.to_be_bytes())?;
            }
            Ok(())
        })
        .unwrap();
        map
    });
    let before = store.file_sizes().unwrap().0;
    store.compact().unwrap();
    assert!(store.file_sizes().unwrap().0 < before / 2);
    let mut reader = store.begin_read_now().unwrap();
    assert!(reader.integrity_check_of_file().unwrap().is_empty());
    for map in maps {
        assert!(reader.integrity_check(map).unwrap().is_empty());
    }
    // Both ways of copying give the same maps.
    let pages = folder.path().join("pages.db");
    let by_rows = folder.path().join("rows.db");
    let target = |path| super::Target {
        path,
        replace: false,
    };
    store.backup(target(&pages), &mut |_, _| ()).unwrap();
    super::backup_rows(
        &mut reader,
        Format::Several,
        target(&by_rows),
        &mut |_, _| (),
    )
    .unwrap();
    for copy in [pages, by_rows] {
        let copy = open(&copy).unwrap();
        let mut copied = copy.begin_read_now().unwrap();
        for map in maps {
            let found = copied.find_map(map.order.type_name()).unwrap().unwrap();
            assert_eq!(rows(&mut copied, found.map), rows(&mut reader, map));
            assert_eq!(copied.len(found.map).unwrap(), 100);
        }
    }
}
