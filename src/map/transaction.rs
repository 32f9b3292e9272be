//! Several calls that are one change.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;

use crate::encoding::entry_codec::EntryCodec;
use crate::error::{Error, Result};
use crate::map::access::WriteAccess;
use crate::map::vault::Vault;
use crate::sqlite::{Scope, WriteTransaction};

/// Several reads and writes that are one change, for every thread and process and for the file
/// after a crash. Made by [`Vault::transaction`], [`Vault::begin`] and, nested,
/// [`savepoint`](Self::savepoint).
///
/// It has the vault's methods for reading and writing, entries and guards included, and sees its
/// own writes; nobody else does before it is committed. Methods that write take `&mut self`, as
/// `HashMap`'s do, so that the compiler keeps them apart from iterators over it.
///
/// # Locking
///
/// It holds the write lock until it is committed or dropped, and stays on its thread. A write
/// to the vault past it, through a handle or a clone, is [`Error::Reentrant`]; a read there
/// sees the last committed state. One that is leaked holds the write lock for the life of the process.
///
/// # Atomicity
///
/// [`commit`](Self::commit) makes all of it visible and, at
/// [`Durability::Full`](crate::Durability::Full), durable, at once. Calls that change many
/// entries (`retain`, `try_extend`, `drain`, …) are whole or not at all within it, too.
///
/// # What drop does
///
/// Rolls back: an early return and a panic leave the vault as it was.
pub struct Transaction<'a, K, V> {
    scope: RefCell<Scope<'a>>,
    format: EntryCodec,
    marker: PhantomData<fn() -> (K, V)>,
}

impl<'a, K, V> Transaction<'a, K, V> {
    const fn new(scope: Scope<'a>, format: EntryCodec) -> Self {
        Self {
            scope: RefCell::new(scope),
            format,
            marker: PhantomData,
        }
    }

    pub(crate) const fn format(&self) -> EntryCodec {
        self.format
    }

    pub(crate) const fn scope(&self) -> &RefCell<Scope<'a>> {
        &self.scope
    }

    pub(crate) fn write_transaction(&mut self) -> &mut WriteTransaction {
        self.scope.get_mut().transaction()
    }

    /// Begins a part that can be rolled back by itself: a transaction in the transaction, with
    /// the same rules. They nest.
    ///
    /// # Errors
    ///
    /// If SQLite has no memory for it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let mut tx = vault.begin()?;
    /// tx.insert("kept".into(), 1)?;
    /// let mut part = tx.savepoint()?;
    /// part.insert("given up".into(), 2)?;
    /// part.rollback()?;
    /// tx.commit()?;
    /// assert_eq!(vault.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn savepoint(&mut self) -> Result<Transaction<'_, K, V>> {
        let format = self.format;
        Ok(Transaction::new(self.write_many()?, format))
    }

    /// Runs `f` in a [savepoint](Self::savepoint): keeps its changes as part of this transaction when
    /// it returns `Ok`, undoes them, and nothing else, when it returns `Err` or panics.
    ///
    /// # Errors
    ///
    /// Returns the error of `f`, and those of [`savepoint`](Self::savepoint) and of
    /// [`commit`](Self::commit). This transaction is as it was before the call then, and goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Error, Vault};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.transaction(|tx| {
    ///     tx.put("before", &1)?;
    ///     let part = tx.transaction(|part| {
    ///         part.put("within", &2)?;
    ///         Err::<(), _>(Error::InvalidOptions { reason: "an example" })
    ///     });
    ///     assert!(part.is_err());
    ///     Ok(())
    /// })?;
    /// assert_eq!(vault.get_many(["before", "within"])?, [Some(1), None]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn transaction<R, F>(&mut self, f: F) -> Result<R>
    where
        F: FnOnce(&mut Transaction<'_, K, V>) -> Result<R>,
    {
        self.try_transaction(f)
    }

    /// Runs `f` in a savepoint, like [`transaction`](Self::transaction); `f` fails with any error
    /// that a vault's [`Error`] converts into.
    ///
    /// # Errors
    ///
    /// Returns the error of `f`, and those of [`savepoint`](Self::savepoint) and of
    /// [`commit`](Self::commit). This transaction is as it was before the call then, and goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ports: Vault<String, u16> = Vault::open_in_memory()?;
    /// let mut tx = ports.begin()?;
    /// let mut refused = Vec::new();
    /// for line in ["http 80", "https 443 8443", "ssh x"] {
    ///     // A line is stored as a whole or not at all.
    ///     let stored = tx.try_transaction(|part| {
    ///         let mut words = line.split(' ');
    ///         let name = words.next().ok_or("an empty line")?;
    ///         for (n, port) in words.enumerate() {
    ///             part.insert(format!("{name} {n}"), port.parse()?)?;
    ///         }
    ///         Ok::<_, Box<dyn std::error::Error>>(())
    ///     });
    ///     if stored.is_err() {
    ///         refused.push(line);
    ///     }
    /// }
    /// tx.commit()?;
    /// assert_eq!(ports.len()?, 3);
    /// assert_eq!(refused, ["ssh x"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_transaction<R, E, F>(&mut self, f: F) -> Result<R, E>
    where
        F: FnOnce(&mut Transaction<'_, K, V>) -> Result<R, E>,
        E: From<Error>,
    {
        self.savepoint()?.run(f)
    }

    /// Commits if `f` returns `Ok`; an error or a panic drops the transaction, which undoes it.
    fn run<R, E: From<Error>>(mut self, f: impl FnOnce(&mut Self) -> Result<R, E>) -> Result<R, E> {
        let result = f(&mut self)?;
        self.commit()?;
        Ok(result)
    }

    /// Makes the changes visible to all and, at [`Durability::Full`](crate::Durability::Full),
    /// durable; those of a savepoint become part of the transaction around it.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, or an entry or guard of this transaction could not write
    /// back its value when it was dropped. Everything was rolled back then.
    pub fn commit(self) -> Result<()> {
        self.scope.into_inner().commit()
    }

    /// Undoes the changes. Dropping does so too.
    ///
    /// # Errors
    ///
    /// If SQLite says that it could not: what is not undone now is undone when the file is
    /// next opened, for it was never committed.
    pub fn rollback(self) -> Result<()> {
        self.scope.into_inner().rollback()
    }
}

/// Shows that it is one, never what is in it.
impl<K, V> fmt::Debug for Transaction<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

impl<K, V> Vault<K, V> {
    /// Begins a transaction, to be [committed](Transaction::commit); dropping it rolls back.
    ///
    /// Waits for the writer, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`], [`Error::Reentrant`], [`Error::ReadOnly`], and if the file cannot be read.
    pub fn begin(&self) -> Result<Transaction<'_, K, V>> {
        Ok(Transaction::new(self.write_many()?, self.format()))
    }

    /// Runs `f` in a transaction: commits when it returns `Ok`, rolls back when it returns `Err`
    /// or panics.
    ///
    /// [`try_transaction`](Self::try_transaction) does the same for an `f` that fails with an error
    /// type of the caller.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// Returns the error of `f`, and those of [`begin`](Self::begin) and of [`Transaction::commit`].
    /// The vault is unchanged then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let balances: Vault<String, i64> = Vault::open_in_memory()?;
    /// balances.insert("Ada".into(), 100)?;
    /// balances.transaction(|tx| {
    ///     *tx.entry("Ada".into()).or_insert(0)? -= 30;
    ///     *tx.entry("Bob".into()).or_insert(0)? += 30;
    ///     Ok(())
    /// })?;
    /// assert_eq!(balances.get_many(["Ada", "Bob"])?, [Some(70), Some(30)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn transaction<R, F>(&self, f: F) -> Result<R>
    where
        F: FnOnce(&mut Transaction<'_, K, V>) -> Result<R>,
    {
        self.try_transaction(f)
    }

    /// Runs `f` in a transaction, like [`transaction`](Self::transaction); `f` fails with any error
    /// that a vault's [`Error`] converts into.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// Returns the error of `f`, and those of [`begin`](Self::begin) and of [`Transaction::commit`].
    /// The vault is unchanged then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// #[derive(Debug)]
    /// enum Refusal {
    ///     TooLittleMoney,
    ///     Vault(vaults::Error),
    /// }
    ///
    /// impl From<vaults::Error> for Refusal {
    ///     fn from(error: vaults::Error) -> Self {
    ///         Self::Vault(error)
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let balances: Vault<String, i64> = Vault::open_in_memory()?;
    /// balances.insert("Ada".into(), 20)?;
    /// let paid = balances.try_transaction(|tx| {
    ///     let mut balance = tx.entry_ref("Ada").or_insert(0)?;
    ///     *balance -= 30;
    ///     if *balance < 0 {
    ///         return Err(Refusal::TooLittleMoney);
    ///     }
    ///     Ok(())
    /// });
    /// assert!(matches!(paid, Err(Refusal::TooLittleMoney)));
    /// assert_eq!(balances.get("Ada")?, Some(20));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_transaction<R, E, F>(&self, f: F) -> Result<R, E>
    where
        F: FnOnce(&mut Transaction<'_, K, V>) -> Result<R, E>,
        E: From<Error>,
    {
        self.begin()?.run(f)
    }
}
