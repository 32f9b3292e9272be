//! Iterators that remove, and what else walks the whole vault in one write transaction.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding::entry_codec::EntryCodec;
use crate::error::Result;
use crate::map::access::WriteAccess;
use crate::map::handles::for_writers;
use crate::map::sweep::Sweep;
use crate::sqlite::{Direction, RawRow, Scope, WriteTransaction};

/// Shows an entry to `f`, which may change the value, and writes what became of it. The entry
/// itself, if `f` asked for its removal.
fn visit<K, V>(
    transaction: &mut WriteTransaction,
    row: RawRow<'_>,
    format: EntryCodec,
    f: impl FnOnce(&K, &mut V) -> bool,
) -> Result<Option<(K, V)>>
where
    K: DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    let (key_bytes, stored) = row.bytes()?;
    let (key, mut value) = format.decode_entry(key_bytes, stored)?;
    if f(&key, &mut value) {
        transaction.delete_row(row.rowid, key_bytes)?;
        return Ok(Some((key, value)));
    }
    if let Some(bytes) = format.encode_if_value_changed(key_bytes, &value, stored)? {
        transaction.update(row.rowid, key_bytes, &bytes)?;
    }
    Ok(None)
}

/// Shows every entry to `f` and removes those for which it is true: all or nothing.
fn sweep<K, V>(
    scope: Result<Scope<'_>>,
    format: EntryCodec,
    mut f: impl FnMut(&K, &mut V) -> bool,
) -> Result<()>
where
    K: DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    let mut sweep = Sweep::new(scope);
    sweep.next(Direction::Forward, |transaction, row| {
        visit(transaction, row, format, &mut f).map(|_| None::<()>)
    })?;
    sweep.end(|_| Ok(()))
}

/// The methods that sweep, the same for every handle that can write.
macro_rules! sweeping {
    ($self:ident, [$($receiver:tt)+], $waits:literal) => {
    /// Keeps the entries for which `f` is true, with the changes it makes to values, and removes
    /// the others: one transaction, all or nothing. A panic in `f` leaves everything as it was.
    ///
    /// Memory is bounded by a page of rows. A value that was not changed is not written.
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// If an entry does not decode (remove such entries with
    /// [`discard_undecodable`](Self::discard_undecodable) first), a changed value cannot be stored faithfully, the writer
    /// cannot be had or the file cannot be written. Nothing was changed then.
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
    pub fn retain<F>($($receiver)+, mut f: F) -> Result<()>
    where
        F: FnMut(&K, &mut V) -> bool,
    {
        let format = $self.format();
        sweep($self.write_many(), format, |key, value| !f(key, value))
    }

    /// Shows every entry to `f`, which may change the value: what `HashMap` does with
    /// `iter_mut` and `values_mut`, in one transaction, all or nothing.
    ///
    /// A value that was not changed is not written: it stays in the encoding that it has, an older
    /// type's or another codec's. Use [`rewrite`](Self::rewrite) to bring all entries up to date. A panic
    /// in `f` leaves everything as it was.
    ///
    #[doc = $waits]
    ///
    /// # Errors
    ///
    /// As [`retain`](Self::retain).
    pub fn for_each_mut<F>($($receiver)+, mut f: F) -> Result<()>
    where
        F: FnMut(&K, &mut V),
    {
        let format = $self.format();
        sweep($self.write_many(), format, |key, value| {
            f(key, value);
            false
        })
    }

    /// An iterator that takes out the entries for which `predicate` is true, in the order of
    /// insertion: see [`ExtractIf`].
    ///
    /// The call itself cannot fail.
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
    pub fn extract_if<F>($($receiver)+, predicate: F) -> ExtractIf<'_, K, V, F>
    where
        F: FnMut(&K, &mut V) -> bool,
    {
        let format = $self.format();
        ExtractIf::new($self.write_many(), format, predicate)
    }

    /// An iterator that takes out every entry, in the order of insertion: see [`Drain`].
    ///
    /// The call itself cannot fail.
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
    pub fn drain($($receiver)+) -> Drain<'_, K, V> {
        let format = $self.format();
        Drain::new($self.write_many(), format)
    }
    };
}

for_writers!(sweeping);

/// An iterator that takes every entry out of a vault, made by [`drain`](crate::Vault::drain).
///
/// # Atomicity
///
/// It is one transaction, which lives as long as the iterator: the entries are gone, all of
/// them, when the iterator has come to its end, is dropped or [committed](Self::commit), and
/// not before. After an error, and while unwinding from a panic, everything stays.
///
/// # Locking
///
/// It holds the vault's writer. Reading goes on and sees the entries; a write from this thread
/// is [`Error::Reentrant`](crate::Error::Reentrant), one from another waits.
///
/// # What drop does
///
/// Removes what was not yet seen too, as `HashMap`'s does, and commits. An error is returned by
/// the vault's next write, `flush` or `close`, as [`Error::Deferred`](crate::Error::Deferred).
///
/// # Errors
///
/// Items are `Result`s. A failure to begin is the first item, a failure to commit the last. An entry
/// that does not decode is an error and the last item: nothing is removed then.
#[must_use = "dropping it empties the vault; use `clear` for that"]
pub struct Drain<'a, K, V> {
    sweep: Sweep<'a>,
    format: EntryCodec,
    marker: PhantomData<fn() -> (K, V)>,
}

impl<'a, K, V> Drain<'a, K, V> {
    fn new(scope: Result<Scope<'a>>, format: EntryCodec) -> Self {
        Self {
            sweep: Sweep::new(scope),
            format,
            marker: PhantomData,
        }
    }

    /// Removes what is left too and commits: what drop does, with the error returned.
    ///
    /// # Errors
    ///
    /// If the transaction could not begin or cannot be committed; then nothing was removed.
    pub fn commit(mut self) -> Result<()> {
        self.sweep.end(WriteTransaction::clear)
    }
}

impl<K: DeserializeOwned, V: DeserializeOwned> Drain<'_, K, V> {
    fn step(&mut self, direction: Direction) -> Option<Result<(K, V)>> {
        let format = self.format;
        let next = self
            .sweep
            .next(direction, |_, row| format.decode_row(row).map(Some));
        match next {
            Ok(Some(entry)) => Some(Ok(entry)),
            Ok(None) => self.sweep.end(WriteTransaction::clear).err().map(Err),
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
        self.sweep.end_in_drop(WriteTransaction::clear);
    }
}

impl<K, V> fmt::Debug for Drain<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").finish_non_exhaustive()
    }
}

/// An iterator that takes out the entries a predicate chooses, made by [`extract_if`](crate::Vault::extract_if).
///
/// # Atomicity
///
/// It is one transaction, which lives as long as the iterator: the chosen entries are gone,
/// and changed values are written, when the iterator has come to its end, is dropped or
/// [committed](Self::commit), and not before. After an error, and while unwinding from a
/// panic, everything stays as it was.
///
/// # Locking
///
/// It holds the vault's writer. Reading goes on and sees the state before; a write from this
/// thread is [`Error::Reentrant`](crate::Error::Reentrant), one from another waits.
///
/// # What drop does
///
/// Keeps the entries that were not yet seen, as `HashMap`'s does, and commits the rest. An error
/// is returned by the vault's next write, `flush` or `close`, as [`Error::Deferred`](crate::Error::Deferred).
///
/// # Errors
///
/// Items are `Result`s. A failure to begin is the first item, a failure to commit the last. An entry
/// that does not decode is an error and the last item: nothing is removed then.
#[must_use = "it removes only what it is asked for; use `retain` to remove without looking"]
pub struct ExtractIf<'a, K, V, F> {
    sweep: Sweep<'a>,
    format: EntryCodec,
    predicate: F,
    marker: PhantomData<fn() -> (K, V)>,
}

impl<'a, K, V, F> ExtractIf<'a, K, V, F> {
    fn new(scope: Result<Scope<'a>>, format: EntryCodec, predicate: F) -> Self {
        Self {
            sweep: Sweep::new(scope),
            format,
            predicate,
            marker: PhantomData,
        }
    }

    /// Commits what was taken out so far and ends: what drop does, with the error returned.
    ///
    /// # Errors
    ///
    /// If the transaction could not begin or cannot be committed; then nothing was removed.
    pub fn commit(mut self) -> Result<()> {
        self.sweep.end(|_| Ok(()))
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
        let (format, predicate) = (self.format, &mut self.predicate);
        let next = self.sweep.next(Direction::Forward, |transaction, row| {
            visit(transaction, row, format, &mut *predicate)
        });
        match next {
            Ok(Some(entry)) => Some(Ok(entry)),
            Ok(None) => self.sweep.end(|_| Ok(())).err().map(Err),
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
        self.sweep.end_in_drop(|_| Ok(()));
    }
}

impl<K, V, F> fmt::Debug for ExtractIf<'_, K, V, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtractIf").finish_non_exhaustive()
    }
}
