//! A serializer that tells whether two encodings differ in the order of entries only.
//!
//! A `HashMap` or `HashSet` iterates in another order each time it is built. A value that holds one therefore encodes to
//! other bytes after it was decoded. The bytes do not show whether the order is the only difference, because a struct whose
//! fields have changed places is a permutation too. The serde calls that a value makes do show it. This serializer hashes each
//! part of a value. The hashes of the entries of a map and of the elements of a sequence are added up without their order.
//! All other hashes are combined in their order.
//!
//! It also writes the bytes of the format, with the format's own library. The hash and the bytes then belong to the same state
//! of the value, even if another thread changes the value between two calls.

use std::hash::{BuildHasher, RandomState};

use bincode::serde::encode_into_writer;
use rmp_serde::encode::Error;
use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::binary::{Append, CONFIG};
use super::format::Codec;

/// The hash of a value that does not depend on the order of its maps and sequences.
///
/// The hashes have 64 bits and random keys, so no data can be made to collide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest {
    /// The hash in which no map and no sequence has an order.
    pub(super) loose: u64,
    /// The hash in which a map of undeclared length has an order, because it may be a struct with flattened fields.
    pub(super) strict: u64,
}

impl Digest {
    /// Combines the hashes of this part and of `next`, which follows it.
    fn then(self, next: Self, keys: &RandomState) -> Self {
        Self {
            loose: keys.hash_one((self.loose, next.loose)),
            strict: keys.hash_one((self.strict, next.strict)),
        }
    }
}

/// The order of the parts of a container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// A tuple, an array or a struct, whose order has a meaning.
    Fixed,
    /// A map or a sequence, whose order has no meaning.
    None,
    /// A map of undeclared length, whose order may have a meaning.
    Unknown,
}

/// A serializer that appends a value to `out` in `codec`, and returns its digest.
pub(super) struct DigestSerializer<'a> {
    codec: Codec,
    keys: &'a RandomState,
    out: &'a mut Vec<u8>,
}

/// The bytes before the parts of a container with the given number of parts.
enum Head {
    Seq(usize),
    Map(usize),
    Tuple(usize),
    Struct(usize),
}

impl Serialize for Head {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Neither format checks that the declared parts follow.
        match *self {
            Self::Seq(length) => serializer.serialize_seq(Some(length))?.end(),
            Self::Map(length) => serializer.serialize_map(Some(length))?.end(),
            Self::Tuple(length) => serializer.serialize_tuple(length)?.end(),
            Self::Struct(length) => serializer.serialize_struct("", length)?.end(),
        }
    }
}

/// A byte string. serde treats a slice as a sequence.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'a> DigestSerializer<'a> {
    pub(super) fn new(codec: Codec, keys: &'a RandomState, out: &'a mut Vec<u8>) -> Self {
        Self { codec, keys, out }
    }

    /// Writes a value whose parts are not hashed one by one.
    fn write(&mut self, value: &impl Serialize) -> Result<Digest, Error> {
        self.write_with(|codec, out| match codec {
            Codec::MessagePack => {
                value.serialize(&mut rmp_serde::Serializer::new(out).with_struct_map())
            }
            Codec::Bincode => encode_into_writer(value, Append(out), CONFIG).map_err(Error::custom),
        })
    }

    fn write_with(
        &mut self,
        write: impl FnOnce(Codec, &mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<Digest, Error> {
        let start = self.out.len();
        write(self.codec, self.out)?;
        let hash = self
            .keys
            .hash_one(self.out.get(start..).unwrap_or_default());
        Ok(Digest {
            loose: hash,
            strict: hash,
        })
    }

    /// Writes the name or the number of an enum variant that holds data.
    fn write_variant(&mut self, index: u32, variant: &'static str) -> Result<Digest, Error> {
        match self.codec {
            Codec::MessagePack => {
                let head = self.write(&Head::Struct(1))?;
                let name = self.write(&variant)?;
                Ok(head.then(name, self.keys))
            }
            Codec::Bincode => self.write(&index),
        }
    }

    /// Begins a container of parts in a fixed order. `before` is the digest of the bytes before it.
    fn ordered(mut self, before: Option<Digest>, head: &Head) -> Result<Container<'a>, Error> {
        let head = self.write(head)?;
        Ok(Container {
            head: before.map_or(head, |before| before.then(head, self.keys)),
            ..Container::new(self, Order::Fixed)
        })
    }

    /// Begins a map or a sequence. Its head is written at the end if its length is not declared.
    fn unordered(
        mut self,
        length: Option<usize>,
        head: fn(usize) -> Head,
        order: Order,
    ) -> Result<Container<'a>, Error> {
        let mut container = Container {
            head: match length {
                Some(length) => self.write(&head(length))?,
                None => Digest::default(),
            },
            ..Container::new(self, order)
        };
        if length.is_none() {
            let start = container.to.out.len();
            container.undeclared = Some(Undeclared { start, head });
        }
        Ok(container)
    }
}

/// The head that is written once the number of parts is known.
struct Undeclared {
    start: usize,
    head: fn(usize) -> Head,
}

/// A container that is being serialized.
pub(super) struct Container<'a> {
    to: DigestSerializer<'a>,
    order: Order,
    head: Digest,
    undeclared: Option<Undeclared>,
    parts: usize,
    digest: Digest,
    /// The digest of the last key of a map.
    key: Digest,
}

impl<'a> Container<'a> {
    fn new(to: DigestSerializer<'a>, order: Order) -> Self {
        Self {
            to,
            order,
            head: Digest::default(),
            undeclared: None,
            parts: 0,
            digest: Digest::default(),
            key: Digest::default(),
        }
    }

    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<Digest, Error> {
        value.serialize(DigestSerializer {
            codec: self.to.codec,
            keys: self.to.keys,
            out: self.to.out,
        })
    }

    fn add(&mut self, part: Digest) {
        let next = self.digest.then(part, self.to.keys);
        let sum = Digest {
            loose: self.digest.loose.wrapping_add(part.loose),
            strict: self.digest.strict.wrapping_add(part.strict),
        };
        self.parts += 1;
        self.digest = match self.order {
            Order::Fixed => next,
            Order::None => sum,
            Order::Unknown => Digest {
                loose: sum.loose,
                strict: next.strict,
            },
        };
    }

    fn add_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        if self.to.codec == Codec::MessagePack {
            let name = self.to.write(&name)?;
            self.add(name);
        }
        self.add_element(value)
    }

    fn add_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let part = self.part(value)?;
        self.add(part);
        Ok(())
    }

    fn finish(mut self) -> Result<Digest, Error> {
        if let Some(Undeclared { start, head }) = self.undeclared {
            let parts = self.to.out.split_off(start);
            self.head = self.to.write(&head(self.parts))?;
            self.to.out.extend(parts);
        }
        Ok(self.head.then(self.digest, self.to.keys))
    }
}

macro_rules! write_scalars {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(mut self, value: $type) -> Result<Digest, Error> {
            self.write(&value)
        }
    )*};
}

impl<'a> Serializer for DigestSerializer<'a> {
    type Ok = Digest;
    type Error = Error;
    type SerializeSeq = Container<'a>;
    type SerializeTuple = Container<'a>;
    type SerializeTupleStruct = Container<'a>;
    type SerializeTupleVariant = Container<'a>;
    type SerializeMap = Container<'a>;
    type SerializeStruct = Container<'a>;
    type SerializeStructVariant = Container<'a>;

    write_scalars! {
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
        serialize_str: &str,
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bytes(mut self, value: &[u8]) -> Result<Digest, Error> {
        self.write(&Bytes(value))
    }

    fn serialize_none(mut self) -> Result<Digest, Error> {
        self.write(&None::<()>)
    }

    fn serialize_unit(mut self) -> Result<Digest, Error> {
        self.write(&())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Digest, Error> {
        self.ordered(None, &Head::Tuple(0))?.finish()
    }

    fn serialize_unit_variant(
        mut self,
        _: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<Digest, Error> {
        match self.codec {
            Codec::MessagePack => self.write(&variant),
            Codec::Bincode => self.write(&index),
        }
    }

    fn serialize_some<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Digest, Error> {
        match self.codec {
            // MessagePack writes nothing for a `Some`.
            Codec::MessagePack => value.serialize(self),
            Codec::Bincode => {
                let keys = self.keys;
                let head = self.write(&Some(()))?;
                Ok(head.then(value.serialize(self)?, keys))
            }
        }
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        value: &T,
    ) -> Result<Digest, Error> {
        if self.codec == Codec::MessagePack && name == rmp_serde::MSGPACK_EXT_STRUCT_NAME {
            return self.write_with(|_, out| {
                rmp_serde::Serializer::new(out).serialize_newtype_struct(name, value)
            });
        }
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Digest, Error> {
        let keys = self.keys;
        let head = self.write_variant(index, variant)?;
        Ok(head.then(value.serialize(self)?, keys))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Container<'a>, Error> {
        self.unordered(length, Head::Seq, Order::None)
    }

    fn serialize_tuple(self, length: usize) -> Result<Container<'a>, Error> {
        self.ordered(None, &Head::Tuple(length))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        length: usize,
    ) -> Result<Container<'a>, Error> {
        self.ordered(None, &Head::Tuple(length))
    }

    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Container<'a>, Error> {
        let before = self.write_variant(index, variant)?;
        self.ordered(Some(before), &Head::Tuple(length))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Container<'a>, Error> {
        let order = match length {
            Some(_) => Order::None,
            None => Order::Unknown,
        };
        self.unordered(length, Head::Map, order)
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Container<'a>, Error> {
        self.ordered(None, &Head::Struct(length))
    }

    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Container<'a>, Error> {
        let before = self.write_variant(index, variant)?;
        self.ordered(Some(before), &Head::Struct(length))
    }
}

macro_rules! add_elements {
    ($($trait:ident $method:ident,)*) => {$(
        impl $trait for Container<'_> {
            type Ok = Digest;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.add_element(value)
            }

            fn end(self) -> Result<Digest, Error> {
                self.finish()
            }
        }
    )*};
}

add_elements! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

macro_rules! add_fields {
    ($($trait:ident,)*) => {$(
        impl $trait for Container<'_> {
            type Ok = Digest;
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.add_field(name, value)
            }

            fn end(self) -> Result<Digest, Error> {
                self.finish()
            }
        }
    )*};
}

add_fields! {
    SerializeStruct,
    SerializeStructVariant,
}

impl SerializeMap for Container<'_> {
    type Ok = Digest;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = self.part(key)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let value = self.part(value)?;
        self.add(self.key.then(value, self.to.keys));
        Ok(())
    }

    fn end(self) -> Result<Digest, Error> {
        self.finish()
    }
}
