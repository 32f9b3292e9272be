//! The settings of a store.

use std::time::Duration;

use crate::engine::RowOrder;
use crate::sqlite::open::format::Format;

/// When a commit is written to the disk.
///
/// It belongs to the handle and not to the file, so two handles of one vault may have different settings. Set
/// it with [`OpenOptions::durability`](crate::OpenOptions::durability).
///
/// | | killed process | power cut | syncs for each commit |
/// |---|---|---|---|
/// | `Full` | nothing is lost | nothing is lost | one |
/// | `Normal` | nothing is lost | the newest commits may be lost | none |
/// | `Off` | nothing is lost | the file may be damaged | none |
///
/// After a crash, each transaction is complete or absent. The only exception is `Off` after a power cut. See
/// the [guide](crate::guide::durability).
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
///     .open::<String, u64>(&path)?;
/// pages.insert("home".into(), 1)?;
/// pages.flush()?; // From here on, the entry survives a power cut.
/// # pages.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// Each commit is synced before its call returns, so it survives a power cut.
    #[default]
    Full,
    /// Each commit is handed to the operating system, so it survives a killed process. It is synced at the next
    /// checkpoint, or by [`flush`](crate::Vault::flush). A power cut may lose the newest commits, in order,
    /// but does not damage the file.
    Normal,
    /// Nothing is synced except by [`flush`](crate::Vault::flush). A power cut may damage the file. Use it for
    /// data that can be rebuilt.
    Off,
}

impl Durability {
    /// Returns SQLite's name of the setting: <https://www.sqlite.org/pragma.html#pragma_synchronous>.
    pub(in crate::sqlite) const fn synchronous(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
            Self::Off => "OFF",
        }
    }
}

/// Whether a file may or must exist when a store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum Existence {
    /// It must exist.
    Required,
    /// It is created if it does not exist.
    Created,
    /// It must not exist.
    Refused,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Anything that a vault can hold. A new file holds one map in the order of insertion.
    Any,
    /// One map without a name, in this order.
    One(RowOrder),
    /// Maps with names.
    Several,
}

/// How a file is opened: the options of [`OpenOptions`](crate::OpenOptions) that concern it.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each set by name"
)]
pub(crate) struct Config {
    pub(crate) create: bool,
    pub(crate) create_new: bool,
    pub(crate) read_only: bool,
    /// The file cannot change, so no locks are acquired and no log is read.
    pub(crate) immutable: bool,
    /// What a new file holds, and what an existing one must hold.
    pub(crate) content: Content,
    /// A new file gets checksums, and an existing one must have them.
    pub(crate) checksums: bool,
    /// The permissions of a new file.
    pub(crate) mode: Option<u32>,
    pub(crate) durability: Durability,
    pub(crate) busy_timeout: Duration,
    /// In bytes.
    pub(crate) cache_capacity: usize,
    /// In bytes.
    pub(crate) log_size_limit: u64,
}

impl Config {
    /// The defaults of [`OpenOptions`](crate::OpenOptions).
    pub(crate) const DEFAULT: Self = Self {
        create: true,
        create_new: false,
        read_only: false,
        immutable: false,
        content: Content::One(RowOrder::Insertion),
        checksums: false,
        mode: None,
        durability: Durability::Full,
        busy_timeout: Duration::from_secs(10),
        cache_capacity: 8 * 1024 * 1024,
        log_size_limit: 32 * 1024 * 1024,
    };

    /// Returns `true` if nothing may be written.
    pub(crate) const fn is_read_only(&self) -> bool {
        self.read_only || self.immutable
    }

    pub(in crate::sqlite) const fn existence(&self) -> Existence {
        match (self.create_new, self.create) {
            _ if self.is_read_only() => Existence::Required,
            (true, _) => Existence::Refused,
            (false, true) => Existence::Created,
            (false, false) => Existence::Required,
        }
    }

    /// Returns `true` if a file with this format may be opened.
    pub(in crate::sqlite) fn accepts(&self, format: Format) -> bool {
        match (self.content, format) {
            (Content::Any, _) | (Content::Several, Format::Several) => true,
            (Content::One(order), Format::One(map)) => map.order == order,
            (Content::One(_), Format::Several) | (Content::Several, Format::One(_)) => false,
        }
    }

    /// Returns the format of a new file.
    pub(in crate::sqlite) fn new_format(&self) -> Format {
        match self.content {
            Content::Any => Format::one(RowOrder::Insertion, self.checksums),
            Content::One(order) => Format::one(order, self.checksums),
            Content::Several => Format::Several,
        }
    }

    /// Returns `true` if a vault may be created at the path.
    pub(in crate::sqlite) fn may_create(&self) -> bool {
        self.existence() != Existence::Required
    }

    /// Returns the settings for opening a vault that is to be replaced.
    pub(in crate::sqlite) const fn to_replace(self) -> Self {
        Self {
            create_new: false,
            content: Content::Any,
            checksums: false,
            immutable: false,
            read_only: false,
            mode: None,
            ..self
        }
    }
}
