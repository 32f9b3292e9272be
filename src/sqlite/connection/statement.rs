//! A prepared statement that takes its parameters and shows its rows without a copy.
//!
//! rusqlite's own copies every parameter, and looks a column up again for each of its properties.
//! Compared with it, a scan is 18 to 23% faster here, and a get 3 to 7%.
//!
//! This module is about nothing but calling SQLite's C interface for statements.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;

use rusqlite::{Connection, Error, Result, ffi};

use crate::sqlite::connection::failure;

/// A value for a parameter.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqlite) enum Parameter<'a> {
    Integer(i64),
    Blob(&'a [u8]),
}

impl From<i64> for Parameter<'_> {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl<'a> From<&'a [u8]> for Parameter<'a> {
    fn from(blob: &'a [u8]) -> Self {
        Self::Blob(blob)
    }
}

/// A statement on a connection that outlives it.
#[derive(Debug)]
pub(in crate::sqlite) struct Statement<'conn> {
    raw: NonNull<ffi::sqlite3_stmt>,
    connection: PhantomData<&'conn Connection>,
}

impl<'conn> Statement<'conn> {
    /// Prepares the one statement of `sql`, to be kept.
    pub(in crate::sqlite) fn prepare(connection: &'conn Connection, sql: &str) -> Result<Self> {
        let length =
            c_int::try_from(sql.len()).map_err(|_| failure::from_code(ffi::SQLITE_TOOBIG))?;
        let mut raw = ptr::null_mut();
        // SAFETY: the handle is that of a live connection that this thread has; the text is
        // `length` bytes long, and nothing but `raw` is written.
        unsafe {
            let handle = connection.handle();
            let code = ffi::sqlite3_prepare_v3(
                handle,
                sql.as_ptr().cast::<c_char>(),
                length,
                ffi::SQLITE_PREPARE_PERSISTENT,
                &raw mut raw,
                ptr::null_mut(),
            );
            match NonNull::new(raw) {
                Some(raw) if code == ffi::SQLITE_OK => Ok(Self {
                    raw,
                    connection: PhantomData,
                }),
                _ => Err(last_failure(handle, code)),
            }
        }
    }

    /// Runs it for what it does.
    pub(in crate::sqlite) fn execute<const N: usize>(
        &mut self,
        parameters: [Parameter<'_>; N],
    ) -> Result<()> {
        self.query(parameters, |rows| rows.next().map(drop))
    }

    /// Runs it and hands its rows to `f`. It ends with `f`.
    #[inline]
    pub(in crate::sqlite) fn query<const N: usize, R>(
        &mut self,
        parameters: [Parameter<'_>; N],
        f: impl FnOnce(&mut Rows<'_>) -> Result<R>,
    ) -> Result<R> {
        let mut rows = Rows {
            raw: self.raw,
            parameters: PhantomData,
        };
        for (index, parameter) in (1..).zip(parameters) {
            rows.bind(index, parameter)?;
        }
        f(&mut rows)
    }
}

impl Drop for Statement<'_> {
    fn drop(&mut self) {
        // SAFETY: the statement is live, its connection too, and nobody has its rows: they
        // borrow it. The code tells of the last run, which has told it.
        unsafe { ffi::sqlite3_finalize(self.raw.as_ptr()) };
    }
}

/// The rows of a statement that runs. It ends when this is dropped.
#[derive(Debug)]
pub(in crate::sqlite) struct Rows<'a> {
    raw: NonNull<ffi::sqlite3_stmt>,
    /// SQLite reads the parameters where they are.
    parameters: PhantomData<&'a [u8]>,
}

impl<'a> Rows<'a> {
    fn bind(&mut self, index: c_int, parameter: Parameter<'a>) -> Result<()> {
        let raw = self.raw.as_ptr();
        // SAFETY: the statement is live and not running. The bytes live for 'a, which outlives `self`,
        // and dropping `self` makes SQLite forget them. The pointer of an empty slice is not null.
        let code = unsafe {
            match parameter {
                Parameter::Integer(integer) => ffi::sqlite3_bind_int64(raw, index, integer),
                Parameter::Blob(blob) => ffi::sqlite3_bind_blob64(
                    raw,
                    index,
                    blob.as_ptr().cast(),
                    blob.len() as u64,
                    ffi::SQLITE_STATIC(),
                ),
            }
        };
        match code {
            ffi::SQLITE_OK => Ok(()),
            code => Err(self.failure(code)),
        }
    }

    /// The next row, if there is one.
    #[inline]
    pub(in crate::sqlite) fn next(&mut self) -> Result<Option<Row<'_>>> {
        // SAFETY: the statement is live. No row is borrowed: it would borrow `self`.
        match unsafe { ffi::sqlite3_step(self.raw.as_ptr()) } {
            ffi::SQLITE_ROW => Ok(Some(Row {
                raw: self.raw,
                rows: PhantomData,
            })),
            ffi::SQLITE_DONE => Ok(None),
            code => Err(self.failure(code)),
        }
    }

    #[cold]
    fn failure(&self, code: c_int) -> Error {
        // SAFETY: the statement is live, and so is its connection.
        unsafe { last_failure(ffi::sqlite3_db_handle(self.raw.as_ptr()), code) }
    }
}

impl Drop for Rows<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the statement is live, and no row is borrowed. The code of the first is that of the
        // last step, which has told it; the second is always well.
        unsafe {
            ffi::sqlite3_reset(self.raw.as_ptr());
            ffi::sqlite3_clear_bindings(self.raw.as_ptr());
        }
    }
}

/// What a column of a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum Column<'row> {
    Blob(&'row [u8]),
    /// A value of another type, which has this name.
    Other(&'static str),
}

impl<'row> Column<'row> {
    /// The bytes, and the name of the type if it is not a BLOB: then there are none.
    pub(in crate::sqlite) const fn split(self) -> (&'row [u8], Option<&'static str>) {
        match self {
            Self::Blob(bytes) => (bytes, None),
            Self::Other(found) => (&[], Some(found)),
        }
    }
}

/// The row that a statement stands at.
#[derive(Debug)]
pub(in crate::sqlite) struct Row<'rows> {
    raw: NonNull<ffi::sqlite3_stmt>,
    rows: PhantomData<&'rows ()>,
}

impl<'rows> Row<'rows> {
    /// A column of any type.
    #[inline]
    pub(in crate::sqlite) fn column(&self, column: u16) -> Result<Column<'rows>> {
        // SAFETY: the statement is live and stands at a row. SQLite returns a NULL for a column that
        // does not exist. The value of a row may be read while no other thread uses the connection, and
        // reading a BLOB as a BLOB changes nothing (<https://www.sqlite.org/c3ref/column_blob.html>).
        // SQLite says how many bytes there are. They stay where they are until the statement moves on,
        // which the borrow of the row prevents.
        unsafe {
            let value = ffi::sqlite3_column_value(self.raw.as_ptr(), c_int::from(column));
            let kind = ffi::sqlite3_value_type(value);
            if kind != ffi::SQLITE_BLOB {
                return Ok(Column::Other(type_name(kind)));
            }
            let start = ffi::sqlite3_value_blob(value).cast::<u8>();
            let length = usize::try_from(ffi::sqlite3_value_bytes(value)).unwrap_or(0);
            match NonNull::new(start.cast_mut()) {
                Some(start) => Ok(Column::Blob(slice::from_raw_parts(start.as_ptr(), length))),
                None if length == 0 => Ok(Column::Blob(&[])),
                None => Err(failure::from_code(ffi::SQLITE_NOMEM)),
            }
        }
    }

    /// A column that is an INTEGER whatever the file says, as a rowid or a count is.
    #[inline]
    pub(in crate::sqlite) fn integer(&self, column: u16) -> i64 {
        // SAFETY: the statement is live and stands at a row.
        unsafe { ffi::sqlite3_column_int64(self.raw.as_ptr(), c_int::from(column)) }
    }
}

/// SQLite's name of the type of a value that is not a BLOB.
#[cold]
const fn type_name(kind: c_int) -> &'static str {
    match kind {
        ffi::SQLITE_INTEGER => "INTEGER",
        ffi::SQLITE_FLOAT => "REAL",
        ffi::SQLITE_TEXT => "TEXT",
        _ => "NULL",
    }
}

/// The error `code`, with what the connection says of it.
///
/// # Safety
///
/// `handle` is that of a live connection that no other thread uses.
#[cold]
unsafe fn last_failure(handle: *mut ffi::sqlite3, code: c_int) -> Error {
    // SAFETY: by the contract; the message is a string with its end, until the next call on the
    // connection, and is copied before.
    let message = unsafe {
        let message = ffi::sqlite3_errmsg(handle);
        (!message.is_null()).then(|| CStr::from_ptr(message).to_string_lossy())
    };
    Error::SqliteFailure(ffi::Error::new(code), message.map(Into::into))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE t (i INTEGER PRIMARY KEY, b BLOB)")
            .unwrap();
        connection
    }

    fn insert(connection: &Connection, integer: i64, blob: &[u8]) {
        Statement::prepare(connection, "INSERT INTO t VALUES (?1, ?2)")
            .unwrap()
            .execute([integer.into(), blob.into()])
            .unwrap();
    }

    fn code(error: &Error) -> c_int {
        error.sqlite_error().unwrap().extended_code
    }

    #[test]
    fn what_is_bound_comes_back() {
        let connection = connection();
        let large = vec![7; 100_000];
        let blobs = [&b"some"[..], b"", &large];
        for (integer, blob) in (i64::MIN..).zip(blobs) {
            insert(&connection, integer, blob);
        }
        let mut select =
            Statement::prepare(&connection, "SELECT b, i FROM t WHERE i >= ?1").unwrap();
        let read = |rows: &mut Rows<'_>| {
            let mut read = Vec::new();
            while let Some(row) = rows.next()? {
                read.push((row.integer(1), row.column(0)?.split().0.to_vec()));
            }
            Ok(read)
        };
        let all = select.query([i64::MIN.into()], read).unwrap();
        let expected: Vec<_> = (i64::MIN..).zip(blobs.map(<[u8]>::to_vec)).collect();
        assert_eq!(all, expected);
        let last = select.query([(i64::MIN + 2).into()], read).unwrap();
        assert_eq!(last, expected[2..]);
    }

    #[test]
    fn a_statement_ends_with_its_rows_and_forgets_its_parameters() {
        let connection = connection();
        for integer in 0..3 {
            insert(&connection, integer, b"x");
        }
        let mut select =
            Statement::prepare(&connection, "SELECT i FROM t WHERE ?1 IS NULL OR b = ?1");
        let select = select.as_mut().unwrap();
        let parameter = b"x".to_vec();
        let first = select
            .query([parameter.as_slice().into()], |rows| {
                let row = rows.next()?;
                Ok(row.map(|row| row.integer(0)))
            })
            .unwrap();
        assert_eq!(first, Some(0));
        drop(parameter);
        assert!(!connection.is_busy(), "it is still running");
        // Unbound is NULL.
        let count = select.query([], |rows| {
            let mut count = 0;
            while rows.next()?.is_some() {
                count += 1;
            }
            Ok(count)
        });
        assert_eq!(count, Ok(3));
    }

    #[test]
    fn a_panic_ends_it_too() {
        let connection = connection();
        insert(&connection, 1, b"x");
        let mut select = Statement::prepare(&connection, "SELECT i FROM t").unwrap();
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            select.query([], |rows| -> Result<()> {
                rows.next()?;
                panic!("in a row")
            })
        }));
        assert!(panic.is_err());
        assert!(!connection.is_busy());
    }

    #[test]
    fn columns_of_another_type_are_named() {
        let connection = connection();
        let sql = "SELECT 'text', 1, 1.5, NULL, x'00'";
        let mut select = Statement::prepare(&connection, sql).unwrap();
        select
            .query([], |rows| {
                let row = rows.next()?.unwrap();
                for (column, found) in [(0, "TEXT"), (1, "INTEGER"), (2, "REAL"), (3, "NULL")] {
                    assert_eq!(row.column(column), Ok(Column::Other(found)));
                }
                assert_eq!(row.column(4), Ok(Column::Blob(&[0])));
                assert_eq!(row.column(5), Ok(Column::Other("NULL")));
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn a_failure_has_its_code_and_its_words() {
        let connection = connection();
        let error = Statement::prepare(&connection, "SELECT missing").unwrap_err();
        assert_eq!(code(&error), ffi::SQLITE_ERROR);
        assert!(
            error.to_string().contains("no such column: missing"),
            "{error}"
        );

        insert(&connection, 1, b"");
        let mut insert = Statement::prepare(&connection, "INSERT INTO t VALUES (?1, ?2)").unwrap();
        let row = |blob| [Parameter::Integer(1), Parameter::Blob(blob)];
        let error = insert.execute(row(b"")).unwrap_err();
        assert_eq!(code(&error), ffi::SQLITE_CONSTRAINT_PRIMARYKEY);
        let error = insert.execute(row(&vec![0; 1_000_000_001])).unwrap_err();
        assert_eq!(code(&error), ffi::SQLITE_TOOBIG);
        let error = insert.execute([1.into(), 2.into(), 3.into()]).unwrap_err();
        assert_eq!(code(&error), ffi::SQLITE_RANGE);
        // It serves on.
        insert.execute([2.into(), b"".as_slice().into()]).unwrap();
    }
}
