//! Transactions: what they read, how they end, and how failed calls are undone.
//!
//! Two entries of one transaction at the same time do not compile, because each borrows the
//! transaction mutably. Neither does a write in a loop over one of its iterators.

mod endings;
mod failed_calls;
mod isolation;

use vaults::{Error, Result, Transaction, Vault};

type Numbers = Vault<u32, u32>;
type Tx<'a> = Transaction<'a, u32, u32>;

fn all(tx: &Tx<'_>) -> Vec<(u32, u32)> {
    tx.iter().map(Result::unwrap).collect()
}

/// Asserts that every reading method of a transaction shows these entries, in this order.
fn shows(tx: &Tx<'_>, expected: &[(u32, u32)]) {
    assert_eq!(all(tx), expected);
    assert_eq!(tx.len().unwrap(), expected.len());
    assert_eq!(tx.is_empty().unwrap(), expected.is_empty());
    let keys: Vec<u32> = expected.iter().map(|entry| entry.0).collect();
    let values: Vec<u32> = expected.iter().map(|entry| entry.1).collect();
    assert_eq!(tx.keys().collect::<Result<Vec<_>>>().unwrap(), keys);
    assert_eq!(tx.values().collect::<Result<Vec<_>>>().unwrap(), values);
    let mut back: Vec<(u32, u32)> = tx.iter().rev().map(Result::unwrap).collect();
    back.reverse();
    assert_eq!(back, expected);
    assert!(
        tx.into_iter()
            .map(Result::unwrap)
            .eq(expected.iter().copied())
    );
    assert!(tx.contains_all(&keys).unwrap());
    assert!(!tx.contains_all(keys.iter().chain([&999])).unwrap());
    let many: Vec<Option<u32>> = values.iter().copied().map(Some).collect();
    assert_eq!(tx.get_many(&keys).unwrap(), many);
    for &(key, value) in expected {
        assert_eq!(tx.get(&key).unwrap(), Some(value));
        assert_eq!(tx.get_key_value(&key).unwrap(), Some((key, value)));
        assert!(tx.contains_key(&key).unwrap());
    }
    assert_eq!(tx.get(&999).unwrap(), None);
    assert_eq!(tx.get_key_value(&999).unwrap(), None);
    assert!(!tx.contains_key(&999).unwrap());
}

/// An error type of the caller.
#[derive(Debug)]
enum Own {
    Enough,
    Vault,
}

impl From<Error> for Own {
    fn from(_: Error) -> Self {
        Self::Vault
    }
}
