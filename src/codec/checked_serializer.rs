//! A serializer around another one that detects what the other one would lose.
//!
//! `rmp-serde` writes nearly everything and loses some of it silently. Decoding and encoding its output again does not show the
//! loss, because `Some(None)` and `None` are the same byte. Only the serde calls that a value makes tell them apart, so this
//! serializer checks each call and forwards it.

#![allow(
    clippy::inline_always,
    reason = "measured: without it, function calls double the cost of the checks"
)]

use serde::Serialize;
use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::format::Format;
use super::length_check::LengthCheck;
use super::serialize_state::{Defect, SerializeState, ValuePath};

/// A serializer that checks each call and forwards it to `S`, which writes.
pub(super) struct CheckedSerializer<'s, S> {
    inner: S,
    path: ValuePath<'s>,
}

impl<'s, S: Serializer> CheckedSerializer<'s, S> {
    /// Returns a serializer for a whole value that forwards to `inner` and records defects in `state`.
    #[inline(always)]
    pub(super) fn new(inner: S, state: &'s SerializeState) -> Self {
        Self {
            inner,
            path: ValuePath::whole(state),
        }
    }

    #[inline(always)]
    fn compound<C>(
        path: ValuePath<'s>,
        declared: Option<usize>,
        open: impl FnOnce() -> Result<C, S::Error>,
    ) -> Result<Compound<'s, C>, S::Error> {
        let length = match LengthCheck::new(declared) {
            Ok(length) => length,
            Err(defect) => return Err(path.state.refuse(defect)),
        };
        match open() {
            Ok(inner) => Ok(Compound {
                inner,
                path,
                length,
            }),
            Err(error) => Err(error),
        }
    }
}

/// A value that serializes itself through a [`CheckedSerializer`], whichever serializer it is given to.
pub(super) struct CheckedValue<'a, 's, T: ?Sized> {
    value: &'a T,
    path: ValuePath<'s>,
}

impl<'a, 's, T: ?Sized> CheckedValue<'a, 's, T> {
    /// Wraps a whole value, for a format whose library takes a value and no serializer.
    pub(super) fn new(value: &'a T, state: &'s SerializeState) -> Self {
        Self {
            value,
            path: ValuePath::whole(state),
        }
    }
}

impl<T: Serialize + ?Sized> Serialize for CheckedValue<'_, '_, T> {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(CheckedSerializer {
            inner,
            path: self.path,
        })
    }
}

macro_rules! forward_scalars {
    ($($method:ident: $type:ty,)*) => {$(
        #[inline(always)]
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        }
    )*};
}

impl<'s, S: Serializer> Serializer for CheckedSerializer<'s, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Compound<'s, S::SerializeSeq>;
    type SerializeTuple = Compound<'s, S::SerializeTuple>;
    type SerializeTupleStruct = Compound<'s, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Compound<'s, S::SerializeTupleVariant>;
    type SerializeMap = Compound<'s, S::SerializeMap>;
    type SerializeStruct = Compound<'s, S::SerializeStruct>;
    type SerializeStructVariant = Compound<'s, S::SerializeStructVariant>;

    forward_scalars! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_f32: f32,
        serialize_f64: f64,
        serialize_char: char,
    }

    #[inline(always)]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }

    #[inline(always)]
    fn serialize_str(self, value: &str) -> Result<S::Ok, S::Error> {
        self.path.check_length(value.len())?;
        self.inner.serialize_str(value)
    }

    #[inline(always)]
    fn serialize_bytes(self, value: &[u8]) -> Result<S::Ok, S::Error> {
        self.path.check_length(value.len())?;
        // A type may read it as a sequence, which is a level.
        self.path.level()?;
        self.inner.serialize_bytes(value)
    }

    // A plain loop is faster than the closures of the provided methods, and takes less stack in a debug build.
    #[inline(always)]
    fn collect_seq<I>(self, items: I) -> Result<S::Ok, S::Error>
    where
        I: IntoIterator<Item: Serialize>,
    {
        let items = items.into_iter();
        let mut seq = self.serialize_seq(exact_length(&items))?;
        for item in items {
            seq.serialize_element(&item)?;
        }
        SerializeSeq::end(seq)
    }

    #[inline(always)]
    fn collect_map<K, V, I>(self, entries: I) -> Result<S::Ok, S::Error>
    where
        K: Serialize,
        V: Serialize,
        I: IntoIterator<Item = (K, V)>,
    {
        let entries = entries.into_iter();
        let mut map = self.serialize_map(exact_length(&entries))?;
        for (key, value) in entries {
            map.serialize_entry(&key, &value)?;
        }
        map.end()
    }

    #[inline(always)]
    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    #[inline(always)]
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.path.check_nil()?;
        self.inner.serialize_none()
    }

    #[inline(always)]
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.path.check_nil()?;
        self.inner.serialize_unit()
    }

    #[inline(always)]
    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        // MessagePack writes it as an empty array, not as nil.
        self.path.level()?;
        self.inner.serialize_unit_struct(name)
    }

    #[inline(always)]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    #[inline(always)]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let path = self.path.layer(true)?;
        self.inner.serialize_some(&CheckedValue { value, path })
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let path = self.path.layer(self.path.is_inside_some())?;
        let format = path.state.format;
        if format == Format::MessagePack && name == rmp_serde::MSGPACK_EXT_STRUCT_NAME {
            // An extension type: rmp-serde passes the value to a serializer that accepts a tag and bytes only.
            path.level()?;
            return self.inner.serialize_newtype_struct(name, value);
        }
        self.inner
            .serialize_newtype_struct(name, &CheckedValue { value, path })
    }

    #[inline(always)]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let path = self.path.level()?;
        self.inner
            .serialize_newtype_variant(name, index, variant, &CheckedValue { value, path })
    }

    #[inline(always)]
    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let path = self.path.level()?;
        Self::compound(path, length, || self.inner.serialize_seq(length))
    }

    #[inline(always)]
    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, S::Error> {
        let path = self.path.level()?;
        Self::compound(path, Some(length), || self.inner.serialize_tuple(length))
    }

    #[inline(always)]
    fn serialize_tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let path = self.path.level()?;
        Self::compound(path, Some(length), || {
            self.inner.serialize_tuple_struct(name, length)
        })
    }

    #[inline(always)]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let path = self.path.level()?.level()?;
        Self::compound(path, Some(length), || {
            self.inner
                .serialize_tuple_variant(name, index, variant, length)
        })
    }

    #[inline(always)]
    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let path = self.path.level()?;
        Self::compound(path, length, || self.inner.serialize_map(length))
    }

    #[inline(always)]
    fn serialize_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        let path = self.path.level()?;
        Self::compound(path, Some(length), || {
            self.inner.serialize_struct(name, length)
        })
    }

    #[inline(always)]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let path = self.path.level()?.level()?;
        Self::compound(path, Some(length), || {
            self.inner
                .serialize_struct_variant(name, index, variant, length)
        })
    }
}

#[inline(always)]
fn exact_length(items: &impl Iterator) -> Option<usize> {
    match items.size_hint() {
        (least, Some(most)) if least == most => Some(most),
        _ => None,
    }
}

/// A sequence, map or struct that is being serialized.
pub(super) struct Compound<'s, C> {
    inner: C,
    path: ValuePath<'s>,
    length: LengthCheck,
}

impl<'s, C> Compound<'s, C> {
    #[inline(always)]
    fn checked<'a, T: ?Sized>(&self, value: &'a T) -> CheckedValue<'a, 's, T> {
        CheckedValue {
            value,
            path: self.path,
        }
    }

    #[inline(always)]
    fn check<E: Error>(&self, outcome: Result<(), Defect>) -> Result<(), E> {
        match outcome {
            Ok(()) => Ok(()),
            Err(defect) => Err(self.path.state.refuse(defect)),
        }
    }

    #[inline(always)]
    fn add<E: Error>(&mut self) -> Result<(), E> {
        let outcome = self.length.add();
        self.check(outcome)
    }

    #[inline(always)]
    fn finish<E: Error>(&self) -> Result<(), E> {
        self.check(self.length.finish())
    }
}

macro_rules! forward_elements {
    ($($trait:ident $method:ident,)*) => {$(
        impl<C: $trait> $trait for Compound<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline(always)]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                self.add()?;
                let value = self.checked(value);
                self.inner.$method(&value)
            }

            #[inline(always)]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.finish()?;
                self.inner.end()
            }
        }
    )*};
}

forward_elements! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

macro_rules! forward_fields {
    ($($trait:ident,)*) => {$(
        impl<C: $trait> $trait for Compound<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline(always)]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                self.add()?;
                let value = self.checked(value);
                self.inner.serialize_field(key, &value)
            }

            #[inline(always)]
            fn skip_field(&mut self, key: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(key)
            }

            #[inline(always)]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.finish()?;
                self.inner.end()
            }
        }
    )*};
}

forward_fields! {
    SerializeStruct,
    SerializeStructVariant,
}

impl<C: SerializeMap> SerializeMap for Compound<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline(always)]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        let outcome = self.length.add_key();
        self.check(outcome)?;
        let key = self.checked(key);
        self.inner.serialize_key(&key)
    }

    #[inline(always)]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let outcome = self.length.add_value();
        self.check(outcome)?;
        let value = self.checked(value);
        self.inner.serialize_value(&value)
    }

    #[inline(always)]
    fn end(self) -> Result<C::Ok, C::Error> {
        self.finish()?;
        self.inner.end()
    }
}
