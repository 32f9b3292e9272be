//! The deserializer that reads ordered bytes, each value in its only form.
//!
//! It limits no depth. It is used inside a `LimitedDeserializer`, which does. No length is stored, so none allocates.

use std::borrow::Cow;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::error::Error;
use super::escape::{END, MARK};
use super::float::{read_f32, read_f64};
use super::index;
use super::integer::Integer;
use super::reader::KeyReader;

/// A deserializer for one value.
pub(super) struct OrderedDeserializer<'r, 'de> {
    reader: &'r mut KeyReader<'de>,
    /// Whether the value is an element of a sequence.
    is_element: bool,
}

impl<'r, 'de> OrderedDeserializer<'r, 'de> {
    pub(super) const fn new(reader: &'r mut KeyReader<'de>) -> Self {
        Self {
            reader,
            is_element: false,
        }
    }

    const fn element(reader: &'r mut KeyReader<'de>) -> Self {
        Self {
            reader,
            is_element: true,
        }
    }

    /// Reads what stands before the value. An element that is a `u8` has nothing before it.
    fn begin(self) -> Result<&'r mut KeyReader<'de>, Error> {
        if self.is_element {
            self.reader.mark()?;
        }
        Ok(self.reader)
    }

    fn fields<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Fields {
            reader: self.begin()?,
            remaining: length,
        })
    }
}

/// Refuses the calls of types that ask the data what it is.
macro_rules! refuse {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(Error::new(
                "the type asks the data what it is, and ordered bytes do not tell; use a type without `untagged`, \
                 `flatten` and `tag`",
            ))
        }
    )*};
}

macro_rules! read_integers {
    ($($method:ident $visit:ident,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(Integer::read(self.begin()?)?.narrow()?)
        }
    )*};
}

macro_rules! read_as {
    ($($method:ident = $other:ident,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.$other(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for OrderedDeserializer<'_, 'de> {
    type Error = Error;

    refuse! { deserialize_any deserialize_identifier deserialize_ignored_any }

    read_integers! {
        deserialize_i16 visit_i16,
        deserialize_i32 visit_i32,
        deserialize_i64 visit_i64,
        deserialize_i128 visit_i128,
        deserialize_u16 visit_u16,
        deserialize_u32 visit_u32,
        deserialize_u64 visit_u64,
        deserialize_u128 visit_u128,
    }

    read_as! {
        deserialize_string = deserialize_str,
        deserialize_byte_buf = deserialize_bytes,
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.begin()?.byte()? {
            0 => visitor.visit_bool(false),
            1 => visitor.visit_bool(true),
            _ => Err(Error::new("a bool is neither 0 nor 1")),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u8(if self.is_element {
            self.reader.escaped_byte()?
        } else {
            self.reader.byte()?
        })
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let byte = self.begin()?.byte()?;
        visitor.visit_i8(byte.cast_signed() ^ i8::MIN)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f32(read_f32(self.begin()?)?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(read_f64(self.begin()?)?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_char(self.begin()?.char()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.begin()?.escaped()? {
            Cow::Borrowed(bytes) => match str::from_utf8(bytes) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => Err(NOT_UTF_8),
            },
            Cow::Owned(bytes) => match String::from_utf8(bytes) {
                Ok(text) => visitor.visit_string(text),
                Err(_) => Err(NOT_UTF_8),
            },
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.begin()?.escaped()? {
            Cow::Borrowed(bytes) => visitor.visit_borrowed_bytes(bytes),
            Cow::Owned(bytes) => visitor.visit_byte_buf(bytes),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let reader = self.begin()?;
        match reader.byte()? {
            END => visitor.visit_none(),
            MARK => visitor.visit_some(OrderedDeserializer::new(reader)),
            _ => Err(Error::new("an `Option` is neither 0 nor 1")),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.begin()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut elements = Elements(Items::new(self.begin()?));
        let value = visitor.visit_seq(&mut elements)?;
        elements.0.finish()?;
        Ok(value)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut entries = Entries {
            items: Items::new(self.begin()?),
            last_key: None,
        };
        let value = visitor.visit_map(&mut entries)?;
        entries.items.finish()?;
        Ok(value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.fields(length, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.fields(length, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.fields(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(Variant(self.begin()?))
    }
}

const NOT_UTF_8: Error = Error::new("a string is not UTF-8");

const TOO_MANY: Error =
    Error::new("a sequence or map goes on after the last element that its type reads");

/// A sequence or a map that is being read, up to its end.
struct Items<'r, 'de> {
    reader: &'r mut KeyReader<'de>,
    is_at_end: bool,
}

impl<'r, 'de> Items<'r, 'de> {
    const fn new(reader: &'r mut KeyReader<'de>) -> Self {
        Self {
            reader,
            is_at_end: false,
        }
    }

    /// Reads the end once, if it is next. Returns `true` after it was read.
    fn reach_end(&mut self) -> Result<bool, Error> {
        self.is_at_end = self.is_at_end || self.reader.is_end()?;
        Ok(self.is_at_end)
    }

    /// Reads the end, unless it was read with the items.
    fn finish(&mut self) -> Result<(), Error> {
        if self.reach_end()? {
            Ok(())
        } else {
            Err(TOO_MANY)
        }
    }
}

/// The elements of a sequence that is being read.
struct Elements<'r, 'de>(Items<'r, 'de>);

impl<'de> SeqAccess<'de> for &mut Elements<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        if self.0.reach_end()? {
            return Ok(None);
        }
        let before = self.0.reader.rest().len();
        let element = seed.deserialize(OrderedDeserializer::element(self.0.reader))?;
        // A type that reads nothing would read elements without end.
        if self.0.reader.rest().len() == before {
            return Err(Error::new("an element is of a type that reads nothing"));
        }
        Ok(Some(element))
    }
}

/// The entries of a map that is being read.
struct Entries<'r, 'de> {
    items: Items<'r, 'de>,
    /// The bytes of the last key.
    last_key: Option<&'de [u8]>,
}

impl<'de> MapAccess<'de> for &mut Entries<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        if self.items.reach_end()? {
            return Ok(None);
        }
        self.items.reader.mark()?;
        let before = self.items.reader.rest();
        let key = seed.deserialize(OrderedDeserializer::new(self.items.reader))?;
        let bytes = self.items.reader.read_since(before);
        if self
            .last_key
            .replace(bytes)
            .is_some_and(|last| last >= bytes)
        {
            return Err(Error::new("the keys of a map do not ascend"));
        }
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(OrderedDeserializer::new(self.items.reader))
    }
}

/// The fields of a tuple or a struct that is being read.
struct Fields<'r, 'de> {
    reader: &'r mut KeyReader<'de>,
    remaining: usize,
}

impl<'de> SeqAccess<'de> for Fields<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some(remaining) = self.remaining.checked_sub(1) else {
            return Ok(None);
        };
        self.remaining = remaining;
        seed.deserialize(OrderedDeserializer::new(self.reader))
            .map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.remaining)
    }
}

/// The variant of an enum that is being read.
struct Variant<'r, 'de>(&'r mut KeyReader<'de>);

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let index = index::read(self.0)?;
        let variant = seed.deserialize(index.into_deserializer())?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(OrderedDeserializer::new(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        OrderedDeserializer::new(self.0).fields(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        OrderedDeserializer::new(self.0).fields(fields.len(), visitor)
    }
}
