//! Values of every shape that serde supports. Each reads back as it was stored, or is refused when
//! it is written.

#![allow(
    clippy::option_option,
    clippy::zero_sized_map_values,
    clippy::zero_repeat_side_effects,
    reason = "unusual shapes are tested"
)]

mod containers;
mod enums;
mod primitives;
mod std_types;

use std::fmt::Debug;

use Expect::{Bincode as B, MessagePack as M, Refused as X};
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use vaults::{Codec, Durability, EntryPart, Error, OpenOptions};

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expect {
    MessagePack,
    Bincode,
    Refused,
}

/// Stores `value` with either codec preferred, and reads it. Asserts that each uses the expected
/// codec or refuses the value.
fn check_by<T>(name: &str, value: &T, expected: [Expect; 2], same: impl Fn(&T, &T) -> bool)
where
    T: Serialize + DeserializeOwned + Debug,
{
    check_all_by(name, std::slice::from_ref(value), expected, same);
}

fn check_all_by<T>(name: &str, values: &[T], expected: [Expect; 2], same: impl Fn(&T, &T) -> bool)
where
    T: Serialize + DeserializeOwned + Debug,
{
    for (codec, expected) in [Codec::MessagePack, Codec::Bincode]
        .into_iter()
        .zip(expected)
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shapes.db");
        let vault = OpenOptions::new()
            .codec(codec)
            .durability(Durability::Off)
            .open::<usize, T>(&path)
            .unwrap();
        for (n, value) in values.iter().enumerate() {
            match vault.put(&n, value) {
                Ok(()) => assert_ne!(expected, X, "{name} as {codec}: {value:?} was accepted"),
                Err(Error::Encode {
                    part: EntryPart::Value,
                    ..
                }) => {
                    assert_eq!(expected, X, "{name} as {codec}: {value:?} was refused");
                    assert_eq!(vault.get(&n).unwrap().map(drop), None, "{name}");
                    continue;
                }
                Err(error) => panic!("{name} as {codec}: {error:?}"),
            }
            let back = vault.get(&n).unwrap().unwrap();
            assert!(
                same(&back, value),
                "{name} as {codec}: {back:?} is not {value:?}"
            );
        }
        vault.close().unwrap();
        let tag = match expected {
            M => b'M',
            B => b'B',
            X => continue,
        };
        let other: i64 = Connection::open(&path)
            .unwrap()
            .query_row(
                "SELECT count(*) FROM dict WHERE substr(value, 1, 1) <> ?1",
                [[tag]],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(other, 0, "{name} as {codec}: not stored as {expected:?}");
    }
}

#[track_caller]
fn check_all<T>(name: &str, values: Vec<T>, expected: [Expect; 2])
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    check_all_by(name, &values, expected, PartialEq::eq);
    // The result must not depend on the position of the value.
    let in_sequences: Vec<_> = values.into_iter().map(|value| vec![value]).collect();
    check_all_by(
        &format!("{name}, in a sequence"),
        &in_sequences,
        expected,
        PartialEq::eq,
    );
}

#[track_caller]
fn check<T>(name: &str, value: T, expected: [Expect; 2])
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    check_all(name, vec![value], expected);
}

/// Each codec stores the value when it is preferred.
const EACH: [Expect; 2] = [M, B];
/// Only MessagePack supports it, because reading it asks the data for its type.
const ONLY_M: [Expect; 2] = [M, M];
/// Only bincode supports it, because a `Some` contains a `None` or a unit.
const ONLY_B: [Expect; 2] = [B, B];
const NEITHER: [Expect; 2] = [X, X];

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct Unit;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct Newtype<T>(T);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct EmptyTuple();

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct EmptyStruct {}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Transparent<T> {
    only: T,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
enum External {
    Unit,
    Newtype(i64),
    Nil(Option<()>),
    Tuple(u8, String),
    Empty(),
    Struct {
        a: u8,
        b: Option<String>,
    },
    #[serde(rename = "other name", alias = "earlier")]
    Renamed(Box<External>),
    Big(i128),
    Units((), Unit),
}
