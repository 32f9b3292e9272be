//! Deciding on a file by what it holds, before anything of it is changed.

use std::fs;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::engine::Deadline;
use crate::error::{Error, Result};
use crate::sqlite::connection::failure;
use crate::sqlite::connection::row::RawEntry;
use crate::sqlite::file_format::MAGIC;
use crate::sqlite::open::clean_file::CleanFile;
use crate::sqlite::open::paths::sibling;
use crate::sqlite::open::schema::{self, FileKind, Head};
use crate::sqlite::open::{Opener, settings};
use crate::sqlite::recovery::wal_reader::WalReader;
use crate::sqlite::view;

/// The page that holds this byte is never used: <https://www.sqlite.org/fileformat2.html#the_lock_byte_page>.
const LOCK_BYTE: u64 = 0x4000_0000;

/// A look changes the pages that a journal holds in memory. A larger journal is not looked through.
const LARGEST_JOURNAL_BYTES: u64 = 256 * 1024 * 1024;

/// Looks at the first and the last entry of a file, given its path and whether it has checksums.
pub(crate) type Check<'a> = &'a dyn Fn(&Path, &Ends, bool) -> Result<()>;

/// Accepts a file whatever the types of its entries.
pub(crate) const ANY_TYPES: Check<'_> = &|_, _, _| Ok(());

/// The first and the last entry: not there if there is none, or if it cannot be read.
pub(crate) struct Ends {
    pub(crate) first: Option<RawEntry>,
    pub(crate) last: Option<RawEntry>,
}

impl Ends {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let end = |order| {
            let sql = format!("SELECT rowid, key, value FROM dict ORDER BY rowid {order} LIMIT 1");
            connection.query_one(&sql, [], |row| {
                Ok(RawEntry {
                    rowid: row.get(0)?,
                    key: row.get(1)?,
                    value: row.get(2)?,
                })
            })
        };
        Ok(Self {
            first: readable(end("ASC"))?,
            last: readable(end("DESC"))?,
        })
    }
}

/// Damage to one row is that row's alone: it is reported when the row is read.
fn readable(entry: rusqlite::Result<RawEntry>) -> rusqlite::Result<Option<RawEntry>> {
    match entry {
        Ok(entry) => Ok(Some(entry)),
        Err(error) => match error.sqlite_error_code() {
            None | Some(ErrorCode::DatabaseCorrupt) => Ok(None),
            Some(_) => Err(error),
        },
    }
}

/// What a look has found: a file that can be opened.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqlite) struct Seen {
    head: Head,
    /// Whether it has checksums; `None` for a new file.
    pub(in crate::sqlite) checksums: Option<bool>,
}

/// Sizes of what lies beside the file; zero for what is not there.
pub(in crate::sqlite) struct Siblings {
    pub(in crate::sqlite) has_log: bool,
    log: u64,
    journal: u64,
    has_index: bool,
}

impl Opener {
    pub(in crate::sqlite) fn siblings(&self) -> Siblings {
        let size = |suffix| fs::metadata(sibling(&self.path, suffix)).map(|file| file.len());
        let log = size("-wal");
        Siblings {
            has_log: log.is_ok(),
            log: log.unwrap_or(0),
            journal: size("-journal").unwrap_or(0),
            has_index: size("-shm").is_ok(),
        }
    }

    /// Looks at the file that `connection` is to work with, and refuses it without leaving a trace: no
    /// log is written back, no journal rolled back, no file created or removed, no lock stays.
    ///
    /// `None` if the connection itself may look: it changes nothing by that.
    pub(in crate::sqlite) fn look(
        &self,
        connection: &Connection,
        found: &Siblings,
        check: Check<'_>,
        deadline: &mut Deadline,
    ) -> Result<Option<Seen>> {
        if self.is_in_memory() || self.config.immutable {
            return Ok(None);
        }
        let (bytes, _) = self.stored(connection)?;
        if bytes == 0 && (found.log, found.journal) == (0, 0) {
            return Ok(None);
        }
        if (found.log, found.journal) == (0, 0)
            && let Some(seen) = self.look_at_clean_file(connection, check)
        {
            return Ok(Some(seen));
        }
        if self.is_live(connection, found) {
            return Ok(None);
        }
        match self.look_through_view(found, check, deadline) {
            Ok(seen) => Ok(Some(seen)),
            Err(error @ Error::Busy { .. }) => Err(error),
            // Somebody may have begun to use the file while it was looked at, and written over what
            // was being read.
            Err(_) => {
                let found = self.siblings();
                if self.is_live(connection, &found) {
                    return Ok(None);
                }
                self.look_through_view(&found, check, deadline).map(Some)
            }
        }
    }

    /// Accepts a file that needs no SQLite to be recognised. Who refuses one is SQLite: `None`.
    fn look_at_clean_file(&self, connection: &Connection, check: Check<'_>) -> Option<Seen> {
        let found = CleanFile::recognize(connection)?;
        let vault = FileKind::Vault {
            checksums: found.checksums,
        };
        let checksums = self.validate(Ok(vault)).ok()?;
        check(&self.path, &found.ends, found.checksums).ok()?;
        Some(Seen {
            head: found.head,
            checksums,
        })
    }

    /// True if others use the log beside the file: then their index shows it, and one connection
    /// more changes nothing.
    fn is_live(&self, connection: &Connection, siblings: &Siblings) -> bool {
        if siblings.log == 0 || !siblings.has_index {
            return false;
        }
        if !self.config.read_only {
            return view::is_open_elsewhere(connection) == Some(true);
        }
        // The lock that tells needs a file that is open for writing.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let probe = self.open_at(&self.path, flags);
        probe.is_ok_and(|probe| view::is_open_elsewhere(&probe) == Some(true))
    }

    fn stored(&self, connection: &Connection) -> Result<(u64, Vec<u8>)> {
        view::read_stored_header(connection).map_err(|code| self.failed(failure::from_code(code)))
    }

    fn look_through_view(
        &self,
        siblings: &Siblings,
        check: Check<'_>,
        deadline: &mut Deadline,
    ) -> Result<Seen> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let failed = |error| self.failed(error);
        let vfs = view::vfs().map_err(failed)?;
        let mut connection = Connection::open_with_flags_and_vfs(&self.path, flags, vfs)
            .map_err(|error| self.cannot_open(error))?;
        settings::distrust(&mut connection).map_err(failed)?;
        // Writing the log back would do no harm, for it would stay in the view, but take time.
        let keep = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        connection.set_db_config(keep, true).map_err(failed)?;
        self.check_pieces(&connection, siblings)?;
        self.retry(deadline, || connection.execute_batch("BEGIN"))?;
        self.inspect(&connection, None, check, deadline)
    }

    /// Looks for what SQLite does not: a file that is not the one that its log or journal is of.
    fn check_pieces(&self, connection: &Connection, siblings: &Siblings) -> Result<()> {
        if siblings.journal > LARGEST_JOURNAL_BYTES {
            let reason = "the journal beside it is too large to be looked through: open the file \
                          with SQLite once, which rolls the journal back";
            return Err(Error::io(&self.path, std::io::Error::other(reason)));
        }
        let (bytes, head) = self.stored(connection)?;
        if siblings.log > 0 {
            return self.check_log(bytes, &head);
        }
        // What is zeros can be a file that was being created, of which the journal knows.
        let begins = head.get(..MAGIC.len()).unwrap_or(&head);
        if siblings.journal > 0
            && !MAGIC.starts_with(begins)
            && begins.iter().any(|byte| *byte != 0)
        {
            return Err(self.foreign("it is not a SQLite file"));
        }
        Ok(())
    }

    /// A file with a log begins with a header of its own, and the log has every page that the file has
    /// not: the file was written before the log was begun.
    fn check_log(&self, bytes: u64, head: &[u8]) -> Result<()> {
        let io = |error| Error::io(&self.path, error);
        let log = fs::File::open(self.log_path()).map_err(io)?;
        let log = WalReader::read(log).map_err(io)?;
        if !head.starts_with(MAGIC) {
            return Err(match log {
                Some(_) => self.damaged("the file does not begin as a SQLite file does"),
                None if bytes == 0 => self.damaged("the file is empty"),
                None => self.foreign("it is not a SQLite file"),
            });
        }
        let Some(log) = log else { return Ok(()) };
        let page_bytes = log.page_bytes();
        let lock_page = LOCK_BYTE / page_bytes + 1;
        let is_there = |page: u32| log.contains(page) || u64::from(page) == lock_page;
        let missing = bytes / page_bytes + 1..=u64::from(log.pages_in_file());
        if missing
            .filter_map(|page| u32::try_from(page).ok())
            .all(is_there)
        {
            return Ok(());
        }
        Err(self.damaged("the file is shorter than it was"))
    }

    fn damaged(&self, what: &str) -> Error {
        let source = format!("{what}, and a log lies beside it: save what is there with `salvage`");
        Error::Corrupt {
            path: self.path.to_path_buf(),
            source: source.into(),
        }
    }

    fn foreign(&self, reason: &str) -> Error {
        Error::NotAVault {
            path: self.path.to_path_buf(),
            reason: reason.to_owned(),
            source: None,
        }
    }

    /// Decides on what `connection` shows. If that has the head that was `seen`, it was decided
    /// before.
    pub(in crate::sqlite) fn inspect(
        &self,
        connection: &Connection,
        seen: Option<Seen>,
        check: Check<'_>,
        deadline: &mut Deadline,
    ) -> Result<Seen> {
        let found = self.retry(deadline, || {
            let head = Head::read(connection)?;
            if let Some(seen) = seen.filter(|seen| seen.head == head) {
                return Ok((head, Err(seen)));
            }
            Ok((head, Ok(schema::detect_kind(connection, head)?)))
        });
        let (head, found) = match found {
            Ok((_, Err(seen))) => return Ok(seen),
            Ok((head, Ok(found))) => (head, Ok(found)),
            Err(error) => (Head::default(), Err(error)),
        };
        let checksums = self.validate(found)?;
        if let Some(checksums) = checksums {
            let ends = self.retry(deadline, || Ends::read(connection))?;
            check(&self.path, &ends, checksums)?;
        }
        Ok(Seen { head, checksums })
    }

    /// Decides on what was found: whether it has checksums, or `None` for a new file.
    pub(in crate::sqlite) fn validate(&self, found: Result<FileKind>) -> Result<Option<bool>> {
        let path = self.path.to_path_buf();
        let foreign = |reason: String, source| {
            Err(Error::NotAVault {
                path: self.path.to_path_buf(),
                reason,
                source,
            })
        };
        match found {
            Ok(FileKind::Vault { checksums: false }) if self.config.checksums => {
                Err(Error::InvalidOptions {
                    reason: "this vault was created without `checksums`: copy its entries into a new one",
                })
            }
            Ok(FileKind::Vault { checksums }) => Ok(Some(checksums)),
            Ok(FileKind::Empty) if self.may_fill() => Ok(None),
            Ok(FileKind::Empty) => foreign("the file is empty".to_owned(), None),
            Ok(FileKind::Foreign(reason)) => foreign(reason, None),
            Ok(FileKind::Newer(found)) => Err(Error::NewerFormat {
                path,
                found,
                supported: schema::NEWEST,
            }),
            Err(Error::Corrupt { source, .. }) if is_no_database(&*source) => {
                foreign("it is not a SQLite file".to_owned(), Some(source))
            }
            Err(error @ (Error::Io { .. } | Error::ReadOnly { .. })) => {
                self.refuse_unwritable_log()?;
                Err(self.unreadable(error))
            }
            Err(error) => Err(error),
        }
    }
}

fn is_no_database(source: &(dyn std::error::Error + 'static)) -> bool {
    code(source) == Some(ErrorCode::NotADatabase)
}

pub(in crate::sqlite) fn code(source: &(dyn std::error::Error + 'static)) -> Option<ErrorCode> {
    source
        .downcast_ref::<rusqlite::Error>()
        .and_then(rusqlite::Error::sqlite_error_code)
}
