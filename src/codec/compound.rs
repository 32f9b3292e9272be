//! Sequences, maps and structs on their way through: their elements are counted.

#![allow(
    clippy::inline_always,
    reason = "measured: half of what watching costs is lost in calls otherwise"
)]

use serde::Serialize;
use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::faithful::Watched;
use super::watch::{Place, Verdict};

/// How many elements may still come.
#[derive(Clone, Copy)]
pub(super) struct Tally {
    left: u32,
    /// Whether the number was declared, rather than being the most that can be counted.
    declared: bool,
    /// Whether a key waits for its value.
    open_entry: bool,
}

impl Tally {
    #[inline(always)]
    pub(super) fn new(declared: Option<usize>) -> Result<Self, Verdict> {
        let left = match declared.map(u32::try_from) {
            None => u32::MAX,
            Some(Ok(length)) => length,
            Some(Err(_)) => return Err(Verdict::TooLong),
        };
        Ok(Self {
            left,
            declared: declared.is_some(),
            open_entry: false,
        })
    }

    #[inline(always)]
    pub(super) fn add(&mut self) -> Result<(), Verdict> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None if self.declared => Err(Verdict::WrongLength),
            None => Err(Verdict::TooLong),
        }
    }

    #[inline(always)]
    pub(super) fn add_key(&mut self) -> Result<(), Verdict> {
        if self.open_entry {
            return Err(Verdict::WrongLength);
        }
        self.open_entry = true;
        self.add()
    }

    #[inline(always)]
    pub(super) fn add_value(&mut self) -> Result<(), Verdict> {
        if !self.open_entry {
            return Err(Verdict::WrongLength);
        }
        self.open_entry = false;
        Ok(())
    }

    #[inline(always)]
    pub(super) fn close(self) -> Result<(), Verdict> {
        if self.open_entry || (self.declared && self.left > 0) {
            return Err(Verdict::WrongLength);
        }
        Ok(())
    }
}

/// A sequence, map or struct that is being written.
pub(super) struct Compound<'w, C> {
    pub(super) inner: C,
    pub(super) place: Place<'w>,
    pub(super) tally: Tally,
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
