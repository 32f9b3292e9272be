//! Decoding of bytes that no encoder wrote: each is an error, or the only form of a key.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::num::{NonZeroU32, Wrapping};
use std::time::Duration;

use serde::de::{DeserializeOwned, Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::samples::{
    Byte, Float, Inner, Maybe, Named, Pair, Random, Sample, Shape, Unit, Variants, Wrapped,
    for_each_sample, rounds,
};
use crate::codec::ordered::{decode, encode_lookup};
use crate::codec::{DecodeError, EncodeError};

/// Decodes the hexadecimal bytes of a key, without the tag.
fn read<K: DeserializeOwned>(hex: &str) -> Result<K, DecodeError> {
    let bytes: Vec<u8> = hex
        .split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    decode(&[b"O", &bytes[..]].concat())
}

fn refused<K: DeserializeOwned>(hex: &str, reason: &str) {
    let Err(DecodeError::Malformed { source, .. }) = read::<K>(hex) else {
        panic!("{hex} is not refused");
    };
    let message = source.to_string();
    assert!(message.contains(reason), "{hex}: {message}");
}

#[test]
fn other_forms_are_refused() {
    refused::<bool>("02", "a bool is neither");
    refused::<Option<u8>>("02 00", "an `Option` is neither");
    refused::<u16>("81 00", "shortest");
    refused::<u64>("82 00 FF", "shortest");
    refused::<i16>("7E FF", "shortest");
    refused::<i64>("7D FF 00", "shortest");
    refused::<u128>(
        "91 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01",
        "more than 16 bytes",
    );
    refused::<i128>(
        "6E 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01",
        "more than 16 bytes",
    );
    refused::<u16>("83 01 00 00", "out of the range");
    refused::<u16>("7F", "out of the range");
    refused::<i16>("82 80 00", "out of the range");
    refused::<i128>(
        "90 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
        "out of the range",
    );
    refused::<i128>(
        "6F 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
        "out of the range",
    );
    refused::<f32>("7F FF FF FF", "negative zero");
    refused::<f32>("FF C0 00 01", "unusual NaN");
    refused::<f32>("00 3F FF FF", "unusual NaN");
    refused::<f64>("7F FF FF FF FF FF FF FF", "negative zero");
    refused::<f64>("FF F8 00 00 00 00 00 01", "unusual NaN");
    refused::<String>("61 01 00", "followed by neither");
    refused::<String>("01 03 00", "followed by neither");
    refused::<String>("FF 00", "not UTF-8");
    refused::<String>("FF 01 01 00", "not UTF-8");
    refused::<char>("80 80", "not UTF-8");
    refused::<char>("C0 80", "not UTF-8");
    refused::<char>("ED A0 80", "not UTF-8");
    refused::<char>("F8 80 80 80", "not UTF-8");
    refused::<Vec<u8>>("01 00", "followed by neither");
    refused::<Vec<u8>>("01 03 00", "followed by neither");
    refused::<serde_bytes::ByteBuf>("01 03 00", "followed by neither");
    refused::<Vec<bool>>("02 01 00", "does not begin");
    refused::<BTreeMap<u8, u8>>("02 01 00", "does not begin");
    refused::<BTreeMap<u8, u8>>("01 02 00 01 01 00 00", "do not ascend");
    refused::<BTreeMap<u8, u8>>("01 02 00 01 02 00 00", "do not ascend");
    refused::<Variants>("FF 00 00 00 FE", "shortest");
    refused::<Shape>("07", "variant");
}

#[test]
fn bytes_that_end_early_are_refused() {
    refused::<bool>("", "end before");
    refused::<u64>("82 01", "end before");
    refused::<f64>("00 00", "end before");
    refused::<char>("C3", "end before");
    refused::<String>("61", "end before");
    refused::<String>("61 01", "end before");
    refused::<String>("61 01 01", "end before");
    refused::<Vec<bool>>("01 01", "end before");
    refused::<Vec<u8>>("05 01", "end before");
    refused::<BTreeMap<u8, u8>>("01 05", "end before");
    refused::<Option<u8>>("01", "end before");
    refused::<Variants>("FF 00", "end before");
}

#[test]
fn tags_and_trailing_bytes_are_refused() {
    assert!(matches!(decode::<()>(b""), Err(DecodeError::Empty)));
    assert!(matches!(
        decode::<()>(b"M"),
        Err(DecodeError::NotOrdered(b'M'))
    ));
    assert!(matches!(decode::<()>(b"O"), Ok(())));
    assert!(matches!(
        decode::<()>(b"O\0"),
        Err(DecodeError::TrailingBytes(1))
    ));
    assert!(matches!(
        decode::<u8>(b"O\0\0\0"),
        Err(DecodeError::TrailingBytes(2))
    ));
    assert!(matches!(
        decode::<String>(b"Oa\0a\0"),
        Err(DecodeError::TrailingBytes(2))
    ));
    assert!(matches!(
        crate::codec::decode::<u8>(b"O\0"),
        Err(DecodeError::UnknownTag(b'O'))
    ));
}

#[test]
fn types_that_ask_the_data_are_refused() {
    refused::<serde_json::Value>("00", "asks the data");
    refused::<IgnoredAny>("00", "asks the data");
}

/// Deserializes without reading anything.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ReadsNothing;

impl<'de> Deserialize<'de> for ReadsNothing {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

#[test]
fn a_type_that_reads_nothing_does_not_read_without_end() {
    refused::<Vec<ReadsNothing>>("01 00", "reads nothing");
    assert!(read::<Vec<ReadsNothing>>("00").unwrap().is_empty());
    assert_eq!(
        read::<BTreeMap<ReadsNothing, u8>>("01 05 00")
            .unwrap()
            .len(),
        1
    );
    refused::<BTreeMap<ReadsNothing, u8>>("01 05 01 06 00", "do not ascend");
}

/// Reads one element of a sequence and leaves the others.
#[derive(Debug)]
struct First;

impl<'de> Deserialize<'de> for First {
    fn deserialize<D: Deserializer<'de>>(data: D) -> Result<Self, D::Error> {
        struct OneElement;

        impl<'de> serde::de::Visitor<'de> for OneElement {
            type Value = First;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a sequence")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<First, A::Error> {
                seq.next_element::<bool>()?;
                Ok(First)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<First, A::Error> {
                map.next_entry::<bool, bool>()?;
                Ok(First)
            }
        }

        if data.is_human_readable() {
            return data.deserialize_any(OneElement);
        }
        data.deserialize_seq(OneElement)
    }
}

#[test]
fn a_sequence_is_read_up_to_its_end() {
    read::<First>("00").unwrap();
    read::<First>("01 00 00").unwrap();
    refused::<First>("01 00 01 00 00", "goes on");
}

#[test]
fn no_length_allocates() {
    // Each of these would be one, if there were lengths.
    for hex in ["FF FF FF FF FF FF FF FF", "88 FF FF FF FF FF FF FF FF"] {
        assert!(read::<Vec<u64>>(hex).is_err());
        assert!(read::<String>(hex).is_err());
        assert!(read::<BTreeMap<u8, u8>>(hex).is_err());
    }
    let units = [b"O", &[1].repeat(100_000)[..], b"\0"].concat();
    assert_eq!(decode::<Vec<()>>(&units).unwrap().len(), 100_000);
}

/// Decodes `bytes` as a `T`. If that succeeds and `T` has one form of each value, they must be that form.
fn attempt<T: DeserializeOwned + Serialize>(bytes: &[u8], has_one_form: bool) -> usize {
    let Ok(key) = decode::<T>(bytes) else {
        return 0;
    };
    let mut again = Vec::new();
    match encode_lookup(&key, &mut again) {
        Ok(()) | Err(EncodeError::TooDeep) if !has_one_form => {}
        outcome => {
            outcome.unwrap();
            assert_eq!(again, bytes, "{}", std::any::type_name::<T>());
        }
    }
    1
}

/// Returns bytes that resemble those of a key.
fn random_bytes(random: &mut Random) -> Vec<u8> {
    let length = random.below(12);
    let bytes = (0..length).map(|_| random.byte());
    std::iter::once(b'O').chain(bytes).collect()
}

/// Changes, removes or inserts one byte after the tag, up to three times.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = 1 + random.below(bytes.len());
        let byte = random.byte();
        match random.below(3) {
            0 if at < bytes.len() => bytes[at] = byte,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            _ => bytes.insert(at, byte),
        }
    }
}

fn check<T: Sample>(has_one_form: bool) {
    let mut random = Random::new(3);
    let mut decoded = 0;
    for _ in 0..500 * rounds() {
        decoded += attempt::<T>(&random_bytes(&mut random), has_one_form);
        let mut bytes = Vec::new();
        encode_lookup(&T::sample(&mut random), &mut bytes).unwrap();
        mutate(&mut bytes, &mut random);
        decoded += attempt::<T>(&bytes, has_one_form);
    }
    assert!(decoded > 0, "{}", std::any::type_name::<T>());
}

macro_rules! check_all {
    ($has_one_form:literal: $($type:ty,)*) => {
        $(check::<$type>($has_one_form);)*
    };
}

#[test]
fn random_and_changed_bytes_are_errors_or_the_only_form_of_a_key() {
    for_each_sample!(check_all);
}
