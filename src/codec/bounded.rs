//! A deserializer around another one that bounds how deep it goes and how much it believes.
//!
//! Neither format's own limits will do. `rmp-serde` counts arrays and maps, but no enum variants and no `Option`s, and its limit is
//! beyond what a thread's stack holds in a debug build; `bincode` has none. Depth is counted by value along the path, so an early
//! return needs no clean-up.
//!
//! What stays out of sight is `serde`'s own buffer for untagged and internally tagged enums. It is filled through here, so it is
//! never deeper than the limits, but what is read out of it is not counted. A type that recurses through nothing but `Option`s and
//! newtypes *and* lies inside an untagged enum can therefore recurse without end; such a type has no finite value but nil.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::limits::Depth;

/// Elements that may be claimed beyond one for each byte of the blob.
///
/// In bincode a unit takes no bytes at all, so ten bytes can claim 2⁶⁴ of them. This many are believed.
pub(super) const SPARE_ELEMENTS: usize = 65_536;

/// Which limit was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breach {
    /// Nested beyond the limits.
    TooDeep,
    /// More elements claimed than the blob can hold.
    TooManyElements,
}

/// What one decoding may still do, and whether it tried to do more.
///
/// A `Deserialize` implementation may swallow an error and go on, so the breach is kept here as well.
pub(super) struct Guard {
    elements: Cell<usize>,
    breach: Cell<Option<Breach>>,
}

impl Guard {
    /// A guard over the decoding of `payload`.
    pub(super) fn new(payload: &[u8]) -> Self {
        Self {
            elements: Cell::new(payload.len().saturating_add(SPARE_ELEMENTS)),
            breach: Cell::new(None),
        }
    }

    /// The first limit that was broken.
    pub(super) fn breach(&self) -> Option<Breach> {
        self.breach.get()
    }

    #[inline]
    fn spend(&self, elements: usize) -> Result<(), Breach> {
        match self.elements.get().checked_sub(elements) {
            Some(left) => {
                self.elements.set(left);
                Ok(())
            }
            None => Err(Breach::TooManyElements),
        }
    }

    #[cold]
    #[inline(never)]
    fn refuse<E: Error>(&self, breach: Breach) -> E {
        if self.breach.get().is_none() {
            self.breach.set(Some(breach));
        }
        E::custom("the data exceeds what is decoded")
    }
}

/// Where in the data the deserializer stands.
#[derive(Clone, Copy)]
struct Place<'g> {
    guard: &'g Guard,
    /// Marked where the data states the length of what comes, rather than the type.
    depth: Depth,
}

impl Place<'_> {
    #[inline]
    fn claimed(self) -> Self {
        Self {
            depth: self.depth.marked(true),
            ..self
        }
    }

    #[inline]
    fn fixed(self) -> Self {
        Self {
            depth: self.depth.marked(false),
            ..self
        }
    }

    #[inline]
    fn layer(self) -> Result<Self, Breach> {
        let depth = self.depth.layer().ok_or(Breach::TooDeep)?;
        Ok(Self { depth, ..self })
    }

    #[inline]
    fn level(self) -> Result<Self, Breach> {
        let depth = self.depth.level().ok_or(Breach::TooDeep)?;
        Ok(Self { depth, ..self })
    }

    #[inline]
    fn container(self, length: Option<usize>) -> Result<Self, Breach> {
        if self.depth.is_marked() {
            self.guard.spend(length.unwrap_or(0))?;
        }
        self.level()
    }
}

/// The bounding wrapper of whatever takes part in decoding: a deserializer, a visitor, an access, a seed.
pub(super) struct Bounded<'g, X> {
    inner: X,
    place: Place<'g>,
}

impl<'g, X> Bounded<'g, X> {
    /// Bounds the decoding of a whole value.
    #[inline]
    pub(super) fn new(inner: X, guard: &'g Guard) -> Self {
        let place = Place {
            guard,
            depth: Depth::WHOLE.marked(true),
        };
        Self { inner, place }
    }
}

/// Wraps `$inner` at `$place`, which is a `Result`, and passes it to `$then`, or returns the breach as an error.
///
/// A macro and not `?` with a closure: in a debug build each value that a function holds is a place on the stack.
macro_rules! descend {
    ($self:ident, $place:expr, $bounded:ident => $then:expr) => {
        match $place {
            Ok(place) => {
                let $bounded = Wrap(place);
                $then
            }
            Err(breach) => Err($self.place.guard.refuse(breach)),
        }
    };
}

struct Wrap<'g>(Place<'g>);

impl<'g> Wrap<'g> {
    #[inline]
    fn around<X>(self, inner: X) -> Bounded<'g, X> {
        Bounded {
            inner,
            place: self.0,
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

macro_rules! forward_claimed {
    ($($method:ident => $target:ident,)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            let place = self.place.claimed();
            self.inner.$target(Bounded { inner: visitor, place })
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Bounded<'_, D> {
    type Error = D::Error;

    forward_numbers! {
        deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    // Owned strings are asked for as borrowed ones, and the visitor copies them: bincode allocates an owned string by its claimed
    // length before it looks whether there are that many bytes.
    forward_claimed! {
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
        let visitor = Wrap(self.place.fixed()).around(visitor);
        self.inner.deserialize_unit_struct(name, visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Wrap(self.place.fixed()).around(visitor);
        self.inner.deserialize_newtype_struct(name, visitor)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Wrap(self.place.fixed()).around(visitor);
        self.inner.deserialize_tuple(length, visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Wrap(self.place.fixed()).around(visitor);
        self.inner.deserialize_tuple_struct(name, length, visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Wrap(self.place.fixed()).around(visitor);
        self.inner.deserialize_struct(name, fields, visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Wrap(self.place.fixed()).around(visitor);
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

impl<'de, V: Visitor<'de>> Visitor<'de> for Bounded<'_, V> {
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
        descend!(self, self.place.layer(), wrap => self.inner.visit_some(wrap.around(data)))
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, data: D) -> Result<V::Value, D::Error> {
        descend!(self, self.place.layer(), wrap => self.inner.visit_newtype_struct(wrap.around(data)))
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        descend!(self, self.place.container(seq.size_hint()), wrap => self.inner.visit_seq(wrap.around(seq)))
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        descend!(self, self.place.container(map.size_hint()), wrap => self.inner.visit_map(wrap.around(map)))
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Wrap(self.place).around(data))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Bounded<'_, S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, data: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Wrap(self.place).around(data))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_element_seed(Wrap(self.place).around(seed))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_key_seed(Wrap(self.place).around(seed))
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(Wrap(self.place).around(seed))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, 'g, A: EnumAccess<'de>> EnumAccess<'de> for Bounded<'g, A> {
    type Error = A::Error;
    type Variant = Bounded<'g, A::Variant>;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, variant) = self.inner.variant_seed(Wrap(self.place).around(seed))?;
        Ok((value, Wrap(self.place).around(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        descend!(self, self.place.level(), wrap => self.inner.newtype_variant_seed(wrap.around(seed)))
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        descend!(self, self.place.fixed().level(), wrap => self.inner.tuple_variant(length, wrap.around(visitor)))
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        descend!(self, self.place.fixed().level(), wrap => self.inner.struct_variant(fields, wrap.around(visitor)))
    }
}
