//! Converts SQLite's errors into those of the crate.

use std::path::Path;
use std::time::Duration;

use rusqlite::{ErrorCode, ffi};

use crate::error::{Error, Location};

/// Returns SQLite's error with this code, without a message.
pub(in crate::sqlite) fn from_code(code: std::ffi::c_int) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

/// Returns SQLite's code of an error, if it is one of SQLite.
pub(in crate::sqlite) fn sqlite_code(
    source: &(dyn std::error::Error + 'static),
) -> Option<ErrorCode> {
    source
        .downcast_ref::<rusqlite::Error>()
        .and_then(rusqlite::Error::sqlite_error_code)
}

/// Returns `true` if another connection holds a lock, so that the call can be tried again.
pub(in crate::sqlite) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
        )
    )
}

/// Converts the error of an operation on the file at `path`. `waited` is how long the call has waited for a
/// lock.
pub(in crate::sqlite) fn from_sqlite(
    error: rusqlite::Error,
    path: &Path,
    waited: Duration,
) -> Error {
    let location = Location::file(path);
    if is_busy(&error) {
        return Error::Busy { location, waited };
    }
    if let Some(source) = out_of_descriptors(&error) {
        return Error::TooManyFiles { location, source };
    }
    let source = Box::new(error);
    match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full { location, source },
        Some(ErrorCode::ReadOnly) => Error::ReadOnly {
            location,
            source: Some(source),
        },
        // All statements are fixed. So one that is invalid, or takes too long during opening, means that the
        // schema is damaged.
        Some(
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::Unknown
            | ErrorCode::OperationInterrupted,
        )
        // The error is rusqlite's own, about a column whose type contradicts the schema. This is damage, or
        // another program has written it.
        | None => Error::Corrupt { location, source },
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            Error::Io { location, source }
        }
        Some(ErrorCode::TooBig) => Error::TooLarge { source },
        _ => Error::Sqlite { location, source },
    }
}

/// Returns the error of the system if SQLite could not open a file because too many are open. SQLite's own
/// error does not tell the reason.
fn out_of_descriptors(error: &rusqlite::Error) -> Option<Box<std::io::Error>> {
    if error.sqlite_error_code() != Some(ErrorCode::CannotOpen) {
        return None;
    }
    #[cfg(unix)]
    {
        // The folder has no locks that closing it could release.
        let answer = std::fs::File::open("/").err()?;
        Error::is_out_of_descriptors(&answer).then(|| Box::new(answer))
    }
    #[cfg(not(unix))]
    None
}
