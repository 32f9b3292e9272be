//! Saving what is left in a damaged file.

use std::fmt;
use std::hash::Hash;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::options::OpenOptions;
use crate::store::{Finding, Wreck, WriteTransaction, declares_checksums, permissions};
use crate::value::Format;
use crate::vault::Vault;

/// What [`Vault::salvage`] could save, and what it could not.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Salvage {
    /// The number of entries in the new vault.
    pub saved: u64,
    /// What was lost, in the order in which it was met.
    pub lost: Vec<Loss>,
}

/// Something that could not be saved.
#[derive(Debug)]
#[non_exhaustive]
pub enum Loss {
    /// An entry that was found and does not decode, or fails its checksum. The error names its key.
    Entry(Error),
    /// A page of the file from which no, or not every, entry could be read.
    Page {
        /// Its number, from 1.
        number: u32,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(error) => error.fmt(f),
            Self::Page { number, reason } => write!(f, "page {number} of the file: {reason}"),
        }
    }
}

impl<K, V> Vault<K, V>
where
    K: Serialize + DeserializeOwned + Eq + Hash,
    V: Serialize + DeserializeOwned,
{
    /// Reads what can be read out of a damaged file, entry by entry, into a new vault at `new_path`.
    ///
    /// It looks at every page by itself, and at the log, and so finds entries that SQLite can no
    /// longer reach. An entry is saved, with its bytes as they were, if it decodes as `(K, V)` and
    /// agrees with its checksum, where the file has them; Python's pickled rows are saved unread.
    /// Without checksums, a damaged entry that still decodes cannot be told from a whole
    /// one, and where the damage hides which pages are in use, an entry that was removed or replaced
    /// may come back.
    ///
    /// The damaged file is only read. It must not be open in this process: make a copy of it, and of
    /// the `-wal` file beside it, before anything else.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the damaged file cannot be read at all, [`Error::AlreadyExists`] if there is
    /// something at `new_path`, and if that cannot be written. What was lost is in the [`Salvage`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use vaults::Vault;
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let (damaged, saved) = (folder.path().join("damaged.db"), folder.path().join("saved.db"));
    /// # Vault::<String, u32>::open(&damaged)?.insert("a".into(), 1)?;
    /// let salvage = Vault::<String, u32>::salvage(&damaged, &saved)?;
    /// println!("{} entries were saved", salvage.saved);
    /// for loss in &salvage.lost {
    ///     println!("lost: {loss}");
    /// }
    /// # assert_eq!((salvage.saved, salvage.lost.len()), (1, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn salvage(path: impl AsRef<Path>, new_path: impl AsRef<Path>) -> Result<Salvage> {
        let path = path.as_ref();
        let mut wreck = Wreck::open(path).map_err(|error| Error::io(path, error))?;
        let mut options = OpenOptions::new();
        options
            .create_new(true)
            .checksums(declares_checksums(wreck.format()));
        if let Some(mode) = permissions(path) {
            options.mode(mode | 0o600);
        }
        let vault: Self = options.open(new_path)?;
        let format = vault.format();
        let salvage = vault
            .statements()?
            .run(|transaction| save_all::<K, V>(&mut wreck, transaction, format))?;
        vault.close()?;
        Ok(salvage)
    }
}

fn save_all<K, V>(
    wreck: &mut Wreck,
    transaction: &mut WriteTransaction,
    format: Format,
) -> Result<Salvage>
where
    K: DeserializeOwned,
    V: DeserializeOwned,
{
    let mut salvage = Salvage::default();
    let mut failure = None;
    wreck.search(&mut |finding| {
        let row = match finding {
            Finding::Row(row) => row,
            Finding::Fault { page, reason } => {
                salvage.lost.push(Loss::Page {
                    number: page,
                    reason,
                });
                return true;
            }
        };
        match format.decode_entry::<K, V>(&row.key, &row.value) {
            Ok(_) | Err(Error::Pickle { .. }) => {}
            Err(error) => {
                salvage.lost.push(Loss::Entry(error));
                return true;
            }
        }
        // What hangs together comes first: a second row of that key or place is an older one.
        match transaction.restore(row.rowid, &row.key, &row.value) {
            Ok(added) => salvage.saved += u64::from(added),
            Err(error) => failure = Some(error),
        }
        failure.is_none()
    });
    failure.map_or(Ok(salvage), Err)
}
