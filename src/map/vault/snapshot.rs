//! Taking a snapshot.

use crate::error::Result;
use crate::map::shared_reader::{SharedReader, SharedState};
use crate::map::snapshot::Snapshot;
use crate::map::vault::Vault;

impl<K, V, O> Vault<K, V, O> {
    /// Returns a snapshot of the current state, to read from.
    ///
    /// Costs one read transaction, which lives as long as the snapshot. Never waits for the write lock.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Corrupt`](crate::Error::Corrupt) or [`Error::Io`](crate::Error::Io) if the
    ///   file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// let vault: Vault<String, u32> = Vault::open_in_memory()?;
    /// let before = vault.snapshot()?;
    /// vault.insert("a".into(), 1)?;
    /// assert!(before.is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn snapshot(&self) -> Result<Snapshot<K, V, O>> {
        let state = SharedState::begin_now(self.backend())?;
        let reader = SharedReader::of(state, self.map());
        Ok(Snapshot::new(reader, self.entry_codec()))
    }
}
