//! The bytes of many keys. Files hold these bytes, so a change here is a change of the format.

use std::collections::{BTreeMap, BTreeSet};

use super::samples::{
    Byte, Float, Inner, Maybe, Named, Pair, Sample, Shape, Unit, Variants, Wrapped,
};
use crate::codec::ordered::{decode, encode_key, encode_lookup};

/// Compares the bytes of a key, without the tag, with those in `expected`.
fn golden<K: Sample>(key: &K, expected: &str) {
    let expected: Vec<u8> = format!("4F {expected}")
        .split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    let mut bytes = Vec::new();
    encode_key::<K, K>(key, true, K::eq, &mut bytes).unwrap();
    assert_eq!(bytes, expected, "{key:?}");
    assert_eq!(decode::<K>(&expected).unwrap(), *key);
}

#[test]
fn bools_and_bytes() {
    golden(&false, "00");
    golden(&true, "01");
    golden(&0_u8, "00");
    golden(&255_u8, "FF");
    golden(&i8::MIN, "00");
    golden(&-1_i8, "7F");
    golden(&0_i8, "80");
    golden(&i8::MAX, "FF");
}

#[test]
fn integers() {
    golden(&0_u16, "80");
    golden(&1_u16, "81 01");
    golden(&255_u32, "81 FF");
    golden(&256_u32, "82 01 00");
    golden(&65_535_i32, "82 FF FF");
    golden(&65_536_u64, "83 01 00 00");
    golden(&u64::MAX, "88 FF FF FF FF FF FF FF FF");
    golden(&i64::MAX, "88 7F FF FF FF FF FF FF FF");
    golden(&(1_u128 << 64), "89 01 00 00 00 00 00 00 00 00");
    golden(
        &u128::MAX,
        "90 FF FF FF FF FF FF FF FF FF FF FF FF FF FF FF FF",
    );
    golden(&-1_i16, "7F");
    golden(&-2_i16, "7E FE");
    golden(&-256_i32, "7E 00");
    golden(&-257_i32, "7D FE FF");
    golden(&-65_536_i64, "7D 00 00");
    golden(&-65_537_i64, "7C FE FF FF");
    golden(&i64::MIN, "77 80 00 00 00 00 00 00 00");
    golden(
        &i128::MIN,
        "6F 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
    );
}

#[test]
fn floats() {
    golden(&Float(f32::NEG_INFINITY), "00 7F FF FF");
    golden(&Float(-1.5_f32), "40 3F FF FF");
    golden(&Float(-0.0_f32), "80 00 00 00");
    golden(&Float(0.0_f32), "80 00 00 00");
    golden(&Float(1.5_f32), "BF C0 00 00");
    golden(&Float(f32::INFINITY), "FF 80 00 00");
    golden(&Float(f32::NAN), "FF C0 00 00");
    golden(&Float(-f32::NAN), "FF C0 00 00");
    golden(&Float(f64::NEG_INFINITY), "00 0F FF FF FF FF FF FF");
    golden(&Float(-1.5_f64), "40 07 FF FF FF FF FF FF");
    golden(&Float(-0.0_f64), "80 00 00 00 00 00 00 00");
    golden(&Float(1.5_f64), "BF F8 00 00 00 00 00 00");
    golden(&Float(f64::INFINITY), "FF F0 00 00 00 00 00 00");
    golden(&Float(f64::from_bits(u64::MAX)), "FF F8 00 00 00 00 00 00");
}

#[test]
fn characters_and_strings() {
    golden(&'\0', "00");
    golden(&'a', "61");
    golden(&'é', "C3 A9");
    golden(&'€', "E2 82 AC");
    golden(&'\u{10FFFF}', "F4 8F BF BF");
    golden(&String::new(), "00");
    golden(&"hé".to_owned(), "68 C3 A9 00");
    golden(&"a\0\u{1}\u{2}b".to_owned(), "61 01 01 01 02 02 62 00");
    golden(
        &serde_bytes::ByteBuf::from([0, 1, 2, 255]),
        "01 01 01 02 02 FF 00",
    );
}

#[test]
fn options_and_units() {
    golden(&None::<u8>, "00");
    golden(&Some(5_u8), "01 05");
    golden(&Some(None::<u8>), "01 00");
    golden(&Some(Some(0_u8)), "01 01 00");
    golden(&Some(()), "01");
    golden(&(), "");
    golden(&Unit, "");
}

#[test]
fn fields() {
    golden(&Byte(7), "07");
    golden(&Wrapped(Byte(7)), "07");
    golden(&(1_u8, "a".to_owned(), -1_i64), "01 61 00 7F");
    golden(&[0_u8, 1, 2], "00 01 02");
    golden(&Pair("a".into(), 0), "61 00 80");
    let named = Named {
        name: "n".into(),
        id: 1,
        inner: Inner {
            flag: true,
            note: None,
        },
        tags: vec![String::new()],
    };
    golden(&named, "6E 00 81 01 01 00 01 00 00");
}

#[test]
fn sequences() {
    golden(&Vec::<u16>::new(), "00");
    golden(&vec![0_u16, 300], "01 80 01 82 01 2C 00");
    golden(&vec![0_u8, 1, 2, 255], "01 01 01 02 02 FF 00");
    golden(&vec![Byte(0), Byte(3)], "01 01 03 00");
    golden(&vec![Wrapped(Byte(1))], "01 02 00");
    golden(
        &vec![Maybe(None), Maybe(Some(Byte(0)))],
        "01 00 01 01 00 00",
    );
    golden(&vec![-128_i8], "01 00 00");
    golden(&vec![true, false], "01 01 01 00 00");
    golden(&vec![(), ()], "01 01 00");
    golden(&vec![None, Some(0_u8)], "01 00 01 01 00 00");
    golden(&vec![(0_u8, 1_u8)], "01 00 01 00");
    golden(&vec![vec![0_u8], vec![]], "01 01 01 00 01 00 00");
    golden(&vec!["a".to_owned(), String::new()], "01 61 00 01 00 00");
    golden(&BTreeSet::from([2_u8, 1]), "01 02 02 00");
    golden(&BTreeSet::from(['b', 'a']), "01 61 01 62 00");
}

#[test]
fn maps() {
    golden(&BTreeMap::<u8, u8>::new(), "00");
    golden(
        &BTreeMap::from([(1_u8, true), (0, false)]),
        "01 00 00 01 01 01 00",
    );
    golden(
        &BTreeMap::from([("a".to_owned(), vec![5_u8])]),
        "01 61 00 05 00 00",
    );
}

#[test]
fn enums() {
    golden(&Shape::Empty, "00");
    golden(&Shape::Round(0), "01 00");
    golden(&Shape::Text("a".into()), "02 61 00");
    golden(&Shape::Both("a".into(), true), "03 61 00 01");
    let fields = Shape::Fields {
        id: -1,
        name: "a".into(),
    };
    golden(&fields, "04 7F 61 00");
    golden(&Variants(254), "FE");
    golden(&Variants(255), "FF 00 00 00 FF");
    golden(&Variants(u32::MAX), "FF FF FF FF FF");
    golden(&Ok::<u8, u8>(1), "00 01");
    golden(&Err::<u8, u8>(1), "01 01");
}

#[test]
fn borrowed_keys_have_the_bytes_of_owned_ones() {
    let mut bytes = Vec::new();
    encode_key::<String, str>("k", true, str::eq, &mut bytes).unwrap();
    assert_eq!(bytes, b"Ok\0");
    encode_key::<Vec<u8>, [u8]>(&[1, 200], true, <[u8]>::eq, &mut bytes).unwrap();
    assert_eq!(bytes, b"O\x01\x02\xC8\0");
    encode_key::<Box<str>, str>("k", true, str::eq, &mut bytes).unwrap();
    assert_eq!(bytes, b"Ok\0");
    encode_lookup(&("k", &7_u32), &mut bytes).unwrap();
    assert_eq!(bytes, b"Ok\0\x81\x07");
}
