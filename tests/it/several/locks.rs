//! Two views of one map in a transaction, and savepoints whose ends cross.

use serde::{Deserialize, Deserializer, Serialize};
use vaults::{Error, Vault};

use super::on_each_engine;

#[test]
fn one_view_at_a_time_may_write_to_a_map() {
    on_each_engine(|file| {
        let map: Vault<u64, u64> = file.vault("map").unwrap();
        let free: Vault<u64, u64> = file.vault("free").unwrap();
        map.try_extend([(1, 1), (2, 2), (3, 3)]).unwrap();
        let tx = file.begin().unwrap();
        let refused = |context: &str| {
            let mut second = tx.on(&map);
            for (n, result) in [
                second.insert(9, 9).map(drop),
                second.put(&9, &9),
                second.remove(&1).map(drop),
                second.discard(&1).map(drop),
                second.entry(1).or_insert(1).map(drop),
                second.get_mut(&1).map(drop),
                second.clear(),
                second.try_extend([(9, 9)]),
                second.retain(|_, _| true),
                second.pop_first().map(drop),
                second.savepoint().map(drop),
                second.drain().next().unwrap().map(drop),
            ]
            .into_iter()
            .enumerate()
            {
                assert_is!(&result, Err(Error::Reentrant { .. }) if n < 12 && !context.is_empty());
            }
            // Looking up is possible, and so is everything on another map.
            assert_eq!(second.get(&2).unwrap(), Some(2));
            assert_eq!(second.len().unwrap(), 3);
            tx.on(&free).insert(9, 9).unwrap();
        };
        let iterating = || tx.on(&map).iter().next().unwrap().map(drop);
        {
            let mut first = tx.on(&map);
            let guard = first.get_mut(&1).unwrap().unwrap();
            refused("a guard");
            assert_is!(iterating(), Err(Error::Reentrant { .. }));
            drop(guard);
            second_is_free(&tx, &map);
        }
        {
            let mut first = tx.on(&map);
            let part = first.savepoint().unwrap();
            refused("a savepoint");
            drop(part);
            second_is_free(&tx, &map);
        }
        {
            let mut first = tx.on(&map);
            let extract = first.extract_if(|_, _| false);
            refused("an iterator that may remove");
            drop(extract);
            second_is_free(&tx, &map);
        }
        {
            let first = tx.on(&map);
            let mut iterator = first.iter();
            iterator.next().unwrap().unwrap();
            refused("an iterator");
            iterating().unwrap();
            let second = tx.on(&map);
            assert_eq!(second.iter().count(), 3);
            drop(iterator);
            second_is_free(&tx, &map);
        }
        tx.commit().unwrap();
        assert_eq!(map.len().unwrap(), 3);
    });
}

fn second_is_free(tx: &vaults::FileTransaction<'_>, map: &Vault<u64, u64>) {
    tx.on(map).insert(1, 1).unwrap();
    *tx.on(map).entry(2).or_insert(0).unwrap() = 2;
}

#[test]
fn the_scopes_of_one_view_nest() {
    on_each_engine(|file| {
        let map: Vault<u64, u64> = file.vault("map").unwrap();
        let tx = file.begin().unwrap();
        let mut view = tx.on(&map);
        let mut part = view.savepoint().unwrap();
        let mut inner = part.savepoint().unwrap();
        *inner.entry(1).or_insert(0).unwrap() += 1;
        inner.try_extend([(2, 2)]).unwrap();
        assert_eq!(inner.iter().count(), 2);
        assert_is!(tx.on(&map).insert(3, 3), Err(Error::Reentrant { .. }));
        inner.commit().unwrap();
        part.commit().unwrap();
        drop(view);
        tx.on(&map).insert(3, 3).unwrap();
        tx.commit().unwrap();
        assert_eq!(map.len().unwrap(), 3);
    });
}

#[test]
fn savepoints_whose_ends_cross_are_kept() {
    on_each_engine(|file| {
        let [one, other]: [Vault<u64, u64>; 2] =
            ["one", "other"].map(|name| file.vault(name).unwrap());
        for map in [&one, &other] {
            map.try_extend((0..5).map(|n| (n, n))).unwrap();
        }
        let tx = file.begin().unwrap();
        let (mut first, mut second) = (tx.on(&one), tx.on(&other));
        let outer = first.drain();
        let inner = second.drain();
        // The outer one ends first.
        for ((one, other), _) in outer
            .zip(inner)
            .map(|(a, b)| (a.unwrap(), b.unwrap()))
            .zip(0..3)
        {
            assert_eq!(one, other);
        }
        drop((first, second));
        assert!(tx.on(&one).is_empty().unwrap());
        assert!(tx.on(&other).is_empty().unwrap());
        tx.on(&one).insert(7, 7).unwrap();
        tx.commit().unwrap();
        assert_eq!((one.len().unwrap(), other.len().unwrap()), (1, 0));
    });
}

#[test]
fn an_outer_savepoint_that_is_undone_first_ends_the_transaction() {
    on_each_engine(|file| {
        let [one, other]: [Vault<u64, u64>; 2] =
            ["one", "other"].map(|name| file.vault(name).unwrap());
        one.insert(1, 1).unwrap();
        let tx = file.begin().unwrap();
        let (mut first, mut second) = (tx.on(&one), tx.on(&other));
        let mut outer = first.savepoint().unwrap();
        outer.insert(2, 2).unwrap();
        let mut inner = second.savepoint().unwrap();
        inner.insert(3, 3).unwrap();
        outer.rollback().unwrap();
        assert_is!(inner.insert(4, 4), Err(Error::Ended { .. }));
        assert_is!(inner.commit(), Err(Error::Ended { .. }));
        drop((first, second));
        assert_is!(tx.on(&one).len(), Err(Error::Ended { .. }));
        assert_is!(tx.commit(), Err(Error::Ended { .. }));
        assert_eq!((one.len().unwrap(), other.len().unwrap()), (1, 0));
        // The write lock is free again.
        other.insert(1, 1).unwrap();
    });
}

/// A value that calls back while it is decoded.
#[derive(Debug, PartialEq, Serialize)]
struct Curious(u64);

thread_local! {
    static CALL_BACK: std::cell::Cell<Option<fn() -> bool>> = const { std::cell::Cell::new(None) };
    static VAULT: std::cell::RefCell<Option<Vault<u64, u64>>> = const { std::cell::RefCell::new(None) };
}

impl<'de> Deserialize<'de> for Curious {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = u64::deserialize(deserializer)?;
        if let Some(call_back) = CALL_BACK.take() {
            assert!(call_back());
        }
        Ok(Self(value))
    }
}

#[test]
fn a_write_while_a_value_is_decoded_is_reentrant() {
    on_each_engine(|file| {
        let map: Vault<u64, Curious> = file.vault("map").unwrap();
        let plain: Vault<u64, u64> = file.vault("plain").unwrap();
        map.insert(1, Curious(1)).unwrap();
        VAULT.set(Some(plain.clone()));
        file.transaction(|tx| {
            CALL_BACK.set(Some(|| {
                VAULT.with_borrow(|vault| {
                    let vault = vault.as_ref().unwrap();
                    matches!(vault.insert(1, 1), Err(Error::Reentrant { .. }))
                })
            }));
            assert_eq!(tx.on(&map).get(&1)?, Some(Curious(1)));
            assert!(CALL_BACK.take().is_none());
            Ok(())
        })
        .unwrap();
        VAULT.set(None);
    });
}
