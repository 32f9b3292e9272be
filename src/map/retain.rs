//! Calling a function for every entry, which may change or remove it.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding::entry_codec::EntryCodec;
use crate::engine::{Direction, KeyRange, RawRow};
use crate::entry::scope::WriteTransaction;
use crate::error::Result;
use crate::map::access::WriteAccess;
use crate::map::scan::WriteScan;

/// Calls `f` for an entry. Removes and returns the entry if `f` returns `true`, and writes its value
/// otherwise if `f` has changed it.
fn visit<K, V>(
    transaction: &mut WriteTransaction,
    row: RawRow<'_>,
    entry_codec: EntryCodec,
    f: impl FnOnce(&K, &mut V) -> bool,
) -> Result<Option<(K, V)>>
where
    K: DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    let (key_bytes, stored) = row.bytes()?;
    let (key, mut value) = entry_codec.decode_entry(key_bytes, stored)?;
    if f(&key, &mut value) {
        transaction.delete_at(row.position, key_bytes)?;
        return Ok(Some((key, value)));
    }
    if let Some(bytes) = entry_codec.encode_if_value_changed(key_bytes, &value, stored)? {
        transaction.update(row.position, key_bytes, &bytes)?;
    }
    Ok(None)
}

/// Removes the entries for which `f` returns `true`, and writes the other values that `f` has changed.
pub(crate) fn remove_if<'a, K, V>(
    handle: impl WriteAccess<'a>,
    f: impl FnMut(&K, &mut V) -> bool,
) -> Result<()>
where
    K: DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    let entry_codec = handle.entry_codec();
    remove_scanned(WriteScan::new(handle.write_many()), entry_codec, f)
}

/// Does what [`remove_if`] does, for the entries whose keys are in `range`.
pub(crate) fn remove_if_in<'a, K, V>(
    handle: impl WriteAccess<'a>,
    range: KeyRange,
    f: impl FnMut(&K, &mut V) -> bool,
) -> Result<()>
where
    K: DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    let entry_codec = handle.entry_codec();
    let scan = WriteScan::in_range(handle.write_many(), range);
    remove_scanned(scan, entry_codec, f)
}

fn remove_scanned<K, V>(
    scan: WriteScan<'_>,
    entry_codec: EntryCodec,
    mut f: impl FnMut(&K, &mut V) -> bool,
) -> Result<()>
where
    K: DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    scan.for_each_row(
        |transaction, row| visit(transaction, row, entry_codec, &mut f).map(drop),
        |_| Ok(()),
    )
}

/// An iterator that removes the entries for which a predicate is `true`, in the order of insertion.
///
/// It is made by [`Vault::extract_if`] and [`Transaction::extract_if`].
///
/// # Atomicity
///
/// The iterator is one transaction. The chosen entries are removed, and changed values are written,
/// when the iterator has returned its last item, is dropped, or is [committed](Self::commit). After
/// an error, and while unwinding from a panic, everything stays as it was.
///
/// # Locking
///
/// It holds the write lock until it ends. Reads see the last committed state. Another write from
/// this thread returns [`Error::Reentrant`], and one from another thread waits.
///
/// # Drop
///
/// Keeps the entries that were not yet visited, as `HashMap`'s does, and commits the rest. An error
/// is returned as [`Error::Deferred`] by the vault's next write, `flush` or `close`.
///
/// # Errors
///
/// Items are `Result`s. An error while beginning is the first item, an error while committing the
/// last. An entry that cannot be decoded is an error and the last item: nothing is removed.
/// `count` also counts an error.
///
/// [`Vault::extract_if`]: crate::Vault::extract_if
/// [`Transaction::extract_if`]: crate::Transaction::extract_if
/// [`Error::Reentrant`]: crate::Error::Reentrant
/// [`Error::Deferred`]: crate::Error::Deferred
#[must_use = "iterators are lazy and do nothing unless consumed; use `retain` to remove entries without returning them"]
pub struct ExtractIf<'a, K, V, F> {
    scan: WriteScan<'a>,
    entry_codec: EntryCodec,
    predicate: F,
    marker: PhantomData<fn() -> (K, V)>,
}

impl<'a, K, V, F> ExtractIf<'a, K, V, F> {
    pub(crate) fn new(handle: impl WriteAccess<'a>, predicate: F) -> Self {
        let entry_codec = handle.entry_codec();
        Self {
            scan: WriteScan::new(handle.write_many()),
            entry_codec,
            predicate,
            marker: PhantomData,
        }
    }

    /// Returns an iterator over the entries whose keys are in `range`. An error is its first item.
    pub(crate) fn in_range(
        handle: impl WriteAccess<'a>,
        range: Result<KeyRange>,
        predicate: F,
    ) -> Self {
        let entry_codec = handle.entry_codec();
        let scan = match range {
            Ok(range) => WriteScan::in_range(handle.write_many(), range),
            Err(error) => WriteScan::failed(error),
        };
        Self {
            scan,
            entry_codec,
            predicate,
            marker: PhantomData,
        }
    }

    /// Commits the removals so far, as drop does, and returns any error.
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
    /// vault.try_extend([(1, 10), (2, 20), (3, 30)])?;
    /// let mut large = vault.extract_if(|_, value| *value > 10);
    /// assert_eq!(large.next().transpose()?, Some((2, 20)));
    /// large.commit()?;
    /// assert_eq!(vault.len()?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn commit(mut self) -> Result<()> {
        self.scan.end(|_| Ok(()))
    }
}

impl<K, V, F> Iterator for ExtractIf<'_, K, V, F>
where
    K: DeserializeOwned,
    V: Serialize + DeserializeOwned,
    F: FnMut(&K, &mut V) -> bool,
{
    type Item = Result<(K, V)>;

    fn next(&mut self) -> Option<Self::Item> {
        let (entry_codec, predicate) = (self.entry_codec, &mut self.predicate);
        let next = self.scan.next(Direction::Forward, |transaction, row| {
            visit(transaction, row, entry_codec, &mut *predicate)
        });
        match next {
            Ok(Some(entry)) => Some(Ok(entry)),
            Ok(None) => self.scan.end(|_| Ok(())).err().map(Err),
            Err(error) => Some(Err(error)),
        }
    }
}

impl<K, V, F> FusedIterator for ExtractIf<'_, K, V, F>
where
    K: DeserializeOwned,
    V: Serialize + DeserializeOwned,
    F: FnMut(&K, &mut V) -> bool,
{
}

impl<K, V, F> Drop for ExtractIf<'_, K, V, F> {
    fn drop(&mut self) {
        self.scan.end_in_drop(|_| Ok(()));
    }
}

impl<K, V, F> fmt::Debug for ExtractIf<'_, K, V, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtractIf").finish_non_exhaustive()
    }
}
