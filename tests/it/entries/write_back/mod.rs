//! Which changes an entry writes, which values it refuses, and how errors in destructors are
//! returned.

use serde_json::Value as Json;
use vaults::Vault;

use crate::support::entries;

/// A type with a value that no codec can store, [`BAD`]: a null inside a `Some`.
type Odd = Option<Json>;

const GOOD: Odd = Some(Json::Bool(true));
const BAD: Odd = Some(Json::Null);

fn is_as_before(vault: &Vault<u8, Odd>) {
    assert_eq!(entries(vault), [(1, GOOD)]);
    // The write lock is free.
    vault.put(&1, &None).unwrap();
    vault.put(&1, &GOOD).unwrap();
}

macro_rules! assert_unstorable {
    ($result:expr) => {
        assert_is!(
            $result,
            Err(Error::Encode {
                part: EntryPart::Value,
                ..
            })
        )
    };
}

mod deferred_errors;
mod refused;
mod unchanged_bytes;
