//! How a vault is opened.

use std::hash::Hash;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::Codec;
use crate::error::{Error, Result};
use crate::map::vault::Vault;
use crate::sqlite::{Config, Durability, Existence, Location};

/// The default of [`OpenOptions::busy_timeout`].
const DEFAULT_BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The default of [`OpenOptions::cache_capacity`].
const DEFAULT_CACHE_CAPACITY_BYTES: usize = 8 * 1024 * 1024;

/// The default of [`OpenOptions::log_size_limit`].
const DEFAULT_LOG_SIZE_LIMIT_BYTES: u64 = 32 * 1024 * 1024;

/// Options for opening a vault, in the manner of [`std::fs::OpenOptions`].
///
/// They are not generic: one set of options opens vaults of any types. Settings belong to the
/// handle, not to the file, so two handles of one vault may differ.
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
/// # pages.close()
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until `open` is called"]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each set by name"
)]
pub struct OpenOptions {
    create: bool,
    create_new: bool,
    read_only: bool,
    durability: Durability,
    codec: Codec,
    verify_writes: bool,
    checksums: bool,
    immutable: bool,
    mode: Option<u32>,
    busy_timeout: Duration,
    cache_capacity: usize,
    log_size_limit: u64,
}

impl<K, V> Vault<K, V>
where
    K: Serialize + DeserializeOwned + Eq + Hash,
    V: Serialize + DeserializeOwned,
{
    /// Opens the vault at `path`, and creates it if it is not there.
    ///
    /// Shorthand for [`OpenOptions::new()`](OpenOptions::new)`.open(path)`. The folder must exist.
    ///
    /// # Errors
    ///
    /// Those of [`OpenOptions::open`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("scores.db");
    /// let scores = vaults::Vault::<String, f64>::open(&path)?;
    /// # scores.close()
    /// # }
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open(path)
    }

    /// Opens a vault in memory, which is gone when its last handle is.
    ///
    /// # Errors
    ///
    /// If there is no memory for it.
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
    /// The options that [`Vault::open`] uses; each setter says its default.
    pub const fn new() -> Self {
        Self {
            create: true,
            create_new: false,
            read_only: false,
            durability: Durability::Full,
            codec: Codec::MessagePack,
            verify_writes: true,
            checksums: false,
            immutable: false,
            mode: None,
            busy_timeout: DEFAULT_BUSY_TIMEOUT,
            cache_capacity: DEFAULT_CACHE_CAPACITY_BYTES,
            log_size_limit: DEFAULT_LOG_SIZE_LIMIT_BYTES,
        }
    }

    /// Whether to create the vault if it is not there. Default: `true`.
    ///
    /// Its folder must exist; [`VaultDir`](crate::VaultDir) creates one.
    pub const fn create(&mut self, create: bool) -> &mut Self {
        self.create = create;
        self
    }

    /// Whether the vault must not be there yet: of several processes that race to create it,
    /// one wins. Overrides [`create`](Self::create). Default: `false`.
    pub const fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.create_new = create_new;
        self
    }

    /// Whether to open for reading only: the file is not changed, and every write is
    /// [`Error::ReadOnly`]. It must exist. Other processes may go on writing it. Default: `false`.
    ///
    /// A vault in use keeps its newest entries in a log beside the file, with an index that readers
    /// share. Where this process may write neither, it reads through the log and the index that a writer
    /// has open. Where they are not there and this process cannot create them, or could create them
    /// only so that the owner of the file cannot write to them, opening is
    /// [`Error::ReadOnlyFolder`]. Changes that have to be written back first, by a handle that can write, are
    /// [`Error::NeedsRecovery`].
    ///
    /// A file with a rollback journal, such as one of the Python package, is left as it is: there readers
    /// and the writer block each other, each for at most its busy timeout.
    pub const fn read_only(&mut self, read_only: bool) -> &mut Self {
        self.read_only = read_only;
        self
    }

    /// When a write is on the disk. Default: [`Durability::Full`].
    pub const fn durability(&mut self, durability: Durability) -> &mut Self {
        self.durability = durability;
        self
    }

    /// How values are encoded. Default: [`Codec::MessagePack`].
    ///
    /// Reading knows all codecs whatever is set here, and keys have a codec of their own.
    pub const fn codec(&mut self, codec: Codec) -> &mut Self {
        self.codec = codec;
        self
    }

    /// Whether what MessagePack encodes is read back before it is stored: decoded, encoded again and
    /// compared. Default: `true`.
    ///
    /// It catches, at the write, a type whose `Deserialize` does not accept what its
    /// `Serialize` wrote, or makes something else of it. It costs a decoding and an encoding a
    /// write: about a microsecond for a struct of eight fields, more after a wait for the disk. What
    /// bincode encodes is checked in any case.
    ///
    /// The bytes must be the same. If they are not, the value is still accepted if it differs in the order of the entries of
    /// maps and of the elements of sequences alone, as a `HashMap` and a `HashSet` do each time they are read. The parts of tuples, arrays
    /// and structs must keep their places. A key must always have the same bytes.
    ///
    /// # What it cannot notice
    ///
    /// The comparison sees bytes. A value comes back as another one, without an error, if both have the same encoding:
    ///
    /// - two variants of an enum that encode the same, such as `Date(DateTime)` and `Text(String)` in an `untagged` enum: the first
    ///   that reads the bytes is what comes back;
    /// - a field that is not encoded, by `#[serde(skip)]` or by a `Serialize` of its own: it comes back as its default;
    /// - what a `with` or `serialize_with` rounds or leaves out before it is encoded.
    ///
    /// Nor does it notice an order that means something to the type alone:
    ///
    /// - a type that is written as a sequence and puts its elements in another order when it is read, such as a hand-written
    ///   stack that is written from its top. std's sequences keep their order;
    /// - a sequence of elements that come back wrongly, if each comes back as another one of them: `(1, 2)` and `(2, 1)` of a type
    ///   that swaps its halves;
    /// - a struct that flattens an `Option` of a struct and a `HashMap` as well: an entry of the map that could be a field of the struct
    ///   is read as one.
    pub const fn verify_writes(&mut self, verify_writes: bool) -> &mut Self {
        self.verify_writes = verify_writes;
        self
    }

    /// Whether a new vault keeps a checksum with each value, which every read verifies: then
    /// damage that SQLite cannot notice is [`Error::Checksum`], and never a wrong value.
    /// Default: `false`.
    ///
    /// It is a property of the file, for good: an existing vault keeps what it was created with,
    /// and asking for checksums in one without them is [`Error::InvalidOptions`]. It costs nine bytes
    /// an entry, one pass over each value, and reading the values where only keys are asked
    /// for. The Python package cannot read such a file, nor can releases that know file format 1 only.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("ledger.db");
    /// use vaults::OpenOptions;
    ///
    /// let ledger = OpenOptions::new()
    ///     .checksums(true)
    ///     .open::<u64, String>(&path)?;
    /// # ledger.close()
    /// # }
    /// ```
    pub const fn checksums(&mut self, checksums: bool) -> &mut Self {
        self.checksums = checksums;
        self
    }

    /// Whether to read a file that nobody can write, in a folder that nobody can write: on a
    /// read-only disk. Implies [`read_only`](Self::read_only). Default: `false`.
    ///
    /// No locks are taken, so the file must really not change while it is open: if it does, reads may
    /// fail or be wrong (<https://www.sqlite.org/uri.html#uriimmutable>). Opening is
    /// [`Error::NeedsRecovery`] if there is a log or a journal beside the file that is not empty.
    pub const fn immutable(&mut self, immutable: bool) -> &mut Self {
        self.immutable = immutable;
        self
    }

    /// The permissions of a new file and of the log and index beside it, on Unix: `0o600` keeps
    /// others from reading it. Default: what the process's `umask` allows, as for any file.
    ///
    /// An existing file keeps its own. Elsewhere than on Unix it has no effect.
    ///
    /// In a folder that others can write, they could put a log, an index or a journal there first. Opening for writing is
    /// [`Error::InvalidPath`] if one of these belongs to a user who may not write the vault itself, whatever its permissions.
    pub const fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }

    /// How long a call waits for another thread or process before it is [`Error::Busy`].
    /// Default: 10 seconds. Zero does not wait.
    pub const fn busy_timeout(&mut self, busy_timeout: Duration) -> &mut Self {
        self.busy_timeout = busy_timeout;
        self
    }

    /// How many bytes of entries, keys and encoded values, this handle keeps in memory. Default: 8 MiB. Zero
    /// keeps none.
    ///
    /// A [`get`](Vault::get) of a key that is kept, or is known to be absent, asks neither SQLite nor the
    /// system: it looks whether anybody, in any process, has committed since, which is a
    /// comparison of 48 bytes. It never returns an old value. A commit by this handle and its clones
    /// makes it forget the keys that were written, and few others; a commit by anybody else makes it forget all.
    ///
    /// Values of more than 1/64 of the capacity are not kept. A vault opened with
    /// [`immutable`](Self::immutable) has no cache.
    pub const fn cache_capacity(&mut self, bytes: usize) -> &mut Self {
        self.cache_capacity = bytes;
        self
    }

    /// The greatest size of the log beside the file, in bytes. Default: 32 MiB.
    ///
    /// A commit is written to the log, and later from there to the file. A log that no reader uses
    /// starts over at about 4 MB, below any greater limit. Overlapping readers can prevent that. A write
    /// that finds the log at its limit therefore first waits until the readers of that moment have
    /// finished. The log can then exceed the limit by one transaction, and rarely by a second one or by
    /// one of each other process that writes.
    ///
    /// # Cost
    ///
    /// Nothing below the limit. At the limit one write, and all that wait behind it, take as long as the
    /// slowest reader, or twice as long if readers overlap. Readers do not wait. The wait ends after 7/8 of
    /// what is left of the [busy timeout](Self::busy_timeout), and after 30 seconds at the latest; so
    /// the limit holds as long as each reader finishes within a third of the busy timeout.
    ///
    /// A reader that takes longer is not waited for again. Writes go on, the log grows, and
    /// [`stats`](Vault::stats) shows its size. The first write after that reader has finished cuts the
    /// log back. An iterator or a snapshot that the writing thread itself has made cannot
    /// finish before the write does, so the write waits for it only 1/64 of the busy timeout.
    ///
    /// A smaller limit costs more syncs: at zero, the log starts over at each write. With `u64::MAX` no
    /// write waits for readers, and the log keeps its greatest size until the vault is closed. Handles of
    /// one vault may have different limits: each keeps its own when it writes. In memory the same rule
    /// bounds the memory that the log takes. A handle that is read-only writes no log.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("events.db");
    /// use vaults::OpenOptions;
    ///
    /// let events = OpenOptions::new()
    ///     .log_size_limit(8 * 1024 * 1024)
    ///     .open::<u64, String>(&path)?;
    /// # events.close()
    /// # }
    /// ```
    pub const fn log_size_limit(&mut self, bytes: u64) -> &mut Self {
        self.log_size_limit = bytes;
        self
    }

    /// Opens the vault at `path`.
    ///
    /// The path is made absolute now: a later change of the working directory does not matter.
    /// The first and the last entry are decoded as `(K, V)`, so that a vault of other types is noticed
    /// here. Everything that can refuse a file looks before anything is changed: a file that is refused, and
    /// the log or journal beside it, is left as it was.
    ///
    /// # Errors
    ///
    /// [`NotFound`](Error::NotFound), [`AlreadyExists`](Error::AlreadyExists),
    /// [`InvalidPath`](Error::InvalidPath), [`InvalidOptions`](Error::InvalidOptions),
    /// [`NotAVault`](Error::NotAVault), [`NewerFormat`](Error::NewerFormat),
    /// [`TypeMismatch`](Error::TypeMismatch), [`ReadOnly`](Error::ReadOnly),
    /// [`ReadOnlyFolder`](Error::ReadOnlyFolder), [`NeedsRecovery`](Error::NeedsRecovery),
    /// [`TooManyFiles`](Error::TooManyFiles),
    /// [`Busy`](Error::Busy), [`Io`](Error::Io), and what a damaged file gives. A file that is
    /// refused was not changed.
    pub fn open<K, V>(&self, path: impl AsRef<Path>) -> Result<Vault<K, V>>
    where
        K: Serialize + DeserializeOwned + Eq + Hash,
        V: Serialize + DeserializeOwned,
    {
        self.open_at(Location::File(path.as_ref().to_path_buf()))
    }

    /// Opens a vault in memory, which is gone when its last handle is.
    ///
    /// It behaves as one in a file does, snapshots included. [`create`](Self::create),
    /// [`create_new`](Self::create_new) and [`durability`](Self::durability) have no meaning for it.
    ///
    /// # Errors
    ///
    /// [`InvalidOptions`](Error::InvalidOptions) with [`read_only`](Self::read_only), and
    /// [`Sqlite`](Error::Sqlite) if there is no memory for it.
    pub fn open_in_memory<K, V>(&self) -> Result<Vault<K, V>>
    where
        K: Serialize + DeserializeOwned + Eq + Hash,
        V: Serialize + DeserializeOwned,
    {
        if self.read_only || self.immutable {
            return Err(Error::InvalidOptions {
                reason: "a vault in memory is new and empty, so `read_only` leaves nothing to do",
            });
        }
        self.open_at(Location::Memory)
    }

    fn open_at<K, V>(&self, location: Location) -> Result<Vault<K, V>>
    where
        K: Serialize + DeserializeOwned + Eq + Hash,
        V: Serialize + DeserializeOwned,
    {
        Vault::open_with(self.config(location)?, self.codec, self.verify_writes)
    }

    pub(crate) fn config(&self, location: Location) -> Result<Config> {
        let read_only = self.read_only || self.immutable;
        if read_only && self.create_new {
            return Err(Error::InvalidOptions {
                reason: "`create_new` writes, `read_only` does not",
            });
        }
        let in_memory = location == Location::Memory;
        Ok(Config {
            existence: match (self.create_new, self.create) {
                _ if in_memory => Existence::Created,
                _ if read_only => Existence::Required,
                (true, _) => Existence::Refused,
                (false, true) => Existence::Created,
                (false, false) => Existence::Required,
            },
            read_only,
            immutable: self.immutable,
            checksums: self.checksums,
            mode: self.mode,
            durability: if in_memory {
                Durability::Off
            } else {
                self.durability
            },
            busy_timeout: self.busy_timeout,
            cache_capacity: self.cache_capacity,
            log_size_limit: self.log_size_limit,
            location,
        })
    }
}
