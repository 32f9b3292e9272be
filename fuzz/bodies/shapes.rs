//! Types that bytes are read as.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::Value as Json;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tree {
    leaf: Option<Box<Tree>>,
    branches: Vec<Tree>,
    #[serde(default)]
    name: String,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum External {
    Nothing,
    Number(i8),
    Pair(u16, Box<External>),
    List(Vec<External>),
    Named {
        first: Option<Box<External>>,
        second: (),
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Internal {
    Nothing,
    Named {
        next: Option<Box<Internal>>,
        number: i64,
    },
    Nested(Inner),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Inner {
    list: Vec<Internal>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "content")]
pub(crate) enum Adjacent {
    Nothing,
    Number(u128),
    Pair(Box<Adjacent>, char),
    Named { list: Vec<Adjacent> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Untagged {
    Nothing(()),
    Flag(bool),
    Number(i64),
    Real(Bits),
    Text(String),
    List(Vec<Untagged>),
    Named { next: Box<Untagged> },
    Map(BTreeMap<String, Untagged>),
}

/// A float that equals itself.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Bits(f64);

impl PartialEq for Bits {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flattened {
    number: u8,
    #[serde(flatten)]
    known: Option<Known>,
    #[serde(flatten)]
    rest: BTreeMap<String, Json>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    size: u64,
}

/// Occupies memory, and no bytes in bincode.
#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Skipped {
    #[serde(skip)]
    bytes: [u64; 4],
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Unit;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Wrapped(Option<Option<Box<Wrapped>>>);

/// Reads back in a different order each time, next to a part that may read back as a different
/// value.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Hashed {
    sets: HashMap<String, HashSet<i16>>,
    crossed: Vec<Crossed>,
}

/// Reads back with its fields swapped.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Crossed {
    #[serde(rename(serialize = "a", deserialize = "b"))]
    first: u8,
    #[serde(rename(serialize = "b", deserialize = "a"))]
    second: u8,
}

pub(crate) type Set = HashSet<()>;
pub(crate) type Units = Vec<((), Unit)>;
pub(crate) type Skips = Vec<Skipped>;
pub(crate) type Maps = BTreeMap<String, BTreeMap<Option<u64>, Vec<Option<bool>>>>;
pub(crate) type UnitMap = HashMap<(), Vec<HashSet<Unit>>>;
pub(crate) type Wide = (i128, u128, Option<i128>);
pub(crate) type Options = Option<Option<Option<Vec<Option<()>>>>>;
pub(crate) type Scalars = (Bits, ShortBits, char, String, ByteBuf, [u8; 3], Duration);
pub(crate) type Dynamic = Json;

/// Like [`Bits`], in 32 bits.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShortBits(f32);

impl PartialEq for ShortBits {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}
