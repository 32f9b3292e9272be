//! One state of all maps of a file.

use std::fmt;
use std::sync::Arc;

#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::file::VaultFile;
use crate::map::shared_reader::{SharedReader, SharedState};
use crate::map::snapshot::Snapshot;
use crate::map::vault::Vault;

/// One state of all maps of a file, for as long as it lives.
///
/// It is `Send` and `Sync`, and never waits for those who write. While it lives, the log of the file cannot be emptied, so keep
/// it short where much is written.
///
/// # Examples
///
/// ```
/// use vaults::{Vault, VaultFile};
///
/// # fn main() -> vaults::Result<()> {
/// let file = VaultFile::open_in_memory()?;
/// let one: Vault<String, u32> = file.vault("one")?;
/// let other: Vault<String, u32> = file.vault("other")?;
/// one.insert("a".into(), 1)?;
///
/// let moment = file.snapshot()?;
/// one.insert("a".into(), 2)?;
/// other.insert("a".into(), 2)?;
/// assert_eq!(moment.on(&one).get("a")?, Some(1));
/// assert!(moment.on(&other).is_empty()?);
/// # Ok(())
/// # }
/// ```
#[must_use = "a snapshot does nothing until it is read"]
pub struct FileSnapshot {
    state: Arc<SharedState>,
}

impl FileSnapshot {
    /// Returns one map in this state. It keeps the state, even when the `FileSnapshot` is dropped.
    ///
    /// If the vault is not one of this file, each method returns [`Error::OtherFile`]. If the map was created later, each
    /// returns [`Error::NotFound`].
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{SortedVault, VaultFile};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// let scores: SortedVault<u32, String> = file.sorted_vault("scores")?;
    /// scores.insert(95, "Ada".into())?;
    /// let moment = file.snapshot()?;
    /// let best = moment.on(&scores).last_key_value()?;
    /// assert_eq!(best, Some((95, "Ada".into())));
    /// # Ok(())
    /// # }
    /// ```
    pub fn on<K, V, O>(&self, vault: &Vault<K, V, O>) -> Snapshot<K, V, O> {
        let state = Arc::clone(&self.state);
        let reader = if state.backend().is_same_as(vault.backend()) {
            SharedReader::of(state, vault.map())
        } else {
            SharedReader::of_other_file(state, vault.map(), vault.location())
        };
        Snapshot::new(reader, vault.entry_codec())
    }
}

/// Never shows the entries.
impl fmt::Debug for FileSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSnapshot").finish_non_exhaustive()
    }
}

impl VaultFile {
    /// Returns a snapshot of all maps: the state of the last commit.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::TooManyFiles`] if no connection can be opened for it.
    /// - Returns [`Error::Corrupt`] or [`Error::Io`] if the file cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::{Vault, VaultFile};
    /// # fn main() -> vaults::Result<()> {
    /// let file = VaultFile::open_in_memory()?;
    /// let users: Vault<u64, String> = file.vault("users")?;
    /// users.insert(1, "Ada".into())?;
    /// let moment = file.snapshot()?;
    /// users.clear()?;
    /// assert_eq!(moment.on(&users).len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn snapshot(&self) -> Result<FileSnapshot> {
        Ok(FileSnapshot {
            state: SharedState::begin_now(self.backend())?,
        })
    }
}
