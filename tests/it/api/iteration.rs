//! Iterators: order, both ends, snapshots, ownership, and undecodable rows.

use std::collections::HashSet;
use std::iter::FusedIterator;

use vaults::{
    Drain, EntryPart, Error, IntoIter, IntoKeys, IntoValues, Iter, Keys, Result, Values, Vault,
};

use crate::support::{
    Scratch, checkpoint, entries, make, numbers, on_each_engine, open, open_fast, put_row,
};

fn ok<T>(items: impl Iterator<Item = Result<T>>) -> Vec<T> {
    items.map(Result::unwrap).collect()
}

#[test]
fn iteration_is_in_insertion_order() {
    on_each_engine::<String, u32>(|vault| {
        for (n, key) in ["pear", "apple", "fig", "date"].iter().enumerate() {
            vault.put(*key, &u32::try_from(n).unwrap()).unwrap();
        }
        assert_eq!(ok(vault.keys()), ["pear", "apple", "fig", "date"]);
        assert_eq!(ok(vault.values()), [0, 1, 2, 3]);
        assert_eq!(ok(vault.keys().rev()), ["date", "fig", "apple", "pear"]);
    });
}

#[test]
fn an_overwritten_entry_keeps_its_position() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(4)).unwrap();
        vault.insert(1, 10).unwrap();
        vault.put(&2, &20).unwrap();
        vault.try_extend([(0, 0), (3, 30)]).unwrap();
        vault.for_each_mut(|_, value| *value += 1).unwrap();
        assert_eq!(entries(&vault), [(0, 1), (1, 11), (2, 21), (3, 31)]);
    });
}

#[test]
fn a_removed_entry_is_inserted_at_the_end() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(4)).unwrap();
        vault.remove(&1).unwrap();
        vault.remove(&3).unwrap();
        vault.insert(3, 3).unwrap();
        vault.insert(1, 1).unwrap();
        assert_eq!(ok(vault.keys()), [0, 2, 3, 1]);
    });
}

#[test]
fn order_survives_a_restart() {
    let scratch = Scratch::new();
    make(scratch.vault(), (0..100_u32).rev().map(|n| (n, n)));
    let vault = open::<u32, u32>(scratch.vault());
    assert_eq!(ok(vault.keys()), (0..100).rev().collect::<Vec<_>>());
    vault.insert(1000, 0).unwrap();
    assert_eq!(vault.keys().next_back().unwrap().unwrap(), 1000);
}

#[test]
fn both_ends_meet_in_the_middle() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(1000)).unwrap();
        for backward in [1, 2, 7, 999] {
            let mut iterator = vault.iter();
            let mut seen = Vec::new();
            let mut seen_from_behind = Vec::new();
            while let Some(item) = iterator.next() {
                seen.push(item.unwrap().0);
                for item in iterator.by_ref().rev().take(backward) {
                    seen_from_behind.push(item.unwrap().0);
                }
            }
            assert!(seen_from_behind.len() >= seen.len() - 1);
            seen.extend(seen_from_behind.into_iter().rev());
            assert!(seen.into_iter().eq(0..1000), "{backward} from the back");
        }
    });
}

#[test]
fn every_length_up_to_several_batches_is_iterated_completely() {
    on_each_engine(|vault: Vault<u32, u32>| {
        for length in 0..60 {
            assert!(ok(vault.keys()).into_iter().eq(0..length));
            assert!(ok(vault.keys().rev()).into_iter().eq((0..length).rev()));
            assert_eq!(vault.iter().count(), vault.len().unwrap());
            vault.put(&length, &length).unwrap();
        }
    });
}

#[test]
fn large_values_are_read_completely() {
    on_each_engine::<u32, String>(|vault| {
        let value = |n: u32| {
            char::from(b'a' + u8::try_from(n).unwrap())
                .to_string()
                .repeat(200_000)
        };
        vault.try_extend((0..20).map(|n| (n, value(n)))).unwrap();
        for (n, entry) in (0..20).zip(&vault) {
            let (key, read) = entry.unwrap();
            assert!(key == n && read == value(n), "entry {n}");
        }
        assert_eq!(vault.values().rev().count(), 20);
    });
}

// ---- snapshots ------------------------------------------------------------------------

#[test]
fn an_iterator_shows_the_state_of_its_creation() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(500)).unwrap();
        let mut before = vault.iter();
        assert_eq!(before.next().unwrap().unwrap(), (0, 0));
        vault.for_each_mut(|_, value| *value += 1).unwrap();
        vault.remove(&250).unwrap();
        vault.insert(1000, 1000).unwrap();
        let after = vault.iter();
        vault.clear().unwrap();
        assert_eq!(before.next_back().unwrap().unwrap(), (499, 499));
        assert!(ok(before).into_iter().eq((1..499).map(|n| (n, n))));
        let changed = (0..500).filter(|n| *n != 250).map(|n| (n, n + 1));
        assert!(ok(after).into_iter().eq(changed.chain([(1000, 1000)])));
        assert!(vault.iter().next().is_none());
    });
}

#[test]
fn the_state_is_fixed_by_the_call_and_not_by_the_first_item() {
    on_each_engine::<u32, u32>(|vault| {
        vault.insert(1, 1).unwrap();
        let (entries, keys, values) = (vault.iter(), vault.keys(), vault.values());
        vault.clear().unwrap();
        vault.insert(2, 2).unwrap();
        assert_eq!(ok(entries), [(1, 1)]);
        assert_eq!(ok(keys), [1]);
        assert_eq!(ok(values), [1]);
    });
}

#[test]
fn an_empty_state_stays_empty() {
    on_each_engine::<u32, u32>(|vault| {
        let mut iterator = vault.iter();
        vault.insert(1, 1).unwrap();
        assert!(iterator.next().is_none());
    });
}

#[test]
fn many_iterators_exist_at_once_each_with_its_own_state() {
    on_each_engine::<u32, u32>(|vault| {
        let mut iterators = Vec::new();
        for n in 0..20 {
            iterators.push(vault.iter());
            vault.insert(n, n).unwrap();
        }
        for (length, iterator) in iterators.into_iter().enumerate() {
            assert_eq!(iterator.count(), length);
        }
    });
}

#[test]
fn writing_in_the_loop_is_allowed() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(100)).unwrap();
        for entry in &vault {
            let (key, value) = entry.unwrap();
            assert_eq!(vault.remove(&key).unwrap(), Some(value));
            vault.put(&(key + 1000), &value).unwrap();
        }
        assert!(ok(vault.keys()).into_iter().eq(1000..1100));
    });
}

// ---- ownership ------------------------------------------------------------------------

#[test]
fn for_loops_consume_the_vault_or_borrow_it() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(3)).unwrap();
        let mut sum = 0;
        for entry in &vault {
            sum += entry.unwrap().1;
        }
        let clone = vault.clone();
        for entry in vault {
            sum += entry.unwrap().1;
        }
        assert_eq!(sum, 6);
        assert_eq!(clone.len().unwrap(), 3, "the entries are still stored");
    });
}

#[test]
fn an_owning_iterator_outlives_all_handles() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(100)).unwrap();
        let (keys, values) = (vault.clone().into_keys(), vault.clone().into_values());
        let iterator = vault.into_iter();
        assert!(ok(keys.rev()).into_iter().eq((0..100).rev()));
        assert!(ok(values).into_iter().eq(0..100));
        assert!(ok(iterator).into_iter().eq(numbers(100)));
    });
}

#[test]
fn an_owning_iterator_continues_in_another_thread() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(100)).unwrap();
        let mut iterator = vault.into_iter();
        assert_eq!(iterator.next().unwrap().unwrap(), (0, 0));
        let rest = std::thread::spawn(move || ok(iterator)).join().unwrap();
        assert!(rest.into_iter().eq(numbers(100).skip(1)));
    });
}

#[test]
fn all_iterators_are_fused() {
    fn is_fused<T: FusedIterator>(mut iterator: T) {
        while iterator.next().is_some() {}
        assert!(iterator.next().is_none());
        assert!(iterator.next().is_none());
    }
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(3)).unwrap();
        is_fused::<Iter<'_, u32, u32>>(vault.iter());
        is_fused::<Keys<'_, u32, u32>>(vault.keys());
        is_fused::<Values<'_, u32, u32>>(vault.values());
        is_fused::<IntoIter<u32, u32>>(vault.clone().into_iter());
        is_fused::<IntoKeys<u32, u32>>(vault.clone().into_keys());
        is_fused::<IntoValues<u32, u32>>(vault.clone().into_values());
        is_fused(vault.extract_if(|key, _| *key == 1));
        is_fused::<Drain<'_, u32, u32>>(vault.drain());
        assert!(vault.is_empty().unwrap());
    });
}

#[test]
fn an_exhausted_iterator_does_not_show_later_entries() {
    on_each_engine::<u32, u32>(|vault| {
        let mut iterator = vault.iter();
        assert!(iterator.next().is_none());
        vault.insert(1, 1).unwrap();
        assert!(iterator.next().is_none());
        assert!(iterator.next_back().is_none());
    });
}

// ---- counting and skipping --------------------------------------------------------------

#[test]
fn size_hint_bounds_the_items_once_the_length_is_known() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(1000)).unwrap();
        assert_eq!(vault.len().unwrap(), 1000);
        let snapshot = vault.snapshot().unwrap();
        for mut items in [vault.iter(), snapshot.iter()] {
            for left in (1..=1000).rev() {
                let (lower, upper) = items.size_hint();
                assert_eq!(lower, 0);
                assert!(
                    (left..=left + 1).contains(&upper.unwrap()),
                    "{upper:?} for {left}"
                );
                items.next().unwrap().unwrap();
            }
            assert!(items.next().is_none());
            assert_eq!(items.size_hint(), (0, Some(0)));
        }
        vault.put(&1000, &1000).unwrap();
        assert_eq!(vault.keys().size_hint().1, Some(1002));
    });
}

#[test]
fn size_hint_does_not_count() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(10));
    let vault = open::<u32, u32>(scratch.vault());
    assert_eq!(vault.iter().size_hint(), (0, None));
    vault.len().unwrap();
    assert_eq!(vault.iter().size_hint(), (0, Some(11)));
    // Another handle writes, so the number is not known until it is counted again.
    open::<u32, u32>(scratch.vault()).put(&10, &10).unwrap();
    assert_eq!(vault.iter().size_hint(), (0, None));
}

#[test]
fn the_handle_that_created_a_vault_knows_its_length() {
    on_each_engine::<u32, u32>(|vault| {
        assert_eq!(vault.iter().size_hint(), (0, Some(1)));
        vault.put(&1, &1).unwrap();
        vault.try_extend(numbers(10)).unwrap();
        vault.remove(&5).unwrap();
        assert_eq!(vault.iter().size_hint(), (0, Some(10)));
        assert_eq!(vault.iter().count(), 9);
        if let Some(path) = vault.path() {
            let path = path.to_owned();
            open::<u32, u32>(path).put(&20, &20).unwrap();
            assert_eq!(vault.iter().size_hint(), (0, None));
        }
    });
}

#[test]
fn count_and_nth_agree_with_next() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(1000)).unwrap();
        for skipped in [0, 1, 7, 8, 9, 500, 999] {
            let expected = u32::try_from(skipped).unwrap();
            let mut items = vault.iter();
            assert_eq!(items.nth(skipped).unwrap().unwrap().0, expected);
            assert_eq!(items.count(), 999 - skipped);
            let mut keys = vault.keys();
            assert_eq!(keys.nth_back(skipped).unwrap().unwrap(), 999 - expected);
            assert_eq!(keys.count(), 999 - skipped);
        }
        assert!(vault.values().nth(1000).is_none());
        assert!(vault.values().nth_back(5000).is_none());
        assert_eq!(vault.clone().into_iter().count(), 1000);
        let tx = vault.begin().unwrap();
        assert_eq!(tx.iter().count(), 1000);
        assert_eq!(tx.keys().nth(3).unwrap().unwrap(), 3);
    });
}

#[test]
fn entries_that_are_passed_are_not_decoded() {
    let scratch = Scratch::new();
    let vault = damaged(&scratch);
    assert_eq!(vault.iter().count(), 5);
    assert_is!(vault.iter().nth(4), Some(Ok((4, 4))));
    assert_is!(vault.iter().nth(2), Some(Err(Error::Decode { .. })));
}

// ---- undecodable rows -------------------------------------------------------------------

/// Makes five rows. The value of the third and the key of the fourth are not numbers.
fn damaged(scratch: &Scratch) -> Vault<u32, u32> {
    make(scratch.vault(), numbers(2));
    put_row(&scratch.vault(), b"M\x02", b"M\xa3two");
    put_row(&scratch.vault(), b"M\xa5three", b"M\x03");
    put_row(&scratch.vault(), b"M\x04", b"M\x04");
    open(scratch.vault())
}

#[test]
fn an_undecodable_row_is_one_error_and_the_next_row_follows() {
    let scratch = Scratch::new();
    let vault = damaged(&scratch);
    let items: Vec<_> = vault.iter().collect();
    assert_eq!(items.len(), 5);
    assert_is!(&items[1], Ok((1, 1)));
    assert_is!(&items[2], Err(Error::Decode { part: EntryPart::Value, key, .. }) if key == "\"M\\x02\"");
    assert_is!(&items[3], Err(Error::Decode { part: EntryPart::Key, key, .. }) if key.contains("three"));
    assert_is!(&items[4], Ok((4, 4)));
    let backward: Vec<_> = vault.iter().rev().map(|item| item.is_ok()).collect();
    assert_eq!(backward, [true, false, false, true, true]);
}

#[test]
fn keys_does_not_decode_values_and_values_does_not_decode_keys() {
    let scratch = Scratch::new();
    let vault = damaged(&scratch);
    let keys: Vec<_> = vault.keys().map(Result::ok).collect();
    assert_eq!(keys, [Some(0), Some(1), Some(2), None, Some(4)]);
    let values: Vec<_> = vault.values().map(Result::ok).collect();
    assert_eq!(values, [Some(0), Some(1), None, Some(3), Some(4)]);
}

#[test]
fn an_undecodable_row_ends_a_removing_iterator_and_nothing_is_removed() {
    let scratch = Scratch::new();
    let vault = damaged(&scratch);
    let drained: Vec<_> = vault.drain().collect();
    assert_eq!(drained.len(), 3, "two entries and the error");
    assert_is!(drained.last().unwrap(), Err(Error::Decode { .. }));
    assert_eq!(vault.len().unwrap(), 5);

    let extracted: Vec<_> = vault.extract_if(|_, _| true).collect();
    assert_is!(
        &extracted[..],
        [Ok((0, 0)), Ok((1, 1)), Err(Error::Decode { .. })]
    );
    assert_eq!(vault.len().unwrap(), 5);

    assert_is!(vault.retain(|_, _| false), Err(Error::Decode { .. }));
    assert_is!(
        vault.for_each_mut(|_, value| *value += 1),
        Err(Error::Decode { .. })
    );
    assert_is!(vault.remove_many(&[0, 2]), Err(Error::Decode { .. }));
    assert_eq!(
        vault.get_many(&[0, 1, 4]).unwrap(),
        [Some(0), Some(1), Some(4)]
    );
    assert_eq!(vault.len().unwrap(), 5);
}

#[test]
fn an_undecodable_value_can_be_replaced_and_an_undecodable_row_cleared() {
    let scratch = Scratch::new();
    let vault = damaged(&scratch);
    assert_is!(vault.insert(2, 2), Err(Error::Decode { .. }));
    assert_is!(vault.remove(&2), Err(Error::Decode { .. }));
    assert!(vault.contains_key(&2).unwrap());
    vault.put(&2, &2).unwrap();
    assert_eq!(vault.get(&2).unwrap(), Some(2));
    vault.clear().unwrap();
    assert_eq!(vault.len().unwrap(), 0);
}

#[test]
fn a_drain_can_be_consumed_from_both_ends() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(50)).unwrap();
        let mut drain = vault.drain();
        assert_eq!(drain.next_back().unwrap().unwrap(), (49, 49));
        assert_eq!(drain.next().unwrap().unwrap(), (0, 0));
        let rest: HashSet<_> = drain.map(|item| item.unwrap().0).collect();
        assert_eq!(rest, (1..49).collect());
        assert!(vault.is_empty().unwrap());
    });
}

#[test]
fn dropped_iterators_return_their_connections() {
    let scratch = Scratch::new();
    let vault = open_fast::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    // An iterator that was dropped half-way returns its connection. Otherwise thousands of them
    // would exceed the limit of open files.
    for _ in 0..3000 {
        assert_eq!(vault.iter().next().unwrap().unwrap(), (0, 0));
    }
    assert_eq!(vault.len().unwrap(), 10);
}

#[test]
fn an_iterator_that_was_dropped_half_way_releases_its_state() {
    let scratch = Scratch::new();
    let vault = open_fast::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(100)).unwrap();
    let mut left = vault.iter();
    assert_eq!(left.next().unwrap().unwrap(), (0, 0));
    assert_eq!(left.next_back().unwrap().unwrap(), (99, 99));
    vault.insert(100, 100).unwrap();
    let can_empty_the_log = || checkpoint(&scratch.vault(), "TRUNCATE").unwrap();
    assert!(!can_empty_the_log(), "the iterator has lost its state");
    drop(left);
    assert!(can_empty_the_log(), "the iterator still holds its state");
    // The next iterator, on the connection of the first, starts at both ends of the new state.
    let mut next = vault.iter();
    assert_eq!(next.next_back().unwrap().unwrap(), (100, 100));
    assert_eq!(next.next().unwrap().unwrap(), (0, 0));
    assert_eq!(next.count(), 99);
}
