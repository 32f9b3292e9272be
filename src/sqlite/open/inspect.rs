//! Decides whether a file is a vault, before anything of it is changed.

use std::fs;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::engine::{Deadline, MAX_MAPS};
use crate::error::{Error, Location, Result};
use crate::sqlite::connection::failure;
use crate::sqlite::file_format::MAGIC;
use crate::sqlite::open::clean_file::CleanFile;
use crate::sqlite::open::ends::{Ends, TypeCheck};
use crate::sqlite::open::format::Format;
use crate::sqlite::open::paths::sibling;
use crate::sqlite::open::schema::{self, FileKind, Head};
use crate::sqlite::open::{Opener, settings};
use crate::sqlite::recovery::wal_reader::WalReader;
use crate::sqlite::view;

/// The offset of a byte whose page SQLite never uses: <https://www.sqlite.org/fileformat2.html#the_lock_byte_page>.
const LOCK_BYTE: u64 = 0x4000_0000;

/// The size of the largest journal that is inspected, because its pages are rolled back in memory.
const MAX_JOURNAL_BYTES: u64 = 256 * 1024 * 1024;

/// The result of the inspection of a file that can be opened.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqlite) struct Inspection {
    head: Head,
    /// `None` for a new file.
    pub(in crate::sqlite) format: Option<Format>,
}

/// The log, the journal and the index of a file, with their sizes in bytes, or zero.
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

    /// Inspects the file that `connection` has open, without a change. No log is written back, no journal is
    /// rolled back, no file is created or deleted, and no lock is kept.
    ///
    /// Returns `None` if `connection` itself can inspect the file without a change.
    pub(in crate::sqlite) fn inspect(
        &self,
        connection: &Connection,
        siblings: &Siblings,
        check: TypeCheck<'_>,
        deadline: &mut Deadline,
    ) -> Result<Option<Inspection>> {
        if self.config.immutable {
            return Ok(None);
        }
        let (bytes, _) = self.read_stored_header(connection)?;
        let is_clean = (siblings.log, siblings.journal) == (0, 0);
        if bytes == 0 && is_clean {
            return Ok(None);
        }
        if is_clean && let Some(vault) = self.inspect_clean_file(connection, check) {
            return Ok(Some(vault));
        }
        if self.is_log_in_use(connection, siblings) {
            return Ok(None);
        }
        match self.inspect_through_view(siblings, check, deadline) {
            Ok(inspection) => Ok(Some(inspection)),
            Err(error @ Error::Busy { .. }) => Err(error),
            // Another connection may have opened the file during the inspection, and overwritten what was
            // being read.
            Err(_) => {
                let siblings = self.siblings();
                if self.is_log_in_use(connection, &siblings) {
                    return Ok(None);
                }
                self.inspect_through_view(&siblings, check, deadline)
                    .map(Some)
            }
        }
    }

    /// Inspects a file without SQLite. Returns `None` if it is not accepted, so that SQLite decides.
    fn inspect_clean_file(
        &self,
        connection: &Connection,
        check: TypeCheck<'_>,
    ) -> Option<Inspection> {
        let file = CleanFile::recognize(connection)?;
        let format = self
            .validate(Ok(FileKind::Vault(Format::One(file.format))))
            .ok()?;
        check(&self.path, &file.ends, file.format.checksums).ok()?;
        Some(Inspection {
            head: file.head,
            format,
        })
    }

    /// Returns `true` if other connections use the log. Then they keep its index up to date, and reading
    /// through it changes nothing.
    fn is_log_in_use(&self, connection: &Connection, siblings: &Siblings) -> bool {
        if siblings.log == 0 || !siblings.has_index {
            return false;
        }
        if !self.config.is_read_only() {
            return view::is_open_elsewhere(connection) == Some(true);
        }
        // The exclusive lock of the test requires a file that is open for writing.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let probe = self.open_at(&self.path, flags);
        probe.is_ok_and(|probe| view::is_open_elsewhere(&probe) == Some(true))
    }

    fn read_stored_header(&self, connection: &Connection) -> Result<(u64, Vec<u8>)> {
        view::read_stored_header(connection).map_err(|code| self.failed(failure::from_code(code)))
    }

    /// Inspects the file through a view, which keeps in memory what SQLite writes.
    fn inspect_through_view(
        &self,
        siblings: &Siblings,
        check: TypeCheck<'_>,
        deadline: &mut Deadline,
    ) -> Result<Inspection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let failed = |error| self.failed(error);
        let vfs = view::vfs().map_err(failed)?;
        let mut connection = Connection::open_with_flags_and_vfs(&self.path, flags, vfs)
            .map_err(|error| self.failed_to_open(error))?;
        settings::distrust(&mut connection).map_err(failed)?;
        // Writing the log back would change only the view, but it would take time.
        let keep = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        connection.set_db_config(keep, true).map_err(failed)?;
        self.check_siblings(&connection, siblings)?;
        self.retry(deadline, || connection.execute_batch("BEGIN"))?;
        self.inspect_connection(&connection, None, check, deadline)
    }

    /// Returns an error if the log or the journal belongs to another file, which SQLite does not detect.
    fn check_siblings(&self, connection: &Connection, siblings: &Siblings) -> Result<()> {
        if siblings.journal > MAX_JOURNAL_BYTES {
            let reason = "the journal beside it is too large to be inspected: open the file \
                          with SQLite once, which rolls the journal back";
            return Err(Error::io(&self.path, std::io::Error::other(reason)));
        }
        let (bytes, head) = self.read_stored_header(connection)?;
        if siblings.log > 0 {
            return self.check_log(bytes, &head);
        }
        // A file of zeros may be one whose creation the journal rolls back.
        let start = head.get(..MAGIC.len()).unwrap_or(&head);
        if siblings.journal > 0 && !MAGIC.starts_with(start) && start.iter().any(|byte| *byte != 0)
        {
            return Err(self.not_a_vault("it is not a SQLite file"));
        }
        Ok(())
    }

    /// Returns an error if the file does not begin with a header, or if a page is neither in the file nor in
    /// the log. SQLite writes the header of a file before it creates the log.
    fn check_log(&self, bytes: u64, head: &[u8]) -> Result<()> {
        let io = |error| Error::io(&self.path, error);
        let log = fs::File::open(self.log_path()).map_err(io)?;
        let log = WalReader::read(log).map_err(io)?;
        if !head.starts_with(MAGIC) {
            return Err(match log {
                Some(_) => self.corrupt("the file does not begin as a SQLite file does"),
                None if bytes == 0 => self.corrupt("the file is empty"),
                None => self.not_a_vault("it is not a SQLite file"),
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
        Err(self.corrupt("the file is shorter than it was"))
    }

    fn corrupt(&self, what: &str) -> Error {
        let source = format!("{what}, and a log lies beside it: save what is there with `salvage`");
        Error::Corrupt {
            location: Location::file(&self.path),
            source: source.into(),
        }
    }

    fn not_a_vault(&self, reason: &str) -> Error {
        Error::NotAVault {
            location: Location::file(&self.path),
            reason: reason.to_owned(),
            source: None,
        }
    }

    /// Inspects what `connection` reads, unless it still has the head of a `known` inspection.
    pub(in crate::sqlite) fn inspect_connection(
        &self,
        connection: &Connection,
        known: Option<Inspection>,
        check: TypeCheck<'_>,
        deadline: &mut Deadline,
    ) -> Result<Inspection> {
        let detected = self.retry(deadline, || {
            let head = Head::read(connection)?;
            if let Some(known) = known.filter(|known| known.head == head) {
                return Ok((head, Err(known)));
            }
            Ok((head, Ok(schema::detect_kind(connection, head)?)))
        });
        let (head, kind) = match detected {
            Ok((_, Err(known))) => return Ok(known),
            Ok((head, Ok(kind))) => (head, Ok(kind)),
            Err(error) => (Head::default(), Err(error)),
        };
        let format = self.validate(kind)?;
        if let Some(Format::One(map)) = format {
            let ends = self.retry(deadline, || Ends::read(connection, map.order))?;
            check(&self.path, &ends, map.checksums)?;
        }
        Ok(Inspection { head, format })
    }

    /// Accepts or refuses a kind of file. Returns its format, or `None` for a new file.
    fn validate(&self, kind: Result<FileKind>) -> Result<Option<Format>> {
        let not_a_vault = |reason: String, source| {
            Err(Error::NotAVault {
                location: Location::file(&self.path),
                reason,
                source,
            })
        };
        match kind {
            Ok(FileKind::Vault(format)) if !self.config.accepts(format) => Err(Error::WrongKind {
                location: Location::file(&self.path),
                expected: self.config.new_format().type_name(),
                found: format.type_name(),
            }),
            Ok(FileKind::Vault(Format::One(map))) if self.config.checksums && !map.checksums => {
                Err(Error::InvalidOptions {
                    reason: "this vault was created without `checksums`: copy its entries into a new one",
                })
            }
            Ok(FileKind::Vault(format)) => Ok(Some(format)),
            Ok(FileKind::Empty) if self.config.may_create() => Ok(None),
            Ok(FileKind::Empty) => not_a_vault("the file is empty".to_owned(), None),
            Ok(FileKind::Foreign(reason)) => not_a_vault(reason, None),
            Ok(FileKind::Newer(found)) => Err(Error::NewerFormat {
                location: Location::file(&self.path),
                found,
                supported: Format::NEWEST,
            }),
            Err(Error::Corrupt { source, .. })
                if failure::sqlite_code(&*source) == Some(ErrorCode::NotADatabase) =>
            {
                not_a_vault("it is not a SQLite file".to_owned(), Some(source))
            }
            Err(Error::Corrupt { source, .. })
                if failure::sqlite_code(&*source) == Some(ErrorCode::OperationInterrupted) =>
            {
                let reason = format!("its schema is endless, or has more than {MAX_MAPS} maps");
                not_a_vault(reason, Some(source))
            }
            Err(error @ (Error::Io { .. } | Error::ReadOnly { .. })) => {
                self.refuse_unwritable_log()?;
                Err(self.explain_unreadable(error))
            }
            Err(error) => Err(error),
        }
    }
}
