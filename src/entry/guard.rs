//! A guard of one value: changed in memory, written when the guard is dropped.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding::encoded_key::EncodedKey;
use crate::encoding::entry_codec::EntryCodec;
use crate::engine::Position;
use crate::entry::scope::{WriteScope, WriteTransaction};
use crate::error::Result;

/// A value that is written back when the guard is dropped, if it was changed.
pub(crate) struct ValueGuard<'a, V> {
    /// `None` once the guard has ended.
    open: Option<(WriteScope<'a>, LoadedValue<V>)>,
}

/// [`EntryCodec::encode_if_bytes_changed`] for one type.
type EncodeChange<V> = fn(EntryCodec, &[u8], &V, &[u8]) -> Result<Option<Vec<u8>>>;

/// A value, and the bytes that are stored for it.
struct LoadedValue<V> {
    key: EncodedKey,
    /// Where it is stored, if the key is there.
    position: Option<Position>,
    value: V,
    /// The stored bytes or, while `is_pending`, the bytes to store.
    bytes: Vec<u8>,
    is_pending: bool,
    /// `true` once the value was borrowed as `&mut`.
    is_touched: bool,
    entry_codec: EntryCodec,
    /// A function pointer, because `Drop` cannot have the bounds that encoding needs.
    encode_change: EncodeChange<V>,
}

impl<V> LoadedValue<V> {
    /// Writes the value, unless it is stored already.
    fn write(&self, transaction: &mut WriteTransaction) -> Result<()> {
        let changed = if self.is_touched {
            (self.encode_change)(
                self.entry_codec,
                self.key.as_bytes(),
                &self.value,
                &self.bytes,
            )?
        } else {
            None
        };
        match changed {
            Some(bytes) => transaction.put_at(self.position, self.key.as_bytes(), &bytes),
            None if self.is_pending => {
                transaction.put_at(self.position, self.key.as_bytes(), &self.bytes)
            }
            None => Ok(()),
        }
    }
}

/// The value of an entry, as it was found.
pub(crate) struct FoundValue<V> {
    pub(crate) position: Position,
    pub(crate) value: V,
    pub(crate) bytes: Vec<u8>,
}

impl<V: DeserializeOwned> FoundValue<V> {
    /// Returns the value for `key`, if there is one.
    pub(crate) fn find(
        scope: &mut WriteScope<'_>,
        key: &EncodedKey,
        entry_codec: EntryCodec,
    ) -> Result<Option<Self>> {
        let key = key.as_bytes();
        scope
            .transaction()
            .find(key, |position, bytes| {
                Ok(Self {
                    position,
                    value: entry_codec.decode(key, bytes)?,
                    bytes: bytes.to_vec(),
                })
            })?
            .transpose()
    }
}

impl<'a, V: Serialize + DeserializeOwned> ValueGuard<'a, V> {
    /// A value that was found within `scope`.
    pub(crate) fn of_found(
        scope: WriteScope<'a>,
        key: EncodedKey,
        found: FoundValue<V>,
        entry_codec: EntryCodec,
    ) -> Self {
        let position = Some(found.position);
        Self::new(scope, key, position, found.value, found.bytes, entry_codec)
    }

    /// A value for an absent key. It is encoded now, so that a value that cannot be stored is an error
    /// now. It is written when the guard ends.
    pub(crate) fn of_new(
        scope: WriteScope<'a>,
        key: EncodedKey,
        value: V,
        entry_codec: EntryCodec,
    ) -> Result<Self> {
        let bytes = entry_codec.encode(key.as_bytes(), &value)?;
        Ok(Self::new(scope, key, None, value, bytes, entry_codec))
    }

    fn new(
        scope: WriteScope<'a>,
        key: EncodedKey,
        position: Option<Position>,
        value: V,
        bytes: Vec<u8>,
        entry_codec: EntryCodec,
    ) -> Self {
        let loaded = LoadedValue {
            key,
            position,
            value,
            bytes,
            is_pending: position.is_none(),
            is_touched: false,
            entry_codec,
            encode_change: EntryCodec::encode_if_bytes_changed::<V>,
        };
        Self {
            open: Some((scope, loaded)),
        }
    }

    /// Replaces the value. It is encoded now and written when the guard ends: a guard is one write at
    /// most, so that it takes effect as a whole or not at all within a transaction too.
    pub(crate) fn replace(&mut self, value: V) -> Result<V> {
        let (_, loaded) = self.open();
        loaded.bytes = loaded.entry_codec.encode(loaded.key.as_bytes(), &value)?;
        (loaded.is_pending, loaded.is_touched) = (true, false);
        Ok(std::mem::replace(&mut loaded.value, value))
    }
}

#[expect(
    clippy::unreachable,
    reason = "a guard ends only in a method that consumes it, so nothing reaches it afterwards"
)]
impl<'a, V> ValueGuard<'a, V> {
    pub(crate) fn get(&self) -> &V {
        match &self.open {
            Some((_, loaded)) => &loaded.value,
            None => unreachable!("the guard has ended"),
        }
    }

    pub(crate) fn get_mut(&mut self) -> &mut V {
        let (_, loaded) = self.open();
        loaded.is_touched = true;
        &mut loaded.value
    }

    fn open(&mut self) -> &mut (WriteScope<'a>, LoadedValue<V>) {
        match &mut self.open {
            Some(open) => open,
            None => unreachable!("the guard has ended"),
        }
    }

    fn end(mut self) -> (WriteScope<'a>, LoadedValue<V>) {
        match self.open.take() {
            Some(open) => open,
            None => unreachable!("the guard has ended"),
        }
    }

    /// Writes the value, if it has changed, and commits.
    pub(crate) fn commit(self) -> Result<V> {
        let (scope, loaded) = self.end();
        scope.run(|transaction| loaded.write(transaction))?;
        Ok(loaded.value)
    }

    /// Removes the entry and commits.
    pub(crate) fn remove(self) -> Result<V> {
        let (scope, loaded) = self.end();
        scope.run(|transaction| transaction.delete(loaded.key.as_bytes()))?;
        Ok(loaded.value)
    }
}

impl<V> Drop for ValueGuard<'_, V> {
    fn drop(&mut self) {
        if let Some((scope, loaded)) = self.open.take() {
            scope.commit_in_drop(|transaction| loaded.write(transaction));
        }
    }
}

/// A guard of one value, which can be changed in place. It holds the write lock until it is dropped.
///
/// It is returned by [`Vault::get_mut`](crate::Vault::get_mut), by
/// [`or_insert`](crate::TryEntry::or_insert) and the similar methods, and by
/// [`OccupiedEntry::into_mut`](crate::OccupiedEntry::into_mut). It derefs to `V`.
///
/// # Locking
///
/// No other thread or process can write while it lives, so keep it short. Another write from this
/// thread returns [`Error::Reentrant`](crate::Error::Reentrant). Reads see the last committed state.
///
/// A guard that is leaked, as by [`std::mem::forget`], holds the write lock for the life of the process:
/// every other write to the file returns [`Error::Busy`](crate::Error::Busy) until the process ends, and
/// the change is never written. The same holds for an entry, a transaction, a drain and an
/// `extract_if`.
///
/// # Drop
///
/// Writes the value, if it was changed, and commits. If that fails, nothing is written. The error is
/// returned as [`Error::Deferred`](crate::Error::Deferred) by the vault's next write, `flush` or `close`,
/// or by the commit of the [`Transaction`](crate::Transaction) that the guard is part of.
/// [`RefMut::commit`] returns the error at once. While unwinding from a panic, nothing is written.
///
/// # Cost
///
/// A value that was not borrowed as `&mut`, or encodes to the same bytes, is not written.
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
    guard: ValueGuard<'a, V>,
    key: PhantomData<fn() -> K>,
}

impl<'a, K, V: Serialize + DeserializeOwned> RefMut<'a, K, V> {
    pub(crate) fn of_found(
        scope: WriteScope<'a>,
        key: EncodedKey,
        found: FoundValue<V>,
        entry_codec: EntryCodec,
    ) -> Self {
        Self::new(ValueGuard::of_found(scope, key, found, entry_codec))
    }
}

impl<'a, K, V> RefMut<'a, K, V> {
    pub(crate) const fn new(guard: ValueGuard<'a, V>) -> Self {
        Self {
            guard,
            key: PhantomData,
        }
    }

    /// Writes the value if it was changed and commits, as drop does, and returns any error.
    ///
    /// This is an associated function, called as `RefMut::commit(value)`, so that it does not hide a method
    /// of `V`.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Encode`](crate::Error::Encode) if the value cannot be stored faithfully. Nothing
    ///   has changed.
    /// - Returns [`Error::Full`](crate::Error::Full) or [`Error::Io`](crate::Error::Io) if the file cannot
    ///   be written. Nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{RefMut, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let mut value = vault.entry("a".into()).or_insert(1)?;
    /// *value += 1;
    /// RefMut::commit(value)?;
    /// assert_eq!(vault.get("a")?, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn commit(this: Self) -> Result<()> {
        this.guard.commit().map(drop)
    }

    /// Writes the value if it was changed, commits, and returns the value.
    ///
    /// This is an associated function, called as `RefMut::into_value(value)`.
    ///
    /// # Errors
    ///
    /// - Returns the errors of [`commit`](Self::commit).
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{RefMut, Vault};
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let mut value = vault.entry("a".into()).or_insert(1)?;
    /// *value += 1;
    /// assert_eq!(RefMut::into_value(value)?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_value(this: Self) -> Result<V> {
        this.guard.commit()
    }
}

impl<K, V> Deref for RefMut<'_, K, V> {
    type Target = V;

    fn deref(&self) -> &V {
        self.guard.get()
    }
}

impl<K, V> DerefMut for RefMut<'_, K, V> {
    fn deref_mut(&mut self) -> &mut V {
        self.guard.get_mut()
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
