//! The iterator that removes every entry.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::encoding::entry_codec::EntryCodec;
use crate::engine::Direction;
use crate::entry::scope::WriteTransaction;
use crate::error::Result;
use crate::map::access::WriteAccess;
use crate::map::scan::WriteScan;

/// An iterator that removes every entry, in the order of insertion.
///
/// It is made by [`Vault::drain`] and [`Transaction::drain`].
///
/// # Atomicity
///
/// The iterator is one transaction. All entries are removed when the iterator has returned its last
/// item, is dropped, or is [committed](Self::commit). After an error, and while unwinding from a
/// panic, all entries stay.
///
/// # Locking
///
/// It holds the write lock until it ends. Reads still see the entries. Another write from this
/// thread returns [`Error::Reentrant`], and one from another thread waits.
///
/// # Drop
///
/// Removes the entries that were not yet returned too, as `HashMap`'s does, and commits. An error is
/// returned as [`Error::Deferred`] by the vault's next write, `flush` or `close`.
///
/// # Errors
///
/// Items are `Result`s. An error while beginning is the first item, an error while committing the
/// last. An entry that cannot be decoded is an error and the last item: nothing is removed.
///
/// [`Vault::drain`]: crate::Vault::drain
/// [`Transaction::drain`]: crate::Transaction::drain
/// [`Error::Reentrant`]: crate::Error::Reentrant
/// [`Error::Deferred`]: crate::Error::Deferred
#[must_use = "dropping it empties the vault; use `clear` for that"]
pub struct Drain<'a, K, V> {
    scan: WriteScan<'a>,
    entry_codec: EntryCodec,
    marker: PhantomData<fn() -> (K, V)>,
}

impl<'a, K, V> Drain<'a, K, V> {
    pub(crate) fn new(handle: impl WriteAccess<'a>) -> Self {
        let entry_codec = handle.entry_codec();
        Self {
            scan: WriteScan::new(handle.write_many()),
            entry_codec,
            marker: PhantomData,
        }
    }

    /// Removes the remaining entries too and commits, as drop does, and returns any error.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Busy`](crate::Error::Busy) or another error of a write if the transaction
    ///   could not begin or cannot be committed. Nothing is removed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<u32, u32> = Vault::open_in_memory()?;
    /// vault.try_extend([(1, 10), (2, 20)])?;
    /// let mut drain = vault.drain();
    /// assert_eq!(drain.next().transpose()?, Some((1, 10)));
    /// drain.commit()?;
    /// assert!(vault.is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn commit(mut self) -> Result<()> {
        self.scan.end(WriteTransaction::clear)
    }
}

impl<K: DeserializeOwned, V: DeserializeOwned> Drain<'_, K, V> {
    fn step(&mut self, direction: Direction) -> Option<Result<(K, V)>> {
        let entry_codec = self.entry_codec;
        let next = self
            .scan
            .next(direction, |_, row| entry_codec.decode_row(row).map(Some));
        match next {
            Ok(Some(entry)) => Some(Ok(entry)),
            Ok(None) => self.scan.end(WriteTransaction::clear).err().map(Err),
            Err(error) => Some(Err(error)),
        }
    }
}

impl<K: DeserializeOwned, V: DeserializeOwned> Iterator for Drain<'_, K, V> {
    type Item = Result<(K, V)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step(Direction::Forward)
    }
}

impl<K: DeserializeOwned, V: DeserializeOwned> DoubleEndedIterator for Drain<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.step(Direction::Backward)
    }
}

impl<K: DeserializeOwned, V: DeserializeOwned> FusedIterator for Drain<'_, K, V> {}

impl<K, V> Drop for Drain<'_, K, V> {
    fn drop(&mut self) {
        self.scan.end_in_drop(WriteTransaction::clear);
    }
}

impl<K, V> fmt::Debug for Drain<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").finish_non_exhaustive()
    }
}
