//! A value whose encoding is small or large.

use std::ops::AddAssign;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number. Every third one is encoded as a value that a sorted vault keeps in a table of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Number(pub(crate) i32);

impl AddAssign for Number {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let padding = if self.0 % 3 == 0 { 1_000 } else { 0 };
        (self.0, " ".repeat(padding)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (number, _) = <(i32, String)>::deserialize(deserializer)?;
        Ok(Self(number))
    }
}
