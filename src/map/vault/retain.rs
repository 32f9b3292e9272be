//! Changing and removing all entries, or those that are chosen.

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::map::drain::Drain;
use crate::map::retain::{self, ExtractIf};
use crate::map::vault::Vault;
use crate::order::Order;

impl<K, V, O> Vault<K, V, O>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
    O: Order<K>,
{
    /// Keeps the entries for which `f` returns `true`, and removes the others.
    ///
    /// `f` may change the values that it keeps. A value that was not changed is not written.
    ///
    /// It is one transaction: on an error or a panic in `f`, nothing has changed.
    ///
    /// Reads every entry. Memory is bounded by one batch of rows.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Decode`], [`Error::Pickle`], [`Error::UnknownTag`], [`Error::NotABlob`] or
    ///   [`Error::Checksum`] if an entry cannot be read as `(K, V)`. Remove such entries first with
    ///   [`discard_undecodable`](Self::discard_undecodable).
    /// - Returns [`Error::Encode`] if a changed value cannot be stored faithfully.
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::Deferred`] if an earlier write failed in a destructor.
    /// - Returns [`Error::ReadOnly`], [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<u32, u32> = Vault::open_in_memory()?;
    /// vault.try_extend((0..8).map(|n| (n, n * n)))?;
    /// vault.retain(|key, _| key % 2 == 0)?;
    /// assert_eq!(vault.len()?, 4);
    /// # Ok(())
    /// # }
    /// ```
    pub fn retain<F>(&self, mut f: F) -> Result<()>
    where
        F: FnMut(&K, &mut V) -> bool,
    {
        retain::remove_if(self, |key, value| !f(key, value))
    }

    /// Calls `f` for every entry, to change the values.
    ///
    /// It is what `HashMap` does with `iter_mut` and `values_mut`.
    ///
    /// It is one transaction: on an error or a panic in `f`, nothing has changed.
    ///
    /// A value that was not changed is not written: it keeps its encoding, which may be that of an
    /// older type or another codec. Use [`rewrite`](Self::rewrite) to bring all entries up to date.
    ///
    /// Reads every entry. Memory is bounded by one batch of rows.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Decode`], [`Error::Pickle`], [`Error::UnknownTag`], [`Error::NotABlob`] or
    ///   [`Error::Checksum`] if an entry cannot be read as `(K, V)`.
    /// - Returns [`Error::Encode`] if a changed value cannot be stored faithfully.
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::Deferred`] if an earlier write failed in a destructor.
    /// - Returns [`Error::ReadOnly`], [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.try_extend([("a".into(), 1), ("b".into(), 2)])?;
    /// vault.for_each_mut(|_, value| *value *= 10)?;
    /// assert_eq!(vault.get_many(["a", "b"])?, [Some(10), Some(20)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_each_mut<F>(&self, mut f: F) -> Result<()>
    where
        F: FnMut(&K, &mut V),
    {
        retain::remove_if(self, |key, value| {
            f(key, value);
            false
        })
    }

    /// Returns an iterator that removes the entries for which `predicate` returns `true`, in the order
    /// of insertion.
    ///
    /// This call cannot fail: an error is an item of the iterator. See [`ExtractIf`].
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<u32, String> = Vault::open_in_memory()?;
    /// vault.try_extend((0..8).map(|n| (n, n.to_string())))?;
    /// let odd: Vec<(u32, String)> = vault
    ///     .extract_if(|key, _| key % 2 == 1)
    ///     .collect::<vaults::Result<_>>()?;
    /// assert_eq!((odd.len(), vault.len()?), (4, 4));
    /// # Ok(())
    /// # }
    /// ```
    pub fn extract_if<F>(&self, predicate: F) -> ExtractIf<'_, K, V, F>
    where
        F: FnMut(&K, &mut V) -> bool,
    {
        ExtractIf::new(self, predicate)
    }

    /// Returns an iterator that removes every entry, in the order of insertion.
    ///
    /// This call cannot fail: an error is an item of the iterator. See [`Drain`].
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<u32, String> = Vault::open_in_memory()?;
    /// vault.insert(1, "one".into())?;
    /// for entry in vault.drain() {
    ///     let (key, value) = entry?;
    ///     println!("{key} was {value}");
    /// }
    /// assert!(vault.is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn drain(&self) -> Drain<'_, K, V> {
        Drain::new(self)
    }
}
