//! Group commit: the writes of several threads in one transaction, with one sync for all of them.
//!
//! A thread that finds the write lock taken leaves its write in line, as bytes. The next thread in line
//! makes the writes behind its own too, and commits all of them. Keys and values stay on their threads: if
//! the old value is needed, the caller reads and decodes it beforehand, and another thread makes the write
//! only if those bytes are still stored. This is flat combining, see [`FairMutex`](crate::engine::FairMutex).

use std::sync::Arc;
use std::thread;

use crate::engine::{Claimed, Deadline, MapId, Outcome, Read as _, Request, Write as _, WriteOp};
use crate::error::Result;
use crate::sqlite::connection::session::Session;
use crate::sqlite::store::Store;
use crate::sqlite::trace;
use crate::sqlite::write::work::{Expected, Work};
use crate::sqlite::writer::Writer;

/// The number of writes of other threads, and their bytes, that one thread makes with its own. It bounds
/// what sharing a commit costs a thread.
const MAX_GROUP_WRITES: usize = 256;
const MAX_GROUP_BYTES: usize = 1 << 20;

/// The room that is left in a group.
struct Room {
    writes: usize,
    bytes: usize,
}

impl Room {
    /// Takes the room for a write, and returns `false` if there is too little.
    fn take(&mut self, work: &Work) -> bool {
        let remaining = (
            self.writes.checked_sub(1),
            self.bytes.checked_sub(work.op.bytes()),
        );
        let (Some(writes), Some(bytes)) = remaining else {
            return false;
        };
        *self = Self { writes, bytes };
        true
    }
}

impl Store {
    /// Makes one write without reading the old value.
    pub(in crate::sqlite) fn apply_grouped(
        self: &Arc<Self>,
        map: MapId,
        op: WriteOp,
    ) -> Result<()> {
        self.write_one(
            map,
            op,
            |_| Some((Expected::Anything, ())),
            |writer, op| writer.apply(map, op),
        )
    }

    /// Makes one write and returns what `decode` makes of the key and the old value. If `decode` fails,
    /// nothing is written.
    pub(in crate::sqlite) fn swap_grouped<R>(
        self: &Arc<Self>,
        map: MapId,
        op: WriteOp,
        decode: impl Fn(&[u8], &[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        self.write_one(
            map,
            op,
            |op| self.read_precondition(map, op.key(), &decode),
            |writer, op| writer.swap(map, op, &decode),
        )
    }

    /// Makes a write by `make`, at once if the write lock is free. If it is not, `precondition` returns what
    /// the write must find and what it returns, so that another thread can make it.
    fn write_one<R>(
        self: &Arc<Self>,
        map: MapId,
        op: WriteOp,
        precondition: impl FnOnce(&WriteOp) -> Option<(Expected, R)>,
        make: impl Fn(&mut Writer, &WriteOp) -> Result<R>,
    ) -> Result<R> {
        let mut deadline = self.start_waiting()?;
        let free = self.writer.try_acquire();
        match free.map_err(|refusal| self.refused(&refusal, &deadline))? {
            Some(session) => self.write_with(session, &op, &mut deadline, make),
            None => self.write_in_line(map, op, deadline, precondition, make),
        }
    }

    /// Makes a write and commits it, on the connection that writes.
    fn write_with<R>(
        self: &Arc<Self>,
        session: Session,
        op: &WriteOp,
        deadline: &mut Deadline,
        make: impl Fn(&mut Writer, &WriteOp) -> Result<R>,
    ) -> Result<R> {
        let mut writer = Writer::begin(self, session, deadline)?;
        let result = make(&mut writer, op)?;
        writer.commit()?;
        Ok(result)
    }

    fn write_in_line<R>(
        self: &Arc<Self>,
        map: MapId,
        op: WriteOp,
        mut deadline: Deadline,
        precondition: impl FnOnce(&WriteOp) -> Option<(Expected, R)>,
        make: impl Fn(&mut Writer, &WriteOp) -> Result<R>,
    ) -> Result<R> {
        let Some((expected, foreseen)) = precondition(&op) else {
            return self.write_alone(&op, &mut deadline, make);
        };
        let request = Arc::new(Request::new(Work { map, op, expected }));
        let op = &request.work().op;
        let result = match self.wait_with(&request, &deadline)? {
            Some(session) => {
                // The threads whose writes were just committed may have more. If they are in line too, one
                // sync is for all of them and not for every second one.
                thread::yield_now();
                let writer = Writer::begin(self, session, &mut deadline)?;
                writer.commit_group(|writer| make(writer, op))?
            }
            None => (request.outcome() == Outcome::Done).then_some(foreseen),
        };
        result.map_or_else(|| self.write_alone(op, &mut deadline, make), Ok)
    }

    /// Waits for the write lock, or for a thread that makes the write in its turn (`None`).
    fn wait_with(
        &self,
        request: &Arc<Request<Work>>,
        deadline: &Deadline,
    ) -> Result<Option<Session>> {
        let turn = self
            .writer
            .acquire_or_be_served(request, deadline.remaining())
            .map_err(|refusal| self.refused(&refusal, deadline))?;
        if turn.is_none() {
            trace::waited(self.file(), deadline.elapsed());
        }
        Ok(turn)
    }

    /// Makes a write in a transaction that it shares with no other, so that its result is its own.
    fn write_alone<R>(
        self: &Arc<Self>,
        op: &WriteOp,
        deadline: &mut Deadline,
        make: impl Fn(&mut Writer, &WriteOp) -> Result<R>,
    ) -> Result<R> {
        let session = self.acquire_writer(deadline)?;
        self.write_with(session, op, deadline, make)
    }

    /// Returns what is stored now, as bytes and decoded, or `None` if it cannot be read or decoded. The
    /// caller then meets the error when it has the write lock.
    fn read_precondition<R>(
        &self,
        map: MapId,
        key: &[u8],
        decode: impl Fn(&[u8], &[u8]) -> Result<R>,
    ) -> Option<(Expected, Option<R>)> {
        let old = self.read(|session| {
            let rows = session.rows(map);
            rows.find(key, |_, old| (old.to_vec(), decode(key, old)))
        });
        let Some((bytes, old)) = old.ok()? else {
            return Some((Expected::Old(None), None));
        };
        Some((Expected::Old(Some(bytes)), Some(old.ok()?)))
    }
}

impl Writer {
    /// Makes the caller's write and those behind it in line, and commits all of them.
    ///
    /// Returns `None` if the commit failed with writes of other threads in it. Then nothing was written, and
    /// each thread tries alone, to get its own result.
    fn commit_group<R>(mut self, own: impl FnOnce(&mut Self) -> Result<R>) -> Result<Option<R>> {
        let own = own(&mut self)?;
        let Some(made) = self.drain_queue() else {
            return self.commit().map(|()| Some(own));
        };
        self.note_shared(made.len() + 1);
        if self.commit().is_err() {
            return Ok(None);
        }
        // Before the write lock goes to the next in line, so that they can be in line again by then.
        made.into_iter().for_each(Claimed::done);
        Ok(Some(own))
    }

    /// Makes the writes that are next in line, and returns those that it could make, or `None` if there was
    /// none.
    fn drain_queue(&mut self) -> Option<Vec<Claimed<Work>>> {
        let mut room = Room {
            writes: MAX_GROUP_WRITES,
            bytes: MAX_GROUP_BYTES,
        };
        let mut made = None;
        loop {
            let claimed = self.store().writer.claim_requests(|work| room.take(work));
            if claimed.is_empty() {
                return made;
            }
            let made = made.get_or_insert_with(Vec::new);
            // A thread whose write was not made is told at once, and waits for the write lock.
            made.extend(
                claimed
                    .into_iter()
                    .filter(|claimed| self.make(claimed.work())),
            );
        }
    }

    /// Makes the write of another thread if it finds what it must find. Returns `true` if it was made.
    fn make(&mut self, work: &Work) -> bool {
        let Work { map, op, expected } = work;
        let made = match expected {
            Expected::Anything => self.apply(*map, op).map(|()| true),
            Expected::Old(old) => self.compare_and_apply(*map, old.as_deref(), op),
        };
        matches!(made, Ok(true))
    }

    /// Makes a write if the value is `expected`. Returns `true` if it is.
    fn compare_and_apply(
        &mut self,
        map: MapId,
        expected: Option<&[u8]>,
        op: &WriteOp,
    ) -> Result<bool> {
        let found = self.find(map, op.key(), |position, old| {
            (position, Some(old) == expected)
        })?;
        let (position, is_expected) = found.unzip();
        if !is_expected.unwrap_or(expected.is_none()) {
            return Ok(false);
        }
        self.apply_at(map, position, op).map(|()| true)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::{Engine as _, RowOrder};
    use crate::error::Error;
    use crate::sqlite::connection::wal_index::WalIndexHeader;
    use crate::sqlite::{ANY_TYPES, Config, Durability};

    const MAP: MapId = MapId::only(RowOrder::Insertion);

    struct Bench {
        store: Arc<Store>,
        _folder: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let config = Config {
                durability: Durability::Off,
                busy_timeout: Duration::from_secs(60),
                ..Config::DEFAULT
            };
            let store = Store::open(&folder.path().join("t.db"), config, ANY_TYPES).unwrap();
            store.len(MAP).unwrap();
            Self {
                store: Arc::new(store),
                _folder: folder,
            }
        }

        fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
            self.store.get(MAP, key, <[u8]>::to_vec).unwrap()
        }

        fn put(&self, key: &[u8], value: &[u8]) {
            self.store.apply(MAP, write(key, Some(value))).unwrap();
        }

        /// Returns the number of committed transactions.
        fn commits(&self) -> u32 {
            let WalIndexHeader(words) = self.store.header().unwrap();
            words[2]
        }

        /// Puts `calls` in line, in their order, while the write lock is held, and returns their results.
        fn in_line<R: Send>(&self, calls: Vec<impl FnOnce(&Arc<Store>) -> R + Send>) -> Vec<R> {
            let held = self.store.begin_write().unwrap();
            thread::scope(|scope| {
                let mut threads = Vec::new();
                for call in calls {
                    let before = self.store.writer.waiting();
                    threads.push(scope.spawn(|| call(&self.store)));
                    while self.store.writer.waiting() == before {
                        thread::yield_now();
                    }
                }
                drop(held);
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap())
                    .collect()
            })
        }
    }

    fn write(key: &[u8], new: Option<&[u8]>) -> WriteOp {
        let key = key.to_vec();
        match new {
            Some(value) => WriteOp::Put {
                key,
                value: value.to_vec(),
            },
            None => WriteOp::Delete { key },
        }
    }

    type Call = Box<dyn FnOnce(&Arc<Store>) -> Result<Option<Vec<u8>>> + Send>;

    fn put(key: u8) -> Call {
        Box::new(move |store| store.apply(MAP, write(&[key], Some(b"put"))).map(|()| None))
    }

    fn swap(key: &'static [u8], new: Option<&'static [u8]>) -> Call {
        Box::new(move |store| store.swap(MAP, write(key, new), |_, old| Ok(old.to_vec())))
    }

    #[test]
    fn writes_in_line_share_one_commit() {
        let bench = Bench::new();
        let before = bench.commits();
        let results = bench.in_line((0..20).map(put).collect());
        assert!(results.iter().all(|result| matches!(result, Ok(None))));
        assert_eq!(bench.commits(), before + 1);
        assert_eq!(bench.store.len(MAP).unwrap(), 20);
        for key in 0..20 {
            assert_eq!(bench.get(&[key]), Some(b"put".to_vec()));
        }
    }

    #[test]
    fn each_write_returns_the_old_value_of_its_turn() {
        let bench = Bench::new();
        bench.put(b"a", b"0");
        let calls = vec![
            swap(b"a", Some(b"1")),
            swap(b"a", Some(b"2")),
            swap(b"b", Some(b"1")),
            swap(b"c", None),
            swap(b"a", None),
        ];
        let results: Vec<_> = bench
            .in_line(calls)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        // The calls on one key that found another value than they had read came later, in any order.
        assert_eq!(results[2], None);
        assert_eq!(results[3], None);
        let mut seen = [&results[0], &results[1], &results[4]];
        seen.sort();
        let last = bench.get(b"a");
        assert_eq!(bench.get(b"b"), Some(b"1".to_vec()));
        match last.as_deref() {
            // The removal came last, …
            None => assert_eq!(
                seen,
                [
                    &Some(b"0".to_vec()),
                    &Some(b"1".to_vec()),
                    &Some(b"2".to_vec())
                ]
            ),
            // … or before another.
            Some(value) => {
                assert_eq!(*seen[0], None);
                assert!(value == b"1" || value == b"2");
            }
        }
        let entries = 1 + u64::from(last.is_some());
        assert_eq!(bench.store.len(MAP).unwrap(), entries);
    }

    #[test]
    fn a_write_that_fails_fails_alone() {
        let bench = Bench::new();
        bench.put(b"bad", b"undecodable");
        let too_large = vec![0; 1_000_000_001];
        let calls: Vec<Call> = vec![
            put(0),
            Box::new(move |store| {
                store
                    .apply(MAP, write(b"huge", Some(&too_large)))
                    .map(|()| None)
            }),
            put(1),
            Box::new(|store| {
                store.swap(MAP, write(b"bad", None), |_, _| {
                    Err(Error::InvalidOptions {
                        reason: "cannot be decoded",
                    })
                })
            }),
            put(2),
        ];
        let results = bench.in_line(calls);
        let failed: Vec<bool> = results.iter().map(Result::is_err).collect();
        assert_eq!(failed, [false, true, false, true, false]);
        assert!(matches!(results[3], Err(Error::InvalidOptions { .. })));
        assert_eq!(bench.store.len(MAP).unwrap(), 4);
        assert_eq!(bench.get(b"bad"), Some(b"undecodable".to_vec()));
        assert_eq!(bench.get(b"huge"), None);
    }

    #[test]
    fn a_transaction_in_line_keeps_its_turn() {
        let bench = Bench::new();
        let look: Call = Box::new(|store| {
            let mut transaction = store.begin_write()?;
            let seen = transaction.len(MAP)?;
            Ok(Some(vec![u8::try_from(seen).unwrap()]))
        });
        let calls = vec![put(0), put(1), look, put(2), put(3)];
        let before = bench.commits();
        let results: Vec<_> = bench
            .in_line(calls)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(results[2], Some(vec![2]));
        assert_eq!(bench.commits(), before + 2);
    }

    #[test]
    fn a_group_is_bounded_in_bytes() {
        let bench = Bench::new();
        let large = |key: u8| -> Call {
            let value = vec![key; MAX_GROUP_BYTES / 2 + 1];
            Box::new(move |store| store.apply(MAP, write(&[key], Some(&value))).map(|()| None))
        };
        let before = bench.commits();
        let results = bench.in_line((0..6).map(large).collect());
        assert!(results.iter().all(Result::is_ok));
        // Each group has room for one more write.
        assert_eq!(bench.commits(), before + 3);
        assert_eq!(bench.store.len(MAP).unwrap(), 6);
    }
}
