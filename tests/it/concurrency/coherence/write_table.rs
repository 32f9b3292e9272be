//! All ways to write, each with its effect on the ordered entries.

use vaults::order::Order;
use vaults::{Entry, RefMut, Result, Transaction, Vault};

use super::model::{Model, get, put};

pub(super) type Map<O> = Vault<u32, u32, O>;

pub(super) type Perform<O> = fn(&Map<O>, u32, &dyn Fn()) -> Result<()>;

/// One way to write. Both functions derive keys and values from a number. The first calls the given
/// closure while its write is not committed yet.
pub(super) struct Write<O> {
    pub(super) name: &'static str,
    pub(super) perform: Perform<O>,
    pub(super) apply: fn(&mut Model, u32),
}

pub(super) const fn write<O>(
    name: &'static str,
    perform: Perform<O>,
    apply: fn(&mut Model, u32),
) -> Write<O> {
    Write {
        name,
        perform,
        apply,
    }
}

// ---- the model --------------------------------------------------------------------------

pub(super) const fn key(n: u32) -> u32 {
    n % 16
}

fn or_insert(model: &mut Model, key: u32, value: u32) {
    if get(model, key).is_none() {
        put(model, key, value);
    }
}

fn remove(model: &mut Model, key: u32) {
    model.retain(|entry| entry.0 != key);
}

fn remove_first(model: &mut Model) {
    let first = model.len().min(1);
    model.drain(..first);
}

fn add_to_all(model: &mut Model, by: u32) {
    for (_, value) in model.iter_mut() {
        *value += by;
    }
}

pub(super) fn several(n: u32) -> [(u32, u32); 3] {
    [(key(n), n), (key(n + 5), n + 1), (key(n + 11), n + 2)]
}

fn extend(model: &mut Model, n: u32) {
    for (key, value) in several(n) {
        put(model, key, value);
    }
}

/// Makes every kind of change.
pub(super) fn make_all_changes<O: Order<u32>>(
    tx: &mut Transaction<'_, u32, u32, O>,
    n: u32,
) -> Result<()> {
    tx.try_extend(several(n))?;
    tx.retain(|key, _| key % 5 != n % 5)?;
    tx.for_each_mut(|_, value| *value += 1)?;
    tx.insert(key(n + 1), n)?;
    tx.remove(&key(n + 2))?;
    *tx.entry(key(n + 3)).or_insert(0)? += n;
    tx.pop_first()?;
    tx.get_or_insert_with(key(n + 4), || n)?;
    Ok(())
}

fn apply_all_changes(model: &mut Model, n: u32) {
    extend(model, n);
    model.retain(|entry| entry.0 % 5 != n % 5);
    add_to_all(model, 1);
    put(model, key(n + 1), n);
    remove(model, key(n + 2));
    let sum = get(model, key(n + 3)).unwrap_or(0) + n;
    put(model, key(n + 3), sum);
    model.remove(0);
    or_insert(model, key(n + 4), n);
}

// ---- the rows ---------------------------------------------------------------------------

#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(super) fn writes<O: Order<u32>>() -> Vec<Write<O>> {
    vec![
        write(
            "put",
            |vault, n, _| vault.put(&key(n), &n),
            |model, n| put(model, key(n), n),
        ),
        write(
            "put, the same again",
            |vault, n, _| vault.put(&key(n), &7).and_then(|()| vault.put(&key(n), &7)),
            |model, n| put(model, key(n), 7),
        ),
        write(
            "insert",
            |vault, n, _| vault.insert(key(n), n).map(drop),
            |model, n| put(model, key(n), n),
        ),
        write(
            "remove",
            |vault, n, _| vault.remove(&key(n)).map(drop),
            |model, n| remove(model, key(n)),
        ),
        write(
            "remove, and insert at the end",
            |vault, n, _| {
                vault.remove(&key(n))?;
                vault.insert(key(n), n).map(drop)
            },
            |model, n| {
                remove(model, key(n));
                put(model, key(n), n);
            },
        ),
        write(
            "remove_entry",
            |vault, n, _| vault.remove_entry(&key(n)).map(drop),
            |model, n| remove(model, key(n)),
        ),
        write(
            "remove_many",
            |vault, n, _| vault.remove_many(&[key(n), key(n + 1), 29]).map(drop),
            |model, n| {
                remove(model, key(n));
                remove(model, key(n + 1));
            },
        ),
        write(
            "pop_first",
            |vault, _, _| vault.pop_first().map(drop),
            |model, _| remove_first(model),
        ),
        write(
            "pop_last",
            |vault, _, _| vault.pop_last().map(drop),
            |model, _| _ = model.pop(),
        ),
        write(
            "clear",
            |vault, _, _| vault.clear(),
            |model, _| model.clear(),
        ),
        write(
            "try_extend",
            |vault, n, look| vault.try_extend(several(n).into_iter().inspect(|_| look())),
            extend,
        ),
        write(
            "extend",
            |vault, n, look| {
                let mut handle = vault;
                handle.extend(several(n).into_iter().inspect(|_| look()));
                Ok(())
            },
            extend,
        ),
        write(
            "get_or_insert_with",
            |vault, n, look| {
                let new = || {
                    look();
                    n
                };
                vault.get_or_insert_with(key(n), new).map(drop)
            },
            |model, n| or_insert(model, key(n), n),
        ),
        write(
            "get_or_try_insert_with",
            |vault, n, look| {
                let new = || -> Result<u32> {
                    look();
                    Ok(n)
                };
                vault.get_or_try_insert_with(key(n), new).map(drop)
            },
            |model, n| or_insert(model, key(n), n),
        ),
        write(
            "retain",
            |vault, n, look| {
                vault.retain(|key, value| {
                    look();
                    *value += n % 3;
                    key % 3 != n % 3
                })
            },
            |model, n| {
                add_to_all(model, n % 3);
                model.retain(|entry| entry.0 % 3 != n % 3);
            },
        ),
        write(
            "for_each_mut",
            |vault, n, look| {
                vault.for_each_mut(|key, value| {
                    *value += (key + n) % 2;
                    look();
                })
            },
            |model, n| {
                for (key, value) in model.iter_mut() {
                    *value += (*key + n) % 2;
                }
            },
        ),
        write(
            "extract_if",
            |vault, n, look| {
                let mut extracted = vault.extract_if(|key, value| {
                    *value += 1;
                    key % 4 == n % 4
                });
                extracted.try_for_each(|entry| entry.map(|_| look()))
            },
            |model, n| {
                model.retain(|entry| entry.0 % 4 != n % 4);
                add_to_all(model, 1);
            },
        ),
        write(
            "extract_if, the first one only, dropped",
            |vault, _, look| {
                let mut extracted = vault.extract_if(|_, _| true);
                extracted.next().transpose()?;
                look();
                Ok(())
            },
            |model, _| remove_first(model),
        ),
        write(
            "extract_if, the first one only, committed",
            |vault, _, look| {
                let mut extracted = vault.extract_if(|_, _| true);
                extracted.next().transpose()?;
                look();
                extracted.commit()
            },
            |model, _| remove_first(model),
        ),
        write(
            "drain",
            |vault, _, look| vault.drain().try_for_each(|entry| entry.map(|_| look())),
            |model, _| model.clear(),
        ),
        write(
            "drain, dropped",
            |vault, _, look| {
                let mut drain = vault.drain();
                drain.next().transpose()?;
                look();
                Ok(())
            },
            |model, _| model.clear(),
        ),
        write(
            "drain, committed",
            |vault, _, look| {
                let mut drain = vault.drain();
                drain.next().transpose()?;
                look();
                drain.commit()
            },
            |model, _| model.clear(),
        ),
        // ---- entries ----
        write(
            "entry, or_insert, changed",
            |vault, n, look| {
                let mut value = vault.entry(key(n)).or_insert(1)?;
                *value += n;
                look();
                Ok(())
            },
            |model, n| {
                let sum = get(model, key(n)).unwrap_or(1) + n;
                put(model, key(n), sum);
            },
        ),
        write(
            "entry, or_default, committed",
            |vault, n, look| {
                let key = key(n);
                let mut value = vault.entry_ref(&key).or_default()?;
                *value += n;
                look();
                RefMut::commit(value)
            },
            |model, n| {
                let sum = get(model, key(n)).unwrap_or(0) + n;
                put(model, key(n), sum);
            },
        ),
        write(
            "entry, or_insert_with, into_value",
            |vault, n, look| {
                let new = || {
                    look();
                    n
                };
                RefMut::into_value(vault.entry(key(n)).or_insert_with(new)?).map(drop)
            },
            |model, n| or_insert(model, key(n), n),
        ),
        write(
            "entry, and_modify",
            |vault, n, look| {
                drop(vault.entry(key(n)).and_modify(|value| {
                    *value += n;
                    look();
                }));
                Ok(())
            },
            |model, n| {
                if let Some(value) = get(model, key(n)) {
                    put(model, key(n), value + n);
                }
            },
        ),
        write(
            "entry, insert_entry, and inserted again",
            |vault, n, look| {
                let mut entry = vault.entry(key(n)).insert_entry(n)?;
                look();
                entry.insert(n + 1)?;
                entry.commit()
            },
            |model, n| put(model, key(n), n + 1),
        ),
        write(
            "entry, removed or inserted",
            |vault, n, look| {
                let entry = vault.entry(key(n)).into_entry()?;
                look();
                match entry {
                    Entry::Occupied(entry) => entry.remove().map(drop),
                    Entry::Vacant(entry) => entry.insert(n).map(drop),
                }
            },
            |model, n| match get(model, key(n)) {
                Some(_) => remove(model, key(n)),
                None => put(model, key(n), n),
            },
        ),
        write(
            "get_mut",
            |vault, n, look| {
                if let Some(mut value) = vault.get_mut(&key(n))? {
                    *value += n;
                    look();
                }
                Ok(())
            },
            |model, n| {
                if let Some(value) = get(model, key(n)) {
                    put(model, key(n), value + n);
                }
            },
        ),
        // ---- transactions ----
        write(
            "transaction",
            |vault, n, look| {
                vault.transaction(|tx| {
                    make_all_changes(tx, n)?;
                    look();
                    Ok(())
                })
            },
            apply_all_changes,
        ),
        write(
            "transaction that clears and fills",
            |vault, n, look| {
                let mut tx = vault.begin()?;
                tx.clear()?;
                look();
                tx.try_extend(several(n))?;
                look();
                tx.commit()
            },
            |model, n| {
                model.clear();
                extend(model, n);
            },
        ),
        write(
            "savepoint that is kept",
            |vault, n, look| {
                let mut tx = vault.begin()?;
                tx.put(&key(n), &n)?;
                let mut part = tx.savepoint()?;
                make_all_changes(&mut part, n + 1)?;
                look();
                part.commit()?;
                look();
                tx.commit()
            },
            |model, n| {
                put(model, key(n), n);
                apply_all_changes(model, n + 1);
            },
        ),
        write(
            "savepoint that is undone",
            |vault, n, look| {
                let mut tx = vault.begin()?;
                tx.put(&key(n), &n)?;
                let mut part = tx.savepoint()?;
                make_all_changes(&mut part, n + 1)?;
                part.rollback()?;
                look();
                let mut part = tx.savepoint()?;
                part.clear()?;
                drop(part);
                tx.commit()
            },
            |model, n| put(model, key(n), n),
        ),
        write(
            "a put after a transaction was rolled back",
            |vault, n, look| {
                let mut tx = vault.begin()?;
                tx.put(&key(n), &n)?;
                look();
                tx.rollback()?;
                vault.put(&key(n + 1), &n)
            },
            |model, n| put(model, key(n + 1), n),
        ),
    ]
}
