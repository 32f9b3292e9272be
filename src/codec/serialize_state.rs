//! The defects found while a value is serialized, and the place in the value that is being serialized.

#![allow(
    clippy::inline_always,
    reason = "measured: without it, function calls double the cost of the checks"
)]

use std::cell::Cell;

use serde::ser::Error;

use super::format::Format;
use super::limits::Depth;

/// The greatest length of a sequence, map, string or byte string in MessagePack.
const MAX_LENGTH: usize = u32::MAX as usize;

/// A property of a value that makes its encoding wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Defect {
    /// A nil directly inside a `Some`, which MessagePack reads back as `None`.
    NilUnderSome,
    /// A number of elements that differs from the declared one.
    WrongLength,
    /// A length that MessagePack cannot write.
    TooLong,
    /// A nesting deeper than [`Depth`] allows.
    TooDeep,
    /// A field that is left out, in ordered bytes.
    SkippedField,
    /// A map whose keys do not ascend, in ordered bytes.
    UnsortedMap,
}

/// The first defect found in one value.
///
/// It is recorded here because a `Serialize` implementation may ignore the serializer's error or replace it by its own.
pub(super) struct SerializeState {
    pub(super) format: Format,
    defect: Cell<Option<Defect>>,
}

impl SerializeState {
    /// Returns the state for a value that is written in `format`.
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            defect: Cell::new(None),
        }
    }

    /// Returns the first defect that was found.
    pub(super) fn defect(&self) -> Option<Defect> {
        self.defect.get()
    }

    /// Records `defect`, and returns an error for the serializer.
    #[cold]
    #[inline(never)]
    pub(super) fn refuse<E: Error>(&self, defect: Defect) -> E {
        if self.defect.get().is_none() {
            self.defect.set(Some(defect));
        }
        E::custom("the value has a defect that its encoding would hide")
    }
}

/// A place in the value: the state, and the depth that is left below it.
///
/// The mark of the depth is set directly inside a `Some`.
#[derive(Clone, Copy)]
pub(super) struct ValuePath<'s> {
    pub(super) state: &'s SerializeState,
    depth: Depth,
}

impl<'s> ValuePath<'s> {
    /// Returns the place of a whole value.
    #[inline(always)]
    pub(super) const fn whole(state: &'s SerializeState) -> Self {
        Self {
            state,
            depth: Depth::WHOLE,
        }
    }

    #[inline(always)]
    pub(super) const fn is_inside_some(self) -> bool {
        self.depth.is_marked()
    }

    /// Returns the place inside an array or a map.
    #[inline(always)]
    pub(super) fn level<E: Error>(self) -> Result<Self, E> {
        match self.depth.level() {
            Some(depth) => Ok(Self {
                depth: depth.marked(false),
                ..self
            }),
            None => Err(self.state.refuse(Defect::TooDeep)),
        }
    }

    /// Returns the place inside a `Some` or a newtype struct.
    #[inline(always)]
    pub(super) fn layer<E: Error>(self, inside_some: bool) -> Result<Self, E> {
        match self.depth.layer() {
            Some(depth) => Ok(Self {
                depth: depth.marked(inside_some),
                ..self
            }),
            None => Err(self.state.refuse(Defect::TooDeep)),
        }
    }

    /// Returns an error if a nil at this place would be read back as `None`.
    #[inline(always)]
    pub(super) fn check_nil<E: Error>(self) -> Result<(), E> {
        if self.is_inside_some() && self.state.format == Format::MessagePack {
            return Err(self.state.refuse(Defect::NilUnderSome));
        }
        Ok(())
    }

    /// Returns an error if MessagePack cannot write a string of `length` bytes.
    #[inline(always)]
    pub(super) fn check_length<E: Error>(self, length: usize) -> Result<(), E> {
        if length > MAX_LENGTH {
            return Err(self.state.refuse(Defect::TooLong));
        }
        Ok(())
    }
}
