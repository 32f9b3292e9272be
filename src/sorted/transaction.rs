//! What the order of the keys adds to a transaction.

use std::borrow::Borrow;
use std::ops::RangeBounds;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::PrefixOf;
use crate::engine::End;
use crate::entry::occupied::OccupiedEntry;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::map::iter::TransactionIter;
use crate::map::range::{self, key_range, prefix_range};
use crate::map::retain::{self, ExtractIf};
use crate::map::transaction::Transaction;
use crate::order::KeyOrder;

impl<K, V> Transaction<'_, K, V, KeyOrder>
where
    K: Serialize + DeserializeOwned + Ord,
    V: Serialize + DeserializeOwned,
{
    /// Returns an iterator over the entries whose keys are in `range`, in the order of the keys.
    ///
    /// The iterator shows the writes of this transaction and streams the entries.
    /// It begins at the first key without reading those before it.
    ///
    /// A range whose bounds are inverted is empty. This call cannot fail: an error is an item of the iterator.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::SortedVault;
    /// # fn main() -> vaults::Result<()> {
    /// # let scores: SortedVault<u32, String> = SortedVault::open_in_memory()?;
    /// let mut tx = scores.begin()?;
    /// tx.try_extend([(30, "Bob".into()), (10, "Ada".into()), (20, "Cid".into())])?;
    /// let entries: Vec<(u32, String)> = tx.range(15..=30).collect::<vaults::Result<_>>()?;
    /// assert_eq!(entries, [(20, "Cid".into()), (30, "Bob".into())]);
    /// let best = tx.range(..).next_back().transpose()?;
    /// assert_eq!(best, Some((30, "Bob".into())));
    /// # Ok(())
    /// # }
    /// ```
    pub fn range<Q, R>(&self, range: R) -> TransactionIter<'_, (K, V)>
    where
        K: Borrow<Q>,
        Q: Serialize + Ord + ?Sized,
        R: RangeBounds<Q>,
    {
        let range = key_range(self.entry_codec(), &range);
        TransactionIter::entries_in(self, range)
    }

    /// Returns an iterator over the entries whose keys begin with `prefix`, in the order of the keys.
    ///
    /// [`PrefixOf`] says what is a prefix of which keys. Otherwise it is [`range`](Self::range).
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::SortedVault;
    /// # fn main() -> vaults::Result<()> {
    /// # let visits: SortedVault<(String, u64), u32> = SortedVault::open_in_memory()?;
    /// let mut tx = visits.begin()?;
    /// tx.try_extend([(("ada".into(), 1), 5), (("ada".into(), 2), 7), (("bob".into(), 1), 9)])?;
    /// let of_ada: Vec<((String, u64), u32)> = tx.prefix(&("ada",)).collect::<vaults::Result<_>>()?;
    /// assert_eq!(of_ada, [(("ada".into(), 1), 5), (("ada".into(), 2), 7)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefix<P>(&self, prefix: &P) -> TransactionIter<'_, (K, V)>
    where
        P: PrefixOf<K> + ?Sized,
    {
        let range = prefix_range::<K, P>(prefix);
        TransactionIter::entries_in(self, range)
    }

    /// Returns the number of entries whose keys are in `range`.
    ///
    /// Reads those keys, and no values.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a bound cannot be encoded.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::SortedVault;
    /// # fn main() -> vaults::Result<()> {
    /// # let scores: SortedVault<u32, String> = SortedVault::open_in_memory()?;
    /// let mut tx = scores.begin()?;
    /// tx.try_extend([(30, "Bob".into()), (10, "Ada".into()), (20, "Cid".into())])?;
    /// assert_eq!(tx.count(..25)?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn count<Q, R>(&self, range: R) -> Result<u64>
    where
        K: Borrow<Q>,
        Q: Serialize + Ord + ?Sized,
        R: RangeBounds<Q>,
    {
        range::count(self, &key_range(self.entry_codec(), &range)?)
    }

    /// Removes the entries whose keys are in `range`, and returns their number.
    ///
    /// Values are not decoded, so this also removes entries that cannot be read.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a bound cannot be encoded.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::SortedVault;
    /// # fn main() -> vaults::Result<()> {
    /// # let squares: SortedVault<u32, u32> = SortedVault::open_in_memory()?;
    /// let mut tx = squares.begin()?;
    /// tx.try_extend((0..8).map(|n| (n, n * n)))?;
    /// assert_eq!(tx.remove_range(3..)?, 5);
    /// assert_eq!(tx.len()?, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove_range<Q, R>(&mut self, range: R) -> Result<u64>
    where
        K: Borrow<Q>,
        Q: Serialize + Ord + ?Sized,
        R: RangeBounds<Q>,
    {
        let range = key_range(self.entry_codec(), &range)?;
        range::remove(self, &range)
    }

    /// Keeps those entries in `range` for which `f` returns `true`, and removes the others in `range`.
    ///
    /// `f` may change the values that it keeps. Otherwise it is [`retain`](Self::retain).
    ///
    /// It takes effect as a whole: on an error or a panic in `f`, the transaction is as it was before.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a bound or a changed value cannot be encoded.
    /// - Returns [`Error::Decode`] or another error of reading if an entry in `range` cannot be read.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::SortedVault;
    /// # fn main() -> vaults::Result<()> {
    /// # let squares: SortedVault<u32, u32> = SortedVault::open_in_memory()?;
    /// let mut tx = squares.begin()?;
    /// tx.try_extend((0..8).map(|n| (n, n * n)))?;
    /// tx.retain_in(4.., |key, _| key % 2 == 0)?;
    /// let keys: Vec<u32> = tx.keys().collect::<vaults::Result<_>>()?;
    /// assert_eq!(keys, [0, 1, 2, 3, 4, 6]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn retain_in<Q, R, F>(&mut self, range: R, mut f: F) -> Result<()>
    where
        K: Borrow<Q>,
        Q: Serialize + Ord + ?Sized,
        R: RangeBounds<Q>,
        F: FnMut(&K, &mut V) -> bool,
    {
        let range = key_range(self.entry_codec(), &range)?;
        retain::remove_if_in(self, range, |key, value| !f(key, value))
    }

    /// Calls `f` for the entries in `range`, to change their values.
    ///
    /// Otherwise it is [`for_each_mut`](Self::for_each_mut).
    ///
    /// It takes effect as a whole: on an error or a panic in `f`, the transaction is as it was before.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`] if a bound or a changed value cannot be encoded.
    /// - Returns [`Error::Decode`] or another error of reading if an entry in `range` cannot be read.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::SortedVault;
    /// # fn main() -> vaults::Result<()> {
    /// # let squares: SortedVault<u32, u32> = SortedVault::open_in_memory()?;
    /// let mut tx = squares.begin()?;
    /// tx.try_extend((0..8).map(|n| (n, n * n)))?;
    /// tx.for_each_mut_in(..2, |_, square| *square += 100)?;
    /// assert_eq!(tx.get(&1)?, Some(101));
    /// assert_eq!(tx.get(&2)?, Some(4));
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_each_mut_in<Q, R, F>(&mut self, range: R, mut f: F) -> Result<()>
    where
        K: Borrow<Q>,
        Q: Serialize + Ord + ?Sized,
        R: RangeBounds<Q>,
        F: FnMut(&K, &mut V),
    {
        let range = key_range(self.entry_codec(), &range)?;
        retain::remove_if_in(self, range, |key, value| {
            f(key, value);
            false
        })
    }

    /// Returns an iterator that removes the entries in `range` for which `predicate` returns `true`.
    ///
    /// Otherwise it is [`extract_if`](Self::extract_if). This call cannot fail: an error is an item of the
    /// iterator.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::SortedVault;
    /// # fn main() -> vaults::Result<()> {
    /// # let squares: SortedVault<u32, u32> = SortedVault::open_in_memory()?;
    /// let mut tx = squares.begin()?;
    /// tx.try_extend((0..8).map(|n| (n, n * n)))?;
    /// let odd: Vec<(u32, u32)> = tx
    ///     .extract_if_in(4.., |key, _| key % 2 == 1)
    ///     .collect::<vaults::Result<_>>()?;
    /// assert_eq!(odd, [(5, 25), (7, 49)]);
    /// assert_eq!(tx.len()?, 6);
    /// # Ok(())
    /// # }
    /// ```
    pub fn extract_if_in<Q, R, F>(&mut self, range: R, predicate: F) -> ExtractIf<'_, K, V, F>
    where
        K: Borrow<Q>,
        Q: Serialize + Ord + ?Sized,
        R: RangeBounds<Q>,
        F: FnMut(&K, &mut V) -> bool,
    {
        let range = key_range(self.entry_codec(), &range);
        ExtractIf::in_range(self, range, predicate)
    }

    /// Returns the entry of the first key, to read, change or remove it in place.
    ///
    /// It holds the write lock until it is dropped.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Decode`] or another error of reading if the entry cannot be read.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::SortedVault;
    /// # fn main() -> vaults::Result<()> {
    /// # let squares: SortedVault<u32, u32> = SortedVault::open_in_memory()?;
    /// let mut tx = squares.begin()?;
    /// tx.try_extend((0..8).map(|n| (n, n * n)))?;
    /// if let Some(first) = tx.first_entry()? {
    ///     assert_eq!(first.remove_entry()?, (0, 0));
    /// }
    /// assert_eq!(tx.len()?, 7);
    /// # Ok(())
    /// # }
    /// ```
    pub fn first_entry(&mut self) -> Result<Option<OccupiedEntry<'_, K, V>>> {
        range::entry_at_end(self, End::First)
    }

    /// Returns the entry of the last key, to read, change or remove it in place.
    ///
    /// It holds the write lock until it is dropped.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Decode`] or another error of reading if the entry cannot be read.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::SortedVault;
    /// # fn main() -> vaults::Result<()> {
    /// # let squares: SortedVault<u32, u32> = SortedVault::open_in_memory()?;
    /// let mut tx = squares.begin()?;
    /// tx.try_extend((0..8).map(|n| (n, n * n)))?;
    /// if let Some(mut last) = tx.last_entry()? {
    ///     last.insert(0)?;
    /// }
    /// assert_eq!(tx.get(&7)?, Some(0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn last_entry(&mut self) -> Result<Option<OccupiedEntry<'_, K, V>>> {
        range::entry_at_end(self, End::Last)
    }
}
