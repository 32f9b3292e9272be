//! The limits of one decoding: how deep the data nests, and how many elements it announces.

use std::cell::Cell;

use serde::de::Error;

use super::limits::Depth;

/// How many elements data may announce in addition to one for each of its bytes.
///
/// In bincode a unit takes no bytes, so ten bytes can announce 2⁶⁴ of them.
pub(super) const SPARE_ELEMENTS: usize = 65_536;

/// The limit that a decoding has exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitExceeded {
    /// The data nests deeper than [`Depth`] allows.
    TooDeep,
    /// The data announces more elements than it can hold.
    TooManyElements,
}

/// The elements that one decoding may still announce, and the first limit that it has exceeded.
///
/// The limit is recorded here because a `Deserialize` implementation may ignore the error and continue.
pub(super) struct DecodeBudget {
    elements: Cell<usize>,
    exceeded: Cell<Option<LimitExceeded>>,
}

impl DecodeBudget {
    /// Returns the budget for decoding `payload`.
    pub(super) fn new(payload: &[u8]) -> Self {
        Self {
            elements: Cell::new(payload.len().saturating_add(SPARE_ELEMENTS)),
            exceeded: Cell::new(None),
        }
    }

    /// Returns the first limit that was exceeded.
    pub(super) fn exceeded(&self) -> Option<LimitExceeded> {
        self.exceeded.get()
    }

    #[inline]
    fn charge(&self, elements: usize) -> Result<(), LimitExceeded> {
        match self.elements.get().checked_sub(elements) {
            Some(remaining) => {
                self.elements.set(remaining);
                Ok(())
            }
            None => Err(LimitExceeded::TooManyElements),
        }
    }

    /// Records `limit`, and returns an error for the deserializer.
    #[cold]
    #[inline(never)]
    pub(super) fn refuse<E: Error>(&self, limit: LimitExceeded) -> E {
        if self.exceeded.get().is_none() {
            self.exceeded.set(Some(limit));
        }
        E::custom("the data exceeds a limit of the decoder")
    }
}

/// A place in the data: the budget, and the depth that is left below it.
///
/// The mark of the depth is set where the data states the length of the next container. It is not
/// set where the type states it.
#[derive(Clone, Copy)]
pub(super) struct DataPath<'b> {
    pub(super) budget: &'b DecodeBudget,
    depth: Depth,
}

impl<'b> DataPath<'b> {
    /// Returns the place of a whole value.
    #[inline]
    pub(super) const fn whole(budget: &'b DecodeBudget) -> Self {
        Self {
            budget,
            depth: Depth::WHOLE.marked(true),
        }
    }

    /// Returns this place, for a container whose length is read from the data.
    #[inline]
    pub(super) const fn untrusted_len(self) -> Self {
        Self {
            depth: self.depth.marked(true),
            ..self
        }
    }

    /// Returns this place, for a container whose length is known from its type.
    #[inline]
    pub(super) const fn trusted_len(self) -> Self {
        Self {
            depth: self.depth.marked(false),
            ..self
        }
    }

    /// Returns the place inside a `Some` or a newtype struct.
    #[inline]
    pub(super) fn layer(self) -> Result<Self, LimitExceeded> {
        let depth = self.depth.layer().ok_or(LimitExceeded::TooDeep)?;
        Ok(Self { depth, ..self })
    }

    /// Returns the place inside an array or a map.
    #[inline]
    pub(super) fn level(self) -> Result<Self, LimitExceeded> {
        let depth = self.depth.level().ok_or(LimitExceeded::TooDeep)?;
        Ok(Self { depth, ..self })
    }

    /// Returns the place inside a sequence or a map, and charges its length if the data states it.
    #[inline]
    pub(super) fn container(self, length: Option<usize>) -> Result<Self, LimitExceeded> {
        if self.depth.is_marked() {
            self.budget.charge(length.unwrap_or(0))?;
        }
        self.level()
    }
}
