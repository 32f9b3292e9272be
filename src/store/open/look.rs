//! Deciding on a file by what it holds.

use std::path::Path;

use rusqlite::{ErrorCode, OpenFlags};

use super::Connector;
use crate::error::{Error, Result};
use crate::store::place::{beside, immutable_uri};
use crate::store::schema::{self, Found};

impl Connector {
    /// Refuses a file that is something else, without leaving a trace of having looked: no lock,
    /// no log, no index. What cannot be told so is left for the proper look.
    pub(super) fn refuse_foreign(&self) -> Result<()> {
        // What a log or a journal says comes first, and this look would not see it: a file that was
        // cut short while it was being created is taken up again with the journal's help.
        let is_partial = ["-wal", "-journal"]
            .iter()
            .any(|suffix| beside(&self.path, suffix).exists());
        if self.is_in_memory() || is_partial || !self.path.exists() {
            return Ok(());
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = self.open_at(Path::new(&immutable_uri(&self.path)), flags)?;
        match schema::inspect(&connection) {
            Ok(found @ (Found::Foreign(_) | Found::Newer(_))) => self.accept(Ok(found)).map(drop),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                self.accept(Err(self.failed(error))).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Decides on what was found: whether it has checksums, or `None` for a new file.
    pub(super) fn accept(&self, found: Result<Found>) -> Result<Option<bool>> {
        let path = self.path.to_path_buf();
        let foreign = |reason: String, source| {
            Err(Error::NotAVault {
                path: self.path.to_path_buf(),
                reason,
                source,
            })
        };
        match found {
            Ok(Found::Vault { checksums: false }) if self.config.checksums => {
                Err(Error::InvalidOptions {
                    reason: "this vault was created without `checksums`: copy its entries into a new one",
                })
            }
            Ok(Found::Vault { checksums }) => Ok(Some(checksums)),
            Ok(Found::Empty) if self.may_fill() => Ok(None),
            Ok(Found::Empty) => foreign("the file is empty".to_owned(), None),
            Ok(Found::Foreign(reason)) => foreign(reason, None),
            Ok(Found::Newer(found)) => Err(Error::NewerFormat {
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

pub(super) fn code(source: &(dyn std::error::Error + 'static)) -> Option<ErrorCode> {
    source
        .downcast_ref::<rusqlite::Error>()
        .and_then(rusqlite::Error::sqlite_error_code)
}
