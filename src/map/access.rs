//! How a handle reaches the engine: one trait to read and one to write.
//!
//! Every public method is a line over these two traits, whichever handle it belongs to.

use crate::encoding::entry_codec::EntryCodec;
use crate::error::Result;
use crate::map::snapshot::Snapshot;
use crate::map::transaction::Transaction;
use crate::map::vault::Vault;
use crate::sqlite::{Change, Lookup, ReadTransaction, Savepoint, Scope, Session};

/// Reads entries as bytes.
pub(crate) trait ReadAccess {
    /// Returns how entries are encoded.
    fn format(&self) -> EntryCodec;

    /// Returns the number of entries.
    fn length(&self) -> Result<u64>;

    /// Returns `true` if there are no entries.
    fn is_vacant(&self) -> Result<bool>;

    /// Passes the stored value for `key` to `f`, without copying it.
    fn point_read<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>>;

    /// Returns `true` if `key` is stored. Does not read the value.
    fn contains(&self, key: &[u8]) -> Result<bool>;

    /// Runs `f`, which sees one state of the vault.
    fn read_snapshot<R>(&self, f: impl FnOnce(&mut Session) -> Result<R>) -> Result<R>;
}

/// Writes entries as bytes.
///
/// It is implemented for a reference to a handle, because the scope of a write borrows the handle:
/// shared for a vault, exclusively for a transaction.
pub(crate) trait WriteAccess<'a>: Sized {
    /// Returns how entries are encoded.
    fn format(&self) -> EntryCodec;

    /// Writes one entry. A vault commits it together with the entries of other threads.
    fn apply(self, change: Change) -> Result<()>;

    /// Writes one entry and returns what `decode` makes of the key and the old value.
    fn swap<R>(
        self,
        change: Change,
        decode: impl Fn(&[u8], &[u8]) -> Result<R>,
    ) -> Result<Option<R>>;

    /// Begins a write of one statement.
    fn write_one(self) -> Result<Scope<'a>>;

    /// Begins a write of several statements, which take effect together or not at all.
    fn write_many(self) -> Result<Scope<'a>>;
}

impl<K, V> ReadAccess for Vault<K, V> {
    #[inline]
    fn format(&self) -> EntryCodec {
        Self::format(self)
    }

    #[inline]
    fn length(&self) -> Result<u64> {
        self.store().len()
    }

    fn is_vacant(&self) -> Result<bool> {
        self.store().read(Session::is_empty)
    }

    #[inline]
    fn point_read<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        (&mut &**self.store()).get(key, f)
    }

    #[inline]
    fn contains(&self, key: &[u8]) -> Result<bool> {
        (&mut &**self.store()).contains(key)
    }

    fn read_snapshot<R>(&self, f: impl FnOnce(&mut Session) -> Result<R>) -> Result<R> {
        f(ReadTransaction::begin(self.store())?.session()?)
    }
}

impl<'a, K, V> WriteAccess<'a> for &'a Vault<K, V> {
    #[inline]
    fn format(&self) -> EntryCodec {
        Vault::format(self)
    }

    #[inline]
    fn apply(self, change: Change) -> Result<()> {
        self.store().apply(change)
    }

    #[inline]
    fn swap<R>(
        self,
        change: Change,
        decode: impl Fn(&[u8], &[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        self.store().swap(change, decode)
    }

    fn write_one(self) -> Result<Scope<'a>> {
        self.store().begin_write().map(Scope::Own)
    }

    fn write_many(self) -> Result<Scope<'a>> {
        self.write_one()
    }
}

/// Sees its own writes. Nobody else can write before it ends, so it is always in one state.
impl<K, V> ReadAccess for Transaction<'_, K, V> {
    #[inline]
    fn format(&self) -> EntryCodec {
        Self::format(self)
    }

    fn length(&self) -> Result<u64> {
        self.scope().borrow_mut().transaction().len()
    }

    fn is_vacant(&self) -> Result<bool> {
        self.read_snapshot(Session::is_empty)
    }

    fn point_read<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.read_snapshot(|session| session.get(key, f))
    }

    fn contains(&self, key: &[u8]) -> Result<bool> {
        self.read_snapshot(|session| session.contains(key))
    }

    fn read_snapshot<R>(&self, f: impl FnOnce(&mut Session) -> Result<R>) -> Result<R> {
        f(self.scope().borrow_mut().transaction().session()?)
    }
}

impl<'a, K, V> WriteAccess<'a> for &'a mut Transaction<'_, K, V> {
    #[inline]
    fn format(&self) -> EntryCodec {
        Transaction::format(self)
    }

    fn apply(self, change: Change) -> Result<()> {
        self.write_transaction().apply(&change)
    }

    fn swap<R>(
        self,
        change: Change,
        decode: impl Fn(&[u8], &[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        self.write_transaction().swap(&change, decode)
    }

    fn write_one(self) -> Result<Scope<'a>> {
        Ok(Scope::Statement(self.write_transaction()))
    }

    fn write_many(self) -> Result<Scope<'a>> {
        Savepoint::begin(self.write_transaction()).map(Scope::Savepoint)
    }
}

impl<K, V> ReadAccess for Snapshot<K, V> {
    #[inline]
    fn format(&self) -> EntryCodec {
        Self::format(self)
    }

    fn length(&self) -> Result<u64> {
        Self::length(self)
    }

    fn is_vacant(&self) -> Result<bool> {
        self.read_snapshot(Session::is_empty)
    }

    fn point_read<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.read_snapshot(|session| session.get(key, f))
    }

    fn contains(&self, key: &[u8]) -> Result<bool> {
        self.read_snapshot(|session| session.contains(key))
    }

    fn read_snapshot<R>(&self, f: impl FnOnce(&mut Session) -> Result<R>) -> Result<R> {
        self.read(f)
    }
}
