//! A serializer around another one that notices what the other would write wrongly.
//!
//! `rmp-serde` writes nearly anything and loses some of it silently. Decoding what it wrote and encoding that again does
//! not show the loss: `Some(None)` and `None` are the same byte. Only the calls that a value makes can tell them apart, so
//! they are watched on their way through.

#![allow(
    clippy::inline_always,
    reason = "measured: half of what watching costs is lost in calls otherwise"
)]

use serde::Serialize;
use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::Codec;
use super::tally::Tally;
use super::watch::{Place, Verdict, Watch};

/// The watching serializer. `S` is the one that writes.
pub(super) struct Faithful<'w, S> {
    inner: S,
    place: Place<'w>,
}

impl<'w, S: Serializer> Faithful<'w, S> {
    /// Serializes a whole value through `inner`, reporting to `watch`.
    #[inline(always)]
    pub(super) fn new(inner: S, watch: &'w Watch) -> Self {
        Self {
            inner,
            place: Place::whole(watch),
        }
    }

    #[inline(always)]
    fn compound<C>(
        place: Place<'w>,
        declared: Option<usize>,
        open: impl FnOnce() -> Result<C, S::Error>,
    ) -> Result<Compound<'w, C>, S::Error> {
        let tally = match Tally::new(declared) {
            Ok(tally) => tally,
            Err(verdict) => return Err(place.watch.refuse(verdict)),
        };
        match open() {
            Ok(inner) => Ok(Compound {
                inner,
                place,
                tally,
            }),
            Err(error) => Err(error),
        }
    }
}

/// A value on its way through the inner serializer, which hands it back to a watching one.
pub(super) struct Watched<'a, 'w, T: ?Sized> {
    value: &'a T,
    place: Place<'w>,
}

impl<'a, 'w, T: ?Sized> Watched<'a, 'w, T> {
    /// A whole value, for a format that takes values and not a serializer.
    pub(super) fn new(value: &'a T, watch: &'w Watch) -> Self {
        Self {
            value,
            place: Place::whole(watch),
        }
    }
}

impl<T: Serialize + ?Sized> Serialize for Watched<'_, '_, T> {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Faithful {
            inner,
            place: self.place,
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

impl<'w, S: Serializer> Serializer for Faithful<'w, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Compound<'w, S::SerializeSeq>;
    type SerializeTuple = Compound<'w, S::SerializeTuple>;
    type SerializeTupleStruct = Compound<'w, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Compound<'w, S::SerializeTupleVariant>;
    type SerializeMap = Compound<'w, S::SerializeMap>;
    type SerializeStruct = Compound<'w, S::SerializeStruct>;
    type SerializeStructVariant = Compound<'w, S::SerializeStructVariant>;

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
        self.place.length(value.len())?;
        self.inner.serialize_str(value)
    }

    #[inline(always)]
    fn serialize_bytes(self, value: &[u8]) -> Result<S::Ok, S::Error> {
        self.place.length(value.len())?;
        // A reader may ask for a sequence here, and then it is a level.
        self.place.level()?;
        self.inner.serialize_bytes(value)
    }

    // A plain loop, where the provided methods go through closures: it is faster, and takes less of the stack in a debug build.
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
        self.place.nil()?;
        self.inner.serialize_none()
    }

    #[inline(always)]
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.place.nil()?;
        self.inner.serialize_unit()
    }

    #[inline(always)]
    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        // MessagePack has it as an empty array, not as nil.
        self.place.level()?;
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
        let place = self.place.layer(true)?;
        self.inner.serialize_some(&Watched { value, place })
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let place = self.place.layer(self.place.is_under_some())?;
        let codec = place.watch.codec;
        if codec == Codec::MessagePack && name == rmp_serde::MSGPACK_EXT_STRUCT_NAME {
            // An extension type: a serializer of its own takes a tag and bytes, and nothing else.
            place.level()?;
            return self.inner.serialize_newtype_struct(name, value);
        }
        self.inner
            .serialize_newtype_struct(name, &Watched { value, place })
    }

    #[inline(always)]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let place = self.place.level()?;
        self.inner
            .serialize_newtype_variant(name, index, variant, &Watched { value, place })
    }

    #[inline(always)]
    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let place = self.place.level()?;
        Self::compound(place, length, || self.inner.serialize_seq(length))
    }

    #[inline(always)]
    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, S::Error> {
        let place = self.place.level()?;
        Self::compound(place, Some(length), || self.inner.serialize_tuple(length))
    }

    #[inline(always)]
    fn serialize_tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let place = self.place.level()?;
        Self::compound(place, Some(length), || {
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
        let place = self.place.level()?.level()?;
        Self::compound(place, Some(length), || {
            self.inner
                .serialize_tuple_variant(name, index, variant, length)
        })
    }

    #[inline(always)]
    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let place = self.place.level()?;
        Self::compound(place, length, || self.inner.serialize_map(length))
    }

    #[inline(always)]
    fn serialize_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        let place = self.place.level()?;
        Self::compound(place, Some(length), || {
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
        let place = self.place.level()?.level()?;
        Self::compound(place, Some(length), || {
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

/// A sequence, map or struct that is being written.
pub(super) struct Compound<'w, C> {
    inner: C,
    place: Place<'w>,
    tally: Tally,
}

impl<'w, C> Compound<'w, C> {
    #[inline(always)]
    fn watched<'a, T: ?Sized>(&self, value: &'a T) -> Watched<'a, 'w, T> {
        Watched {
            value,
            place: self.place,
        }
    }

    #[inline(always)]
    fn check<E: Error>(&self, outcome: Result<(), Verdict>) -> Result<(), E> {
        match outcome {
            Ok(()) => Ok(()),
            Err(verdict) => Err(self.place.watch.refuse(verdict)),
        }
    }

    #[inline(always)]
    fn add<E: Error>(&mut self) -> Result<(), E> {
        let outcome = self.tally.add();
        self.check(outcome)
    }

    #[inline(always)]
    fn close<E: Error>(&self) -> Result<(), E> {
        self.check(self.tally.close())
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
                let value = self.watched(value);
                self.inner.$method(&value)
            }

            #[inline(always)]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.close()?;
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
                let value = self.watched(value);
                self.inner.serialize_field(key, &value)
            }

            #[inline(always)]
            fn skip_field(&mut self, key: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(key)
            }

            #[inline(always)]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.close()?;
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
        let outcome = self.tally.add_key();
        self.check(outcome)?;
        let key = self.watched(key);
        self.inner.serialize_key(&key)
    }

    #[inline(always)]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let outcome = self.tally.add_value();
        self.check(outcome)?;
        let value = self.watched(value);
        self.inner.serialize_value(&value)
    }

    #[inline(always)]
    fn end(self) -> Result<C::Ok, C::Error> {
        self.close()?;
        self.inner.end()
    }
}
