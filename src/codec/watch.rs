//! What is noticed about a value while it is serialized, and where in the value that is.

#![allow(
    clippy::inline_always,
    reason = "measured: half of what watching costs is lost in calls otherwise"
)]

use std::cell::Cell;

use serde::ser::Error;

use super::Codec;
use super::limits::Depth;

/// The longest sequence, map, string or byte string that MessagePack can state.
const MAX_LENGTH: usize = u32::MAX as usize;

/// Why a value must not be stored as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A nil directly under a `Some`, which MessagePack reads back as `None`.
    NilUnderSome,
    /// Another number of elements than was declared.
    WrongLength,
    /// More elements or bytes than MessagePack can count.
    TooLong,
    /// Nested beyond the limits.
    TooDeep,
}

/// What has been noticed about one value.
///
/// It is kept beside the serializer rather than in its errors, because a `Serialize` implementation may swallow an error or
/// wrap it in its own.
pub(super) struct Watch {
    pub(super) codec: Codec,
    verdict: Cell<Option<Verdict>>,
}

impl Watch {
    /// A watch over a value that is written in `codec`.
    pub(super) fn new(codec: Codec) -> Self {
        Self {
            codec,
            verdict: Cell::new(None),
        }
    }

    /// The first thing that was noticed.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.verdict.get()
    }

    #[cold]
    #[inline(never)]
    pub(super) fn refuse<E: Error>(&self, verdict: Verdict) -> E {
        if self.verdict.get().is_none() {
            self.verdict.set(Some(verdict));
        }
        E::custom("the value cannot be represented faithfully")
    }
}

/// Where in the value the serializer stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'w> {
    pub(super) watch: &'w Watch,
    /// Marked directly under a `Some`.
    pub(super) depth: Depth,
}

impl<'w> Place<'w> {
    /// The place of a whole value.
    #[inline(always)]
    pub(super) const fn whole(watch: &'w Watch) -> Self {
        Self {
            watch,
            depth: Depth::WHOLE,
        }
    }

    #[inline(always)]
    pub(super) const fn is_under_some(self) -> bool {
        self.depth.is_marked()
    }

    #[inline(always)]
    pub(super) fn level<E: Error>(self) -> Result<Self, E> {
        match self.depth.level() {
            Some(depth) => Ok(Self {
                depth: depth.marked(false),
                ..self
            }),
            None => Err(self.watch.refuse(Verdict::TooDeep)),
        }
    }

    #[inline(always)]
    pub(super) fn layer<E: Error>(self, under_some: bool) -> Result<Self, E> {
        match self.depth.layer() {
            Some(depth) => Ok(Self {
                depth: depth.marked(under_some),
                ..self
            }),
            None => Err(self.watch.refuse(Verdict::TooDeep)),
        }
    }

    #[inline(always)]
    pub(super) fn nil<E: Error>(self) -> Result<(), E> {
        if self.is_under_some() && self.watch.codec == Codec::MessagePack {
            return Err(self.watch.refuse(Verdict::NilUnderSome));
        }
        Ok(())
    }

    #[inline(always)]
    pub(super) fn length<E: Error>(self, length: usize) -> Result<(), E> {
        if length > MAX_LENGTH {
            return Err(self.watch.refuse(Verdict::TooLong));
        }
        Ok(())
    }
}
