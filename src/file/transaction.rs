//! A transaction over several maps of a file.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use crate::entry::scope::{WriteScope, WriteTransaction};
use crate::entry::shared_transaction::{Savepoint, SharedTransaction};
use crate::error::{Error, Result};
use crate::file::VaultFile;
use crate::map::transaction::Transaction;
use crate::map::vault::Vault;
use crate::order::InsertionOrder;

/// A transaction over the maps of a file: reads and writes that take effect together or not at all.
///
/// It is begun by [`VaultFile::transaction`], by [`VaultFile::begin`] and, nested, by [`savepoint`](Self::savepoint). It rolls back
/// when it is dropped. It stays on its thread.
///
/// [`on`](Self::on) reads from and writes to one map. Several maps can be used in turns: while an iterator or an entry of one
/// map lives, the others can be read and written.
///
/// # Locking
///
/// It holds the write lock of the file until it ends. A write by this thread past the transaction, by a handle of the same
/// file, returns [`Error::Reentrant`] at once. A read past it sees the last commit.
///
/// Two values that [`on`](Self::on) has returned for the same map behave as two borrows of a `RefCell`. While an entry, a guard, a
/// `drain` or another value that may write lives, writes, iterators and entries by the other one return
/// [`Error::Reentrant`]. So do writes while an iterator lives. Looking a key up is always possible, and sees what was written
/// so far.
///
/// # Examples
///
/// ```
/// use vaults::{Vault, VaultFile};
///
/// # fn main() -> vaults::Result<()> {
/// let file = VaultFile::open_in_memory()?;
/// let inbox: Vault<u64, String> = file.vault("inbox")?;
/// let archive: Vault<u64, String> = file.vault("archive")?;
/// inbox.insert(1, "Hello".into())?;
///
/// file.transaction(|tx| {
///     for entry in tx.on(&inbox).drain() {
///         let (id, text) = entry?;
///         tx.on(&archive).insert(id, text)?;
///     }
///     Ok(())
/// })?;
/// assert!(inbox.is_empty()?);
/// assert_eq!(archive.len()?, 1);
/// # Ok(())
/// # }
/// ```
#[must_use = "a transaction rolls back when it is dropped"]
pub struct FileTransaction<'a> {
    scope: Scope,
    _around: Around<'a>,
}

/// The file, or the transaction around a savepoint, which must not be used until this is dropped.
struct Around<'a>(PhantomData<&'a mut ()>);

impl Drop for Around<'_> {
    /// Does nothing. Because it exists, the borrow lasts as long as the value.
    fn drop(&mut self) {}
}

/// What ends with the transaction.
enum Scope {
    Own(Rc<SharedTransaction>),
    Savepoint(Savepoint),
}

/// One map in a [`FileTransaction`], with all methods of a [`Transaction`] but those that end it.
///
/// [`FileTransaction::on`] returns it.
///
/// # Examples
///
/// ```
/// use vaults::{Vault, VaultFile};
///
/// # fn main() -> vaults::Result<()> {
/// let file = VaultFile::open_in_memory()?;
/// let counts: Vault<String, u64> = file.vault("counts")?;
/// file.transaction(|tx| {
///     let mut counts = tx.on(&counts);
///     for word in ["a", "b", "a"] {
///         *counts.entry(word.to_owned()).or_insert(0)? += 1;
///     }
///     Ok(())
/// })?;
/// assert_eq!(counts.get("a")?, Some(2));
/// # Ok(())
/// # }
/// ```
pub struct MapTransaction<'t, K, V, O = InsertionOrder> {
    transaction: Transaction<'t, K, V, O>,
}

impl<'t, K, V, O> Deref for MapTransaction<'t, K, V, O> {
    type Target = Transaction<'t, K, V, O>;

    fn deref(&self) -> &Self::Target {
        &self.transaction
    }
}

impl<K, V, O> DerefMut for MapTransaction<'_, K, V, O> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.transaction
    }
}

/// Never shows the entries.
impl<K, V, O> fmt::Debug for MapTransaction<'_, K, V, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapTransaction").finish_non_exhaustive()
    }
}

impl FileTransaction<'_> {
    const fn new(scope: Scope) -> Self {
        Self {
            scope,
            _around: Around(PhantomData),
        }
    }

    const fn shared(&self) -> &Rc<SharedTransaction> {
        match &self.scope {
            Scope::Own(shared) => shared,
            Scope::Savepoint(savepoint) => savepoint.transaction(),
        }
    }

    /// Returns one map in this transaction, with all methods of a [`Transaction`].
    ///
    /// If the vault is not one of this file, each of these methods returns [`Error::OtherFile`].
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Error, SortedVault, Vault, VaultFile};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// let names: Vault<u64, String> = file.vault("names")?;
    /// let ids: SortedVault<String, u64> = file.sorted_vault("ids")?;
    /// let elsewhere: Vault<u64, String> = Vault::open_in_memory()?;
    ///
    /// let tx = file.begin()?;
    /// tx.on(&names).insert(1, "Ada".into())?;
    /// tx.on(&ids).insert("Ada".into(), 1)?;
    /// assert!(matches!(tx.on(&elsewhere).len(), Err(Error::OtherFile { .. })));
    /// tx.commit()?;
    /// assert_eq!(ids.get("Ada")?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on<K, V, O>(&self, vault: &Vault<K, V, O>) -> MapTransaction<'_, K, V, O> {
        let shared = Rc::clone(self.shared());
        let view = if shared.backend().is_same_as(vault.backend()) {
            WriteTransaction::of(shared, vault.map(), vault.comparison())
        } else {
            WriteTransaction::of_other_file(shared, vault.map(), vault.location())
        };
        MapTransaction {
            transaction: Transaction::new(WriteScope::Own(view), vault.entry_codec()),
        }
    }

    /// Begins a savepoint: a nested transaction that can be rolled back by itself.
    ///
    /// Savepoints nest. While one lives, the transaction around it cannot be used:
    ///
    /// ```compile_fail,E0502
    /// # use vaults::{Vault, VaultFile};
    /// # fn main() -> vaults::Result<()> {
    /// # let file = VaultFile::open_in_memory()?;
    /// # let vault: Vault<String, u32> = file.vault("counts")?;
    /// let mut tx = file.begin()?;
    /// let part = tx.savepoint()?;
    /// tx.on(&vault).insert("around".into(), 1)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Sqlite`] if there is no memory for it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Vault, VaultFile};
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// let vault: Vault<String, u32> = file.vault("counts")?;
    /// let mut tx = file.begin()?;
    /// tx.on(&vault).insert("kept".into(), 1)?;
    /// let part = tx.savepoint()?;
    /// part.on(&vault).insert("undone".into(), 2)?;
    /// part.rollback()?;
    /// tx.commit()?;
    /// assert_eq!(vault.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn savepoint(&mut self) -> Result<FileTransaction<'_>> {
        let savepoint = Savepoint::begin(self.shared())?;
        Ok(FileTransaction::new(Scope::Savepoint(savepoint)))
    }

    /// Runs `f` in a [savepoint](Self::savepoint): keeps its changes as part of this transaction if it returns `Ok`, and
    /// undoes only them if it returns `Err` or panics.
    ///
    /// # Errors
    ///
    /// - Returns the error of `f`.
    /// - Returns the errors of [`savepoint`](Self::savepoint) and of [`commit`](Self::commit).
    ///
    /// On an error, this transaction is as it was before the call, and can go on.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Vault, VaultFile};
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// let vault: Vault<String, u32> = file.vault("counts")?;
    /// file.transaction(|tx| {
    ///     tx.transaction(|part| part.on(&vault).put("a", &1))?;
    ///     Ok(())
    /// })?;
    /// assert_eq!(vault.get("a")?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn transaction<R, F>(&mut self, f: F) -> Result<R>
    where
        F: FnOnce(&mut FileTransaction<'_>) -> Result<R>,
    {
        self.try_transaction(f)
    }

    /// Does what [`transaction`](Self::transaction) does, for an `f` with an error type of the caller.
    ///
    /// # Errors
    ///
    /// Returns those of [`transaction`](Self::transaction), converted into `E`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Vault, VaultFile};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let file = VaultFile::open_in_memory()?;
    /// let vault: Vault<String, u32> = file.vault("counts")?;
    /// file.try_transaction(|tx| {
    ///     let part: Result<(), Box<dyn std::error::Error>> = tx.try_transaction(|part| {
    ///         part.on(&vault).put("a", &"no number".parse()?)?;
    ///         Ok(())
    ///     });
    ///     assert!(part.is_err());
    ///     Ok::<_, Box<dyn std::error::Error>>(())
    /// })?;
    /// assert!(vault.is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_transaction<R, E, F>(&mut self, f: F) -> Result<R, E>
    where
        F: FnOnce(&mut FileTransaction<'_>) -> Result<R, E>,
        E: From<Error>,
    {
        self.savepoint()?.run(f)
    }

    /// Commits the changes. Those of a savepoint become part of the transaction around it.
    ///
    /// # Errors
    ///
    /// On an error, the changes are rolled back.
    ///
    /// - Returns the error of a write that failed when its entry, guard or iterator was dropped.
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Full`] or [`Error::Io`] if the changes cannot be written.
    /// - Returns [`Error::Moved`] if the file, its log or its index no longer has its name.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Vault, VaultFile};
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// let vault: Vault<String, u32> = file.vault("counts")?;
    /// let tx = file.begin()?;
    /// tx.on(&vault).insert("a".into(), 1)?;
    /// tx.commit()?;
    /// assert_eq!(vault.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn commit(self) -> Result<()> {
        match self.scope {
            Scope::Own(shared) => shared.commit(),
            Scope::Savepoint(mut savepoint) => savepoint.release(),
        }
    }

    /// Undoes the changes, as dropping it does, and returns the error if that fails.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Io`] if SQLite cannot undo the changes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Vault, VaultFile};
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// let vault: Vault<String, u32> = file.vault("counts")?;
    /// let tx = file.begin()?;
    /// tx.on(&vault).insert("a".into(), 1)?;
    /// tx.rollback()?;
    /// assert!(vault.is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rollback(self) -> Result<()> {
        match self.scope {
            Scope::Own(shared) => shared.rollback(),
            Scope::Savepoint(mut savepoint) => savepoint.rollback(),
        }
    }

    /// Commits if `f` returns `Ok`. An error or a panic drops the transaction, which rolls it back.
    fn run<R, E: From<Error>>(mut self, f: impl FnOnce(&mut Self) -> Result<R, E>) -> Result<R, E> {
        let result = f(&mut self)?;
        self.commit()?;
        Ok(result)
    }
}

/// Never shows the entries.
impl fmt::Debug for FileTransaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileTransaction").finish_non_exhaustive()
    }
}

impl VaultFile {
    /// Begins a transaction over the maps of the file.
    ///
    /// [`FileTransaction::commit`] commits it. Dropping it rolls it back.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::Deferred`] if an earlier write failed in a destructor.
    /// - Returns [`Error::ReadOnly`] if the file was opened read-only.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Vault, VaultFile};
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// let one: Vault<String, u32> = file.vault("one")?;
    /// let other: Vault<String, u32> = file.vault("other")?;
    /// let tx = file.begin()?;
    /// tx.on(&one).insert("a".into(), 1)?;
    /// tx.on(&other).insert("a".into(), 2)?;
    /// tx.commit()?;
    /// assert_eq!(other.get("a")?, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn begin(&self) -> Result<FileTransaction<'_>> {
        let shared = SharedTransaction::begin(self.backend())?;
        Ok(FileTransaction::new(Scope::Own(shared)))
    }

    /// Runs `f` in a transaction: commits if it returns `Ok`, and rolls back if it returns `Err` or panics.
    ///
    /// Use [`try_transaction`](Self::try_transaction) for an `f` with an error type of the caller.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns the error of `f`.
    /// - Returns the errors of [`begin`](Self::begin) and of [`FileTransaction::commit`].
    ///
    /// On an error, nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Vault, VaultFile};
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// let left: Vault<String, u64> = file.vault("left")?;
    /// let right: Vault<String, u64> = file.vault("right")?;
    /// left.insert("units".into(), 10)?;
    /// file.transaction(|tx| {
    ///     *tx.on(&left).entry("units".into()).or_insert(0)? -= 3;
    ///     *tx.on(&right).entry("units".into()).or_insert(0)? += 3;
    ///     Ok(())
    /// })?;
    /// assert_eq!((left.get("units")?, right.get("units")?), (Some(7), Some(3)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn transaction<R, F>(&self, f: F) -> Result<R>
    where
        F: FnOnce(&mut FileTransaction<'_>) -> Result<R>,
    {
        self.try_transaction(f)
    }

    /// Does what [`transaction`](Self::transaction) does, for an `f` with an error type of the caller.
    ///
    /// The type of the error must be known: name it in the closure's last `Ok`, or in what receives the result.
    ///
    /// # Errors
    ///
    /// Returns those of [`transaction`](Self::transaction), converted into `E`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Vault, VaultFile};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let file = VaultFile::open_in_memory()?;
    /// let ages: Vault<String, u32> = file.vault("ages")?;
    /// file.try_transaction(|tx| {
    ///     tx.on(&ages).put("Ada", &"36".parse()?)?;
    ///     Ok::<_, Box<dyn std::error::Error>>(())
    /// })?;
    /// assert_eq!(ages.get("Ada")?, Some(36));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_transaction<R, E, F>(&self, f: F) -> Result<R, E>
    where
        F: FnOnce(&mut FileTransaction<'_>) -> Result<R, E>,
        E: From<Error>,
    {
        self.begin()?.run(f)
    }
}
