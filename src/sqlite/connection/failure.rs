//! Turns what SQLite says into what a caller can act on.

use std::path::Path;
use std::time::Duration;

use rusqlite::{ErrorCode, ffi};

use crate::error::Error;

/// SQLite's error with this code, of which the connection has nothing to say.
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

/// True for the answers that mean "somebody else has the lock, try again".
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

/// The crate's error for a failed operation on the file at `path`.
///
/// `waited` is how long a lock was waited for, should that be what failed.
pub(in crate::sqlite) fn from_sqlite(
    error: rusqlite::Error,
    path: &Path,
    waited: Duration,
) -> Error {
    let path = path.to_path_buf();
    if is_busy(&error) {
        return Error::Busy { path, waited };
    }
    if let Some(source) = out_of_descriptors(&error) {
        return Error::TooManyFiles { path, source };
    }
    let source = Box::new(error);
    match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full { path, source },
        Some(ErrorCode::ReadOnly) => Error::ReadOnly {
            path,
            source: Some(source),
        },
        // All statements are fixed: one that makes no sense, or is cut off while opening, shows a
        // schema that does not.
        Some(
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::Unknown
            | ErrorCode::OperationInterrupted,
        )
        // Not SQLite's answer, but what it was made of: a column of another type than the schema
        // says is damage, or a foreign program that wrote past it.
        | None => Error::Corrupt { path, source },
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            Error::Io { path, source }
        }
        Some(ErrorCode::TooBig) => Error::TooLarge { source },
        _ => Error::Sqlite { path, source },
    }
}

/// What the system says when a file cannot be opened because too many are open: SQLite says
/// only that it cannot be opened.
fn out_of_descriptors(error: &rusqlite::Error) -> Option<Box<std::io::Error>> {
    if error.sqlite_error_code() != Some(ErrorCode::CannotOpen) {
        return None;
    }
    #[cfg(unix)]
    {
        // It has no lock that closing it could drop.
        let answer = std::fs::File::open("/").err()?;
        Error::is_out_of_descriptors(&answer).then(|| Box::new(answer))
    }
    #[cfg(not(unix))]
    None
}
