//! The keys between the bytes of a prefix and their successor are those that begin with the prefix.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use super::samples::{Random, Sample, rounds};
use crate::codec::EncodeError;
use crate::codec::ordered::prefix::PrefixOf;
use crate::codec::ordered::{encode_lookup, encode_prefix, successor};

/// Compares the keys in the range of random prefixes with those for which `begins` is true.
fn check<K, P>(prefixes: impl Fn(&mut Random) -> P, begins: impl Fn(&K, &P) -> bool)
where
    K: Sample,
    P: PrefixOf<K> + Debug,
{
    let mut random = Random::new(4);
    let mut found = 0;
    for _ in 0..20 * rounds() {
        let prefix = prefixes(&mut random);
        let (mut start, mut key_bytes) = (Vec::new(), Vec::new());
        encode_prefix::<K, P>(&prefix, &mut start).unwrap();
        let mut end = start.clone();
        assert!(successor(&mut end));
        for _ in 0..500 {
            let key = K::sample(&mut random);
            encode_lookup(&key, &mut key_bytes).unwrap();
            let is_in_range = start <= key_bytes && key_bytes < end;
            assert_eq!(is_in_range, key_bytes.starts_with(&start));
            assert_eq!(is_in_range, begins(&key, &prefix), "{key:?}, {prefix:?}");
            found += usize::from(is_in_range);
        }
    }
    assert!(found > 0);
}

#[test]
fn prefixes_of_strings_and_sequences() {
    check::<String, String>(String::sample, |key, prefix| {
        key.starts_with(prefix.as_str())
    });
    check::<Vec<u8>, Vec<u8>>(Vec::sample, |key, prefix| key.starts_with(prefix));
    check::<Vec<bool>, Vec<bool>>(Vec::sample, |key, prefix| key.starts_with(prefix));
    check::<Vec<i16>, Vec<i16>>(Vec::sample, |key, prefix| key.starts_with(prefix));
    check::<Vec<Vec<u8>>, Vec<Vec<u8>>>(Vec::sample, |key, prefix| key.starts_with(prefix));
}

#[test]
fn prefixes_of_tuples() {
    type Key = (u8, String, Option<bool>);
    check::<Key, (u8,)>(
        |random| (u8::sample(random),),
        |key, prefix| key.0 == prefix.0,
    );
    check::<Key, (u8, String)>(Sample::sample, |key, prefix| {
        key.0 == prefix.0 && key.1 == prefix.1
    });
    check::<(String, i64), (String,)>(Sample::sample, |key, prefix| key.0 == prefix.0);
    check::<(Vec<u8>, Vec<u8>), (Vec<u8>,)>(Sample::sample, |key, prefix| key.0 == prefix.0);
}

/// The first fields of a tuple, of which the last one may go on.
#[derive(Debug, Serialize)]
struct Start(u8, String);

impl PrefixOf<(u8, String, Option<bool>)> for Start {
    const OPEN_ENDED: bool = true;
}

/// The beginning of a string in a `Some`.
#[derive(Debug, Serialize)]
struct SomeStart(Option<String>);

impl PrefixOf<Option<String>> for SomeStart {
    const OPEN_ENDED: bool = true;
}

#[test]
fn prefixes_whose_last_field_goes_on() {
    check::<(u8, String, Option<bool>), Start>(
        |random| Start(random.byte(), String::sample(random)),
        |key, prefix| key.0 == prefix.0 && key.1.starts_with(&prefix.1),
    );
    check::<Option<String>, SomeStart>(
        |random| SomeStart(Some(String::sample(random))),
        |key, prefix| {
            key.as_ref()
                .is_some_and(|key| key.starts_with(prefix.0.as_ref().unwrap()))
        },
    );
}

fn bytes<K: ?Sized, P: PrefixOf<K> + ?Sized>(prefix: &P) -> Vec<u8> {
    let mut bytes = b"left over".to_vec();
    encode_prefix::<K, P>(prefix, &mut bytes).unwrap();
    bytes
}

#[test]
fn the_bytes_of_prefixes() {
    assert_eq!(bytes::<String, str>(""), b"O");
    assert_eq!(bytes::<String, str>("ad"), b"Oad");
    assert_eq!(bytes::<String, str>("a\0"), b"Oa\x01\x01");
    assert_eq!(bytes::<Box<str>, String>(&"a".into()), b"Oa");
    assert_eq!(bytes::<Vec<u8>, [u8]>(&[1, 5]), b"O\x01\x02\x05");
    assert_eq!(bytes::<Vec<String>, [&str]>(&[] as &[&str]), b"O");
    assert_eq!(
        bytes::<Vec<String>, Vec<String>>(&vec!["a".into()]),
        b"O\x01a\0"
    );
}

#[test]
fn prefixes_of_tuples_borrow() {
    assert_eq!(bytes::<(String, u64), _>(&("ada",)), b"Oada\0");
    assert_eq!(bytes::<(String, u64), _>(&("ada".to_owned(),)), b"Oada\0");
    assert_eq!(bytes::<(u64, u8), _>(&(7,)), b"O\x81\x07");
    assert_eq!(bytes::<(u64, u8), _>(&(&7,)), b"O\x81\x07");
    assert_eq!(
        bytes::<(u8, Vec<u8>, u8), _>(&(7, &[1][..])),
        b"O\x07\x01\x02\0"
    );
    assert_eq!(
        bytes::<(u8, String, u8, u8, u8, u8), _>(&(1, "a", 2, 3, 4)),
        b"O\x01a\0\x02\x03\x04"
    );
}

/// Says that it goes on, and ends with this.
#[derive(Serialize)]
struct Ends<T>(u8, T);

impl<T: Serialize> PrefixOf<u8> for Ends<T> {
    const OPEN_ENDED: bool = true;
}

#[test]
fn a_prefix_goes_on_only_after_a_string_a_sequence_or_a_map() {
    assert_eq!(bytes::<u8, _>(&Ends(7, "a")), b"O\x07a");
    assert_eq!(bytes::<u8, _>(&Ends(7, vec![true])), b"O\x07\x01\x01");
    assert_eq!(
        bytes::<u8, _>(&Ends(7, BTreeMap::from([(1_u8, 0_u8)]))),
        b"O\x07\x01\x01\0"
    );
    assert_eq!(bytes::<u8, _>(&Ends(7, ("a", ()))), b"O\x07a");
    let mut bytes = vec![1];
    for refused in [
        encode_prefix::<u8, _>(&Ends(7, 0_u8), &mut bytes),
        encode_prefix::<u8, _>(&Ends(7, None::<u8>), &mut bytes),
        encode_prefix::<u8, _>(&Ends(7, ("a", 0_u8)), &mut bytes),
        encode_prefix::<u8, _>(&Ends(7, ()), &mut bytes),
    ] {
        assert!(
            matches!(refused, Err(EncodeError::NoOpenEnd)),
            "{refused:?}"
        );
    }
    assert!(bytes.is_empty());
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Visit {
    city: String,
    day: u32,
    guest: u64,
}

#[derive(Debug, Serialize)]
struct CityAndDay<'a> {
    city: &'a str,
    day: u32,
}

impl PrefixOf<Visit> for CityAndDay<'_> {}

#[test]
fn the_first_fields_of_a_struct() {
    let prefix = bytes::<Visit, _>(&CityAndDay {
        city: "Ulm",
        day: 3,
    });
    let visit = |city: &str, day| {
        let city = city.to_owned();
        let mut bytes = Vec::new();
        encode_lookup(
            &Visit {
                city,
                day,
                guest: 9,
            },
            &mut bytes,
        )
        .unwrap();
        bytes
    };
    assert!(visit("Ulm", 3).starts_with(&prefix));
    assert!(!visit("Ulm", 4).starts_with(&prefix));
    assert!(!visit("Ulm2", 3).starts_with(&prefix));
}

#[test]
fn the_successor_is_the_least_string_after_all_that_begin_with_the_prefix() {
    for (bytes, expected) in [
        (&b"Oa"[..], Some(&b"Ob"[..])),
        (b"O", Some(b"P")),
        (b"Oa\xFF\xFF", Some(b"Ob")),
        (b"O\xFE", Some(b"O\xFF")),
        (b"\xFF\xFF", None),
        (b"", None),
    ] {
        let mut after = bytes.to_vec();
        let exists = successor(&mut after);
        assert_eq!(exists.then_some(&after[..]), expected);
        assert!(exists || after.is_empty());
    }
}
