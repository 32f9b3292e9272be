//! A prepared statement that borrows its parameters and lends its columns, without a copy.
//!
//! rusqlite's statement copies every parameter, and reads a column again for each of its properties. With
//! this one, a scan is 18 to 23% faster and a get 3 to 7%.
//!
//! All unsafe code here calls SQLite's C interface for statements.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;

use rusqlite::{Connection, Error, Result, ffi};

use crate::sqlite::connection::failure;

/// The value of a parameter.
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

/// A prepared statement of a connection.
#[derive(Debug)]
pub(in crate::sqlite) struct Statement<'conn> {
    raw: NonNull<ffi::sqlite3_stmt>,
    connection: &'conn Connection,
}

impl<'conn> Statement<'conn> {
    /// Prepares the one statement of `sql`, for repeated use.
    pub(in crate::sqlite) fn prepare(connection: &'conn Connection, sql: &str) -> Result<Self> {
        let length =
            c_int::try_from(sql.len()).map_err(|_| failure::from_code(ffi::SQLITE_TOOBIG))?;
        let mut raw = ptr::null_mut();
        // SAFETY: the connection is open and no other thread uses it. The text has `length` bytes, and
        // SQLite writes only to `raw`.
        let code = unsafe {
            ffi::sqlite3_prepare_v3(
                connection.handle(),
                sql.as_ptr().cast::<c_char>(),
                length,
                ffi::SQLITE_PREPARE_PERSISTENT,
                &raw mut raw,
                ptr::null_mut(),
            )
        };
        match NonNull::new(raw) {
            Some(raw) if code == ffi::SQLITE_OK => Ok(Self { raw, connection }),
            _ => Err(last_error(connection, code)),
        }
    }

    /// Runs the statement and ignores a row that it returns.
    pub(in crate::sqlite) fn execute<const N: usize>(
        &mut self,
        parameters: [Parameter<'_>; N],
    ) -> Result<()> {
        self.query(parameters, |rows| rows.next().map(drop))
    }

    /// Runs the statement and calls `f` with its rows. The statement is reset when `f` returns.
    #[inline]
    pub(in crate::sqlite) fn query<const N: usize, R>(
        &mut self,
        parameters: [Parameter<'_>; N],
        f: impl FnOnce(&mut Rows<'_>) -> Result<R>,
    ) -> Result<R> {
        let mut rows = Rows {
            raw: self.raw,
            connection: self.connection,
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
        // SAFETY: the statement is not finalized yet and its connection is open. Its rows would borrow it,
        // so there are none. The result is the code of the last run, which has returned it.
        unsafe { ffi::sqlite3_finalize(self.raw.as_ptr()) };
    }
}

/// The rows of a running statement, which is reset on drop.
#[derive(Debug)]
pub(in crate::sqlite) struct Rows<'a> {
    raw: NonNull<ffi::sqlite3_stmt>,
    connection: &'a Connection,
    /// SQLite borrows the parameters.
    parameters: PhantomData<&'a [u8]>,
}

impl<'a> Rows<'a> {
    fn bind(&mut self, index: c_int, parameter: Parameter<'a>) -> Result<()> {
        let raw = self.raw.as_ptr();
        // SAFETY: the statement is not finalized and not running. The bytes live for `'a`, which outlives
        // `self`, and dropping `self` clears the bindings. The pointer of an empty slice is not null.
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
            code => Err(last_error(self.connection, code)),
        }
    }

    /// Returns the next row, or `None` after the last one.
    #[inline]
    pub(in crate::sqlite) fn next(&mut self) -> Result<Option<Row<'_>>> {
        // SAFETY: the statement is not finalized. A row would borrow `self`, so there is none.
        match unsafe { ffi::sqlite3_step(self.raw.as_ptr()) } {
            ffi::SQLITE_ROW => Ok(Some(Row {
                raw: self.raw,
                rows: PhantomData,
            })),
            ffi::SQLITE_DONE => Ok(None),
            code => Err(last_error(self.connection, code)),
        }
    }
}

impl Drop for Rows<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the statement is not finalized, and no row is borrowed. The first call returns the code of
        // the last step, which has returned it before. The second call always succeeds.
        unsafe {
            ffi::sqlite3_reset(self.raw.as_ptr());
            ffi::sqlite3_clear_bindings(self.raw.as_ptr());
        }
    }
}

/// The value of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum Column<'row> {
    Blob(&'row [u8]),
    /// A value of another type, by the name of the type.
    Other(&'static str),
}

impl<'row> Column<'row> {
    /// Returns the bytes and `None`, or no bytes and the name of another type.
    pub(in crate::sqlite) const fn split(self) -> (&'row [u8], Option<&'static str>) {
        match self {
            Self::Blob(bytes) => (bytes, None),
            Self::Other(found) => (&[], Some(found)),
        }
    }
}

/// The current row of a running statement.
#[derive(Debug)]
pub(in crate::sqlite) struct Row<'rows> {
    raw: NonNull<ffi::sqlite3_stmt>,
    rows: PhantomData<&'rows ()>,
}

impl<'rows> Row<'rows> {
    /// Returns a column of any type.
    #[inline]
    pub(in crate::sqlite) fn column(&self, column: u16) -> Result<Column<'rows>> {
        // SAFETY: the statement is not finalized and has a current row. SQLite returns a NULL for a column
        // that does not exist. The value may be read while no other thread uses the connection, and reading a
        // BLOB as a BLOB does not convert it (<https://www.sqlite.org/c3ref/column_blob.html>). SQLite
        // returns its length. The bytes are valid until the next step, which the borrow of the row prevents.
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

    /// Returns a column that is always an INTEGER, such as a rowid or a count.
    #[inline]
    pub(in crate::sqlite) fn integer(&self, column: u16) -> i64 {
        // SAFETY: the statement is not finalized and has a current row.
        unsafe { ffi::sqlite3_column_int64(self.raw.as_ptr(), c_int::from(column)) }
    }
}

/// Returns SQLite's name of the type of a value that is not a BLOB.
#[cold]
const fn type_name(kind: c_int) -> &'static str {
    match kind {
        ffi::SQLITE_INTEGER => "INTEGER",
        ffi::SQLITE_FLOAT => "REAL",
        ffi::SQLITE_TEXT => "TEXT",
        _ => "NULL",
    }
}

/// Returns the error `code` with the message of the connection's last call.
#[cold]
fn last_error(connection: &Connection, code: c_int) -> Error {
    // SAFETY: the connection is open and no other thread uses it. The message ends with a NUL and is valid
    // until the next call on the connection. It is copied before that.
    let message = unsafe {
        let message = ffi::sqlite3_errmsg(connection.handle());
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
    fn dropping_the_rows_resets_the_statement_and_its_parameters() {
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
        // An unbound parameter is NULL.
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
    fn a_panic_resets_the_statement() {
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
    fn an_error_has_its_code_and_message() {
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
        // The statement works after an error.
        insert.execute([2.into(), b"".as_slice().into()]).unwrap();
    }
}
