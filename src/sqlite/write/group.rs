//! Group commit: the changes of several threads in one transaction, and one sync for all of them.
//!
//! Who finds the writer claimed leaves its change in the line, as bytes. Whoever's turn it then is
//! makes the changes behind its own as well, and commits for all. Keys and values stay on their
//! threads: where the old value is asked for, it is read and decoded by the caller beforehand, and
//! the change is made by another only if those bytes are still there.

use std::sync::Arc;
use std::thread;

use crate::engine::Deadline;
use crate::engine::{Claimed, Outcome, Request};
use crate::error::Result;
use crate::sqlite::Store;
use crate::sqlite::connection::session::{Lookup, Session};
use crate::sqlite::trace;
use crate::sqlite::write::scope::Scope;
use crate::sqlite::write::transaction::WriteTransaction;

/// How many changes of others, and how many bytes of them, one makes with its own: what it costs
/// them to be with the others stays small.
const MOST_CHANGES: usize = 256;
const MOST_BYTES: usize = 1 << 20;

/// A change of one entry: one statement, which is whole or not at all.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) key: Vec<u8>,
    /// `None` removes the entry.
    pub(crate) new: Option<Vec<u8>>,
}

/// What a change that another thread makes has to find.
#[derive(Debug)]
enum Expected {
    Anything,
    /// These bytes, or nothing at all.
    Old(Option<Vec<u8>>),
}

/// A change that another thread can make.
#[derive(Debug)]
pub(in crate::sqlite) struct Work {
    change: Change,
    expected: Expected,
}

impl Work {
    fn bytes(&self) -> usize {
        self.change.key.len() + self.change.new.as_ref().map_or(0, Vec::len)
    }
}

/// What one can still make with its own.
struct Room {
    changes: usize,
    bytes: usize,
}

impl Room {
    fn take(&mut self, work: &Work) -> bool {
        let left = (
            self.changes.checked_sub(1),
            self.bytes.checked_sub(work.bytes()),
        );
        let (Some(changes), Some(bytes)) = left else {
            return false;
        };
        *self = Self { changes, bytes };
        true
    }
}

impl Store {
    /// Makes a change without a look at the old value.
    pub(crate) fn apply(self: &Arc<Self>, change: Change) -> Result<()> {
        self.change(
            change,
            |_| Some((Expected::Anything, ())),
            WriteTransaction::apply,
        )
    }

    /// Makes a change and returns what `decode` makes of the key and the old value. An
    /// error of it changes nothing.
    pub(crate) fn swap<R>(
        self: &Arc<Self>,
        change: Change,
        decode: impl Fn(&[u8], &[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        self.change(
            change,
            |change| self.foresee(&change.key, &decode),
            |transaction, change| transaction.swap(change, &decode),
        )
    }

    /// Makes a change by `make`, at once if nobody has the writer. If somebody has,
    /// `foresee` says what it would find and return, so that another thread can make it.
    fn change<R>(
        self: &Arc<Self>,
        change: Change,
        foresee: impl FnOnce(&Change) -> Option<(Expected, R)>,
        make: impl Fn(&mut WriteTransaction, &Change) -> Result<R>,
    ) -> Result<R> {
        let mut deadline = self.start_waiting()?;
        let free = self.writer.try_acquire();
        match free.map_err(|refusal| self.refused(&refusal, &deadline))? {
            Some(session) => {
                let transaction = self.begin(session, &mut deadline)?;
                Scope::Own(transaction).run(|transaction| make(transaction, &change))
            }
            None => self.change_in_line(change, deadline, foresee, make),
        }
    }

    fn change_in_line<R>(
        self: &Arc<Self>,
        change: Change,
        mut deadline: Deadline,
        foresee: impl FnOnce(&Change) -> Option<(Expected, R)>,
        make: impl Fn(&mut WriteTransaction, &Change) -> Result<R>,
    ) -> Result<R> {
        let Some((expected, foreseen)) = foresee(&change) else {
            return self.change_alone(&change, &mut deadline, make);
        };
        let request = Arc::new(Request::new(Work { change, expected }));
        let change = &request.work().change;
        let result = match self.wait_with(&request, &deadline)? {
            Some(session) => {
                // Those whose changes were just committed may have more: with them in line, a sync
                // is for all of them and not for every second one.
                thread::yield_now();
                let transaction = self.begin(session, &mut deadline)?;
                transaction.lead(|transaction| make(transaction, change))?
            }
            None => (request.outcome() == Outcome::Done).then_some(foreseen),
        };
        result.map_or_else(|| self.change_alone(change, &mut deadline, make), Ok)
    }

    /// Waits for the writer, or for somebody who makes the change in its turn (`None`).
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
            trace::waited(self.name(), deadline.elapsed());
        }
        Ok(turn)
    }

    /// Makes a change in a transaction that is shared with nobody: its result is its own.
    fn change_alone<R>(
        self: &Arc<Self>,
        change: &Change,
        deadline: &mut Deadline,
        make: impl Fn(&mut WriteTransaction, &Change) -> Result<R>,
    ) -> Result<R> {
        let session = self.acquire_writer(deadline)?;
        let transaction = self.begin(session, deadline)?;
        Scope::Own(transaction).run(|transaction| make(transaction, change))
    }

    /// What is stored now, as bytes and decoded. `None` if it cannot be read or decoded, which
    /// is for the caller to find out when it has the writer.
    fn foresee<R>(
        &self,
        key: &[u8],
        decode: impl Fn(&[u8], &[u8]) -> Result<R>,
    ) -> Option<(Expected, Option<R>)> {
        let mut session = self.reader().ok()?;
        let old = session.get(key, |old| (old.to_vec(), decode(key, old)));
        self.give_back_reader(session);
        let Some((bytes, old)) = old.ok()? else {
            return Some((Expected::Old(None), None));
        };
        Some((Expected::Old(Some(bytes)), Some(old.ok()?)))
    }
}

impl WriteTransaction {
    /// Makes a change without a look at the old value.
    pub(crate) fn apply(&mut self, change: &Change) -> Result<()> {
        match &change.new {
            Some(value) => self.put(&change.key, value),
            None => self.delete(&change.key).map(drop),
        }
    }

    /// Makes a change and returns what `decode` makes of the key and the old value. An
    /// error of it changes nothing.
    pub(crate) fn swap<R>(
        &mut self,
        change: &Change,
        decode: impl Fn(&[u8], &[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        let key = &change.key;
        let found = self
            .session()?
            .find(key, |rowid, old| (rowid, decode(key, old)))?;
        let (rowid, old) = found.unzip();
        let old = old.transpose()?;
        self.apply_at(rowid, change)?;
        Ok(old)
    }

    /// Makes a change to what was found at `rowid`, if the key was there.
    fn apply_at(&mut self, rowid: Option<i64>, change: &Change) -> Result<()> {
        match &change.new {
            Some(value) => self.write(rowid, &change.key, value),
            None if rowid.is_some() => self.delete(&change.key).map(drop),
            None => Ok(()),
        }
    }

    /// Makes the caller's own change and those behind it in the line, and commits for all.
    ///
    /// `None` if it failed with changes of others in it: nothing was changed then, and each is to
    /// try alone, for its own result.
    fn lead<R>(mut self, own: impl FnOnce(&mut Self) -> Result<R>) -> Result<Option<R>> {
        let own = own(&mut self)?;
        let Some(made) = self.carry() else {
            return self.commit().map(|()| Some(own));
        };
        self.shared_by(made.len() + 1);
        if self.try_commit().is_err() {
            return Ok(None);
        }
        // Before the writer goes to the next in line, so that they can be in line again by then.
        made.into_iter().for_each(Claimed::done);
        Ok(Some(own))
    }

    /// Makes the changes that are next in line, and returns those that it could make; `None` if
    /// none was there.
    fn carry(&mut self) -> Option<Vec<Claimed<Work>>> {
        let mut room = Room {
            changes: MOST_CHANGES,
            bytes: MOST_BYTES,
        };
        let mut made = None;
        loop {
            let claimed = self.store().writer.claim_requests(|work| room.take(work));
            if claimed.is_empty() {
                return made;
            }
            let made = made.get_or_insert_with(Vec::new);
            // What is not made is told so at once, and waits for the writer.
            made.extend(
                claimed
                    .into_iter()
                    .filter(|claimed| self.carry_out(claimed.work())),
            );
        }
    }

    /// Makes a change of another, if it finds what it has to; true if it was made.
    fn carry_out(&mut self, work: &Work) -> bool {
        let made = match &work.expected {
            Expected::Anything => self.apply(&work.change).map(|()| true),
            Expected::Old(old) => self.apply_over(old.as_ref(), &work.change),
        };
        matches!(made, Ok(true))
    }

    /// Makes a change if `expected` is what is there; true if it is.
    fn apply_over(&mut self, expected: Option<&Vec<u8>>, change: &Change) -> Result<bool> {
        let expected = expected.map(Vec::as_slice);
        let found = self
            .session()?
            .find(&change.key, |rowid, old| (rowid, Some(old) == expected))?;
        let (rowid, is_expected) = found.unzip();
        if !is_expected.unwrap_or(expected.is_none()) {
            return Ok(false);
        }
        self.apply_at(rowid, change).map(|()| true)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::Error;
    use crate::sqlite::ANY_TYPES;
    use crate::sqlite::connection::raw::WalIndexHeader;
    use crate::sqlite::{Config, Durability, Existence, Location};

    struct Bench {
        store: Arc<Store>,
        _folder: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let config = Config {
                location: Location::File(folder.path().join("t.db")),
                existence: Existence::Created,
                read_only: false,
                immutable: false,
                checksums: false,
                mode: None,
                durability: Durability::Off,
                busy_timeout: Duration::from_mins(1),
                cache_capacity: 1 << 20,
                log_size_limit: 1 << 20,
            };
            let store = Store::open(config, ANY_TYPES).unwrap();
            store.len().unwrap();
            Self {
                store: Arc::new(store),
                _folder: folder,
            }
        }

        fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
            (&*self.store).get(key, <[u8]>::to_vec).unwrap()
        }

        fn put(&self, key: &[u8], value: &[u8]) {
            self.store.apply(change(key, Some(value))).unwrap();
        }

        /// How many transactions were committed, of which there are few here.
        fn commits(&self) -> u32 {
            let WalIndexHeader(words) = self.store.header().unwrap();
            words[2]
        }

        /// Lets all of `calls` come into the line, in their order, while somebody has the writer,
        /// and returns what each has returned.
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

    fn change(key: &[u8], new: Option<&[u8]>) -> Change {
        Change {
            key: key.to_vec(),
            new: new.map(<[u8]>::to_vec),
        }
    }

    type Call = Box<dyn FnOnce(&Arc<Store>) -> Result<Option<Vec<u8>>> + Send>;

    fn put(key: u8) -> Call {
        Box::new(move |store| store.apply(change(&[key], Some(b"put"))).map(|()| None))
    }

    fn swap(key: &'static [u8], new: Option<&'static [u8]>) -> Call {
        Box::new(move |store| store.swap(change(key, new), |_, old| Ok(old.to_vec())))
    }

    #[test]
    fn those_in_line_share_one_commit() {
        let bench = Bench::new();
        let before = bench.commits();
        let results = bench.in_line((0..20).map(put).collect());
        assert!(results.iter().all(|result| matches!(result, Ok(None))));
        assert_eq!(bench.commits(), before + 1);
        assert_eq!(bench.store.len().unwrap(), 20);
        for key in 0..20 {
            assert_eq!(bench.get(&[key]), Some(b"put".to_vec()));
        }
    }

    #[test]
    fn each_has_the_old_value_of_its_turn() {
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
        assert_eq!(bench.store.len().unwrap(), entries);
    }

    #[test]
    fn one_that_fails_fails_alone() {
        let bench = Bench::new();
        bench.put(b"bad", b"undecodable");
        let too_large = vec![0; 1_000_000_001];
        let calls: Vec<Call> = vec![
            put(0),
            Box::new(move |store| {
                store
                    .apply(change(b"huge", Some(&too_large)))
                    .map(|()| None)
            }),
            put(1),
            Box::new(|store| {
                store.swap(change(b"bad", None), |_, _| {
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
        assert_eq!(bench.store.len().unwrap(), 4);
        assert_eq!(bench.get(b"bad"), Some(b"undecodable".to_vec()));
        assert_eq!(bench.get(b"huge"), None);
    }

    #[test]
    fn who_wants_the_writer_itself_is_not_overclaimed() {
        let bench = Bench::new();
        let look: Call = Box::new(|store| {
            let mut transaction = store.begin_write()?;
            let seen = transaction.len()?;
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
            let value = vec![key; MOST_BYTES / 2 + 1];
            Box::new(move |store| store.apply(change(&[key], Some(&value))).map(|()| None))
        };
        let before = bench.commits();
        let results = bench.in_line((0..6).map(large).collect());
        assert!(results.iter().all(Result::is_ok));
        // Each that leads takes one with it, for which there is room.
        assert_eq!(bench.commits(), before + 3);
        assert_eq!(bench.store.len().unwrap(), 6);
    }
}
