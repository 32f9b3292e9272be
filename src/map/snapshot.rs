//! One state of the vault, kept.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::encoding::entry_codec::EntryCodec;
use crate::error::Result;
use crate::map::vault::Vault;
use crate::sqlite::{ReadTransaction, Session};

/// The vault as it was when [`Vault::snapshot`] was called, whatever is written meanwhile.
///
/// It has the vault's methods for reading. Many reads are faster than on the vault: the lock
/// calls that each read there pays are paid once. It neither waits for writers nor holds them up,
/// and is `Send` and `Sync`; threads that share one take turns, so take one each to read in parallel.
///
/// # Cost
///
/// The log cannot be begun anew while a snapshot lives. When the log has reached its
/// [size limit](crate::OpenOptions::log_size_limit), a write waits for the snapshot once, and then the log
/// grows with what is written. Do not keep a snapshot for hours over a busy vault.
///
/// # Examples
///
/// ```
/// # use vaults::Vault;
/// # fn main() -> vaults::Result<()> {
/// let vault: Vault<String, u32> = Vault::open_in_memory()?;
/// vault.insert("a".into(), 1)?;
/// let then = vault.snapshot()?;
/// vault.insert("a".into(), 2)?;
/// assert_eq!(then.get("a")?, Some(1));
/// # Ok(())
/// # }
/// ```
pub struct Snapshot<K, V> {
    transaction: Mutex<ReadTransaction>,
    length: OnceLock<u64>,
    format: EntryCodec,
    marker: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Snapshot<K, V> {
    pub(crate) const fn transaction(&self) -> &Mutex<ReadTransaction> {
        &self.transaction
    }

    pub(crate) const fn format(&self) -> EntryCodec {
        self.format
    }

    pub(crate) fn read<R>(&self, f: impl FnOnce(&mut Session) -> Result<R>) -> Result<R> {
        // A panic while it was held leaves a connection that can still be read from.
        let mut transaction = self
            .transaction
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        f(transaction.session()?)
    }

    /// Counted once, for it cannot change.
    pub(crate) fn length(&self) -> Result<u64> {
        if let Some(&length) = self.length.get() {
            return Ok(length);
        }
        let length = self.read(Session::count)?;
        Ok(*self.length.get_or_init(|| length))
    }
}

/// Shows that it is one, never what is in it.
impl<K, V> fmt::Debug for Snapshot<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

impl<K, V> Vault<K, V> {
    /// Keeps the state that the vault is in now, to read from: see [`Snapshot`].
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot<K, V>> {
        Ok(Snapshot {
            transaction: Mutex::new(ReadTransaction::begin_now(self.store())?),
            length: OnceLock::new(),
            format: self.format(),
            marker: PhantomData,
        })
    }
}
