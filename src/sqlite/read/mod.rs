//! Walking the table in the order of insertion, from both ends, a page of rows at a time.

pub(in crate::sqlite) mod reach;

use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use crate::engine::{Columns, Direction};
use crate::error::Result;
use crate::sqlite::connection::row::{NotABlob, RawRow};
use crate::sqlite::connection::session::Session;
use crate::sqlite::connection::statements::Sql;
use crate::sqlite::write::scope::Scope;
use crate::sqlite::{Store, lock};

/// A page ends at the first of these. The number of rows starts small, for a caller who wants
/// the first entry only, and doubles from page to page.
const FIRST_PAGE_ROWS: usize = 8;
const MAX_PAGE_ROWS: usize = 512;
const MAX_PAGE_BYTES: usize = 128 * 1024;

/// Rows that were read at once, in the order in which they were read.
#[derive(Debug, Default)]
struct Page {
    bytes: Vec<u8>,
    /// Rowid, where the key begins, where the value begins and where it ends.
    rows: Vec<(i64, usize, usize, usize)>,
    /// The rows with a column that is not a BLOB, by their index: as a rule there is none.
    bad: Vec<(usize, NotABlob)>,
    /// The rows that were not yet taken.
    left: Range<usize>,
}

impl Page {
    fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
        self.bad.clear();
        self.left = 0..0;
    }

    fn push(&mut self, row: RawRow<'_>) {
        let (rowid, key, value, not_a_blob) = row.into_parts();
        if not_a_blob.is_some() {
            self.bad.push((self.rows.len(), not_a_blob));
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.rows.push((rowid, start, middle, self.bytes.len()));
        self.left.end = self.rows.len();
    }

    fn row(&self, index: usize) -> Option<RawRow<'_>> {
        let &(rowid, start, middle, end) = self.rows.get(index)?;
        let bad = self.bad.binary_search_by_key(&index, |(bad, _)| *bad);
        let bad = bad.ok().and_then(|found| self.bad.get(found));
        Some(RawRow::from_parts(
            rowid,
            self.bytes.get(start..middle)?,
            self.bytes.get(middle..end)?,
            bad.and_then(|&(_, not_a_blob)| not_a_blob),
        ))
    }
}

/// A position at either end of what is still to be seen.
///
/// It knows rowids, not a statement: between two pages the session is free for other work,
/// and rows that were removed meanwhile are simply not met.
#[derive(Debug)]
pub(crate) struct Cursor {
    columns: Columns,
    /// The rowids that were not read yet, if any.
    unread: Option<(i64, i64)>,
    front: Page,
    back: Page,
    page_rows: usize,
}

impl Cursor {
    pub(crate) fn new(columns: Columns) -> Self {
        Self {
            columns,
            unread: Some((i64::MIN, i64::MAX)),
            front: Page::default(),
            back: Page::default(),
            page_rows: FIRST_PAGE_ROWS,
        }
    }

    /// True if [`fill`](Self::fill) would have something to read in that direction.
    #[inline]
    pub(crate) fn wants(&self, direction: Direction) -> bool {
        let page = match direction {
            Direction::Forward => &self.front,
            Direction::Backward => &self.back,
        };
        page.left.is_empty() && self.unread.is_some()
    }

    /// Reads the next page in that direction, if the last one was used up.
    pub(crate) fn fill(&mut self, session: &mut Session, direction: Direction) -> Result<()> {
        if self.wants(direction) {
            self.read_page(session, direction)?;
        }
        Ok(())
    }

    /// The next row in that direction, after [`fill`](Self::fill); when the middle is reached, from
    /// the other end's page.
    pub(crate) fn take(&mut self, direction: Direction) -> Option<RawRow<'_>> {
        let (near, far) = match direction {
            Direction::Forward => (&mut self.front, &mut self.back),
            Direction::Backward => (&mut self.back, &mut self.front),
        };
        match near.left.next() {
            Some(index) => near.row(index),
            None => far.left.next_back().and_then(|index| far.row(index)),
        }
    }

    fn page(&mut self, direction: Direction) -> &mut Page {
        match direction {
            Direction::Forward => &mut self.front,
            Direction::Backward => &mut self.back,
        }
    }

    fn read_page(&mut self, session: &mut Session, direction: Direction) -> Result<()> {
        let Some((low, high)) = self.unread else {
            return Ok(());
        };
        let (sql, first) = match direction {
            Direction::Forward => (Sql::ScanForward(self.columns), low),
            Direction::Backward => (Sql::ScanBackward(self.columns), high),
        };
        let limit = self.page_rows;
        let page = self.page(direction);
        page.clear();
        let (mut low, mut high) = (low, high);
        let mut in_order = true;
        session.scan(sql, first, |row| {
            let rowid = row.rowid;
            let is_past = match direction {
                Direction::Forward => rowid > high,
                Direction::Backward => rowid < low,
            };
            if is_past {
                return false;
            }
            // A damaged tree may lead to its own beginning: rows out of order would go on for ever.
            in_order = (low..=high).contains(&rowid);
            match direction {
                Direction::Forward => low = rowid.saturating_add(1),
                Direction::Backward => high = rowid.saturating_sub(1),
            }
            page.push(row);
            in_order && page.rows.len() < limit && page.bytes.len() < MAX_PAGE_BYTES
        })?;
        if !in_order {
            return Err(session.corrupt("rows are not in their order"));
        }
        let last = page.rows.last().map(|row| row.0);
        self.page_rows = (limit * 2).min(MAX_PAGE_ROWS);
        self.unread = last.and_then(|last| match direction {
            Direction::Forward => Some((last.checked_add(1)?, high)),
            Direction::Backward => Some((low, last.checked_sub(1)?)),
        });
        Ok(())
    }
}

/// A reader's own read transaction: one state of the vault, for as long as it lives.
pub(crate) struct ReadTransaction {
    store: Arc<Store>,
    /// `None` only while it is being dropped.
    session: Option<Session>,
    /// The thread that began it.
    thread: ThreadId,
}

impl ReadTransaction {
    /// Starts a transaction. Its state is that of the first read.
    pub(crate) fn begin(store: &Arc<Store>) -> Result<Self> {
        let mut session = store.reader()?;
        session.begin_read()?;
        let thread = thread::current().id();
        lock(&store.reading_threads).push(thread);
        Ok(Self {
            store: Arc::clone(store),
            session: Some(session),
            thread,
        })
    }

    /// Starts a transaction whose state is that of now.
    pub(crate) fn begin_now(store: &Arc<Store>) -> Result<Self> {
        let mut transaction = Self::begin(store)?;
        transaction.session()?.read_header()?;
        Ok(transaction)
    }

    /// The connection, to read with.
    pub(crate) fn session(&mut self) -> Result<&mut Session> {
        self.store.check_fork()?;
        // After an I/O error SQLite has ended it: what is read now would be another state.
        self.session
            .as_mut()
            .filter(|session| session.is_in_transaction())
            .ok_or_else(|| self.store.ended())
    }
}

/// Where a cursor's pages come from.
pub(crate) trait Pages {
    /// Reads the next page, if the cursor needs one.
    fn fill(&mut self, cursor: &mut Cursor, direction: Direction) -> Result<()>;
}

impl Pages for ReadTransaction {
    fn fill(&mut self, cursor: &mut Cursor, direction: Direction) -> Result<()> {
        cursor.fill(self.session()?, direction)
    }
}

impl Pages for &Mutex<ReadTransaction> {
    fn fill(&mut self, cursor: &mut Cursor, direction: Direction) -> Result<()> {
        lock(self).fill(cursor, direction)
    }
}

impl Pages for &RefCell<Scope<'_>> {
    fn fill(&mut self, cursor: &mut Cursor, direction: Direction) -> Result<()> {
        cursor.fill(self.borrow_mut().transaction().session()?, direction)
    }
}

impl Drop for ReadTransaction {
    fn drop(&mut self) {
        let Some(mut session) = self.session.take() else {
            return;
        };
        if self.store.is_forked() {
            return std::mem::forget(session);
        }
        let mut reading = lock(&self.store.reading_threads);
        if let Some(place) = reading.iter().position(|thread| *thread == self.thread) {
            reading.swap_remove(place);
        }
        drop(reading);
        if session.rollback().is_ok() {
            self.store.give_back_reader(session);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use rusqlite::Connection;

    use super::*;
    use crate::sqlite::open::schema;

    fn session(rows: i64) -> Session {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(schema::CREATE).unwrap();
        let mut session = Session::writer(
            connection,
            Arc::from(Path::new("")),
            Duration::ZERO,
            u64::MAX,
        )
        .unwrap();
        for row in 0..rows {
            session.put(&row.to_be_bytes(), b"value").unwrap();
        }
        session
    }

    /// Walks with the given turns, cycled, until both ends are exhausted.
    fn walk(rows: i64, turns: &[Direction]) -> (Vec<i64>, Vec<i64>) {
        let mut session = session(rows);
        let mut cursor = Cursor::new(Columns::Key);
        let (mut front, mut back) = (Vec::new(), Vec::new());
        for &turn in turns.iter().cycle() {
            cursor.fill(&mut session, turn).unwrap();
            let Some(row) = cursor.take(turn) else {
                break;
            };
            let (key, value) = row.bytes().unwrap();
            assert!(value.is_empty());
            let key = i64::from_be_bytes(key.try_into().unwrap());
            match turn {
                Direction::Forward => front.push(key),
                Direction::Backward => back.push(key),
            }
        }
        for direction in [Direction::Forward, Direction::Backward] {
            cursor.fill(&mut session, direction).unwrap();
            assert!(cursor.take(direction).is_none());
        }
        (front, back)
    }

    #[test]
    fn both_ends_meet_without_a_gap_or_a_repeat() {
        use Direction::{Backward as B, Forward as F};
        for rows in [0, 1, 2, 7, 8, 9, 50, 2000] {
            for turns in [&[F][..], &[B], &[F, B], &[F, F, F, B], &[F, B, B, B, B, B]] {
                let (mut seen, back) = walk(rows, turns);
                seen.extend(back.into_iter().rev());
                assert_eq!(
                    seen,
                    (0..rows).collect::<Vec<_>>(),
                    "{rows} rows, {turns:?}"
                );
            }
        }
    }

    #[test]
    fn a_page_is_bounded_in_bytes() {
        let mut session = session(0);
        for row in 0..64_u8 {
            session.put(&[row], &vec![row; MAX_PAGE_BYTES / 4]).unwrap();
        }
        let mut cursor = Cursor::new(Columns::Both);
        let mut seen = 0;
        loop {
            cursor.fill(&mut session, Direction::Forward).unwrap();
            let Some(row) = cursor.take(Direction::Forward) else {
                break;
            };
            assert_eq!(row.bytes().unwrap().1.first(), Some(&seen));
            seen += 1;
            assert!(cursor.front.bytes.len() <= 2 * MAX_PAGE_BYTES);
        }
        assert_eq!(seen, 64);
    }
}
