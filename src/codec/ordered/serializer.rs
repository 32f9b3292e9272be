//! The serializer that writes ordered bytes.
//!
//! It checks neither depths nor lengths. It is used inside a `CheckedSerializer`, which does.

use std::ops::Range;

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::error::Error;
use super::escape::{self, END, MARK};
use super::float::{write_f32, write_f64};
use super::index;
use super::integer::Integer;
use crate::codec::serialize_state::{Defect, SerializeState};

/// The bytes of one key that are written.
pub(super) struct KeyWriter<'s> {
    out: &'s mut Vec<u8>,
    state: &'s SerializeState,
    /// The length of `out` after the last end of a string, a sequence or a map.
    end: usize,
}

impl<'s> KeyWriter<'s> {
    pub(super) const fn new(state: &'s SerializeState, out: &'s mut Vec<u8>) -> Self {
        Self { out, state, end: 0 }
    }

    /// Removes the end if the last byte is one. Returns `false` otherwise.
    pub(super) fn remove_end(&mut self) -> bool {
        self.end == self.out.len() && self.out.pop().is_some()
    }

    fn write_end(&mut self) {
        self.out.push(END);
        self.end = self.out.len();
    }

    fn write_escaped(&mut self, bytes: &[u8]) {
        escape::write(bytes, self.out);
        self.write_end();
    }

    /// Returns the bytes in `range`.
    fn written(&self, range: &Range<usize>) -> &[u8] {
        self.out.get(range.clone()).unwrap_or_default()
    }
}

/// A serializer for one value.
pub(super) struct OrderedSerializer<'w, 's> {
    writer: &'w mut KeyWriter<'s>,
    /// Whether the value is an element of a sequence.
    is_element: bool,
}

impl<'w, 's> OrderedSerializer<'w, 's> {
    pub(super) const fn new(writer: &'w mut KeyWriter<'s>) -> Self {
        Self {
            writer,
            is_element: false,
        }
    }

    const fn element(writer: &'w mut KeyWriter<'s>) -> Self {
        Self {
            writer,
            is_element: true,
        }
    }

    /// Writes what stands before the value. An element that is a `u8` has nothing before it.
    fn begin(self) -> &'w mut KeyWriter<'s> {
        if self.is_element {
            self.writer.out.push(MARK);
        }
        self.writer
    }

    fn fields(self) -> Fields<'w, 's> {
        Fields(self.begin())
    }

    fn variant(self, index: u32) -> &'w mut KeyWriter<'s> {
        let writer = self.begin();
        index::write(index, writer.out);
        writer
    }
}

macro_rules! write_integers {
    ($($method:ident: $type:ty as $wide:ty,)*) => {$(
        fn $method(self, value: $type) -> Result<(), Error> {
            Integer::from(<$wide>::from(value)).write(self.begin().out);
            Ok(())
        }
    )*};
}

impl<'w, 's> Serializer for OrderedSerializer<'w, 's> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Elements<'w, 's>;
    type SerializeTuple = Fields<'w, 's>;
    type SerializeTupleStruct = Fields<'w, 's>;
    type SerializeTupleVariant = Fields<'w, 's>;
    type SerializeMap = Entries<'w, 's>;
    type SerializeStruct = Fields<'w, 's>;
    type SerializeStructVariant = Fields<'w, 's>;

    write_integers! {
        serialize_i16: i16 as i128,
        serialize_i32: i32 as i128,
        serialize_i64: i64 as i128,
        serialize_i128: i128 as i128,
        serialize_u16: u16 as u128,
        serialize_u32: u32 as u128,
        serialize_u64: u64 as u128,
        serialize_u128: u128 as u128,
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.begin().out.push(value.into());
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        if self.is_element {
            escape::write(&[value], self.writer.out);
        } else {
            self.writer.out.push(value);
        }
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.begin().out.push((value ^ i8::MIN).cast_unsigned());
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        write_f32(value, self.begin().out);
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        write_f64(value, self.begin().out);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        let mut buffer = [0; 4];
        let text = value.encode_utf8(&mut buffer);
        self.begin().out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.serialize_bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.begin().write_escaped(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.begin().out.push(END);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        let writer = self.begin();
        writer.out.push(MARK);
        value.serialize(OrderedSerializer::new(writer))
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.begin();
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
    ) -> Result<(), Error> {
        self.variant(index);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(OrderedSerializer::new(self.variant(index)))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements<'w, 's>, Error> {
        Ok(Elements(self.begin()))
    }

    fn serialize_tuple(self, _: usize) -> Result<Fields<'w, 's>, Error> {
        Ok(self.fields())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Fields<'w, 's>, Error> {
        Ok(self.fields())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Fields<'w, 's>, Error> {
        Ok(Fields(self.variant(index)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'w, 's>, Error> {
        Ok(Entries {
            writer: self.begin(),
            last_key: None,
        })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'w, 's>, Error> {
        Ok(self.fields())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Fields<'w, 's>, Error> {
        Ok(Fields(self.variant(index)))
    }
}

/// The elements of a sequence that is being written.
pub(super) struct Elements<'w, 's>(&'w mut KeyWriter<'s>);

impl SerializeSeq for Elements<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(OrderedSerializer::element(self.0))
    }

    fn end(self) -> Result<(), Error> {
        self.0.write_end();
        Ok(())
    }
}

/// The entries of a map that is being written.
pub(super) struct Entries<'w, 's> {
    writer: &'w mut KeyWriter<'s>,
    /// Where the bytes of the last key are.
    last_key: Option<Range<usize>>,
}

impl SerializeMap for Entries<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.writer.out.push(MARK);
        let start = self.writer.out.len();
        key.serialize(OrderedSerializer::new(self.writer))?;
        let key = start..self.writer.out.len();
        if let Some(last) = self.last_key.replace(key.clone())
            && self.writer.written(&last) >= self.writer.written(&key)
        {
            return Err(self.writer.state.refuse(Defect::UnsortedMap));
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(OrderedSerializer::new(self.writer))
    }

    fn end(self) -> Result<(), Error> {
        self.writer.write_end();
        Ok(())
    }
}

/// The fields of a tuple or a struct that is being written.
pub(super) struct Fields<'w, 's>(&'w mut KeyWriter<'s>);

macro_rules! write_fields {
    ($($trait:ident $method:ident,)*) => {$(
        impl $trait for Fields<'_, '_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                value.serialize(OrderedSerializer::new(self.0))
            }

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        }
    )*};
}

write_fields! {
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

macro_rules! write_named_fields {
    ($($trait:ident,)*) => {$(
        impl $trait for Fields<'_, '_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                value.serialize(OrderedSerializer::new(self.0))
            }

            fn skip_field(&mut self, _: &'static str) -> Result<(), Error> {
                Err(self.0.state.refuse(Defect::SkippedField))
            }

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        }
    )*};
}

write_named_fields! {
    SerializeStruct,
    SerializeStructVariant,
}
