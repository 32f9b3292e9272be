//! The rules that std's tests check for the entries of a `HashMap`, also in combination with
//! `retain` and `extract_if`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use vaults::{Entry, Error, Result, Vault};

use crate::support::{entries, numbers, on_each_engine};

/// Inserts ten times the key for the keys 1 to 6.
fn tens(vault: &Vault<u32, u32>) {
    vault.try_extend((1..=6).map(|n| (n, n * 10))).unwrap();
}

#[test]
fn an_occupied_entry_is_replaced_changed_and_removed() {
    on_each_engine(|vault| {
        tens(&vault);
        match vault.entry(1).into_entry().unwrap() {
            Entry::Vacant(_) => panic!("key 1 is stored"),
            Entry::Occupied(mut entry) => {
                assert_eq!(*entry.get(), 10);
                assert_eq!(entry.insert(100).unwrap(), 10);
            }
        }
        assert_eq!(vault.get(&1).unwrap(), Some(100));
        assert_eq!(vault.len().unwrap(), 6);

        match vault.entry(2).into_entry().unwrap() {
            Entry::Vacant(_) => panic!("key 2 is stored"),
            Entry::Occupied(mut entry) => {
                let value = entry.get_mut();
                *value *= 10;
            }
        }
        assert_eq!(vault.get(&2).unwrap(), Some(200));
        assert_eq!(vault.len().unwrap(), 6);

        match vault.entry(3).into_entry().unwrap() {
            Entry::Vacant(_) => panic!("key 3 is stored"),
            Entry::Occupied(entry) => assert_eq!(entry.remove().unwrap(), 30),
        }
        assert_eq!(vault.get(&3).unwrap(), None);
        assert_eq!(vault.len().unwrap(), 5);
    });
}

#[test]
fn a_vacant_entry_is_filled_and_then_occupied() {
    on_each_engine(|vault| {
        tens(&vault);
        match vault.entry(10).into_entry().unwrap() {
            Entry::Occupied(_) => panic!("key 10 is not stored"),
            Entry::Vacant(entry) => assert_eq!(*entry.insert(1000).unwrap(), 1000),
        }
        assert_eq!(vault.get(&10).unwrap(), Some(1000));
        assert_eq!(vault.len().unwrap(), 7);
        let entry = vault.entry(10).into_entry().unwrap();
        assert_is!(&entry, Entry::Occupied(_));
        drop(entry);
        assert_eq!(entries(&vault).last(), Some(&(10, 1000)));
    });
}

#[test]
fn the_key_of_an_entry_is_the_given_one() {
    on_each_engine::<String, i32>(|vault| {
        let key = "hello there";
        assert!(vault.is_empty().unwrap());
        match vault.entry(key.into()).into_entry().unwrap() {
            Entry::Occupied(_) => panic!("the vault is empty"),
            Entry::Vacant(entry) => {
                assert_eq!(entry.key(), key);
                assert_eq!(*entry.insert(12).unwrap(), 12);
            }
        }
        match vault.entry(key.into()).into_entry().unwrap() {
            Entry::Vacant(_) => panic!("the key is stored"),
            Entry::Occupied(entry) => {
                assert_eq!(entry.key(), key);
                assert_eq!(entry.remove_entry().unwrap(), (key.to_owned(), 12));
            }
        }
        assert!(vault.is_empty().unwrap());
        assert_eq!(vault.entry(key.into()).key(), key);
        assert_is!(vault.entry(key.into()).into_entry(), Ok(Entry::Vacant(_)));
    });
}

#[test]
fn removing_and_inserting_a_few_keys_many_times() {
    on_each_engine::<i32, ()>(|vault| {
        // Pseudo-random numbers, the same in each run.
        let mut state = 0x2545_f491_u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            i32::try_from(state % 20).unwrap() - 10
        };
        let mut model = HashSet::new();
        let check = |model: &HashSet<i32>| {
            let keys: HashSet<i32> = vault.keys().map(Result::unwrap).collect();
            assert_eq!(keys, *model);
            for key in &keys {
                assert!(vault.contains_key(key).unwrap());
            }
        };
        for _ in 0..50 {
            let key = next();
            vault.insert(key, ()).unwrap();
            model.insert(key);
        }
        for _ in 0..200 {
            let key = next();
            match vault.entry(key).into_entry().unwrap() {
                Entry::Occupied(entry) => {
                    entry.remove().unwrap();
                    assert!(model.remove(&key));
                }
                Entry::Vacant(entry) if key % 3 == 0 => {
                    drop(entry.insert(()).unwrap());
                    assert!(model.insert(key));
                }
                Entry::Vacant(_) => assert!(!model.contains(&key)),
            }
            check(&model);
        }
    });
}

#[test]
fn a_unit_and_an_empty_string_are_keys() {
    on_each_engine::<(), ()>(|vault| {
        drop(vault.entry(()).or_insert(()).unwrap());
        drop(vault.entry(()).or_default().unwrap());
        assert_eq!(vault.len().unwrap(), 1);
        match vault.entry(()).into_entry().unwrap() {
            Entry::Occupied(entry) => entry.remove().unwrap(),
            Entry::Vacant(_) => panic!("the key is stored"),
        }
        assert!(vault.is_empty().unwrap());
    });
    on_each_engine::<String, Option<u32>>(|vault| {
        *vault.entry(String::new()).or_default().unwrap() = Some(1);
        // A stored `None` is an entry.
        *vault.entry(String::new()).or_insert(Some(9)).unwrap() = None;
        assert_is!(
            vault.entry(String::new()).into_entry(),
            Ok(Entry::Occupied(_))
        );
        assert_eq!(vault.get("").unwrap(), Some(None));
    });
}

#[test]
fn counting_and_grouping_words() {
    on_each_engine::<String, u32>(|vault| {
        let text = "the cat and the dog and the bird";
        let mut model = HashMap::new();
        for word in text.split(' ') {
            *model.entry(word.to_owned()).or_insert(0) += 1;
            let count = vault.entry(word.to_owned());
            drop(count.and_modify(|count| *count += 1).or_insert(1).unwrap());
        }
        let counted: HashMap<_, _> = entries(&vault).into_iter().collect();
        assert_eq!(counted, model);
        let order: Vec<String> = vault.keys().map(Result::unwrap).collect();
        assert_eq!(order, ["the", "cat", "and", "dog", "bird"]);
    });
    on_each_engine::<usize, Vec<String>>(|vault| {
        let mut model: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for word in ["a", "of", "b", "to", "you"] {
            model.entry(word.len()).or_default().push(word.into());
            let mut list = vault.entry(word.len()).or_default().unwrap();
            list.push(word.into());
        }
        assert_eq!(
            entries(&vault).into_iter().collect::<BTreeMap<_, _>>(),
            model
        );
    });
}

#[test]
fn a_removed_key_is_inserted_at_the_end() {
    on_each_engine(|vault| {
        tens(&vault);
        match vault.entry(2).into_entry().unwrap() {
            Entry::Occupied(entry) => assert_eq!(entry.remove().unwrap(), 20),
            Entry::Vacant(_) => panic!("key 2 is stored"),
        }
        *vault.entry(2).or_default().unwrap() = 2;
        *vault.entry(1).or_default().unwrap() = 1;
        let keys: Vec<u32> = vault.keys().map(Result::unwrap).collect();
        assert_eq!(
            keys,
            [1, 3, 4, 5, 6, 2],
            "an overwritten key keeps its position"
        );
    });
}

#[test]
fn an_inserted_entry_can_be_removed() {
    on_each_engine(|vault| {
        tens(&vault);
        let entry = vault.entry(9).insert_entry(90).unwrap();
        assert_eq!(entry.remove().unwrap(), 90);
        assert_eq!(vault.len().unwrap(), 6);
        assert_is!(vault.entry(9).into_entry(), Ok(Entry::Vacant(_)));
    });
}

// ---- with retain and extract_if -----------------------------------------------------------

#[test]
fn entries_after_retain() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(100)).unwrap();
        vault
            .retain(|key, value| {
                *value *= 2;
                key % 2 == 0
            })
            .unwrap();
        assert_eq!(vault.len().unwrap(), 50);
        for key in 0..100 {
            match vault.entry(key).into_entry().unwrap() {
                Entry::Occupied(entry) if key % 2 == 0 => assert_eq!(*entry.get(), key * 2),
                Entry::Vacant(_) => assert_eq!(key % 2, 1),
                Entry::Occupied(_) => panic!("{key} was removed"),
            }
        }
    });
}

#[test]
fn entries_after_an_extraction_that_changed_all() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(10)).unwrap();
        let taken = vault
            .extract_if(|_, value| {
                *value += 100;
                false
            })
            .count();
        assert_eq!(taken, 0);
        for key in 0..10 {
            assert_eq!(*vault.entry(key).or_default().unwrap(), key + 100);
        }
    });
}

#[test]
fn entries_after_an_extraction_that_took_all() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(10)).unwrap();
        let taken: Vec<_> = vault.extract_if(|_, _| true).map(Result::unwrap).collect();
        assert_eq!(taken, numbers(10).collect::<Vec<_>>());
        for key in (0..10).rev() {
            assert_is!(vault.entry(key).into_entry(), Ok(Entry::Vacant(_)));
            *vault.entry(key).or_insert(key).unwrap() += 1;
        }
        let expected: Vec<_> = (0..10).rev().map(|key| (key, key + 1)).collect();
        assert_eq!(entries(&vault), expected);
    });
}

#[test]
fn entries_after_an_extraction_that_was_dropped_early() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(10)).unwrap();
        let mut extraction = vault.extract_if(|key, value| {
            *value += 1;
            key % 3 == 0
        });
        assert_eq!(extraction.next().unwrap().unwrap(), (0, 1));
        assert_eq!(extraction.next().unwrap().unwrap(), (3, 4));
        drop(extraction);
        let expected = [
            (1, 2),
            (2, 3),
            (4, 4),
            (5, 5),
            (6, 6),
            (7, 7),
            (8, 8),
            (9, 9),
        ];
        assert_eq!(
            entries(&vault),
            expected,
            "the entries shown to the predicate are changed"
        );
        for (key, value) in expected {
            assert_eq!(*vault.entry(key).or_insert(99).unwrap(), value);
        }
        assert_is!(vault.entry(3).into_entry(), Ok(Entry::Vacant(_)));
    });
}

#[test]
fn entries_after_a_predicate_that_panicked() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(10)).unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let predicate = |key: &u32, value: &mut u32| {
                *value += 1;
                assert_ne!(*key, 5, "on purpose");
                true
            };
            vault.extract_if(predicate).for_each(drop);
        }));
        panic.unwrap_err();
        // A `HashMap` keeps the changes made before the panic. A vault keeps none.
        for key in 0..10 {
            assert_eq!(*vault.entry(key).or_insert(99).unwrap(), key);
        }
        assert_eq!(vault.len().unwrap(), 10);
    });
}

#[test]
fn an_entry_in_a_predicate_is_refused() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(3)).unwrap();
        vault
            .retain(|key, _| {
                assert_is!(vault.entry(*key).into_entry(), Err(Error::Reentrant { .. }));
                assert_eq!(vault.get(key).unwrap(), Some(*key));
                *key != 1
            })
            .unwrap();
        assert_eq!(entries(&vault), [(0, 0), (2, 2)]);
    });
}
