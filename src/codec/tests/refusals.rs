//! Values that are refused, or written in the other format.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::error::Error;

use serde::de::{self, DeserializeOwned, Deserializer};
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde::{Deserialize, Serialize};

use crate::codec::{Codec, DecodeError, EncodeError, encode, encode_key, encode_lookup};

const CODECS: [Codec; 2] = [Codec::MessagePack, Codec::Bincode];

fn outcome<T>(value: &T, codec: Codec) -> Result<u8, EncodeError>
where
    T: Serialize + DeserializeOwned,
{
    let mut blob = b"left over".to_vec();
    let outcome = encode::<T, T>(value, codec, true, &mut blob);
    assert_eq!(outcome.is_err(), blob.is_empty());
    outcome.map(|()| blob[0])
}

/// The length that a value declares, and the number of elements that it serializes.
#[derive(Clone, Copy)]
struct Counted {
    declared: usize,
    written: usize,
}

macro_rules! miscounting_types {
    ($($name:ident($serializer:ident, $this:ident) $body:block)*) => {$(
        struct $name(Counted);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, $serializer: S) -> Result<S::Ok, S::Error> {
                let $this = self.0;
                $body
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                Err(de::Error::custom("never read"))
            }
        }
    )*

        #[test]
        fn wrong_lengths_are_refused() {
            $(for (declared, written) in [(2, 1), (2, 3), (0, 1), (1, 0)] {
                for codec in CODECS {
                    let refused = outcome(&$name(Counted { declared, written }), codec);
                    assert!(matches!(refused, Err(EncodeError::WrongLength)), "{refused:?}");
                }
            })*
        }

        #[test]
        fn right_lengths_are_accepted() {
            $(for length in [0, 1, 3] {
                let value = $name(Counted { declared: length, written: length });
                encode_lookup(&value, &mut Vec::new()).unwrap();
            })*
        }
    };
}

miscounting_types! {
    Seq(serializer, this) {
        let mut seq = serializer.serialize_seq(Some(this.declared))?;
        (0..this.written).try_for_each(|n| seq.serialize_element(&n))?;
        seq.end()
    }
    Tuple(serializer, this) {
        let mut tuple = serializer.serialize_tuple(this.declared)?;
        (0..this.written).try_for_each(|n| tuple.serialize_element(&n))?;
        tuple.end()
    }
    TupleStruct(serializer, this) {
        let mut tuple = serializer.serialize_tuple_struct("T", this.declared)?;
        (0..this.written).try_for_each(|n| tuple.serialize_field(&n))?;
        tuple.end()
    }
    TupleVariant(serializer, this) {
        let mut tuple = serializer.serialize_tuple_variant("T", 0, "V", this.declared)?;
        (0..this.written).try_for_each(|n| tuple.serialize_field(&n))?;
        tuple.end()
    }
    Struct(serializer, this) {
        let mut fields = serializer.serialize_struct("S", this.declared)?;
        (0..this.written).try_for_each(|n| fields.serialize_field("f", &n))?;
        fields.skip_field("skipped")?;
        fields.end()
    }
    StructVariant(serializer, this) {
        let mut fields = serializer.serialize_struct_variant("S", 0, "V", this.declared)?;
        (0..this.written).try_for_each(|n| fields.serialize_field("f", &n))?;
        fields.skip_field("skipped")?;
        fields.end()
    }
    Map(serializer, this) {
        let mut map = serializer.serialize_map(Some(this.declared))?;
        (0..this.written).try_for_each(|n| map.serialize_entry(&n, &n))?;
        map.end()
    }
    MapOfKeysAndValues(serializer, this) {
        let mut map = serializer.serialize_map(Some(this.declared))?;
        for n in 0..this.written {
            map.serialize_key(&n)?;
            map.serialize_value(&n)?;
        }
        map.end()
    }
}

/// A map of declared or undeclared length whose keys (`true`) and values (`false`) come in any order.
struct KeysAndValues(Option<usize>, &'static [bool]);

impl Serialize for KeysAndValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(self.0)?;
        for is_key in self.1 {
            if *is_key {
                map.serialize_key(&1)?;
            } else {
                map.serialize_value(&2)?;
            }
        }
        map.end()
    }
}

#[test]
fn a_key_without_a_value_is_refused() {
    for calls in [
        &[true][..],
        &[false],
        &[true, true],
        &[true, false, false],
        &[true, false, true],
    ] {
        for length in [None, Some(1)] {
            let refused = encode_lookup(&KeysAndValues(length, calls), &mut Vec::new());
            assert!(
                matches!(refused, Err(EncodeError::WrongLength)),
                "{refused:?}"
            );
        }
    }
    encode_lookup(
        &KeysAndValues(None, &[true, false, true, false]),
        &mut Vec::new(),
    )
    .unwrap();
}

/// Declares a length that MessagePack cannot write.
struct TooLong;

impl Serialize for TooLong {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_seq(Some(usize::MAX))?.end()
    }
}

#[test]
fn a_length_beyond_32_bits_is_refused() {
    let refused = encode_lookup(&TooLong, &mut Vec::new());
    assert!(matches!(refused, Err(EncodeError::TooLong)), "{refused:?}");
}

/// Ignores the error of the value that it holds.
struct IgnoresErrors<T>(T);

impl<T: Serialize> Serialize for IgnoresErrors<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct ReplacesErrors<'a, T>(&'a T);
        impl<T: Serialize> Serialize for ReplacesErrors<'_, T> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0
                    .serialize(serializer)
                    .map_err(|_| serde::ser::Error::custom("another error"))
            }
        }
        let mut tuple = serializer.serialize_tuple(1)?;
        let _ = tuple.serialize_element(&ReplacesErrors(&self.0));
        tuple.end()
    }
}

#[test]
fn a_defect_is_reported_even_if_its_error_is_ignored() {
    let refused = encode_lookup(&IgnoresErrors(TooLong), &mut Vec::new());
    assert!(matches!(refused, Err(EncodeError::TooLong)), "{refused:?}");
    let mut blob = Vec::new();
    encode_lookup(&IgnoresErrors(Some(None::<u8>)), &mut blob).unwrap();
    assert_eq!(blob, b"B\x01\x00");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype<T>(T);

#[test]
fn nil_is_detected_inside_newtypes_and_somes() {
    assert_eq!(
        outcome(&Some(Newtype(None::<u8>)), Codec::MessagePack).unwrap(),
        b'B'
    );
    assert_eq!(
        outcome(&Some(Newtype(Some(Newtype(())))), Codec::MessagePack).unwrap(),
        b'B'
    );
    assert_eq!(
        outcome(&vec![Some(Some(1)), Some(None)], Codec::MessagePack).unwrap(),
        b'B'
    );
    assert_eq!(
        outcome(&Some((None::<u8>,)), Codec::MessagePack).unwrap(),
        b'M'
    );
    assert_eq!(outcome(&Some(vec![()]), Codec::MessagePack).unwrap(), b'M');
    assert_eq!(
        outcome(&Newtype(None::<u8>), Codec::MessagePack).unwrap(),
        b'M'
    );
}

#[test]
fn nil_inside_some_in_a_type_that_bincode_cannot_hold_is_refused() {
    for codec in CODECS {
        let error = outcome(&Some(serde_json::Value::Null), codec).unwrap_err();
        assert!(
            matches!(error, EncodeError::NilUnderSome { .. }),
            "{error:?}"
        );
        assert!(error.source().is_some());
    }
}

/// Deserializes numbers below ten only.
#[derive(Debug, PartialEq, Serialize)]
struct Small(u32);

impl<'de> Deserialize<'de> for Small {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            small @ 0..10 => Ok(Self(small)),
            _ => Err(de::Error::custom("not small")),
        }
    }
}

#[test]
fn a_value_that_its_own_type_does_not_read_is_refused() {
    for codec in CODECS {
        outcome(&Small(9), codec).unwrap();
        let error = outcome(&Small(10), codec).unwrap_err();
        let EncodeError::Unreadable {
            source: DecodeError::Malformed { source, .. },
            ..
        } = error
        else {
            panic!("{error:?}");
        };
        assert!(source.to_string().contains("not small"));
    }
    encode::<Small, Small>(&Small(10), Codec::MessagePack, false, &mut Vec::new()).unwrap();
}

#[test]
fn an_error_of_serialize_is_the_source() {
    struct Failing;
    impl Serialize for Failing {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("my own reason"))
        }
    }
    for codec in CODECS {
        let error = encode::<u8, Failing>(&Failing, codec, true, &mut Vec::new()).unwrap_err();
        assert!(
            error
                .source()
                .unwrap()
                .to_string()
                .contains("my own reason")
        );
        assert!(!error.to_string().contains("my own reason"));
    }
}

#[test]
fn a_value_is_verified_as_the_type_of_the_vault() {
    let error = encode::<u8, str>("text", Codec::MessagePack, true, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, EncodeError::Unreadable { .. }));
}

#[test]
fn a_borrowed_key_with_other_bytes_is_refused() {
    // An integer decodes as a float, which encodes to other bytes.
    let error = encode_key::<f64, u8>(&1, true, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, EncodeError::Altered { .. }), "{error:?}");
    let error = encode_key::<u8, str>("k", true, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, EncodeError::Unreadable { .. }), "{error:?}");
    encode_key::<u8, str>("k", false, &mut Vec::new()).unwrap();
    // bincode is always verified.
    let error =
        encode_key::<u8, Option<Option<u8>>>(&Some(None), false, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, EncodeError::Unreadable { .. }), "{error:?}");
}

#[test]
fn extension_types_are_accepted() {
    let value = rmpv::Value::Ext(7, vec![1, 2, 3]);
    let in_map = rmpv::Value::Map(vec![(rmpv::Value::Nil, value.clone())]);
    for codec in CODECS {
        assert_eq!(outcome(&value, codec).unwrap(), b'M');
        assert_eq!(outcome(&Some(value.clone()), codec).unwrap(), b'M');
        assert_eq!(outcome(&in_map, codec).unwrap(), b'M');
    }
}

#[test]
fn a_value_that_changes_while_it_is_verified_is_refused() {
    #[derive(Deserialize)]
    struct Changing(#[serde(skip)] Cell<u8>);
    impl Serialize for Changing {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.set(self.0.get() + 1);
            (self.0.get(), Some(None::<u8>)).serialize(serializer)
        }
    }
    assert!(outcome(&Changing(Cell::new(0)), Codec::MessagePack).is_err());
}

#[test]
fn errors_are_send_and_sync() {
    fn check<T: Error + Send + Sync + 'static>() {}
    check::<EncodeError>();
    check::<DecodeError>();
}

#[derive(Serialize, Deserialize)]
struct Known {
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    size: u64,
}

/// A struct with flattened fields. The map `M` takes the entries that are no fields.
#[derive(Serialize, Deserialize)]
struct Flattened<M> {
    #[serde(flatten)]
    known: Option<Known>,
    #[serde(flatten)]
    rest: M,
}

fn flattened<M: FromIterator<(String, u64)>>(known: Option<u64>, rest: &[&str]) -> Flattened<M> {
    let entries = rest.iter().zip(0..);
    Flattened {
        known: known.map(|size| Known { note: None, size }),
        rest: entries.map(|(key, n)| ((*key).to_owned(), n)).collect(),
    }
}

#[test]
fn an_entry_that_reads_back_as_a_field_is_refused() {
    type Ordered = Flattened<BTreeMap<String, u64>>;
    for codec in CODECS {
        let altered: Ordered = flattened(None, &["more", "size"]);
        let refused = outcome(&altered, codec);
        assert!(
            matches!(refused, Err(EncodeError::Altered { .. })),
            "{refused:?}"
        );
        for known in [None, Some(7)] {
            let clear: Ordered = flattened(known, &["less", "more"]);
            assert_eq!(outcome(&clear, codec).unwrap(), b'M');
        }
    }
}

#[test]
fn a_flattened_hash_map_is_stored_in_any_order() {
    for _ in 0..50 {
        for keys in [&["a", "b"][..], &["a", "b", "c", "d", "e", "f", "g", "h"]] {
            let value: Flattened<HashMap<String, u64>> = flattened(Some(7), keys);
            for codec in CODECS {
                assert_eq!(outcome(&value, codec).unwrap(), b'M');
            }
        }
    }
}
