//! A deserializer around another one that limits the depth and the number of elements.
//!
//! The formats' own limits are not enough. `rmp-serde` counts arrays and maps, but neither enum variants nor `Option`s,
//! and its limit is deeper than a thread's stack allows in a debug build. `bincode` limits no depth. The depth is a value
//! that is passed down, so an early return needs no clean-up.
//!
//! serde buffers untagged and internally tagged enums. The buffer is filled through this deserializer, so it is never
//! deeper than the limits, but what a type reads out of it is not counted. A type that recurses through nothing but
//! `Option`s and newtypes and lies inside an untagged enum can therefore recurse without end. The only finite value of
//! such a type is nil.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::decode_budget::{DataPath, DecodeBudget};

/// A limiting wrapper of anything that takes part in decoding: a deserializer, a visitor, an access or a seed.
pub(super) struct LimitedDeserializer<'b, X> {
    inner: X,
    path: DataPath<'b>,
}

impl<'b, X> LimitedDeserializer<'b, X> {
    /// Wraps the deserializer or the seed of a whole value.
    #[inline]
    pub(super) const fn new(inner: X, budget: &'b DecodeBudget) -> Self {
        let path = DataPath::whole(budget);
        Self { inner, path }
    }
}

/// Evaluates `$then` with a wrapper for `$path`, or returns an error if `$path` exceeds a limit.
///
/// This is a macro because every value that a function holds takes space on the stack in a debug build, and `?` with a
/// closure holds more of them.
macro_rules! descend {
    ($self:ident, $path:expr, $wrap:ident => $then:expr) => {
        match $path {
            Ok(path) => {
                let $wrap = Wrap(path);
                $then
            }
            Err(limit) => Err($self.path.budget.refuse(limit)),
        }
    };
}

/// The place that the next wrapper gets.
struct Wrap<'b>(DataPath<'b>);

impl<'b> Wrap<'b> {
    #[inline]
    fn around<X>(self, inner: X) -> LimitedDeserializer<'b, X> {
        LimitedDeserializer {
            inner,
            path: self.0,
        }
    }
}

macro_rules! forward_numbers {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        }
    )*};
}

macro_rules! forward_untrusted {
    ($($method:ident => $target:ident,)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            let path = self.path.untrusted_len();
            self.inner.$target(LimitedDeserializer { inner: visitor, path })
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for LimitedDeserializer<'_, D> {
    type Error = D::Error;

    forward_numbers! {
        deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    // Owned strings are requested as borrowed ones, which the visitor copies. bincode allocates an owned string by the
    // length that the data states before it checks that there are that many bytes.
    forward_untrusted! {
        deserialize_any => deserialize_any,
        deserialize_char => deserialize_char,
        deserialize_str => deserialize_str,
        deserialize_string => deserialize_str,
        deserialize_bytes => deserialize_bytes,
        deserialize_byte_buf => deserialize_bytes,
        deserialize_option => deserialize_option,
        deserialize_unit => deserialize_unit,
        deserialize_seq => deserialize_seq,
        deserialize_map => deserialize_map,
        deserialize_identifier => deserialize_identifier,
        deserialize_ignored_any => deserialize_ignored_any,
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Wrap(self.path.trusted_len()).around(visitor);
        self.inner.deserialize_unit_struct(name, visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Wrap(self.path.trusted_len()).around(visitor);
        self.inner.deserialize_newtype_struct(name, visitor)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Wrap(self.path.trusted_len()).around(visitor);
        self.inner.deserialize_tuple(length, visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Wrap(self.path.trusted_len()).around(visitor);
        self.inner.deserialize_tuple_struct(name, length, visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Wrap(self.path.trusted_len()).around(visitor);
        self.inner.deserialize_struct(name, fields, visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Wrap(self.path.trusted_len()).around(visitor);
        self.inner.deserialize_enum(name, variants, visitor)
    }
}

macro_rules! forward_visits {
    ($($method:ident: $type:ty,)*) => {$(
        #[inline]
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for LimitedDeserializer<'_, V> {
    type Value = V::Value;

    forward_visits! {
        visit_bool: bool,
        visit_i8: i8,
        visit_i16: i16,
        visit_i32: i32,
        visit_i64: i64,
        visit_i128: i128,
        visit_u8: u8,
        visit_u16: u16,
        visit_u32: u32,
        visit_u64: u64,
        visit_u128: u128,
        visit_f32: f32,
        visit_f64: f64,
        visit_char: char,
        visit_str: &str,
        visit_borrowed_str: &'de str,
        visit_string: String,
        visit_bytes: &[u8],
        visit_borrowed_bytes: &'de [u8],
        visit_byte_buf: Vec<u8>,
    }

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(formatter)
    }

    #[inline]
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, data: D) -> Result<V::Value, D::Error> {
        descend!(self, self.path.layer(), wrap => self.inner.visit_some(wrap.around(data)))
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, data: D) -> Result<V::Value, D::Error> {
        descend!(self, self.path.layer(), wrap => self.inner.visit_newtype_struct(wrap.around(data)))
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        descend!(self, self.path.container(seq.size_hint()), wrap => self.inner.visit_seq(wrap.around(seq)))
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        descend!(self, self.path.container(map.size_hint()), wrap => self.inner.visit_map(wrap.around(map)))
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Wrap(self.path).around(data))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for LimitedDeserializer<'_, S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, data: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Wrap(self.path).around(data))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for LimitedDeserializer<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_element_seed(Wrap(self.path).around(seed))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for LimitedDeserializer<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_key_seed(Wrap(self.path).around(seed))
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(Wrap(self.path).around(seed))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for LimitedDeserializer<'b, A> {
    type Error = A::Error;
    type Variant = LimitedDeserializer<'b, A::Variant>;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, variant) = self.inner.variant_seed(Wrap(self.path).around(seed))?;
        Ok((value, Wrap(self.path).around(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for LimitedDeserializer<'_, A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        descend!(self, self.path.level(), wrap => self.inner.newtype_variant_seed(wrap.around(seed)))
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        descend!(self, self.path.trusted_len().level(), wrap => self.inner.tuple_variant(length, wrap.around(visitor)))
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        descend!(self, self.path.trusted_len().level(), wrap => self.inner.struct_variant(fields, wrap.around(visitor)))
    }
}
