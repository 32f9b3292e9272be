//! The options of opening a vault.

use std::hash::Hash;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::Codec;
use crate::encoding::entry_codec::EntryCodec;
use crate::error::{Error, Result};
use crate::map::vault::Vault;
use crate::sqlite::{Config, Durability};

/// Options that configure how a vault is opened, like [`std::fs::OpenOptions`].
///
/// Create it with [`new`](Self::new), change settings, and call [`open`](Self::open) or
/// [`open_in_memory`](Self::open_in_memory). One value opens vaults of any key and value types.
///
/// Only [`checksums`](Self::checksums) and [`mode`](crate::os::unix::OpenOptionsExt::mode) are kept in a new file. The other options
/// belong to the handle, so two handles of one vault may have different ones. Clones of a handle share its
/// options.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use vaults::{Durability, OpenOptions};
///
/// # fn main() -> vaults::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("pages.db");
/// let pages = OpenOptions::new()
///     .durability(Durability::Normal)
///     .busy_timeout(Duration::from_secs(2))
///     .open::<String, u64>(&path)?;
/// # pages.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until `open` is called"]
pub struct OpenOptions {
    /// The options of a file.
    config: Config,
    codec: Codec,
    verify_writes: bool,
}

impl<K, V> Vault<K, V>
where
    K: Serialize + DeserializeOwned + Eq + Hash,
    V: Serialize + DeserializeOwned,
{
    /// Opens the vault at `path`, and creates it if it does not exist. Its folder must exist.
    ///
    /// This is [`OpenOptions::new()`](OpenOptions::new)`.open(path)`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`OpenOptions::open`].
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::Vault;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("scores.db");
    /// let scores = Vault::<String, f64>::open(&path)?;
    /// scores.insert("Ada".into(), 9.5)?;
    /// # scores.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open(path)
    }

    /// Creates an empty vault in memory. Its entries are lost when its last handle is dropped.
    ///
    /// This is [`OpenOptions::new()`](OpenOptions::new)`.open_in_memory()`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`OpenOptions::open_in_memory`].
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::Vault;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let scores = Vault::<String, f64>::open_in_memory()?;
    /// scores.insert("Ada".into(), 9.5)?;
    /// assert_eq!(scores.get("Ada")?, Some(9.5));
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_in_memory() -> Result<Self> {
        OpenOptions::new().open_in_memory()
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl OpenOptions {
    /// Creates options with the defaults that [`Vault::open`] uses. Each method states its default.
    pub const fn new() -> Self {
        Self {
            config: Config::DEFAULT,
            codec: Codec::MessagePack,
            verify_writes: true,
        }
    }

    /// Sets whether the vault is created if it does not exist. Default: `true`.
    ///
    /// Its folder must exist. [`VaultDir`](crate::VaultDir) creates one.
    pub const fn create(&mut self, create: bool) -> &mut Self {
        self.config.create = create;
        self
    }

    /// Sets whether the vault must not exist yet. Default: `false`.
    ///
    /// If several processes create the same vault with this option, one of them succeeds. The others get
    /// [`Error::AlreadyExists`]. If it is `true`, [`create`](Self::create) is ignored.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Error, OpenOptions};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("ledger.db");
    /// let mut options = OpenOptions::new();
    /// options.create_new(true);
    /// let ledger = options.open::<u64, String>(&path)?;
    /// let second = options.open::<u64, String>(&path);
    /// assert!(matches!(second, Err(Error::AlreadyExists { .. })));
    /// # ledger.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.config.create_new = create_new;
        self
    }

    /// Sets whether the vault is opened for reading only. Default: `false`.
    ///
    /// The vault must exist. The file is not changed, and every write returns [`Error::ReadOnly`]. Other
    /// processes may write the vault at the same time.
    ///
    /// Reading a vault needs the log beside the file, which holds the newest entries, and the index of the log.
    /// If a writer has the vault open, this process does not need permission to write them. Otherwise it
    /// creates them:
    ///
    /// - If it cannot create them, or if the owner of the file could not write what it creates, opening returns
    ///   [`Error::ReadOnlyFolder`].
    /// - If the log or a journal has changes that must be written back first, opening returns
    ///   [`Error::NeedsRecovery`].
    ///
    /// A file with a [rollback journal](crate::guide::python#the-journal) keeps it. In such a file readers and
    /// the writer block each other, each at most for its busy timeout.
    pub const fn read_only(&mut self, read_only: bool) -> &mut Self {
        self.config.read_only = read_only;
        self
    }

    /// Sets when a commit is written to the disk. Default: [`Durability::Full`].
    pub const fn durability(&mut self, durability: Durability) -> &mut Self {
        self.config.durability = durability;
        self
    }

    /// Sets the codec that encodes values. Default: [`Codec::MessagePack`].
    ///
    /// Reading decodes the values of every codec, whatever is set here. Keys always have the same codec.
    pub const fn codec(&mut self, codec: Codec) -> &mut Self {
        self.codec = codec;
        self
    }

    /// Sets whether each value is decoded and compared before it is stored. Default: `true`.
    ///
    /// This detects a type whose `Deserialize` does not accept what its `Serialize` wrote, or changes it. The
    /// write then returns [`Error::Encode`] and stores nothing. Values that bincode encodes are checked even if
    /// this is `false`.
    ///
    /// The check costs a decoding and a second encoding for each write, which is about a microsecond for a struct
    /// of eight fields.
    ///
    /// The second encoding must have the same bytes as the first one. For a value, it may differ in the order
    /// of the entries of maps and of the elements of sequences, because a `HashMap` or `HashSet` has another
    /// order each time. The parts of tuples, arrays and structs must keep their places.
    ///
    /// # Limitations
    ///
    /// The check compares bytes. So it does not detect a value that comes back as another one with the same
    /// encoding:
    ///
    /// - Two variants of an enum with the same encoding, such as `Date(DateTime)` and `Text(String)` in an
    ///   `untagged` enum. The first variant that accepts the bytes comes back.
    /// - A field that is not encoded, because of `#[serde(skip)]` or a `Serialize` of its own. Its default
    ///   comes back.
    /// - A part that `with` or `serialize_with` rounds or omits before it is encoded.
    ///
    /// It does not detect a change of order that only the type knows about:
    ///
    /// - A type that is encoded as a sequence and reorders its elements when it is decoded, such as a
    ///   hand-written stack that is encoded from its top. The sequences of std keep their order.
    /// - A sequence of elements that each come back as another element of it, such as `(1, 2)` and `(2, 1)` of
    ///   a type that swaps its halves.
    /// - A struct that flattens both an `Option` of a struct and a `HashMap`. An entry of the map with the name
    ///   of a field comes back as this field.
    pub const fn verify_writes(&mut self, verify_writes: bool) -> &mut Self {
        self.verify_writes = verify_writes;
        self
    }

    /// Sets whether a new vault stores a checksum with each value. Default: `false`.
    ///
    /// Each read verifies the checksum, so damage that SQLite does not detect returns [`Error::Checksum`]
    /// instead of a wrong value.
    ///
    /// The option is kept in the file. An existing vault keeps what it was created with. Opening a vault without
    /// checksums with this option returns [`Error::InvalidOptions`]. The Python package and releases of this
    /// crate that only read file format 1 cannot open a vault with checksums.
    ///
    /// Checksums cost nine bytes for each entry, and time in proportion to the value for each read and write.
    /// Methods that return only keys read the values too.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::OpenOptions;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("ledger.db");
    /// let ledger = OpenOptions::new()
    ///     .checksums(true)
    ///     .open::<u64, String>(&path)?;
    /// # ledger.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn checksums(&mut self, checksums: bool) -> &mut Self {
        self.config.checksums = checksums;
        self
    }

    /// Sets whether the vault is read as a file that cannot change, for example on a read-only disk. Default:
    /// `false`.
    ///
    /// It implies [`read_only`](Self::read_only), and works in a folder that no process can write. Reading
    /// acquires no locks, so the file must not change while it is open. If it does, reads can fail or return
    /// wrong entries (<https://www.sqlite.org/uri.html#uriimmutable>).
    ///
    /// If there is a log or a journal beside the file that is not empty, opening returns
    /// [`Error::NeedsRecovery`].
    pub const fn immutable(&mut self, immutable: bool) -> &mut Self {
        self.config.immutable = immutable;
        self
    }

    /// Sets the permissions of a new file, see [`os::unix`](crate::os::unix).
    pub(crate) const fn set_mode(&mut self, mode: u32) {
        self.config.mode = Some(mode);
    }

    /// Sets how long a call waits for a lock that another thread or process holds. Default: 10 seconds.
    ///
    /// After this time the call returns [`Error::Busy`]. With zero it does not wait.
    pub const fn busy_timeout(&mut self, busy_timeout: Duration) -> &mut Self {
        self.config.busy_timeout = busy_timeout;
        self
    }

    /// Sets the size of this handle's cache in bytes of keys and encoded values. Default: 8 MiB.
    ///
    /// If the cache has the key, or knows that it is absent, [`get`](Vault::get) uses neither SQLite nor the
    /// operating system. It only checks whether any process has committed since, by comparing 48 bytes of shared
    /// memory. So it never returns an old value.
    ///
    /// A commit through this handle or a clone removes the written keys, and a few others, from the cache. A
    /// commit through another handle or process empties it. A value that is larger than 1/64 of the capacity is
    /// not cached. With zero, or if the vault is [`immutable`](Self::immutable), there is no cache.
    pub const fn cache_capacity(&mut self, bytes: usize) -> &mut Self {
        self.config.cache_capacity = bytes;
        self
    }

    /// Sets the size limit of the log beside the file, in bytes. Default: 32 MiB.
    ///
    /// A commit is written to the log, and later from the log to the file. A log that no reader uses starts over
    /// at about 4 MB, or at the limit if that is smaller. Overlapping readers can prevent this. So a write that
    /// finds the log at its limit first waits until the readers of that moment have finished. The log can then
    /// exceed the limit by one transaction, and rarely by a second one or by one of each other process that
    /// writes.
    ///
    /// # Cost
    ///
    /// Below the limit there is no cost. At the limit one write, and all writes that wait behind it, take as long
    /// as the slowest reader, or twice as long if readers overlap. Readers do not wait. The wait ends after 7/8
    /// of the rest of the [busy timeout](Self::busy_timeout), and after 30 seconds at the latest. So the log
    /// stays below its limit if each reader finishes within a third of the busy timeout.
    ///
    /// A reader that takes longer is not waited for again. Writes continue and the log grows, which
    /// [`stats`](Vault::stats) shows. The first write after that reader has finished shrinks the log. If the
    /// writing thread itself has an iterator or a snapshot, this reader cannot finish before the write, so the
    /// write waits for it only 1/64 of the busy timeout.
    ///
    /// A smaller limit causes more syncs. With zero, the log starts over at each write. With `u64::MAX`, no write
    /// waits for readers, and the log keeps its greatest size until the vault is closed.
    ///
    /// Handles of one vault may have different limits. Each applies its own when it writes. A read-only handle
    /// writes no log.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::OpenOptions;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("events.db");
    /// let events = OpenOptions::new()
    ///     .log_size_limit(8 * 1024 * 1024)
    ///     .open::<u64, String>(&path)?;
    /// # events.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn log_size_limit(&mut self, bytes: u64) -> &mut Self {
        self.config.log_size_limit = bytes;
        self
    }

    /// Opens the vault at `path`.
    ///
    /// The path is made absolute, so a later change of the working directory has no effect. The first and the
    /// last entry are decoded, to detect a vault of other types than `K` and `V`.
    ///
    /// All checks come before the first change. If opening returns an error, the file and the log or journal
    /// beside it are what they were.
    ///
    /// Opening reads a few pages of the file, whatever its size. It reads the whole log if a crash has left one.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::NotFound`] if the vault does not exist and is not to be created.
    /// - Returns [`Error::AlreadyExists`] if it exists and [`create_new`](Self::create_new) is set.
    /// - Returns [`Error::InvalidPath`] if the path cannot be that of a vault, for example because it is a
    ///   directory or a link, or its folder does not exist.
    /// - Returns [`Error::InvalidOptions`] if the options contradict each other or the file.
    /// - Returns [`Error::NotAVault`] if the file is not a vault.
    /// - Returns [`Error::NewerFormat`] if a newer version of this crate created it.
    /// - Returns [`Error::TypeMismatch`] if its entries have other types.
    /// - Returns [`Error::ReadOnly`], [`Error::ReadOnlyFolder`] or [`Error::NeedsRecovery`] if this process lacks
    ///   the permissions to use the file, its log or its folder.
    /// - Returns [`Error::Busy`] if a lock is not acquired within the busy timeout.
    /// - Returns [`Error::TooManyFiles`] if the process or the system has too many open files.
    /// - Returns [`Error::UnsupportedSqlite`] if the linked SQLite is too old.
    /// - Returns [`Error::Corrupt`], [`Error::Io`] or [`Error::Full`] if the file is damaged, or cannot be read or
    ///   written.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::OpenOptions;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("scores.db");
    /// let scores = OpenOptions::new().open::<String, f64>(&path)?;
    /// scores.insert("Ada".into(), 9.5)?;
    /// scores.close()?;
    ///
    /// let scores = OpenOptions::new().read_only(true).open::<String, f64>(&path)?;
    /// assert_eq!(scores.get("Ada")?, Some(9.5));
    /// # scores.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open<K, V>(&self, path: impl AsRef<Path>) -> Result<Vault<K, V>>
    where
        K: Serialize + DeserializeOwned + Eq + Hash,
        V: Serialize + DeserializeOwned,
    {
        if self.config.is_read_only() && self.config.create_new {
            return Err(Error::InvalidOptions {
                reason: "`create_new` cannot be combined with `read_only`",
            });
        }
        Vault::open_with(path.as_ref(), self.config, self.codec, self.verify_writes)
    }

    /// Creates an empty vault in memory. Its entries are lost when its last handle is dropped.
    ///
    /// It has the same methods, order, atomicity, locking and errors as a vault in a file, snapshots, savepoints
    /// and [`backup`](Vault::backup) to a file included. Its entries are in a persistent map in the memory of
    /// this process: a snapshot and a transaction each begin in constant time, without copying the entries.
    ///
    /// # What only a file has
    ///
    /// - Other processes and other handles. Clones of this handle share its entries.
    /// - Durability: [`flush`](Vault::flush) has nothing to sync.
    /// - A [`path`](Vault::path).
    /// - A log, pages and a cache. Those fields of [`stats`](Vault::stats) are zero, `readers_idle` too.
    ///   `file_bytes` and [`size_on_disk`](Vault::size_on_disk) are the approximate memory of the entries.
    /// - Unused pages. Memory is freed when the last snapshot that needs it is dropped, so
    ///   [`compact`](Vault::compact) does nothing.
    /// - The options [`create`](Self::create), [`create_new`](Self::create_new),
    ///   [`durability`](Self::durability), [`cache_capacity`](Self::cache_capacity),
    ///   [`log_size_limit`](Self::log_size_limit) and [`mode`](crate::os::unix::OpenOptionsExt::mode), which have no effect.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::InvalidOptions`] if [`read_only`](Self::read_only) or [`immutable`](Self::immutable) is
    ///   set.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Codec, OpenOptions};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let scores = OpenOptions::new()
    ///     .codec(Codec::Bincode)
    ///     .open_in_memory::<String, f64>()?;
    /// scores.insert("Ada".into(), 9.5)?;
    /// assert_eq!(scores.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_in_memory<K, V>(&self) -> Result<Vault<K, V>>
    where
        K: Serialize + DeserializeOwned + Eq + Hash,
        V: Serialize + DeserializeOwned,
    {
        if self.config.is_read_only() {
            return Err(Error::InvalidOptions {
                reason: "`read_only` cannot be combined with an in-memory vault",
            });
        }
        let entry_codec = EntryCodec {
            codec: self.codec,
            verify: self.verify_writes,
            checksums: self.config.checksums,
        };
        Ok(Vault::new_in_memory(self.config.busy_timeout, entry_codec))
    }
}
