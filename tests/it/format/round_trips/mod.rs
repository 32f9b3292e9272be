//! Round trips: a value that would read back as a different one is refused when it is written. The
//! order of a hash map does not matter.

mod altered_values;
mod random_values;
mod unordered_values;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use vaults::{Codec, Durability, EntryPart, Error, OpenOptions, Vault};

use crate::support::{Key, Value};

const CODECS: [Codec; 2] = [Codec::MessagePack, Codec::Bincode];

fn vault<K: Key, V: Value>(codec: Codec) -> Vault<K, V> {
    OpenOptions::new()
        .codec(codec)
        .durability(Durability::Off)
        .open_in_memory()
        .unwrap()
}

fn put<V: Value>(codec: Codec, value: &V) -> vaults::Result<V> {
    let vault = vault::<u8, V>(codec);
    let stored = vault.put(&1, value);
    let read = vault.get(&1).unwrap();
    assert_eq!(read.is_some(), stored.is_ok());
    stored.map(|()| read.unwrap())
}

#[track_caller]
fn refused_in<V: Value + Debug>(codec: Codec, value: &V) {
    let outcome = put(codec, value);
    assert_is!(
        outcome,
        Err(Error::Encode {
            part: EntryPart::Value,
            ..
        })
    );
}

#[track_caller]
fn kept_in<V: Value + Debug + PartialEq>(codec: Codec, value: &V) {
    let back = put(codec, value).unwrap();
    assert_eq!(back, *value, "{codec}");
}

/// Asserts that a value is refused at any position, with each codec preferred.
#[track_caller]
fn refused<V: Value + Debug + Clone>(value: &V) {
    for codec in CODECS {
        refused_in(codec, value);
        refused_in(codec, &Some(value.clone()));
        refused_in(codec, &vec![value.clone(), value.clone()]);
        refused_in(codec, &(0, value.clone()));
        refused_in(codec, &BTreeMap::from([(1, value.clone())]));
        let set = HashSet::from([1, 2, 3, 4]);
        refused_in(codec, &HashMap::from([(1, (value.clone(), set.clone()))]));
        refused_in(
            codec,
            &WithSet {
                value: value.clone(),
                set,
            },
        );
    }
}

#[track_caller]
fn kept<V: Value + Debug + PartialEq + Clone>(value: &V) {
    for codec in CODECS {
        kept_in(codec, value);
        kept_in(codec, &vec![value.clone(), value.clone()]);
        kept_in(
            codec,
            &HashMap::from([(1, value.clone()), (2, value.clone())]),
        );
    }
}

/// A value, next to a set that reads back in a different order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WithSet<V> {
    value: V,
    set: HashSet<u8>,
}
