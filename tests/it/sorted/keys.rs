//! Keys of sorted vaults: their order, their prefixes, and those that are refused.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vaults::{EntryPart, Error, PrefixOf, RefMut, SortedVault};

use super::{all, on_each_engine};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Place {
    Nowhere,
    At { row: i16, seat: char },
    Named(String),
}

#[test]
fn iteration_is_in_the_order_of_the_keys() {
    on_each_engine(|vault: SortedVault<Place, u32>| {
        let places = [
            Place::Named("b".into()),
            Place::At { row: -1, seat: 'z' },
            Place::Nowhere,
            Place::Named(String::new()),
            Place::At {
                row: 300,
                seat: 'a',
            },
            Place::At {
                row: -1, seat: 'é'
            },
            Place::Named("a\0".into()),
            Place::Named("a".into()),
        ];
        let model: BTreeMap<Place, u32> = places.into_iter().zip(0..).collect();
        for (place, number) in model.iter().rev() {
            vault.insert(place.clone(), *number).unwrap();
        }
        assert_eq!(all(&vault), model.clone().into_iter().collect::<Vec<_>>());
        assert_eq!(
            all(vault.keys().rev()),
            model.into_keys().rev().collect::<Vec<_>>()
        );
        assert_eq!(vault.get(&Place::Nowhere).unwrap(), Some(2));
        assert!(vault.verify().unwrap().is_ok());
    });
}

/// A key of which a prefix is a type of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Visit {
    city: String,
    street: String,
    guest: u64,
}

#[derive(Serialize)]
struct Streets<'a> {
    city: &'a str,
    start: &'a str,
}

impl PrefixOf<Visit> for Streets<'_> {
    const OPEN_ENDED: bool = true;
}

#[test]
fn a_prefix_of_a_users_own_type() {
    on_each_engine(|vault: SortedVault<Visit, ()>| {
        let visits = [
            ("Bonn", "Am Hof"),
            ("Bonn", "Am Markt"),
            ("Bonn", "Bad"),
            ("Bonnn", "Am A"),
        ];
        let visit = |(city, street): (&str, &str)| Visit {
            city: city.into(),
            street: street.into(),
            guest: 1,
        };
        vault
            .try_extend(visits.map(|names| (visit(names), ())))
            .unwrap();
        let prefix = Streets {
            city: "Bonn",
            start: "Am",
        };
        let found = all(vault
            .prefix(&prefix)
            .map(|entry| entry.map(|(visit, ())| visit)));
        assert_eq!(found, [visit(visits[0]), visit(visits[1])]);
    });
}

#[test]
fn prefixes_of_strings_and_tuples() {
    on_each_engine(|vault: SortedVault<(String, u64), u8>| {
        for name in ["ad", "ada", "ada\0", "adb", "b"] {
            for number in [0, 1, u64::MAX] {
                vault.put(&(name.to_owned(), number), &0).unwrap();
            }
        }
        let names = |found: Vec<((String, u64), u8)>| -> Vec<String> {
            found.into_iter().map(|((name, _), _)| name).collect()
        };
        assert_eq!(names(all(vault.prefix(&("ada",)))), ["ada"; 3]);
        assert_eq!(names(all(vault.prefix(&("x",)))), [""; 0]);
    });
    on_each_engine(|vault: SortedVault<String, ()>| {
        for name in ["", "a", "ad", "ada", "ada\u{10FFFF}", "b"] {
            vault.put(name, &()).unwrap();
        }
        assert_eq!(vault.prefix("ad").count(), 3);
        assert_eq!(vault.prefix("").count(), 6);
        assert_eq!(vault.prefix("ada\u{10FFFF}").count(), 1);
        assert_eq!(vault.prefix("c").count(), 0);
    });
}

/// A key that serializes in another order than its own.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ByLength(pub(super) String);

impl Ord for ByLength {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |text: &Self| (text.0.len(), text.0.clone());
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for ByLength {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[test]
#[cfg(debug_assertions)]
fn the_first_key_that_is_out_of_order_is_refused_in_a_debug_build() {
    fn is_refused(error: &Error) -> bool {
        matches!(
            error,
            Error::Encode {
                part: EntryPart::Key,
                ..
            }
        )
    }
    on_each_engine(|vault: SortedVault<ByLength, u8>| {
        let key = |text: &str| ByLength(text.into());
        vault.insert(key("bb"), 1).unwrap();
        vault.insert(key("cc"), 1).unwrap();
        // The bytes of the first sort before both keys, and those of the second between them.
        for text in ["aaa", "c"] {
            assert!(is_refused(&vault.insert(key(text), 2).unwrap_err()));
            assert!(is_refused(&vault.put(&key(text), &2).unwrap_err()));
            let guard = vault.entry(key(text)).or_insert(2).unwrap();
            assert!(is_refused(&RefMut::commit(guard).unwrap_err()));
            assert!(is_refused(&vault.try_extend([(key(text), 2)]).unwrap_err()));
            let in_transaction = vault.transaction(|tx| tx.put(&key(text), &2));
            assert!(is_refused(&in_transaction.unwrap_err()));
        }
        assert_eq!(vault.len().unwrap(), 2);
    });
    on_each_engine(|vault: SortedVault<Reverse<u8>, u8>| {
        vault.insert(Reverse(1), 1).unwrap();
        let error = vault.insert(Reverse(2), 1).unwrap_err();
        assert!(error.to_string().contains("Reverse"), "{error}");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("order"), "{source}");
    });
}

#[test]
fn types_without_bytes_that_sort_are_refused_by_a_write_and_by_a_look_up() {
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u32),
        Text(String),
    }
    on_each_engine(|vault: SortedVault<Untagged, u8>| {
        let error = vault.insert(Untagged::Number(1), 1).unwrap_err();
        assert_is!(
            error,
            Error::Encode {
                part: EntryPart::Key,
                ..
            }
        );
        assert!(vault.is_empty().unwrap());
    });
}

#[test]
fn a_wider_integer_finds_the_keys_of_a_narrower_one() {
    let scratch = crate::support::Scratch::new();
    let narrow: SortedVault<u16, u8> = SortedVault::open(scratch.vault()).unwrap();
    narrow.try_extend([(1, 1), (300, 2), (65_535, 3)]).unwrap();
    narrow.close().unwrap();
    let wide: SortedVault<i64, u8> = SortedVault::open(scratch.vault()).unwrap();
    wide.insert(-1, 0).unwrap();
    wide.insert(1 << 40, 4).unwrap();
    let values = all(wide.values());
    assert_eq!(values, [0, 1, 2, 3, 4]);
    assert_eq!(wide.get(&300).unwrap(), Some(2));
}
