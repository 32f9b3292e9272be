//! The ways to write that only a vault in the order of its keys has.

use std::ops::Bound;

use vaults::order::KeyOrder;

use super::model::put;
use super::write_table::{Write, key, several, write};

#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(super) fn sorted_writes() -> Vec<Write<KeyOrder>> {
    vec![
        write(
            "remove_range",
            |vault, n, _| vault.remove_range(key(n)..key(n) + 4).map(drop),
            |model, n| model.retain(|entry| !(key(n)..key(n) + 4).contains(&entry.0)),
        ),
        write(
            "remove_range, to the end",
            |vault, n, _| {
                let lower = (Bound::Excluded(key(n)), Bound::Unbounded);
                vault.remove_range(lower).map(drop)
            },
            |model, n| model.retain(|entry| entry.0 <= key(n)),
        ),
        write(
            "remove_range of nothing",
            |vault, _, _| vault.remove_range(17..29).map(drop),
            |_, _| (),
        ),
        write(
            "retain_in",
            |vault, n, look| {
                vault.retain_in(key(n).., |key, value| {
                    look();
                    *value += 1;
                    key % 2 == 0
                })
            },
            |model, n| {
                model.retain(|entry| entry.0 < key(n) || entry.0 % 2 == 0);
                let chosen = model.iter_mut().filter(|entry| entry.0 >= key(n));
                chosen.for_each(|entry| entry.1 += 1);
            },
        ),
        write(
            "for_each_mut_in",
            |vault, n, look| {
                vault.for_each_mut_in(..=key(n), |_, value| {
                    *value += n;
                    look();
                })
            },
            |model, n| {
                let chosen = model.iter_mut().filter(|entry| entry.0 <= key(n));
                chosen.for_each(|entry| entry.1 += n);
            },
        ),
        write(
            "extract_if_in",
            |vault, n, look| {
                let mut extracted = vault.extract_if_in(..key(n), |key, _| key % 3 == 0);
                extracted.try_for_each(|entry| entry.map(|_| look()))
            },
            |model, n| model.retain(|entry| entry.0 >= key(n) || entry.0 % 3 != 0),
        ),
        write(
            "first_entry, changed",
            |vault, n, look| {
                if let Some(mut entry) = vault.first_entry()? {
                    *entry.get_mut() += n;
                    look();
                }
                Ok(())
            },
            |model, n| {
                if let Some(entry) = model.first_mut() {
                    entry.1 += n;
                }
            },
        ),
        write(
            "last_entry, removed",
            |vault, _, look| {
                let Some(entry) = vault.last_entry()? else {
                    return Ok(());
                };
                look();
                entry.remove().map(drop)
            },
            |model, _| _ = model.pop(),
        ),
        write(
            "transaction that removes a range and fills it",
            |vault, n, look| {
                let mut tx = vault.begin()?;
                tx.remove_range(key(n)..)?;
                look();
                tx.try_extend(several(n))?;
                let mut part = tx.savepoint()?;
                part.remove_range(..)?;
                look();
                part.rollback()?;
                tx.commit()
            },
            |model, n| {
                model.retain(|entry| entry.0 < key(n));
                for (key, value) in several(n) {
                    put(model, key, value);
                }
            },
        ),
        write(
            "remove_range, rolled back",
            |vault, n, look| {
                let mut tx = vault.begin()?;
                tx.remove_range(key(n)..)?;
                look();
                tx.rollback()
            },
            |_, _| (),
        ),
    ]
}
