//! What the order of the keys adds to a snapshot.

use std::borrow::Borrow;
use std::ops::RangeBounds;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::PrefixOf;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::map::iter::{Iter, ReadSource};
use crate::map::range::{self, key_range, prefix_range};
use crate::map::snapshot::Snapshot;
use crate::order::KeyOrder;

impl<K, V> Snapshot<K, V, KeyOrder>
where
    K: Serialize + DeserializeOwned + Ord,
    V: Serialize + DeserializeOwned,
{
    /// Returns an iterator over the entries whose keys are in `range`, in the order of the keys.
    ///
    /// The iterator shows the state that the snapshot keeps and streams the entries.
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
    /// scores.try_extend([(30, "Bob".into()), (10, "Ada".into()), (20, "Cid".into())])?;
    /// let snapshot = scores.snapshot()?;
    /// scores.clear()?;
    /// let entries: Vec<(u32, String)> = snapshot.range(15..=30).collect::<vaults::Result<_>>()?;
    /// assert_eq!(entries, [(20, "Cid".into()), (30, "Bob".into())]);
    /// let best = snapshot.range(..).next_back().transpose()?;
    /// assert_eq!(best, Some((30, "Bob".into())));
    /// # Ok(())
    /// # }
    /// ```
    pub fn range<Q, R>(&self, range: R) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
        Q: Serialize + Ord + ?Sized,
        R: RangeBounds<Q>,
    {
        let range = key_range(self.entry_codec(), &range);
        Iter::in_range(Ok(ReadSource::of(self)), self.entry_codec(), range)
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
    /// visits.try_extend([(("ada".into(), 1), 5), (("ada".into(), 2), 7), (("bob".into(), 1), 9)])?;
    /// let snapshot = visits.snapshot()?;
    /// visits.clear()?;
    /// let of_ada: Vec<((String, u64), u32)> = snapshot.prefix(&("ada",)).collect::<vaults::Result<_>>()?;
    /// assert_eq!(of_ada, [(("ada".into(), 1), 5), (("ada".into(), 2), 7)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefix<P>(&self, prefix: &P) -> Iter<'_, K, V>
    where
        P: PrefixOf<K> + ?Sized,
    {
        let range = prefix_range::<K, P>(prefix);
        Iter::in_range(Ok(ReadSource::of(self)), self.entry_codec(), range)
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
    /// scores.try_extend([(30, "Bob".into()), (10, "Ada".into()), (20, "Cid".into())])?;
    /// let snapshot = scores.snapshot()?;
    /// scores.clear()?;
    /// assert_eq!(snapshot.count(..25)?, 2);
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
}
