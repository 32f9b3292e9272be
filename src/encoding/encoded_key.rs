//! Keys as bytes.
//!
//! A key is identified by its encoding, which depends on the key and the format of the map's keys alone. Equal keys have equal
//! bytes, whatever codec the values use.

use std::any::type_name;
use std::borrow::Borrow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{self, DecodeError, EncodeError, PrefixOf, ordered};
use crate::engine::RowOrder;
use crate::error::{EntryPart, Error, Result, preview};

/// The format of the keys of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFormat {
    /// Bytes that identify a key, as a codec writes them.
    Tagged,
    /// Bytes that also sort as the keys do.
    Ordered,
}

/// Returns `true` if two keys are the same.
pub(crate) type IsSame<Q> = fn(&Q, &Q) -> bool;

/// The bytes under which an entry is stored.
#[derive(Debug, Default)]
pub(crate) struct EncodedKey(Vec<u8>);

impl EncodedKey {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Returns the bytes with which the ordered bytes of all keys with `prefix` begin.
    pub(crate) fn prefix<K, P>(prefix: &P) -> Result<Self>
    where
        K: ?Sized,
        P: PrefixOf<K> + ?Sized,
    {
        let mut bytes = Vec::new();
        ordered::encode_prefix::<K, P>(prefix, &mut bytes)
            .map_err(|error| cannot_encode::<P>(error))?;
        Ok(Self(bytes))
    }
}

impl KeyFormat {
    /// Returns the format of the keys of a map whose rows are in this order.
    pub(crate) const fn of(order: RowOrder) -> Self {
        match order {
            RowOrder::Insertion => Self::Tagged,
            RowOrder::Key => Self::Ordered,
        }
    }

    /// Encodes `key` to look it up.
    pub(crate) fn lookup<Q>(self, key: &Q) -> Result<EncodedKey>
    where
        Q: Serialize + ?Sized,
    {
        let mut bytes = Vec::new();
        let encoded = match self {
            Self::Tagged => codec::encode_lookup(key, &mut bytes),
            Self::Ordered => ordered::encode_lookup(key, &mut bytes),
        };
        encoded.map_err(|error| cannot_encode::<Q>(error))?;
        Ok(EncodedKey(bytes))
    }

    /// Replaces the bytes of `out` by those under which the entry of `key` is stored, and reuses their memory.
    ///
    /// With `verify`, this returns an error unless the bytes decode as a `K` that encodes to the same bytes. With ordered
    /// bytes, it must be the same key as well.
    pub(crate) fn encode_to<K, Q>(
        self,
        key: &Q,
        verify: bool,
        is_same: IsSame<Q>,
        out: &mut EncodedKey,
    ) -> Result<()>
    where
        K: Serialize + DeserializeOwned + Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        let encoded = match self {
            Self::Tagged => codec::encode_key::<K, Q>(key, verify, &mut out.0),
            Self::Ordered => ordered::encode_key::<K, Q>(key, verify, is_same, &mut out.0),
        };
        encoded.map_err(|error| cannot_encode::<Q>(error))
    }

    /// Decodes a stored key.
    #[inline]
    pub(crate) fn decode<K: DeserializeOwned>(self, bytes: &[u8]) -> Result<K> {
        let decoded = match self {
            Self::Tagged => codec::decode(bytes),
            Self::Ordered => ordered::decode(bytes),
        };
        match decoded {
            Ok(key) => Ok(key),
            Err(error) => Err(cannot_decode::<K>(EntryPart::Key, preview(bytes), error)),
        }
    }

    /// Checks that a look-up of `key` finds the entry that is stored under `bytes`.
    pub(crate) fn check_bytes<K: Serialize>(self, key: &K, bytes: &[u8]) -> Result<()> {
        let encoded = self.lookup(key)?;
        if encoded.as_bytes() == bytes {
            return Ok(());
        }
        Err(Error::KeyEncoding {
            key: preview(bytes),
            encoded: preview(encoded.as_bytes()),
            type_name: type_name::<K>(),
        })
    }
}

fn cannot_encode<Q: ?Sized>(error: EncodeError) -> Error {
    Error::Encode {
        part: EntryPart::Key,
        type_name: type_name::<Q>(),
        source: Box::new(error),
    }
}

/// Returns the error for a part of the entry `key` that does not decode as a `T`.
#[cold]
pub(crate) fn cannot_decode<T>(part: EntryPart, key: String, error: DecodeError) -> Error {
    match error {
        DecodeError::Pickle => Error::Pickle { part, key },
        DecodeError::UnknownTag(tag) | DecodeError::NotOrdered(tag) => {
            Error::UnknownTag { part, key, tag }
        }
        error => Error::Decode {
            part,
            key,
            type_name: type_name::<T>(),
            source: Box::new(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: [KeyFormat; 2] = [KeyFormat::Tagged, KeyFormat::Ordered];

    fn stored<K, Q>(format: KeyFormat, key: &Q) -> Result<Vec<u8>>
    where
        K: Serialize + DeserializeOwned + Borrow<Q>,
        Q: Serialize + Eq + ?Sized,
    {
        let mut out = EncodedKey::default();
        format.encode_to::<K, Q>(key, true, Q::eq, &mut out)?;
        Ok(out.into_bytes())
    }

    #[test]
    fn a_stored_key_is_found_by_a_look_up_and_decodes_as_itself() {
        fn check<K, Q>(key: K)
        where
            K: Serialize + DeserializeOwned + Borrow<Q> + PartialEq + std::fmt::Debug,
            Q: Serialize + Eq + ?Sized,
        {
            for format in FORMATS {
                let bytes = stored::<K, Q>(format, key.borrow()).unwrap();
                let lookup = format.lookup::<Q>(key.borrow()).unwrap();
                assert_eq!(lookup.as_bytes(), bytes, "{format:?}");
                assert_eq!(format.decode::<K>(&bytes).unwrap(), key, "{format:?}");
                format.check_bytes(&key, &bytes).unwrap();
            }
        }
        check::<String, str>("a\0b".into());
        check::<Vec<u16>, [u16]>(vec![1, 300]);
        check::<i64, i64>(-5);
        check::<_, (String, u32)>(("a".into(), 7));
        check::<_, Option<Option<u8>>>(Some(None));
    }

    #[test]
    fn each_format_has_bytes_of_its_own() {
        assert_eq!(
            stored::<u32, u32>(KeyFormat::Tagged, &5).unwrap(),
            [b'M', 5]
        );
        let ordered = stored::<u32, u32>(KeyFormat::Ordered, &5).unwrap();
        assert_eq!(ordered, [b'O', 0x81, 5]);
        assert_eq!(KeyFormat::of(RowOrder::Insertion), KeyFormat::Tagged);
        assert_eq!(KeyFormat::of(RowOrder::Key), KeyFormat::Ordered);
    }

    #[test]
    fn ordered_bytes_sort_as_the_keys_do() {
        let keys = [-300_i32, -2, 0, 1, 255, 256, 70_000];
        let bytes = keys.map(|key| stored::<i32, i32>(KeyFormat::Ordered, &key).unwrap());
        assert!(bytes.is_sorted(), "{bytes:?}");
    }

    #[test]
    fn memory_is_reused_and_old_bytes_are_replaced() {
        for format in FORMATS {
            let mut out = EncodedKey(Vec::with_capacity(4096));
            for key in ["a long key", "b"] {
                format
                    .encode_to::<String, str>(key, true, str::eq, &mut out)
                    .unwrap();
                assert_eq!(format.decode::<String>(out.as_bytes()).unwrap(), key);
            }
            assert_eq!(out.into_bytes().capacity(), 4096);
        }
    }

    #[test]
    fn a_key_of_the_other_format_has_an_unknown_tag() {
        for (written, read) in [(0, 1), (1, 0)] {
            let bytes = stored::<u32, u32>(FORMATS[written], &5).unwrap();
            let error = FORMATS[read].decode::<u32>(&bytes).unwrap_err();
            assert!(
                matches!(error, Error::UnknownTag { part: EntryPart::Key, tag, .. } if tag == bytes[0]),
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_key_under_other_bytes_than_its_own_is_reported() {
        for format in FORMATS {
            let bytes = stored::<u32, u32>(format, &5).unwrap();
            let error = format.check_bytes(&6_u32, &bytes).unwrap_err();
            assert!(matches!(error, Error::KeyEncoding { .. }), "{error:?}");
        }
    }

    /// A key with a part that is not stored.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Forgetful {
        stored: u8,
        forgotten: u8,
    }

    impl Serialize for Forgetful {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.stored.serialize(serializer)
        }
    }

    impl<'de> serde::Deserialize<'de> for Forgetful {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let stored = u8::deserialize(deserializer)?;
            Ok(Self {
                stored,
                forgotten: 0,
            })
        }
    }

    #[test]
    fn an_ordered_key_that_is_read_back_as_another_is_refused_if_writes_are_verified() {
        let key = Forgetful {
            stored: 1,
            forgotten: 2,
        };
        assert!(stored::<Forgetful, Forgetful>(KeyFormat::Tagged, &key).is_ok());
        let error = stored::<Forgetful, Forgetful>(KeyFormat::Ordered, &key).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Encode {
                    part: EntryPart::Key,
                    ..
                }
            ),
            "{error:?}"
        );
        let mut out = EncodedKey::default();
        KeyFormat::Ordered
            .encode_to::<Forgetful, Forgetful>(&key, false, PartialEq::eq, &mut out)
            .unwrap();
        assert_eq!(out.as_bytes(), [b'O', 1]);
    }
}
