//! Savepoints: parts of a transaction that can be rolled back by themselves.

use crate::error::{Error, Result};
use crate::map::access::WriteAccess as _;
use crate::map::transaction::Transaction;

impl<K, V, O> Transaction<'_, K, V, O> {
    /// Begins a savepoint: a nested transaction that can be rolled back by itself.
    ///
    /// It has the same rules as a transaction. Savepoints nest.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Ended`] if an earlier error has ended the transaction.
    /// - Returns [`Error::Sqlite`] if there is no memory for it.
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
    /// part.insert("undone".into(), 2)?;
    /// part.rollback()?;
    /// tx.commit()?;
    /// assert_eq!(vault.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn savepoint(&mut self) -> Result<Transaction<'_, K, V, O>> {
        let entry_codec = self.entry_codec;
        Ok(Transaction::new(self.write_many()?, entry_codec))
    }

    /// Runs `f` in a [savepoint](Self::savepoint): keeps its changes as part of this transaction if it
    /// returns `Ok`, and undoes only them if it returns `Err` or panics.
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
    /// # use vaults::{Error, Vault};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// vault.transaction(|tx| {
    ///     tx.put("before", &1)?;
    ///     let part = tx.transaction(|part| {
    ///         part.put("within", &2)?;
    ///         // The part cannot begin a second write of the vault, and fails.
    ///         vault.put("other", &3)
    ///     });
    ///     assert!(matches!(part, Err(Error::Reentrant { .. })));
    ///     Ok(())
    /// })?;
    /// assert_eq!(vault.get_many(["before", "within"])?, [Some(1), None]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn transaction<R, F>(&mut self, f: F) -> Result<R>
    where
        F: FnOnce(&mut Transaction<'_, K, V, O>) -> Result<R>,
    {
        self.try_transaction(f)
    }

    /// Runs `f` in a savepoint, like [`transaction`](Self::transaction). The error type of `f` is any
    /// type that a vault's [`Error`] converts into.
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
        F: FnOnce(&mut Transaction<'_, K, V, O>) -> Result<R, E>,
        E: From<Error>,
    {
        self.savepoint()?.run(f)
    }
}
