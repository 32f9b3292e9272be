//! Sorted maps on every engine, against `BTreeMap`.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::engine::{Cursor, KeyRange};
use crate::sqlite::{ANY_TYPES, Config, Content, Durability};

const MAP: MapId = MapId::only(RowOrder::Key);

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// A small generator of random numbers (xorshift), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u8) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u8::try_from(self.0 % u64::from(end)).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.below(from.len().try_into().unwrap()))]
    }

    fn key(&mut self) -> Vec<u8> {
        let length = self.below(4);
        (0..length).map(|_| self.pick(&[0, 1, 97, 255])).collect()
    }

    /// Returns a small or a large value, so that each replaces the other.
    fn value(&mut self) -> Vec<u8> {
        vec![self.below(255); self.pick(&[0, 1, 399, 400, 401, 5_000])]
    }

    fn bound(&mut self) -> Bound<Vec<u8>> {
        match self.below(3) {
            0 => Bound::Unbounded,
            1 => Bound::Included(self.key()),
            _ => Bound::Excluded(self.key()),
        }
    }

    fn range(&mut self) -> KeyRange {
        KeyRange {
            lower: self.bound(),
            upper: self.bound(),
        }
    }
}

/// The engines, and the folder of the one in a file.
fn engines() -> (tempfile::TempDir, [Backend; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        content: Content::One(RowOrder::Key),
        durability: Durability::Off,
        ..Config::DEFAULT
    };
    let store = sqlite::Store::open(&folder.path().join("t.db"), config, ANY_TYPES).unwrap();
    let memory = memory::Store::of_one_map(RowOrder::Key, Duration::ZERO);
    let engines = [
        Backend::File(Arc::new(store)),
        Backend::Memory(Arc::new(memory)),
    ];
    (folder, engines)
}

/// The rows of `range`, taken from both ends in turns.
fn read(reader: &mut impl Read, range: KeyRange, turns: &[Direction]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut cursor = Cursor::in_range(Columns::Both, range);
    let (mut front, mut back) = (Vec::new(), Vec::new());
    for &turn in turns.iter().cycle() {
        cursor.prefetch(reader, MAP, turn).unwrap();
        let Some(row) = cursor.next(turn) else { break };
        let (key, value) = row.bytes().unwrap();
        let entry = (key.to_vec(), value.to_vec());
        match turn {
            Direction::Forward => front.push(entry),
            Direction::Backward => back.push(entry),
        }
    }
    front.extend(back.into_iter().rev());
    front
}

fn in_range(model: &Model, range: &KeyRange) -> Vec<(Vec<u8>, Vec<u8>)> {
    if range.is_empty() {
        return Vec::new();
    }
    let entries = model.range::<[u8], _>(range.bounds());
    entries.map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Makes a random change to an engine and to the model.
fn change(writer: &mut Writer, model: &mut Model, random: &mut Random) {
    let (key, value) = (random.key(), random.value());
    match random.below(12) {
        0..=5 => {
            writer.put(MAP, &key, &value).unwrap();
            model.insert(key, value);
        }
        6..=7 => {
            let removed = writer.delete(MAP, &key).unwrap();
            assert_eq!(removed, model.remove(&key).is_some());
        }
        8 => {
            let range = random.range();
            let gone = in_range(model, &range);
            let removed = writer.delete_range(MAP, &range).unwrap();
            assert_eq!(removed, gone.len() as u64);
            model.retain(|key, _| !gone.iter().any(|(gone, _)| gone == key));
        }
        9 => {
            let inserted = writer.insert_at(MAP, Position::NONE, &key, &value).unwrap();
            assert_eq!(inserted, !model.contains_key(&key));
            model.entry(key).or_insert(value);
        }
        10 => {
            let other = random.key();
            let Some(old) = model.get(&key).cloned() else {
                return;
            };
            let value = (random.below(2) == 0).then_some(value);
            let keys = (key.as_slice(), other.as_slice());
            let renamed = writer.set_key(MAP, Position::NONE, keys, value.as_deref());
            if key != other && model.contains_key(&other) {
                assert!(matches!(renamed, Err(Error::DuplicateKey { .. })));
                return;
            }
            renamed.unwrap();
            model.remove(&key);
            model.insert(other, value.unwrap_or(old));
        }
        _ => {
            let before = model.clone();
            writer.savepoint().unwrap();
            writer.put(MAP, &key, &value).unwrap();
            if random.below(8) == 0 {
                writer.clear(MAP).unwrap();
            }
            writer.rollback_to().unwrap();
            *model = before;
        }
    }
}

fn check(reader: &mut impl Read, model: &Model, random: &mut Random) {
    use Direction::{Backward as B, Forward as F};
    assert_eq!(reader.len(MAP).unwrap(), model.len() as u64);
    assert_eq!(reader.is_empty(MAP).unwrap(), model.is_empty());
    let ends = [
        (End::First, model.first_key_value()),
        (End::Last, model.last_key_value()),
    ];
    for (end, expected) in ends {
        let row = reader.at_end(MAP, end).unwrap();
        assert_eq!(
            row.map(|row| (row.key, row.value)),
            expected.map(|(k, v)| (k.clone(), v.clone()))
        );
    }
    for turns in [&[F][..], &[B], &[F, B, B]] {
        let range = random.range();
        let expected = in_range(model, &range);
        assert_eq!(read(reader, range, turns), expected);
        assert_eq!(
            read(reader, KeyRange::ALL, turns),
            in_range(model, &KeyRange::ALL)
        );
    }
    let key = random.key();
    let found = reader.find(MAP, &key, |_, value| value.to_vec()).unwrap();
    assert_eq!(found.as_ref(), model.get(&key));
    assert_eq!(
        reader.contains(MAP, &key).unwrap(),
        model.contains_key(&key)
    );
}

#[test]
fn a_sorted_map_is_a_btree_map() {
    let (_folder, engines) = engines();
    for engine in engines {
        let mut model = Model::new();
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        for _ in 0..200 {
            let committed = model.clone();
            let mut writer = engine.begin_write().unwrap();
            for _ in 0..random.below(8) {
                change(&mut writer, &mut model, &mut random);
            }
            check(&mut writer, &model, &mut random);
            if random.below(4) == 0 {
                drop(writer);
                model = committed;
            } else {
                writer.commit().unwrap();
            }
            let mut reader = engine.begin_read_now().unwrap();
            check(&mut reader, &model, &mut random);
            assert!(reader.integrity_check(MAP).unwrap().is_empty());
            assert_eq!(engine.len(MAP).unwrap(), model.len() as u64);
        }
    }
}
