//! A comparison of the declared length of a sequence, map or struct with the number of its elements.

#![allow(
    clippy::inline_always,
    reason = "measured: without it, function calls double the cost of the checks"
)]

use super::serialize_state::Defect;

/// The number of elements that may still follow.
#[derive(Clone, Copy)]
pub(super) struct LengthCheck {
    remaining: u32,
    /// Whether the number was declared. It is the greatest possible length otherwise.
    declared: bool,
    /// Whether the last key has no value yet.
    has_open_entry: bool,
}

impl LengthCheck {
    #[inline(always)]
    pub(super) fn new(declared: Option<usize>) -> Result<Self, Defect> {
        let remaining = match declared.map(u32::try_from) {
            None => u32::MAX,
            Some(Ok(length)) => length,
            Some(Err(_)) => return Err(Defect::TooLong),
        };
        Ok(Self {
            remaining,
            declared: declared.is_some(),
            has_open_entry: false,
        })
    }

    #[inline(always)]
    pub(super) fn add(&mut self) -> Result<(), Defect> {
        match self.remaining.checked_sub(1) {
            Some(remaining) => {
                self.remaining = remaining;
                Ok(())
            }
            None if self.declared => Err(Defect::WrongLength),
            None => Err(Defect::TooLong),
        }
    }

    #[inline(always)]
    pub(super) fn add_key(&mut self) -> Result<(), Defect> {
        if self.has_open_entry {
            return Err(Defect::WrongLength);
        }
        self.has_open_entry = true;
        self.add()
    }

    #[inline(always)]
    pub(super) fn add_value(&mut self) -> Result<(), Defect> {
        if !self.has_open_entry {
            return Err(Defect::WrongLength);
        }
        self.has_open_entry = false;
        Ok(())
    }

    #[inline(always)]
    pub(super) fn finish(self) -> Result<(), Defect> {
        if self.has_open_entry || (self.declared && self.remaining > 0) {
            return Err(Defect::WrongLength);
        }
        Ok(())
    }
}
