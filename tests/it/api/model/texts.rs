//! Values around the size at which a sorted vault keeps a value in a table of its own.

use std::fmt;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// A text that is written as its length.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Text(String);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({:.1}, {} bytes)", self.0, self.0.len())
    }
}

impl Arbitrary for Text {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        let size = prop_oneof![
            3 => 0..20_usize,
            // The encoding adds a few bytes.
            4 => 390..402_usize,
            2 => 500..1_500_usize,
            1 => 4_000..9_000_usize,
        ];
        let text = |(size, letter): (usize, char)| Self(letter.to_string().repeat(size));
        (size, prop::char::range('a', 'z')).prop_map(text).boxed()
    }
}
