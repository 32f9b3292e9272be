//! A transaction: several calls that are one change.

pub(crate) mod point;

pub(crate) mod entry;

pub(crate) mod iter;

pub(crate) mod remove;

pub(crate) mod ends;

pub(crate) mod bulk;

pub(crate) mod retain;

pub(crate) mod rewrite;

pub(crate) mod savepoint;

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;

use crate::encoding::entry_codec::EntryCodec;
use crate::entry::scope::{WriteScope, WriteTransaction};
use crate::error::{Error, Result};
use crate::order::InsertionOrder;

/// A transaction: several reads and writes that take effect together or not at all.
///
/// It is begun by [`Vault::transaction`](crate::Vault::transaction), by [`Vault::begin`](crate::Vault::begin) and, nested, by
/// [`savepoint`](Self::savepoint).
///
/// It has the vault's methods for reading and writing, entries and guards included. It sees its own
/// writes; other handles see them after the commit. Methods that write take `&mut self`, as
/// `HashMap`'s do, so that the compiler rejects a write while an iterator over it lives.
///
/// # Locking
///
/// It holds the write lock until it is committed or dropped, and stays on its thread. Another write
/// from this thread, through a handle of the vault, returns [`Error::Reentrant`]; a read there sees
/// the last committed state. A leaked transaction holds the write lock for the life of the process.
///
/// # Atomicity
///
/// [`commit`](Self::commit) makes all changes visible at once and, at
/// [`Durability::Full`](crate::Durability::Full), durable. A call that changes many entries
/// (`retain`, `try_extend`, `drain`, …) takes effect as a whole or not at all within it, too.
///
/// # Drop
///
/// Rolls back, so an early return and a panic leave the vault as it was.
///
/// # Examples
///
/// ```
/// # use vaults::Vault;
/// # fn main() -> vaults::Result<()> {
/// let vault: Vault<String, i64> = Vault::open_in_memory()?;
/// vault.insert("Ada".into(), 100)?;
/// let mut tx = vault.begin()?;
/// *tx.entry("Ada".into()).or_insert(0)? -= 30;
/// *tx.entry("Bob".into()).or_insert(0)? += 30;
/// tx.commit()?;
/// assert_eq!(vault.get_many(["Ada", "Bob"])?, [Some(70), Some(30)]);
/// # Ok(())
/// # }
/// ```
#[must_use = "a transaction rolls back when it is dropped"]
pub struct Transaction<'a, K, V, O = InsertionOrder> {
    scope: RefCell<WriteScope<'a>>,
    entry_codec: EntryCodec,
    marker: PhantomData<fn() -> (K, V)>,
    order: PhantomData<fn() -> O>,
}

impl<'a, K, V, O> Transaction<'a, K, V, O> {
    pub(crate) const fn new(scope: WriteScope<'a>, entry_codec: EntryCodec) -> Self {
        Self {
            scope: RefCell::new(scope),
            entry_codec,
            marker: PhantomData,
            order: PhantomData,
        }
    }

    pub(crate) const fn entry_codec(&self) -> EntryCodec {
        self.entry_codec
    }

    pub(crate) const fn scope(&self) -> &RefCell<WriteScope<'a>> {
        &self.scope
    }

    pub(crate) fn write_transaction(&mut self) -> &mut WriteTransaction {
        self.scope.get_mut().transaction()
    }

    /// Commits if `f` returns `Ok`. An error or a panic drops the transaction, which rolls it back.
    pub(crate) fn run<R, E: From<Error>>(
        mut self,
        f: impl FnOnce(&mut Self) -> Result<R, E>,
    ) -> Result<R, E> {
        let result = f(&mut self)?;
        self.commit()?;
        Ok(result)
    }

    /// Commits the changes. Those of a savepoint become part of the transaction around it.
    ///
    /// At [`Durability::Full`](crate::Durability::Full), this costs one sync.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Full`] or [`Error::Io`] if the file cannot be written.
    /// - Returns the error of an entry or a guard that could not write its value when it was dropped.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    ///
    /// On an error, everything is rolled back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let mut tx = vault.begin()?;
    /// tx.insert("a".into(), 1)?;
    /// tx.commit()?;
    /// assert_eq!(vault.get("a")?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn commit(self) -> Result<()> {
        self.scope.into_inner().commit()
    }

    /// Rolls the changes back, as drop does.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Io`] if the engine cannot roll back now. The changes were never committed, so
    ///   they are rolled back when the file is opened next.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let mut tx = vault.begin()?;
    /// tx.insert("a".into(), 1)?;
    /// tx.rollback()?;
    /// assert!(vault.is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rollback(self) -> Result<()> {
        self.scope.into_inner().rollback()
    }
}

/// Never shows the entries.
impl<K, V, O> fmt::Debug for Transaction<'_, K, V, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}
