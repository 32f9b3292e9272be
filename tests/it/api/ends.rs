//! The first and the last entry, in the order of insertion.

use vaults::Error;

use crate::support::{entries, numbers, on_each_engine};

#[test]
fn the_ends_are_those_of_the_order_of_insertion() {
    on_each_engine::<u32, u32>(|vault| {
        assert_eq!(vault.first_key_value().unwrap(), None);
        assert_eq!(vault.last_key_value().unwrap(), None);
        assert_eq!(vault.pop_first_if(|_, _| true).unwrap(), None);
        vault.try_extend([(7, 70), (3, 30), (5, 50)]).unwrap();
        let snapshot = vault.snapshot().unwrap();
        assert_eq!(vault.pop_first_if(|_, value| *value != 70).unwrap(), None);
        assert_eq!(vault.pop_last_if(|key, _| *key != 5).unwrap(), None);
        assert_eq!(vault.len().unwrap(), 3);
        let first = vault.pop_first_if(|key, value| (*key, *value) == (7, 70));
        assert_eq!(first.unwrap(), Some((7, 70)));
        assert_eq!(vault.pop_last_if(|_, _| true).unwrap(), Some((5, 50)));
        for end in [vault.first_key_value(), vault.last_key_value()] {
            assert_eq!(end.unwrap(), Some((3, 30)));
        }
        let mut tx = vault.begin().unwrap();
        tx.put(&9, &90).unwrap();
        assert_eq!(tx.first_key_value().unwrap(), Some((3, 30)));
        assert_eq!(tx.last_key_value().unwrap(), Some((9, 90)));
        assert_eq!(tx.pop_first_if(|key, _| *key == 3).unwrap(), Some((3, 30)));
        assert_eq!(vault.first_key_value().unwrap(), Some((3, 30)));
        drop(tx);
        assert_eq!(snapshot.first_key_value().unwrap(), Some((7, 70)));
        assert_eq!(snapshot.last_key_value().unwrap(), Some((5, 50)));
    });
}

#[test]
fn a_predicate_that_writes_is_refused_and_one_that_panics_removes_nothing() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(3)).unwrap();
        let popped = vault.pop_first_if(|_, _| {
            assert_is!(vault.put(&9, &9), Err(Error::Reentrant { .. }));
            true
        });
        assert_eq!(popped.unwrap(), Some((0, 0)));
        let panicking = std::panic::AssertUnwindSafe(|| {
            vault.pop_first_if(|_, _| std::panic::resume_unwind(Box::new("stop")))
        });
        assert!(std::panic::catch_unwind(panicking).is_err());
        assert_eq!(entries(&vault), [(1, 1), (2, 2)]);
        vault.put(&3, &3).unwrap();
    });
}
