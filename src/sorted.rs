//! Maps in the order of their keys.

pub(crate) mod snapshot;
pub(crate) mod transaction;
pub(crate) mod vault;

use std::fmt;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::map::iter::{IntoIter, IntoKeys, IntoValues, Iter};
use crate::map::vault::Vault;
use crate::map::vault::close::CloseError;
use crate::order::KeyOrder;

/// A persistent map in the order of its keys: what [`BTreeMap`](std::collections::BTreeMap) is to `HashMap`, this is to
/// [`Vault`].
///
/// It has all methods of `Vault`, by [`Deref`], transactions and entries included. Iterators, `pop_first`,
/// `first_key_value` and their like follow the order of the keys. It adds ranges:
///
/// | | |
/// |---|---|
/// | [`range`](Vault::range), [`prefix`](Vault::prefix), [`count`](Vault::count) | read the entries between two keys |
/// | [`remove_range`](Vault::remove_range), [`retain_in`](Vault::retain_in), [`extract_if_in`](Vault::extract_if_in), [`for_each_mut_in`](Vault::for_each_mut_in) | change or remove them |
/// | [`first_entry`](Vault::first_entry), [`last_entry`](Vault::last_entry) | an entry at either end |
///
/// A [`Transaction`](crate::Transaction) of it has them too, and a [`Snapshot`](crate::Snapshot) those that read. Pass `&*vault` to
/// a function that takes a [`Readable`](crate::Readable) or a [`Writable`](crate::Writable).
///
/// # Examples
///
/// ```
/// use vaults::SortedVault;
///
/// # fn main() -> vaults::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("visits.db");
/// let visits: SortedVault<(String, u64), u32> = SortedVault::open(&path)?;
/// visits.insert(("bob".into(), 2), 7)?;
/// visits.insert(("ada".into(), 5), 1)?;
/// visits.insert(("ada".into(), 3), 4)?;
///
/// let of_ada: Vec<((String, u64), u32)> = visits.prefix(&("ada",)).collect::<vaults::Result<_>>()?;
/// assert_eq!(of_ada, [(("ada".into(), 3), 4), (("ada".into(), 5), 1)]);
/// assert_eq!(visits.last_key_value()?, Some((("bob".into(), 2), 7)));
/// # Ok(())
/// # }
/// ```
///
/// # Pages
///
/// The next page begins after the last key of the one before. Finding it takes the time of a look-up, however many entries
/// come before it.
///
/// ```
/// use std::ops::Bound::{Excluded, Unbounded};
/// use vaults::SortedVault;
///
/// # fn main() -> vaults::Result<()> {
/// let names: SortedVault<String, ()> = SortedVault::open_in_memory()?;
/// names.try_extend(["ada", "bob", "cid", "dan"].map(|name| (name.to_owned(), ())))?;
///
/// let last_seen = "bob".to_owned();
/// let page = names.range((Excluded(last_seen), Unbounded)).take(2);
/// let page: Vec<(String, ())> = page.collect::<vaults::Result<_>>()?;
/// assert_eq!(page, [("cid".into(), ()), ("dan".into(), ())]);
/// # Ok(())
/// # }
/// ```
///
/// # Keys
///
/// Keys need [`Ord`], and are stored as bytes that sort as they do. A key is identified by these bytes. Integers, `bool`,
/// `char`, strings, bytes, `Option`, tuples, arrays, `Vec`, `BTreeMap`, `BTreeSet`, and structs and enums of these that derive
/// `Ord` and serde's traits sort as `Ord` says. Integers of any width have the same bytes, so a key may become wider.
///
/// Types that are not self-describing in such bytes are [`Error::Encode`](crate::Error::Encode): untagged, internally and adjacently tagged
/// enums, `#[serde(flatten)]`, `serde_json::Value`, and fields that serde skips.
///
/// Some types serialize in a way that does not sort as their `Ord`:
///
/// - [`Reverse`](std::cmp::Reverse), enums whose explicit discriminants do not ascend, and [`PathBuf`](std::path::PathBuf);
/// - times and dates that serialize as text, such as those of chrono and jiff, and times with an offset;
/// - decimals, versions and big integers that serialize as text.
///
/// Use a key that sorts, for example a time as its seconds. In a debug build, inserting a key that is out of order next to its
/// neighbours is an error, and so is the item of an iterator that does not follow the one before it. In every build, opening
/// compares the first key with the last, and [`verify`](Vault::verify) compares all neighbours.
///
/// # Cost
///
/// A look-up or a write takes about the time that it takes in a `Vault`. Iterating in the order of the keys reads the file in
/// its order. A value of at most 400 bytes is stored beside its key, a larger one by itself.
#[must_use = "a vault is closed when it is dropped"]
pub struct SortedVault<K, V>(Vault<K, V, KeyOrder>);

impl<K, V> SortedVault<K, V> {
    /// Closes this handle and returns any error that dropping it would hide.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::close`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::SortedVault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: SortedVault<String, u32> = SortedVault::open_in_memory()?;
    /// vault.insert("a".into(), 1)?;
    /// vault.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(self) -> Result<(), CloseError<K, V, KeyOrder>> {
        self.0.close()
    }

    /// Deletes the vault: the file, and the log beside it.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vault::delete`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::SortedVault;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let vault: SortedVault<String, u32> = SortedVault::open(&path)?;
    /// vault.delete()?;
    /// assert!(!path.exists());
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(self) -> Result<(), CloseError<K, V, KeyOrder>> {
        self.0.delete()
    }

    /// Returns the same handle as a [`Vault`] with the order of keys.
    ///
    /// Its methods that consume the handle, such as [`map_values`](Vault::map_values), are reached this way.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::SortedVault;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let vault: SortedVault<u32, u32> = SortedVault::open_in_memory()?;
    /// vault.insert(1, 10)?;
    /// let texts: SortedVault<u32, String> = vault
    ///     .into_inner()
    ///     .map_values(|_, number| number.to_string())?
    ///     .into();
    /// assert_eq!(texts.get(&1)?.as_deref(), Some("10"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_inner(self) -> Vault<K, V, KeyOrder> {
        self.0
    }
}

impl<K: DeserializeOwned, V> SortedVault<K, V> {
    /// Returns an iterator over the keys that owns this handle, in their order.
    ///
    /// The entries stay in the vault.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::SortedVault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: SortedVault<String, u32> = SortedVault::open_in_memory()?;
    /// vault.try_extend([("b".into(), 2), ("a".into(), 1)])?;
    /// let keys: Vec<String> = vault.into_keys().collect::<vaults::Result<_>>()?;
    /// assert_eq!(keys, ["a", "b"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_keys(self) -> IntoKeys<K, V> {
        self.0.into_keys()
    }
}

impl<K, V: DeserializeOwned> SortedVault<K, V> {
    /// Returns an iterator over the values that owns this handle, in the order of their keys.
    ///
    /// The entries stay in the vault.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::SortedVault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: SortedVault<String, u32> = SortedVault::open_in_memory()?;
    /// vault.try_extend([("b".into(), 2), ("a".into(), 1)])?;
    /// let values: Vec<u32> = vault.into_values().collect::<vaults::Result<_>>()?;
    /// assert_eq!(values, [1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_values(self) -> IntoValues<K, V> {
        self.0.into_values()
    }
}

impl<K, V> Deref for SortedVault<K, V> {
    type Target = Vault<K, V, KeyOrder>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<K, V> From<Vault<K, V, KeyOrder>> for SortedVault<K, V> {
    fn from(vault: Vault<K, V, KeyOrder>) -> Self {
        Self(vault)
    }
}

impl<K, V> Clone for SortedVault<K, V> {
    /// Returns another handle of the same open vault.
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> fmt::Debug for SortedVault<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Consumes the handle, not the data: the entries stay in the vault.
impl<K: DeserializeOwned, V: DeserializeOwned> IntoIterator for SortedVault<K, V> {
    type Item = Result<(K, V)>;
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, K: DeserializeOwned, V: DeserializeOwned> IntoIterator for &'a SortedVault<K, V> {
    type Item = Result<(K, V)>;
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Inserts all entries in one transaction, or none.
///
/// # Panics
///
/// Panics if an entry cannot be stored. [`try_extend`](Vault::try_extend) returns the error instead.
impl<K, V> Extend<(K, V)> for SortedVault<K, V>
where
    K: Serialize + DeserializeOwned + Ord,
    V: Serialize + DeserializeOwned,
{
    #[track_caller]
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        self.0.extend(entries);
    }
}

/// Inserts all entries in one transaction, or none.
///
/// # Panics
///
/// Panics if an entry cannot be stored. [`put_many`](Vault::put_many) returns the error instead.
impl<'a, K, V> Extend<(&'a K, &'a V)> for SortedVault<K, V>
where
    K: Serialize + DeserializeOwned + Ord,
    V: Serialize + DeserializeOwned,
{
    #[track_caller]
    fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
        self.0.extend(entries);
    }
}
