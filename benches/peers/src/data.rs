//! The keys and values that every engine stores, and the bytes of them that the peers are given.

use std::borrow::Cow;
use std::hash::Hash;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// Keys from here on are never stored.
const ABSENT: u64 = 1 << 40;

/// A key that can be made from a number.
pub trait Key: Serialize + DeserializeOwned + Ord + Hash + Clone + Send + Sync + 'static {
    /// The key of entry `n`. Neighbouring numbers are no neighbours in the index.
    fn of(n: u64) -> Self;

    /// A key that is in no map.
    fn absent(n: u64) -> Self {
        Self::of(ABSENT + n)
    }

    /// The form that stores of bytes are given, in an order that they keep.
    fn bytes(&self) -> Cow<'_, [u8]>;

    /// Back from [`bytes`](Self::bytes).
    fn from_bytes(bytes: &[u8]) -> Result<Self>;

    /// A number that tells whether the right key was read.
    fn digest(&self) -> u64;
}

/// A value that can be made from a number.
pub trait Value: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// A value; another seed gives other bytes.
    fn of(seed: u64) -> Self;

    /// A number that tells whether the right value was read.
    fn digest(&self) -> u64;

    /// What an increment does to it.
    fn bump(&mut self);

    /// The form that stores of bytes are given: MessagePack for a struct, the bytes themselves for
    /// bytes and numbers.
    fn bytes(&self) -> Result<Cow<'_, [u8]>>;

    /// Back from [`bytes`](Self::bytes).
    fn from_bytes(bytes: &[u8]) -> Result<Self>;
}

/// A bijection of the numbers that leaves no order.
fn scatter(n: u64) -> u64 {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Key for String {
    fn of(n: u64) -> Self {
        format!("key-{:020}", scatter(n))
    }

    fn bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.as_bytes())
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(std::str::from_utf8(bytes)?.to_owned())
    }

    fn digest(&self) -> u64 {
        str::bytes(self).fold(0, |sum: u64, byte| sum.rotate_left(5) ^ u64::from(byte))
    }
}

impl Key for u64 {
    fn of(n: u64) -> Self {
        scatter(n)
    }

    fn bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.to_be_bytes().to_vec())
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(Self::from_be_bytes(bytes.try_into()?))
    }

    fn digest(&self) -> u64 {
        *self
    }
}

/// A struct of eight fields, some 150 bytes of named MessagePack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    id: u64,
    name: String,
    email: String,
    age: u32,
    balance: f64,
    active: bool,
    tags: Vec<String>,
    visits: u64,
}

impl Value for Record {
    fn of(seed: u64) -> Self {
        Self {
            id: seed,
            name: "Ada Lovelace".into(),
            email: "ada@example.org".into(),
            age: 36,
            balance: 1024.25,
            active: seed.is_multiple_of(2),
            tags: vec!["engine".into(), "notes".into()],
            visits: scatter(seed),
        }
    }

    fn digest(&self) -> u64 {
        let lengths = self.name.len() + self.email.len() + self.tags.len();
        (self.id ^ self.visits.rotate_left(7))
            .wrapping_add(u64::from(self.age) + u64::from(self.active) + lengths as u64)
            .wrapping_add(self.balance.to_bits())
    }

    fn bump(&mut self) {
        self.visits = self.visits.wrapping_add(1);
    }

    fn bytes(&self) -> Result<Cow<'_, [u8]>> {
        Ok(Cow::Owned(rmp_serde::to_vec_named(self)?))
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(rmp_serde::from_slice(bytes)?)
    }
}

impl Value for u64 {
    fn of(seed: u64) -> Self {
        scatter(seed)
    }

    fn digest(&self) -> u64 {
        *self
    }

    fn bump(&mut self) {
        *self = self.wrapping_add(1);
    }

    fn bytes(&self) -> Result<Cow<'_, [u8]>> {
        Ok(Cow::Owned(self.to_le_bytes().to_vec()))
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(Self::from_le_bytes(bytes.try_into()?))
    }
}

/// `N` bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blob<const N: usize>(#[serde(with = "serde_bytes")] Vec<u8>);

impl<const N: usize> Value for Blob<N> {
    fn of(seed: u64) -> Self {
        let mut bytes = vec![0x5A; N];
        for (byte, new) in bytes.iter_mut().zip(scatter(seed).to_le_bytes()) {
            *byte = new;
        }
        Self(bytes)
    }

    fn digest(&self) -> u64 {
        let ends = [self.0.first(), self.0.last()].into_iter().flatten();
        ends.fold(self.0.len() as u64, |sum, byte| {
            sum.rotate_left(9) ^ u64::from(*byte)
        })
    }

    fn bump(&mut self) {
        if let Some(byte) = self.0.first_mut() {
            *byte = byte.wrapping_add(1);
        }
    }

    fn bytes(&self) -> Result<Cow<'_, [u8]>> {
        Ok(Cow::Borrowed(&self.0))
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(Self(bytes.to_vec()))
    }
}

/// An entry from its bytes.
pub fn decode<K: Key, V: Value>(key: &[u8], value: &[u8]) -> Result<(K, V)> {
    Ok((K::from_bytes(key)?, V::from_bytes(value)?))
}
