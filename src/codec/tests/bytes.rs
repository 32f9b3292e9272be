//! The stored bytes of many values. Files hold these bytes, so a change here is a change of the format.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec::format::Format;
use crate::codec::{Codec, DecodeError, decode, encode, encode_key, encode_lookup};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: Option<u8>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    Round(u8),
    Pair(u8, bool),
    Named { id: u8 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

fn golden<T>(value: &T, message_pack: &[u8], bincode: &[u8])
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    for (codec, expected) in [
        (Codec::MessagePack, message_pack),
        (Codec::Bincode, bincode),
    ] {
        let mut blob = Vec::new();
        encode::<T, T>(value, codec, true, &mut blob).unwrap();
        assert_eq!(blob, expected, "{value:?}");
        assert_eq!(decode::<T>(expected).unwrap(), *value);
    }
}

#[test]
fn scalars() {
    golden(&true, b"M\xc3", b"B\x01");
    golden(&0_u8, b"M\x00", b"B\x00");
    golden(&-1_i8, b"M\xff", b"B\xff");
    golden(&300_u32, b"M\xcd\x01\x2c", b"B\xfb\x2c\x01");
    golden(&-300_i64, b"M\xd1\xfe\xd4", b"B\xfb\x57\x02");
    golden(&1.5_f32, b"M\xca\x3f\xc0\x00\x00", b"B\x00\x00\xc0\x3f");
    golden(
        &1.5_f64,
        b"M\xcb\x3f\xf8\0\0\0\0\0\0",
        b"B\0\0\0\0\0\0\xf8\x3f",
    );
    golden(&'é', b"M\xa2\xc3\xa9", b"B\xc3\xa9");
    golden(&"hi".to_owned(), b"M\xa2hi", b"B\x02hi");
    golden(
        &1_i128,
        b"M\xc4\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01",
        b"B\x02",
    );
    golden(&(), b"M\xc0", b"B");
    golden(&Unit, b"M\x90", b"B");
}

#[test]
fn compounds() {
    golden(&vec![1_u16, 2], b"M\x92\x01\x02", b"B\x02\x01\x02");
    golden(&(1_u8, "a".to_owned()), b"M\x92\x01\xa1a", b"B\x01\x01a");
    golden(
        &BTreeMap::from([(1_u8, true)]),
        b"M\x81\x01\xc3",
        b"B\x01\x01\x01",
    );
    golden(
        &Point { x: 7, y: None },
        b"M\x82\xa1x\x07\xa1y\xc0",
        b"B\x0e\x00",
    );
    golden(
        &serde_bytes::ByteBuf::from([1, 2]),
        b"M\xc4\x02\x01\x02",
        b"B\x02\x01\x02",
    );
    golden(&Shape::Empty, b"M\xa5Empty", b"B\x00");
    golden(&Shape::Round(3), b"M\x81\xa5Round\x03", b"B\x01\x03");
    golden(
        &Shape::Pair(3, true),
        b"M\x81\xa4Pair\x92\x03\xc3",
        b"B\x02\x03\x01",
    );
    golden(
        &Shape::Named { id: 9 },
        b"M\x81\xa5Named\x81\xa2id\x09",
        b"B\x03\x09",
    );
}

#[test]
fn nil_inside_some_is_written_as_bincode() {
    golden(&Some(None::<u8>), b"B\x01\x00", b"B\x01\x00");
    golden(&None::<Option<u8>>, b"M\xc0", b"B\x00");
    golden(&Some(()), b"B\x01", b"B\x01");
    golden(&Some(Unit), b"M\x90", b"B\x01");
    golden(
        &BTreeMap::from([(Some(None::<u8>), 1_u8)]),
        b"B\x01\x01\x00\x01",
        b"B\x01\x01\x00\x01",
    );
}

#[test]
fn self_describing_types_are_written_as_message_pack() {
    golden(
        &serde_json::json!({"a": [1, null]}),
        b"M\x81\xa1a\x92\x01\xc0",
        b"M\x81\xa1a\x92\x01\xc0",
    );
}

fn key<K, Q>(key: &Q, expected: &[u8])
where
    K: Serialize + DeserializeOwned,
    Q: Serialize + ?Sized,
{
    let mut stored = Vec::new();
    let mut lookup = vec![1];
    encode_key::<K, Q>(key, true, &mut stored).unwrap();
    encode_lookup(key, &mut lookup).unwrap();
    assert_eq!(stored, expected);
    assert_eq!(lookup, expected);
}

#[test]
fn owned_and_borrowed_keys_have_the_same_bytes() {
    key::<String, String>(&"k".to_owned(), b"M\xa1k");
    key::<String, str>("k", b"M\xa1k");
    key::<Box<str>, str>("k", b"M\xa1k");
    key::<Vec<u8>, [u8]>(&[1, 200], b"M\x92\x01\xcc\xc8");
    key::<(String, u8), (&str, u8)>(&("k", 1), b"M\x92\xa1k\x01");
    key::<Option<Option<u8>>, Option<Option<u8>>>(&Some(None), b"B\x01\x00");
    key::<Shape, Shape>(&Shape::Pair(3, true), b"M\x81\xa4Pair\x92\x03\xc3");
}

#[test]
fn fields_may_be_added_removed_and_reordered() {
    #[derive(Serialize)]
    struct Old {
        gone: Vec<u8>,
        y: u8,
        x: u8,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct New {
        x: i64,
        #[serde(default)]
        added: String,
        y: Option<u8>,
        more: Option<u8>,
    }
    let mut blob = Vec::new();
    let old = Old {
        gone: vec![1, 2],
        y: 2,
        x: 1,
    };
    encode_lookup(&old, &mut blob).unwrap();
    let new = New {
        x: 1,
        added: String::new(),
        y: Some(2),
        more: None,
    };
    assert_eq!(decode::<New>(&blob).unwrap(), new);
}

#[test]
fn tags() {
    assert!(matches!(decode::<u8>(b""), Err(DecodeError::Empty)));
    assert!(matches!(
        decode::<u8>(b"P\x80\x04"),
        Err(DecodeError::Pickle)
    ));
    assert!(matches!(
        decode::<u8>(b"Z\x01"),
        Err(DecodeError::UnknownTag(b'Z'))
    ));
    assert!(matches!(
        decode::<u8>(b"M"),
        Err(DecodeError::Malformed {
            format: Format::MessagePack,
            ..
        })
    ));
    assert!(matches!(
        decode::<u8>(b"B"),
        Err(DecodeError::Malformed {
            format: Format::Bincode,
            ..
        })
    ));
}

#[test]
fn trailing_bytes_are_counted() {
    assert!(matches!(
        decode::<u8>(b"M\x01\x02\xff"),
        Err(DecodeError::TrailingBytes(2))
    ));
    assert!(matches!(
        decode::<u8>(b"B\x01\x02\xff"),
        Err(DecodeError::TrailingBytes(2))
    ));
    assert!(matches!(
        decode::<Vec<u8>>(b"M\x91\x01\xcb"),
        Err(DecodeError::TrailingBytes(1))
    ));
    assert!(matches!(
        decode::<()>(b"B\x00"),
        Err(DecodeError::TrailingBytes(1))
    ));
    assert!(matches!(
        decode::<Option<u8>>(b"M\xc0\xc0"),
        Err(DecodeError::TrailingBytes(1))
    ));
}
