//! Beginning a transaction.

use crate::error::{Error, Result};
use crate::map::access::WriteAccess as _;
use crate::map::transaction::Transaction;
use crate::map::vault::Vault;

impl<K, V, O> Vault<K, V, O> {
    /// Begins a transaction.
    ///
    /// [`Transaction::commit`] commits it. Dropping it rolls it back.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Busy`] if the write lock is not acquired within the busy timeout.
    /// - Returns [`Error::Reentrant`] if this thread already holds the write lock.
    /// - Returns [`Error::Deferred`] if an earlier write failed in a destructor.
    /// - Returns [`Error::ReadOnly`] if the vault was opened read-only.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let mut tx = vault.begin()?;
    /// tx.insert("a".into(), 1)?;
    /// tx.insert("b".into(), 2)?;
    /// tx.commit()?;
    /// assert_eq!(vault.len()?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn begin(&self) -> Result<Transaction<'_, K, V, O>> {
        Ok(Transaction::new(self.write_many()?, self.entry_codec()))
    }

    /// Runs `f` in a transaction: commits if it returns `Ok`, and rolls back if it returns `Err` or
    /// panics.
    ///
    /// Use [`try_transaction`](Self::try_transaction) for an `f` with an error type of the caller.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns the error of `f`.
    /// - Returns the errors of [`begin`](Self::begin) and of [`Transaction::commit`].
    ///
    /// On an error, nothing has changed.
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
        F: FnOnce(&mut Transaction<'_, K, V, O>) -> Result<R>,
    {
        self.try_transaction(f)
    }

    /// Runs `f` in a transaction, like [`transaction`](Self::transaction). The error type of `f` is any
    /// type that a vault's [`Error`] converts into.
    ///
    /// The compiler must know that type: end `f` with `Ok::<_, MyError>(…)`, or give the result a type.
    ///
    /// Blocks until the write lock is available, at most for the busy timeout.
    ///
    /// # Errors
    ///
    /// - Returns the error of `f`.
    /// - Returns the errors of [`begin`](Self::begin) and of [`Transaction::commit`].
    ///
    /// On an error, nothing has changed.
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
        F: FnOnce(&mut Transaction<'_, K, V, O>) -> Result<R, E>,
        E: From<Error>,
    {
        self.begin()?.run(f)
    }
}
