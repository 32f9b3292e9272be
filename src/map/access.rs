//! How a handle reaches the engine: one trait to read and one to write.
//!
//! Every public method is a line over these two traits, whichever handle it belongs to.

use crate::backend::Reader;
use crate::encoding::entry_codec::EntryCodec;
use crate::encoding::key_order::{CHECKS_KEY_ORDER, KeyComparison};
use crate::engine::WriteOp;
use crate::entry::scope::{WriteScope, WriteTransaction};
use crate::error::Result;
use crate::map::read_transaction::{Lookup, ReadTransaction};
use crate::map::snapshot::Snapshot;
use crate::map::transaction::Transaction;
use crate::map::vault::Vault;

/// Reads entries as bytes.
pub(crate) trait ReadAccess {
    /// What sees one state of the vault.
    type Source<'s>: Lookup;

    /// Returns how entries are encoded.
    fn entry_codec(&self) -> EntryCodec;

    /// Returns the number of entries.
    fn length(&self) -> Result<u64>;

    /// Returns `true` if there are no entries.
    fn is_vacant(&self) -> Result<bool>;

    /// Passes the stored value for `key` to `f`, without copying it.
    fn point_read<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>>;

    /// Returns `true` if `key` is stored. Does not read the value.
    fn contains(&self, key: &[u8]) -> Result<bool>;

    /// Runs `f`, which sees one state of the vault.
    fn read_snapshot<R>(&self, f: impl FnOnce(&mut Self::Source<'_>) -> Result<R>) -> Result<R>;
}

/// Writes entries as bytes.
///
/// It is implemented for a reference to a handle, because the scope of a write borrows the handle:
/// shared for a vault, exclusively for a transaction.
pub(crate) trait WriteAccess<'a>: Sized {
    /// Returns how entries are encoded.
    fn entry_codec(&self) -> EntryCodec;

    /// Writes one entry. A vault commits it together with the entries of other threads.
    fn apply(self, op: WriteOp) -> Result<()>;

    /// Writes one entry and returns what `decode` makes of the key and the old value.
    fn swap<R>(self, op: WriteOp, decode: impl Fn(&[u8], &[u8]) -> Result<R>) -> Result<Option<R>>;

    /// Begins a write of one statement.
    fn write_one(self) -> Result<WriteScope<'a>>;

    /// Begins a write of several statements, which take effect together or not at all.
    fn write_many(self) -> Result<WriteScope<'a>>;
}

impl<K, V, O> ReadAccess for Vault<K, V, O> {
    type Source<'s> = ReadTransaction;

    #[inline]
    fn entry_codec(&self) -> EntryCodec {
        Self::entry_codec(self)
    }

    #[inline]
    fn length(&self) -> Result<u64> {
        self.backend().len(self.map())
    }

    fn is_vacant(&self) -> Result<bool> {
        self.backend().is_empty(self.map())
    }

    #[inline]
    fn point_read<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.backend().get(self.map(), key, f)
    }

    #[inline]
    fn contains(&self, key: &[u8]) -> Result<bool> {
        self.backend().contains(self.map(), key)
    }

    fn read_snapshot<R>(&self, f: impl FnOnce(&mut Self::Source<'_>) -> Result<R>) -> Result<R> {
        f(&mut self.begin_read()?)
    }
}

impl<'a, K, V, O> WriteAccess<'a> for &'a Vault<K, V, O> {
    #[inline]
    fn entry_codec(&self) -> EntryCodec {
        Vault::entry_codec(self)
    }

    #[inline]
    fn apply(self, op: WriteOp) -> Result<()> {
        self.check_key_order(&op)?;
        self.backend().apply(self.map(), op)
    }

    #[inline]
    fn swap<R>(self, op: WriteOp, decode: impl Fn(&[u8], &[u8]) -> Result<R>) -> Result<Option<R>> {
        self.check_key_order(&op)?;
        self.backend().swap(self.map(), op, decode)
    }

    fn write_one(self) -> Result<WriteScope<'a>> {
        WriteTransaction::begin(self.backend(), self.map(), self.comparison()).map(WriteScope::Own)
    }

    fn write_many(self) -> Result<WriteScope<'a>> {
        self.write_one()
    }
}

impl<K, V, O> Vault<K, V, O> {
    /// Returns how keys compare, if each write checks it.
    pub(crate) fn comparison(&self) -> Option<KeyComparison> {
        self.entry_codec().comparison.filter(|_| CHECKS_KEY_ORDER)
    }

    /// Returns an error if a new key does not compare with its neighbours as its bytes do.
    #[inline]
    fn check_key_order(&self, op: &WriteOp) -> Result<()> {
        match (self.comparison(), op) {
            (Some(comparison), WriteOp::Put { key, .. }) => {
                let mut reader = self.backend().begin_read()?;
                comparison.check_neighbours(&mut reader, self.map(), key)
            }
            _ => Ok(()),
        }
    }
}

/// Sees its own writes. Nobody else can write before it ends, so it is always in one state.
impl<K, V, O> ReadAccess for Transaction<'_, K, V, O> {
    type Source<'s> = WriteTransaction;

    #[inline]
    fn entry_codec(&self) -> EntryCodec {
        Self::entry_codec(self)
    }

    fn length(&self) -> Result<u64> {
        self.scope().borrow_mut().transaction().len()
    }

    fn is_vacant(&self) -> Result<bool> {
        self.scope().borrow_mut().transaction().is_empty()
    }

    fn point_read<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.read_snapshot(|transaction| transaction.get(key, f))
    }

    fn contains(&self, key: &[u8]) -> Result<bool> {
        self.read_snapshot(|transaction| transaction.contains(key))
    }

    fn read_snapshot<R>(&self, f: impl FnOnce(&mut Self::Source<'_>) -> Result<R>) -> Result<R> {
        f(self.scope().borrow_mut().transaction())
    }
}

impl<'a, K, V, O> WriteAccess<'a> for &'a mut Transaction<'_, K, V, O> {
    #[inline]
    fn entry_codec(&self) -> EntryCodec {
        Transaction::entry_codec(self)
    }

    fn apply(self, op: WriteOp) -> Result<()> {
        self.write_transaction().apply(&op)
    }

    fn swap<R>(self, op: WriteOp, decode: impl Fn(&[u8], &[u8]) -> Result<R>) -> Result<Option<R>> {
        self.write_transaction().swap(&op, decode)
    }

    fn write_one(self) -> Result<WriteScope<'a>> {
        WriteScope::statement(self.write_transaction())
    }

    fn write_many(self) -> Result<WriteScope<'a>> {
        WriteScope::savepoint(self.write_transaction())
    }
}

impl<K, V, O> ReadAccess for Snapshot<K, V, O> {
    type Source<'s> = ReadTransaction<&'s mut Reader>;

    #[inline]
    fn entry_codec(&self) -> EntryCodec {
        Self::entry_codec(self)
    }

    fn length(&self) -> Result<u64> {
        Self::length(self)
    }

    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method is one of a reader with a certain lifetime"
    )]
    fn is_vacant(&self) -> Result<bool> {
        self.read_snapshot(|state| state.is_empty())
    }

    fn point_read<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.read_snapshot(|transaction| transaction.get(key, f))
    }

    fn contains(&self, key: &[u8]) -> Result<bool> {
        self.read_snapshot(|transaction| transaction.contains(key))
    }

    fn read_snapshot<R>(&self, f: impl FnOnce(&mut Self::Source<'_>) -> Result<R>) -> Result<R> {
        self.reader().read(f)
    }
}
