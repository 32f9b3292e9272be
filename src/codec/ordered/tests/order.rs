//! The bytes of two keys compare as the keys do, and none are the beginning of others.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::num::{NonZeroU32, Wrapping};
use std::time::Duration;

use super::samples::{
    Byte, Float, Inner, Maybe, Named, Pair, Random, Sample, Shape, Unit, Variants, Wrapped,
    for_each_sample, rounds,
};
use crate::codec::ordered::{decode, encode_key, encode_lookup};

/// The number of keys of each type. Each is compared with all others.
const KEYS: usize = 1_000;

fn encoded<T: Sample>(key: &T) -> Vec<u8> {
    let (mut stored, mut lookup) = (Vec::new(), vec![1]);
    encode_key::<T, T>(key, true, T::eq, &mut stored)
        .unwrap_or_else(|error| panic!("{key:?}: {error:?}"));
    encode_lookup(key, &mut lookup).unwrap();
    assert_eq!(stored, lookup);
    stored
}

/// Sorts keys by `Ord`, and compares the bytes of neighbours. That compares all pairs.
fn check<T: Sample>() {
    let mut random = Random::new(1);
    let mut keys: Vec<T> = (0..KEYS * rounds())
        .map(|_| T::sample(&mut random))
        .collect();
    keys.sort();
    let sorted: Vec<(T, Vec<u8>)> = keys
        .into_iter()
        .map(|key| {
            let bytes = encoded(&key);
            assert_eq!(decode::<T>(&bytes).unwrap(), key);
            (key, bytes)
        })
        .collect();
    for pair in sorted.windows(2) {
        let [(key, bytes), (next, after)] = pair else {
            unreachable!();
        };
        assert_eq!(bytes.cmp(after), key.cmp(next), "{key:?}, {next:?}");
        assert!(
            key == next || !after.starts_with(bytes),
            "{key:?}, {next:?}"
        );
    }
}

macro_rules! check_all {
    ($_:literal: $($type:ty,)*) => {
        $(check::<$type>();)*
    };
}

#[test]
fn bytes_sort_as_keys_do() {
    for_each_sample!(check_all);
}

/// Numbers around the ends of all lengths, in ascending order.
fn boundaries() -> Vec<i128> {
    let mut numbers: Vec<i128> = (0..127)
        .map(|bits| 1_i128 << bits)
        .flat_map(|power| [power - 1, power, power + 1])
        .flat_map(|number| [number, !number])
        .chain([i128::MIN, i128::MAX])
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[test]
fn integers_of_all_lengths_sort() {
    let bytes: Vec<Vec<u8>> = boundaries().iter().map(encoded).collect();
    assert!(bytes.is_sorted_by(|bytes, next| bytes < next));
    let greatest = encoded(&u128::MAX);
    assert!(bytes.iter().all(|bytes| *bytes < greatest));
}

#[test]
fn a_wider_integer_has_the_same_bytes() {
    for number in boundaries() {
        let bytes = encoded(&number);
        macro_rules! check {
            ($($type:ty)*) => {$(
                match <$type>::try_from(number) {
                    Ok(narrow) => assert_eq!(encoded(&narrow), bytes),
                    Err(_) => assert!(decode::<$type>(&bytes).is_err()),
                }
            )*};
        }
        check! { i16 u16 i32 u32 i64 u64 u128 }
    }
}

#[test]
fn a_byte_string_has_the_bytes_of_a_sequence_of_bytes() {
    let mut random = Random::new(2);
    for _ in 0..KEYS {
        let bytes = Vec::<u8>::sample(&mut random);
        let expected = encoded(&bytes);
        assert_eq!(
            encoded(&serde_bytes::ByteBuf::from(bytes.clone())),
            expected
        );
        let wrapped: Vec<Wrapped> = bytes.iter().map(|byte| Wrapped(Byte(*byte))).collect();
        assert_eq!(encoded(&wrapped), expected);
        assert_eq!(*decode::<serde_bytes::ByteBuf>(&expected).unwrap(), bytes);
        assert_eq!(decode::<Vec<u8>>(&expected).unwrap(), bytes);
    }
}

#[test]
fn short_strings_of_all_bytes_sort() {
    let mut keys: Vec<Vec<u8>> = vec![Vec::new()];
    for first in 0..=u8::MAX {
        keys.push(vec![first]);
        keys.extend([0, 1, 2, 255].map(|second| vec![first, second]));
        keys.extend([0, 1, 255].map(|third| vec![first, 1, third]));
    }
    keys.sort();
    keys.dedup();
    let bytes: Vec<Vec<u8>> = keys.iter().map(encoded).collect();
    assert!(bytes.is_sorted_by(|bytes, next| bytes < next && !next.starts_with(bytes)));
}
