//! The defaults, and the options that belong to one handle.

use std::time::Duration;

use crate::codec::Codec;
use crate::options::OpenOptions;
use crate::sqlite::{Config, Durability};

impl OpenOptions {
    /// Creates options with the defaults that [`Vault::open`](crate::Vault::open) uses. Each method states its default.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use vaults::OpenOptions;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// let mut options = OpenOptions::new();
    /// options.busy_timeout(Duration::from_secs(2));
    /// let ages = options.open::<String, u32>(folder.path().join("ages.db"))?;
    /// let names = options.open::<u64, String>(folder.path().join("names.db"))?;
    /// # ages.close()?;
    /// # names.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn new() -> Self {
        Self {
            config: Config::DEFAULT,
            codec: Codec::MessagePack,
            verify_writes: true,
        }
    }

    /// Sets when a commit is written to the disk. Default: [`Durability::Full`].
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Durability, OpenOptions};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("pages.db");
    /// let pages = OpenOptions::new()
    ///     .durability(Durability::Normal)
    ///     .open::<String, String>(&path)?;
    /// pages.put("home", &"Hello".to_owned())?;
    /// pages.flush()?; // now it survives a power cut
    /// # Ok(())
    /// # }
    /// ```
    pub const fn durability(&mut self, durability: Durability) -> &mut Self {
        self.config.durability = durability;
        self
    }

    /// Sets the codec that encodes values. Default: [`Codec::MessagePack`].
    ///
    /// Reading decodes the values of every codec, whatever is set here. Keys always have the same codec.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::{Codec, OpenOptions, Vault};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let small = OpenOptions::new()
    ///     .codec(Codec::Bincode)
    ///     .open::<u32, (u32, u32)>(&path)?;
    /// small.put(&1, &(2, 3))?;
    /// // A handle with the default codec reads it too.
    /// let vault: Vault<u32, (u32, u32)> = Vault::open(&path)?;
    /// assert_eq!(vault.get(&1)?, Some((2, 3)));
    /// # Ok(())
    /// # }
    /// ```
    pub const fn codec(&mut self, codec: Codec) -> &mut Self {
        self.codec = codec;
        self
    }

    /// Sets whether each value is decoded and compared before it is stored. Default: `true`.
    ///
    /// This detects a type whose `Deserialize` does not accept what its `Serialize` wrote, or changes it. The
    /// write then returns [`Error::Encode`](crate::Error::Encode) and stores nothing. Values that bincode encodes are checked even if
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
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::OpenOptions;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// let points = OpenOptions::new()
    ///     .verify_writes(false)
    ///     .open_in_memory::<u32, (f64, f64)>()?;
    /// points.put(&1, &(0.5, 2.0))?;
    /// assert_eq!(points.get(&1)?, Some((0.5, 2.0)));
    /// # Ok(())
    /// # }
    /// ```
    pub const fn verify_writes(&mut self, verify_writes: bool) -> &mut Self {
        self.verify_writes = verify_writes;
        self
    }

    /// Sets how long a call waits for a lock that another thread or process holds. Default: 10 seconds.
    ///
    /// After this time the call returns [`Error::Busy`](crate::Error::Busy). With zero it does not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use vaults::{Error, OpenOptions, Vault};
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("v.db");
    /// let vault: Vault<u32, u32> = Vault::open(&path)?;
    /// let impatient = OpenOptions::new()
    ///     .busy_timeout(Duration::ZERO)
    ///     .open::<u32, u32>(&path)?;
    ///
    /// let tx = vault.begin()?;
    /// assert!(matches!(impatient.put(&1, &1), Err(Error::Busy { .. })));
    /// tx.commit()?;
    /// impatient.put(&1, &1)?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn busy_timeout(&mut self, busy_timeout: Duration) -> &mut Self {
        self.config.busy_timeout = busy_timeout;
        self
    }

    /// Sets the size of this handle's cache in bytes of keys and encoded values. Default: 8 MiB.
    ///
    /// If the cache has the key, or knows that it is absent, [`get`](crate::Vault::get) uses neither SQLite nor the
    /// operating system. It only checks whether any process has committed since, by comparing 48 bytes of shared
    /// memory. So it never returns an old value.
    ///
    /// A commit through this handle or a clone removes the written keys, and a few others, from the cache. A
    /// commit through another handle or process empties it. A value that is larger than 1/64 of the capacity is
    /// not cached. With zero, or if the vault is [`immutable`](Self::immutable), there is no cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use vaults::OpenOptions;
    ///
    /// # fn main() -> vaults::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("pages.db");
    /// let pages = OpenOptions::new()
    ///     .cache_capacity(64 * 1024 * 1024)
    ///     .open::<String, u32>(&path)?;
    /// pages.put("home", &1)?;
    /// for _ in 0..3 {
    ///     pages.get("home")?;
    /// }
    /// assert!(pages.stats()?.cache_hits > 0);
    /// # Ok(())
    /// # }
    /// ```
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
    /// [`stats`](crate::Vault::stats) shows. The first write after that reader has finished shrinks the log. If the
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
}
