//! What an entry writes and what it does not, what is refused, and where the error of a
//! destructor goes.

use serde_json::Value as Json;
use vaults::Vault;

use crate::support::entries;

/// A type of values of which one can be made that no codec holds: nothing within something.
type Odd = Option<Json>;

const GOOD: Odd = Some(Json::Bool(true));
const BAD: Odd = Some(Json::Null);

fn is_as_before(vault: &Vault<u8, Odd>) {
    assert_eq!(entries(vault), [(1, GOOD)]);
    // And the writer is free.
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
