//! Counts the elements of a sequence, map or struct on their way through.

#![allow(
    clippy::inline_always,
    reason = "measured: half of what watching costs is lost in calls otherwise"
)]

use super::watch::Verdict;

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
