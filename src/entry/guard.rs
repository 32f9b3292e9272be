//! A value on loan: changed in memory, written back when the loan ends.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding::encoded_key::EncodedKey;
use crate::encoding::entry_codec::EntryCodec;
use crate::error::Result;
use crate::sqlite::{Scope, WriteTransaction};

/// A value with the right to write it back, which happens when it is dropped.
pub(crate) struct Loan<'a, V> {
    /// `None` once the loan has ended.
    open: Option<(Scope<'a>, Slot<V>)>,
}

/// [`EntryCodec::encode_if_bytes_changed`] for one type.
type EncodeChange<V> = fn(EntryCodec, &[u8], &V, &[u8]) -> Result<Option<Vec<u8>>>;

/// A value and what the file knows of it.
struct Slot<V> {
    key: EncodedKey,
    /// Where it is stored, if the key is there.
    rowid: Option<i64>,
    value: V,
    /// What the file holds or, while it is pending, is to hold.
    bytes: Vec<u8>,
    is_pending: bool,
    /// True once the value was lent for changes.
    is_touched: bool,
    format: EntryCodec,
    /// A pointer, because a destructor knows no bounds.
    encode_change: EncodeChange<V>,
}

impl<V> Slot<V> {
    /// Writes the value back, unless the file holds it already.
    fn write(&self, transaction: &mut WriteTransaction) -> Result<()> {
        let changed = if self.is_touched {
            (self.encode_change)(self.format, self.key.as_bytes(), &self.value, &self.bytes)?
        } else {
            None
        };
        match changed {
            Some(bytes) => transaction.write(self.rowid, self.key.as_bytes(), &bytes),
            None if self.is_pending => {
                transaction.write(self.rowid, self.key.as_bytes(), &self.bytes)
            }
            None => Ok(()),
        }
    }
}

/// An entry as it was found.
pub(crate) struct Stored<V> {
    pub(crate) rowid: i64,
    pub(crate) value: V,
    pub(crate) bytes: Vec<u8>,
}

impl<'a, V: Serialize + DeserializeOwned> Loan<'a, V> {
    /// A value that was found in this scope.
    pub(crate) fn of_stored(
        scope: Scope<'a>,
        key: EncodedKey,
        stored: Stored<V>,
        format: EntryCodec,
    ) -> Self {
        let rowid = Some(stored.rowid);
        Self::new(scope, key, rowid, stored.value, stored.bytes, format)
    }

    /// A value for a key that is not there. It is encoded now, so that one that cannot be stored
    /// is refused now; it is written with what becomes of it.
    pub(crate) fn of_new(
        scope: Scope<'a>,
        key: EncodedKey,
        value: V,
        format: EntryCodec,
    ) -> Result<Self> {
        let bytes = format.encode(key.as_bytes(), &value)?;
        Ok(Self::new(scope, key, None, value, bytes, format))
    }

    fn new(
        scope: Scope<'a>,
        key: EncodedKey,
        rowid: Option<i64>,
        value: V,
        bytes: Vec<u8>,
        format: EntryCodec,
    ) -> Self {
        let slot = Slot {
            key,
            rowid,
            value,
            bytes,
            is_pending: rowid.is_none(),
            is_touched: false,
            format,
            encode_change: EntryCodec::encode_if_bytes_changed::<V>,
        };
        Self {
            open: Some((scope, slot)),
        }
    }

    /// Replaces the value. It is encoded now and written when the loan ends: a loan is one write at
    /// most, so that it is whole or not at all within a transaction too.
    pub(crate) fn replace(&mut self, value: V) -> Result<V> {
        let (_, slot) = self.open();
        slot.bytes = slot.format.encode(slot.key.as_bytes(), &value)?;
        (slot.is_pending, slot.is_touched) = (true, false);
        Ok(std::mem::replace(&mut slot.value, value))
    }
}

#[expect(
    clippy::unreachable,
    reason = "a loan ends only in what consumes it, and nothing reaches it after that"
)]
impl<'a, V> Loan<'a, V> {
    pub(crate) fn get(&self) -> &V {
        match &self.open {
            Some((_, slot)) => &slot.value,
            None => unreachable!("the loan has ended"),
        }
    }

    pub(crate) fn get_mut(&mut self) -> &mut V {
        let (_, slot) = self.open();
        slot.is_touched = true;
        &mut slot.value
    }

    fn open(&mut self) -> &mut (Scope<'a>, Slot<V>) {
        match &mut self.open {
            Some(open) => open,
            None => unreachable!("the loan has ended"),
        }
    }

    fn end(mut self) -> (Scope<'a>, Slot<V>) {
        match self.open.take() {
            Some(open) => open,
            None => unreachable!("the loan has ended"),
        }
    }

    /// Writes the value back, if it has changed, and commits.
    pub(crate) fn commit(self) -> Result<V> {
        let (scope, slot) = self.end();
        scope.run(|transaction| slot.write(transaction))?;
        Ok(slot.value)
    }

    /// Removes the entry and commits.
    pub(crate) fn remove(self) -> Result<V> {
        let (scope, slot) = self.end();
        scope.run(|transaction| transaction.delete(slot.key.as_bytes()))?;
        Ok(slot.value)
    }
}

impl<V> Drop for Loan<'_, V> {
    fn drop(&mut self) {
        if let Some((scope, slot)) = self.open.take() {
            scope.commit_in_drop(|transaction| slot.write(transaction));
        }
    }
}

/// A value that can be changed in place: what `&mut V` is to a map in memory.
///
/// It is made by [`Vault::get_mut`](crate::Vault::get_mut), by
/// [`or_insert`](crate::TryEntry::or_insert) and its kind, and by
/// [`OccupiedEntry::into_mut`](crate::OccupiedEntry::into_mut). It derefs to `V`.
///
/// # Locking
///
/// It holds the write lock until it is dropped: nobody else, in any process, changes
/// the value meanwhile. Keep it short. Another write from this thread is
/// [`Error::Reentrant`](crate::Error::Reentrant); reading is fine, and sees the last committed state.
///
/// A guard that is leaked, as by [`std::mem::forget`], holds the write lock for the life of the process:
/// every other write to the file is [`Error::Busy`](crate::Error::Busy) until the process has ended, and
/// its own change is never made. The same holds for an entry, a transaction, a drain and an
/// `extract_if`.
///
/// # What drop does
///
/// Writes the value back, if it was changed, and commits. If that fails, nothing was written, and
/// the error is returned by the vault's next write, `flush` or `close`, as
/// [`Error::Deferred`](crate::Error::Deferred), or within a
/// [`Transaction`](crate::Transaction) by its commit. [`RefMut::commit`] does the same and
/// returns the error at once. While unwinding from a panic nothing is written.
///
/// # Cost
///
/// A value that was not lent as `&mut`, or encodes to the same bytes, is not written.
///
/// # Examples
///
/// ```
/// use vaults::{RefMut, Vault};
///
/// # fn main() -> vaults::Result<()> {
/// let vault: Vault<String, Vec<u32>> = Vault::open_in_memory()?;
/// vault.entry("a".into()).or_default()?.push(1);
///
/// if let Some(mut list) = vault.get_mut("a")? {
///     list.push(2);
///     RefMut::commit(list)?;
/// }
/// assert_eq!(vault.get("a")?, Some(vec![1, 2]));
/// # Ok(())
/// # }
/// ```
pub struct RefMut<'a, K, V> {
    loan: Loan<'a, V>,
    key: PhantomData<fn() -> K>,
}

impl<'a, K, V> RefMut<'a, K, V> {
    pub(crate) const fn new(loan: Loan<'a, V>) -> Self {
        Self {
            loan,
            key: PhantomData,
        }
    }

    /// Writes the value back, if it was changed, and commits: what drop does, with the error
    /// returned.
    ///
    /// An associated function, called `RefMut::commit(value)`, so that it does not hide a
    /// method of `V`.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`](crate::Error::Encode) if the value cannot be stored faithfully, and if the
    /// file cannot be written. Nothing was changed then.
    pub fn commit(this: Self) -> Result<()> {
        this.loan.commit().map(drop)
    }

    /// As [`commit`](Self::commit), and gives the value.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub fn into_value(this: Self) -> Result<V> {
        this.loan.commit()
    }
}

impl<K, V> Deref for RefMut<'_, K, V> {
    type Target = V;

    fn deref(&self) -> &V {
        self.loan.get()
    }
}

impl<K, V> DerefMut for RefMut<'_, K, V> {
    fn deref_mut(&mut self) -> &mut V {
        self.loan.get_mut()
    }
}

impl<K, V: fmt::Debug> fmt::Debug for RefMut<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<K, V: fmt::Display> fmt::Display for RefMut<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
