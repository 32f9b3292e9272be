//! Transactions and snapshots over several maps.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use vaults::{Entry, Error, Readable, SortedVault, Vault, VaultFile, Writable};

use super::on_each_engine;
use crate::support::Scratch;

struct App {
    inbox: Vault<u64, String>,
    archive: Vault<u64, String>,
    by_text: SortedVault<(String, u64), ()>,
}

impl App {
    fn open(file: &VaultFile) -> Self {
        let app = Self {
            inbox: file.vault("inbox").unwrap(),
            archive: file.vault("archive").unwrap(),
            by_text: file.sorted_vault("by text").unwrap(),
        };
        for n in 0..10 {
            app.inbox.insert(n, format!("text {n}")).unwrap();
            app.by_text.insert((format!("text {n}"), n), ()).unwrap();
        }
        app
    }

    fn lengths(&self) -> [usize; 3] {
        [
            self.inbox.len().unwrap(),
            self.archive.len().unwrap(),
            self.by_text.len().unwrap(),
        ]
    }
}

#[test]
fn a_commit_changes_all_maps_and_a_rollback_none() {
    on_each_engine(|file| {
        let app = App::open(file);
        let moment = file.snapshot().unwrap();
        file.transaction(|tx| {
            tx.on(&app.inbox).remove(&3)?;
            tx.on(&app.archive).insert(3, "three".into())?;
            tx.on(&app.by_text).insert(("three".into(), 3), ())?;
            // It sees its own writes, and others do not.
            assert_eq!(tx.on(&app.archive).get(&3)?, Some("three".into()));
            assert_eq!(tx.on(&app.by_text).len()?, 11);
            assert_eq!(app.lengths(), [10, 0, 10]);
            Ok(())
        })
        .unwrap();
        assert_eq!(app.lengths(), [9, 1, 11]);
        assert_eq!(moment.on(&app.inbox).len().unwrap(), 10);
        assert!(moment.on(&app.archive).is_empty().unwrap());

        let failed: Result<(), Error> = file.transaction(|tx| {
            tx.on(&app.inbox).clear()?;
            tx.on(&app.archive).clear()?;
            tx.on(&app.by_text).clear()?;
            assert_eq!(tx.on(&app.inbox).len()?, 0);
            app.archive
                .insert(1, "past the transaction".into())
                .map(drop)
        });
        assert_is!(failed, Err(Error::Reentrant { .. }));
        drop(file.begin().map(|tx| tx.on(&app.inbox).clear()).unwrap());
        assert_eq!(app.lengths(), [9, 1, 11]);
    });
}

#[test]
fn a_panic_rolls_back_all_maps() {
    on_each_engine(|file| {
        let app = App::open(file);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            file.transaction(|tx| -> vaults::Result<()> {
                tx.on(&app.inbox).clear()?;
                let mut archive = tx.on(&app.archive);
                let _guard = archive.entry(1).or_insert("a".into())?;
                panic!("in the transaction");
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(app.lengths(), [10, 0, 10]);
        // The write lock is free.
        file.transaction(|tx| tx.on(&app.inbox).clear()).unwrap();
        assert_eq!(app.lengths(), [0, 0, 10]);
    });
}

#[test]
fn the_whole_api_is_there() {
    on_each_engine(|file| {
        let app = App::open(file);
        file.transaction(|tx| {
            let mut inbox = tx.on(&app.inbox);
            *inbox.entry(1).or_default()? += "!";
            inbox.get_mut(&2)?.unwrap().push('?');
            match inbox.entry(3).into_entry()? {
                Entry::Occupied(entry) => assert_eq!(entry.remove()?, "text 3"),
                Entry::Vacant(_) => panic!("it is there"),
            }
            inbox.try_extend([(20, "x".into()), (21, "y".into())])?;
            inbox.retain(|key, _| *key != 4)?;
            assert_eq!(inbox.pop_first()?.unwrap().0, 0);
            assert_eq!(
                inbox.keys().collect::<vaults::Result<Vec<_>>>()?,
                [1, 2, 5, 6, 7, 8, 9, 20, 21]
            );
            let mut by_text = tx.on(&app.by_text);
            let range = ("text 2".to_owned(), 0)..("text 5".to_owned(), 0);
            assert_eq!(by_text.range(range.clone()).count(), 3);
            assert_eq!(by_text.prefix(&("text 7",)).count(), 1);
            assert_eq!(by_text.remove_range(range)?, 3);
            assert_eq!(by_text.first_key_value()?.unwrap().0.1, 0);
            Ok(())
        })
        .unwrap();
        assert_eq!(app.inbox.get(&1).unwrap(), Some("text 1!".into()));
        assert_eq!(app.inbox.get(&2).unwrap(), Some("text 2?".into()));
        assert_eq!(app.lengths(), [9, 0, 7]);
    });
}

#[test]
fn functions_over_any_handle_take_a_map_of_a_transaction() {
    fn count<H: Readable<u64, String>>(handle: &H) -> usize {
        handle.len().unwrap()
    }
    fn fill<H: Writable<u64, String>>(handle: &mut H) {
        handle.put(&100, &"filled".to_owned()).unwrap();
    }
    on_each_engine(|file| {
        let app = App::open(file);
        file.transaction(|tx| {
            fill(&mut *tx.on(&app.archive));
            assert_eq!(count(&*tx.on(&app.archive)), 1);
            Ok(())
        })
        .unwrap();
        assert_eq!(count(&file.snapshot().unwrap().on(&app.archive)), 1);
    });
}

#[test]
fn entries_move_between_maps() {
    on_each_engine(|file| {
        let app = App::open(file);
        file.transaction(|tx| {
            for entry in tx.on(&app.inbox).drain() {
                let (id, text) = entry?;
                if id == 5 {
                    assert_eq!(tx.on(&app.archive).len()?, 5);
                }
                tx.on(&app.by_text).remove(&(text.clone(), id))?;
                tx.on(&app.archive).insert(id, text)?;
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(app.lengths(), [0, 10, 0]);
        file.transaction(|tx| {
            let mut archive = tx.on(&app.archive);
            let even = archive.extract_if(|id, _| id % 2 == 0);
            let even: Vec<_> = even.collect::<vaults::Result<_>>()?;
            tx.on(&app.inbox).try_extend(even)
        })
        .unwrap();
        assert_eq!(app.lengths(), [5, 5, 0]);
    });
}

#[test]
fn an_iterator_over_one_map_and_writes_to_another_interleave() {
    on_each_engine(|file| {
        let app = App::open(file);
        for n in 10..2000 {
            app.inbox.put(&n, &"x".repeat(50)).unwrap();
        }
        file.transaction(|tx| {
            for entry in tx.on(&app.inbox).iter() {
                let (id, text) = entry?;
                *tx.on(&app.archive).entry(id).or_insert(text)? += "!";
            }
            let pairs = tx.on(&app.inbox);
            let archive = tx.on(&app.archive);
            for (one, other) in pairs.iter().zip(archive.iter().rev()) {
                let ((one, _), (other, text)) = (one?, other?);
                assert_eq!(one + other, 1999);
                assert!(text.ends_with('!'));
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(app.archive.len().unwrap(), 2000);
    });
}

#[test]
fn savepoints_are_of_all_maps() {
    on_each_engine(|file| {
        let app = App::open(file);
        let mut tx = file.begin().unwrap();
        tx.on(&app.inbox).remove(&0).unwrap();
        {
            let mut part = tx.savepoint().unwrap();
            part.on(&app.inbox).clear().unwrap();
            part.on(&app.archive).insert(1, "a".into()).unwrap();
            {
                let inner = part.savepoint().unwrap();
                inner.on(&app.by_text).clear().unwrap();
                inner.commit().unwrap();
            }
            assert_eq!(part.on(&app.by_text).len().unwrap(), 0);
        }
        assert_eq!(tx.on(&app.inbox).len().unwrap(), 9);
        assert_eq!(tx.on(&app.by_text).len().unwrap(), 10);
        let refused = tx.transaction(|part| {
            part.on(&app.archive).insert(2, "b".into())?;
            app.archive.insert(3, "past it".into()).map(drop)
        });
        assert_is!(refused, Err(Error::Reentrant { .. }));
        assert!(tx.on(&app.archive).is_empty().unwrap());
        tx.transaction(|part| part.on(&app.archive).put(&4, &"d".into()))
            .unwrap();
        tx.commit().unwrap();
        assert_eq!(app.lengths(), [9, 1, 10]);
    });
}

#[test]
fn a_map_of_another_file_is_refused() {
    on_each_engine(|file| {
        let app = App::open(file);
        let scratch = Scratch::new();
        let other = VaultFile::open(scratch.vault()).unwrap();
        let elsewhere: Vault<u64, String> = other.vault("inbox").unwrap();
        let again = VaultFile::open(scratch.vault()).unwrap();
        let opened_again: Vault<u64, String> = again.vault("inbox").unwrap();
        elsewhere.insert(1, "x".into()).unwrap();
        let tx = file.begin().unwrap();
        for result in [
            tx.on(&elsewhere).insert(1, "a".into()).map(drop),
            tx.on(&elsewhere).get(&1).map(drop),
            tx.on(&elsewhere).len().map(drop),
            tx.on(&elsewhere).clear(),
            tx.on(&elsewhere).entry(1).or_insert("a".into()).map(drop),
            tx.on(&elsewhere).iter().next().unwrap().map(drop),
            tx.on(&elsewhere).drain().next().unwrap().map(drop),
            tx.on(&elsewhere).savepoint().map(drop),
            file.snapshot().unwrap().on(&elsewhere).get(&1).map(drop),
            file.snapshot()
                .unwrap()
                .on(&elsewhere)
                .iter()
                .next()
                .unwrap()
                .map(drop),
        ] {
            let Err(error @ Error::OtherFile { .. }) = result else {
                panic!("{result:?}");
            };
            assert_eq!(error.location(), Some(&file.location()));
            assert!(error.to_string().contains("VaultFile::vault"), "{error}");
        }
        tx.on(&app.archive).insert(1, "a".into()).unwrap();
        tx.commit().unwrap();
        // Two handles of one path are two open files.
        let tx = other.begin().unwrap();
        assert_is!(tx.on(&opened_again).len(), Err(Error::OtherFile { .. }));
        assert_eq!(tx.on(&elsewhere).len().unwrap(), 1);
    });
}

#[test]
fn a_forgotten_on_is_an_error_that_says_so() {
    on_each_engine(|file| {
        let app = App::open(file);
        let error = file
            .transaction(|_| app.inbox.insert(1, "a".into()))
            .unwrap_err();
        assert!(error.to_string().contains("tx.on(&vault)"), "{error}");
        assert_is!(error, Error::Reentrant { .. });
        // Opening a map that exists only reads, and creating one writes.
        file.transaction(|_| {
            let _ = file.vault::<u64, String>("inbox")?;
            assert_is!(
                file.vault::<u64, String>("new"),
                Err(Error::Reentrant { .. })
            );
            assert_is!(file.remove("inbox"), Err(Error::Reentrant { .. }));
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn threads_share_commits_to_several_maps() {
    on_each_engine(|file| {
        const WRITES: u64 = 200;
        let plain: Vault<u64, u64> = file.vault("plain").unwrap();
        let sorted: SortedVault<u64, u64> = file.sorted_vault("sorted").unwrap();
        // Keys that exist, so that an old value is expected by some of the writes.
        for n in 0..WRITES {
            plain.insert(n, 0).unwrap();
            sorted.insert(n, 0).unwrap();
        }
        let (plain, sorted) = (&plain, &sorted);
        thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    for n in 0..WRITES {
                        let (key, value) = (n * 4 + thread, n + 1);
                        let old = (key < WRITES).then_some(0);
                        assert_eq!(plain.insert(key, value).unwrap(), old);
                        sorted.put(&key, &(value * 2)).unwrap();
                        if n % 5 == 0 {
                            assert_eq!(sorted.remove(&key).unwrap(), Some(value * 2));
                        }
                        assert_eq!(plain.get(&key).unwrap(), Some(value));
                    }
                });
            }
        });
        assert_eq!(plain.len().unwrap() as u64, 4 * WRITES);
        assert_eq!(sorted.len().unwrap() as u64, 4 * WRITES / 5 * 4);
        for (key, value) in plain.iter().map(Result::unwrap) {
            let n = key / 4;
            assert_eq!(value, n + 1);
            let expected = (n % 5 != 0).then_some((n + 1) * 2);
            assert_eq!(sorted.get(&key).unwrap(), expected, "{key}");
        }
    });
}

#[test]
fn a_snapshot_of_all_maps_is_of_one_state() {
    on_each_engine(|file| {
        let one: Vault<u64, u64> = file.vault("one").unwrap();
        let other: SortedVault<u64, u64> = file.sorted_vault("other").unwrap();
        let (one, other) = (&one, &other);
        thread::scope(|scope| {
            scope.spawn(move || {
                for n in 0..300 {
                    file.transaction(|tx| {
                        tx.on(one).insert(0, n)?;
                        tx.on(other).insert(0, n)
                    })
                    .unwrap();
                }
            });
            for _ in 0..2 {
                scope.spawn(move || {
                    for _ in 0..300 {
                        let moment = file.snapshot().unwrap();
                        let (first, second) = (moment.on(one), moment.on(other));
                        drop(moment);
                        assert_eq!(first.get(&0).unwrap(), second.get(&0).unwrap());
                    }
                });
            }
        });
        let late: Vault<u64, u64> = file.vault("other file").unwrap();
        let moment = file.snapshot().unwrap();
        let later: Vault<u64, u64> = file.vault("later").unwrap();
        assert!(moment.on(&late).is_empty().unwrap());
        assert_is!(moment.on(&later).get(&1), Err(Error::NotFound { .. }));
    });
}
