//! A snapshot: one state of the vault.

pub(crate) mod read;

pub(crate) mod ends;

pub(crate) mod iter;

use std::fmt;
use std::marker::PhantomData;
use std::sync::OnceLock;

use crate::encoding::entry_codec::EntryCodec;
use crate::error::Result;
use crate::map::shared_reader::SharedReader;
use crate::order::InsertionOrder;

/// A snapshot: the state of the vault when [`Vault::snapshot`](crate::Vault::snapshot) was called.
///
/// It has the vault's methods for reading, and later writes do not change what it shows. It never
/// waits for the write lock and never blocks a write. Many reads are faster than through the vault,
/// because the file is locked once for all of them.
///
/// It is `Send` and `Sync`. Threads that share a snapshot take turns; to read in parallel, give each
/// thread its own.
///
/// # Cost
///
/// The write-ahead log cannot be restarted while a snapshot lives. When the log has reached its
/// [size limit](crate::OpenOptions::log_size_limit), a write waits for the snapshot once; afterwards
/// the log grows with each write. Do not keep a snapshot of a busy vault for hours.
///
/// # Examples
///
/// ```
/// # use vaults::Vault;
/// # fn main() -> vaults::Result<()> {
/// let vault: Vault<String, u32> = Vault::open_in_memory()?;
/// vault.insert("a".into(), 1)?;
/// let before = vault.snapshot()?;
/// vault.insert("a".into(), 2)?;
/// assert_eq!(before.get("a")?, Some(1));
/// # Ok(())
/// # }
/// ```
#[must_use = "a snapshot does nothing until it is read"]
pub struct Snapshot<K, V, O = InsertionOrder> {
    reader: SharedReader,
    length: OnceLock<u64>,
    entry_codec: EntryCodec,
    marker: PhantomData<fn() -> (K, V)>,
    order: PhantomData<fn() -> O>,
}

impl<K, V, O> Snapshot<K, V, O> {
    pub(crate) const fn new(reader: SharedReader, entry_codec: EntryCodec) -> Self {
        Self {
            reader,
            length: OnceLock::new(),
            entry_codec,
            marker: PhantomData,
            order: PhantomData,
        }
    }

    pub(crate) const fn reader(&self) -> &SharedReader {
        &self.reader
    }

    pub(crate) const fn entry_codec(&self) -> EntryCodec {
        self.entry_codec
    }

    /// Counted once, for it cannot change.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method is one of a reader with a certain lifetime"
    )]
    pub(crate) fn length(&self) -> Result<u64> {
        if let Some(&length) = self.length.get() {
            return Ok(length);
        }
        let length = self.reader.read(|state| state.len())?;
        Ok(*self.length.get_or_init(|| length))
    }
}

/// Never shows the entries.
impl<K, V, O> fmt::Debug for Snapshot<K, V, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}
