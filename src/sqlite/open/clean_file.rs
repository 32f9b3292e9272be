//! Recognises a vault by its bytes, without SQLite. Its log and journal must be empty or missing.
//!
//! Most files are opened in this state, and inspecting them through a second connection would take a quarter
//! of the time of opening. A file that is not recognised here is inspected with SQLite.

use rusqlite::{Connection, ffi};

use crate::engine::{Position, RawEntry};
use crate::sqlite::connection::open_file::OpenFile;
use crate::sqlite::file_format::btree::{
    self, PageSize, Pages, Parsed, TablePage, columns, page_number, record,
};
use crate::sqlite::file_format::{FILE_HEADER_BYTES, number};
use crate::sqlite::open::ends::Ends;
use crate::sqlite::open::format::MapFormat;
use crate::sqlite::open::schema::{self, Head};

/// The size of the largest entry that is read here.
const MAX_PAYLOAD_BYTES: u64 = 1024 * 1024;

/// The depth of the deepest tree that is read here, which is also SQLite's limit.
const MAX_DEPTH: usize = 20;

/// A vault that was recognised.
pub(in crate::sqlite) struct CleanFile {
    pub(in crate::sqlite) head: Head,
    pub(in crate::sqlite) format: MapFormat,
    pub(in crate::sqlite) ends: Ends,
}

impl CleanFile {
    /// Recognises the main file of `connection`, which must not have read from it yet. Holds a shared lock while
    /// it reads. Returns `None` if the file is not recognised.
    pub(in crate::sqlite) fn recognize(connection: &Connection) -> Option<Self> {
        let file = OpenFile::main(connection)?;
        let code = file.lock(ffi::SQLITE_LOCK_SHARED);
        let clean = (code == ffi::SQLITE_OK).then(|| read(file)).flatten();
        file.unlock();
        clean
    }
}

fn read(file: OpenFile<'_>) -> Option<CleanFile> {
    let mut header = [0; FILE_HEADER_BYTES];
    if file.read(0, &mut header) != ffi::SQLITE_OK {
        return None;
    }
    let word = |at| number(&header, at, 4);
    let size = PageSize::declared(&header)?;
    let pages = file.len().ok()? / size.bytes as u64;
    // The number of pages is that of the last change, the format can be read, and the text is UTF-8.
    let is_supported = word(28).map(u64::from) == Some(pages)
        && word(24) == word(92)
        && header
            .get(18..20)
            .is_some_and(|modes| matches!(modes, [1 | 2, 1 | 2]))
        && header.get(21..24) == Some(&[64, 32, 32])
        && matches!(word(44), Some(1..=4))
        && word(56) == Some(1);
    if !is_supported {
        return None;
    }
    let mut pages = FilePages {
        file,
        size,
        count: u32::try_from(pages).ok()?,
    };
    let head = Head::from_header(&header)?;
    let (root, format) = pages.schema(head).ok()?;
    let ends = Ends {
        first: pages.end(root, |cells| cells.first().copied()).ok()?,
        last: pages.end(root, |cells| cells.last().copied()).ok()?,
    };
    Some(CleanFile { head, format, ends })
}

/// The pages of an open file.
struct FilePages<'a> {
    file: OpenFile<'a>,
    size: PageSize,
    count: u32,
}

impl Pages for FilePages<'_> {
    fn page(&mut self, number: u32) -> Parsed<Vec<u8>> {
        if !(1..=self.count).contains(&number) {
            return Err("it is outside the file");
        }
        let mut bytes = vec![0; self.size.bytes];
        let offset = u64::from(number - 1) * self.size.bytes as u64;
        match self.file.read(offset, &mut bytes) {
            ffi::SQLITE_OK => Ok(bytes),
            _ => Err("it cannot be read from the disk"),
        }
    }

    fn size(&self) -> PageSize {
        self.size
    }

    fn max_payload(&self) -> u64 {
        MAX_PAYLOAD_BYTES
    }
}

impl FilePages<'_> {
    /// Returns the root page of the table, and the format of the vault. The schema must have only the
    /// table, declared by a known statement, and the index of its key.
    fn schema(&mut self, head: Head) -> Parsed<(u32, MapFormat)> {
        let page = self.page(1)?;
        let TablePage::Leaf(cells) = TablePage::parse(&page, 1)? else {
            return Err("the schema is a large one");
        };
        let &[table, index] = cells.as_slice() else {
            return Err("the schema has other objects");
        };
        let (_, table) = btree::row(self, &page, table)?;
        let (_, index) = btree::row(self, &page, index)?;
        let unknown = "the schema has an unknown statement";
        let table = columns(&table).ok_or(unknown)?;
        let index = columns(&index).ok_or(unknown)?;
        let (
            &[(_, b"table"), (_, b"dict"), (_, b"dict"), root, (_, sql)],
            &[
                (_, b"index"),
                (_, b"sqlite_autoindex_dict_1"),
                (_, b"dict"),
                index_root,
                (0, _),
            ],
        ) = (table.as_slice(), index.as_slice())
        else {
            return Err(unknown);
        };
        let format = schema::recognize(head, sql).ok_or(unknown)?;
        let roots = page_number(root).zip(page_number(index_root));
        let (root, index_root) = roots.ok_or("a root is no page")?;
        let is_page = |root| (2..=self.count).contains(&root);
        if root == index_root || !is_page(root) || !is_page(index_root) {
            return Err("a root is outside the file");
        }
        Ok((root, format))
    }

    /// Returns the first or the last row of the table, by the choice of `choose` in each page.
    fn end(&mut self, root: u32, choose: Choose) -> Parsed<Option<RawEntry>> {
        let mut number = root;
        for depth in 0..MAX_DEPTH {
            let page = self.page(number)?;
            match TablePage::parse(&page, number)? {
                TablePage::Interior(children) => {
                    let children: Vec<usize> = children.iter().map(|&page| page as usize).collect();
                    let child = choose(&children).ok_or("it has no children")?;
                    number = u32::try_from(child).map_err(|_| "it is outside the file")?;
                }
                TablePage::Leaf(cells) => {
                    let Some(cell) = choose(&cells) else {
                        let is_root = depth == 0;
                        return is_root.then_some(None).ok_or("it has no rows");
                    };
                    let (rowid, payload) = btree::row(self, &page, cell)?;
                    let (key, value) = record(&payload).ok_or("it is not a key and a value")?;
                    return Ok(Some(RawEntry {
                        key: key.to_vec(),
                        value: value.to_vec(),
                        position: Position(rowid),
                    }));
                }
            }
        }
        Err("the tree is too deep")
    }
}

/// Chooses the first or the last of the cells or children of a page.
type Choose = fn(&[usize]) -> Option<usize>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{MapId, RowOrder};
    use crate::sqlite::connection::tables;

    fn create() -> String {
        tables::create(MapId::only(RowOrder::Insertion))
    }

    /// Creates a file by these statements, and recognises it through a new connection.
    fn recognized(sql: &str) -> Option<CleanFile> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(&format!("PRAGMA journal_mode = WAL; {sql}"))
            .unwrap();
        connection.close().unwrap();
        CleanFile::recognize(&Connection::open(&path).unwrap())
    }

    fn with_rows(count: u32, bytes: u32) -> String {
        format!(
            "{}; PRAGMA application_id = {}; PRAGMA user_version = 2;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO dict SELECT CAST(i AS BLOB), zeroblob({bytes}) FROM n WHERE {count} > 0",
            create(),
            schema::APPLICATION_ID
        )
    }

    #[test]
    fn a_vault_is_recognized_with_its_ends() {
        for (count, bytes) in [(1, 0), (3, 10), (20_000, 10), (3, 100_000)] {
            let found = recognized(&with_rows(count, bytes)).unwrap();
            assert!(found.format.checksums);
            for (end, rowid) in [(found.ends.first, 1), (found.ends.last, count)] {
                let end = end.unwrap();
                assert_eq!(end.position, Position(i64::from(rowid)));
                assert_eq!(end.key, rowid.to_string().as_bytes());
                assert_eq!(end.value, vec![0; bytes as usize]);
            }
        }
    }

    #[test]
    fn a_vault_without_entries_has_no_ends() {
        let found = recognized(&create()).unwrap();
        assert!(!found.format.checksums);
        assert!(found.ends.first.is_none() && found.ends.last.is_none());
    }

    #[test]
    fn anything_else_is_left_to_sqlite() {
        let with = |more: &str| format!("{}; {more}", create());
        for sql in [
            with("CREATE TABLE another (x)"),
            with("CREATE INDEX i ON dict (value)"),
            with("PRAGMA application_id = 5"),
            with("PRAGMA application_id = 0x56414C54"),
            with("PRAGMA application_id = 0x56414C54; PRAGMA user_version = 3"),
            format!("PRAGMA encoding = 'UTF-16'; {}", create()),
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value ANY)".to_owned(),
            with("INSERT INTO dict VALUES (x'4d01', zeroblob(2000000))"),
            "CREATE TABLE dict (key BLOB PRIMARY KEY, value BLOB); INSERT INTO dict VALUES (1, 2)"
                .to_owned(),
        ] {
            assert!(recognized(&sql).is_none(), "{sql}");
        }
        let folder = tempfile::tempdir().unwrap();
        let empty = Connection::open(folder.path().join("t.db")).unwrap();
        assert!(CleanFile::recognize(&empty).is_none());
    }
}
