//! The steps of a workload: what each does to a vault, and to the expected state.

use std::ops::Range;
use std::sync::LazyLock;

use rusqlite::Connection;
use serde_bytes::ByteBuf;
use vaults::order::InsertionOrder;
use vaults::{Error, RefMut, Result, Transaction, Vault};

use super::Random;
use super::order::FaultOrder;
use crate::support::orders::misplaced_values;

pub(super) type TestVault<O = InsertionOrder> = Vault<u32, ByteBuf, O>;

/// All entries of a vault, in order.
pub(super) type State = Vec<(u32, Value)>;

/// The size of the largest value.
pub(super) const MAX_VALUE_BYTES: u32 = 20 * 1024;

/// A value, given by a unique number and a size. Its bytes are derived from both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) id: u32,
    pub(super) size: u32,
}

static FILLER: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut random = Random::new(1);
    (0..16 * 1024)
        .flat_map(|_| random.next().to_le_bytes())
        .collect()
});

impl Value {
    fn filler(self) -> &'static [u8] {
        let start = self.id as usize * 61 % (FILLER.len() - MAX_VALUE_BYTES as usize);
        &FILLER[start..start + self.size as usize - 8]
    }

    pub(super) fn bytes(self) -> ByteBuf {
        let (id, size) = (self.id.to_le_bytes(), self.size.to_le_bytes());
        ByteBuf::from([&id, &size, self.filler()].concat())
    }

    /// Returns the value that has exactly these bytes.
    fn of(bytes: &[u8]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk()?;
        let (size, filler) = rest.split_first_chunk()?;
        let value = Self {
            id: u32::from_le_bytes(*id),
            size: u32::from_le_bytes(*size),
        };
        (value.size as usize == bytes.len() && filler == value.filler()).then_some(value)
    }
}

/// Returns the entries of a vault, or what is wrong with it.
pub(super) fn read<O>(vault: &TestVault<O>) -> Result<State, ReadError> {
    vault
        .iter()
        .map(|entry| {
            let (key, bytes) = entry.map_err(ReadError::Vault)?;
            let value = Value::of(&bytes).ok_or(ReadError::Mixed(key))?;
            Ok((key, value))
        })
        .collect()
}

#[derive(Debug)]
pub(super) enum ReadError {
    Vault(Error),
    /// The value of this key was never written.
    Mixed(u32),
}

/// Returns the problem that SQLite finds in a file, if any, through a connection of the test.
pub(super) fn integrity(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let result: String = connection.query_one("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if result != "ok" {
        return Ok(Some(result));
    }
    misplaced_values(connection)
}

/// A call, or an operation between calls.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Put(u32, Value),
    Insert(u32, Value),
    Remove(u32),
    /// Changes or inserts a value by `entry`, and commits it.
    Entry(u32, Value),
    /// Like `Entry`, but the change is committed by the destructor.
    EntryDropped(u32, Value),
    EntryRemove(u32),
    GetMut(u32, Value),
    GetOrInsert(u32, Value),
    PopFirst,
    PopLast,
    Extend(Vec<(u32, Value)>),
    RemoveMany(Vec<u32>),
    RemoveRange(Range<u32>),
    /// Keeps the keys that are not divisible by this number.
    Retain(u32),
    ExtractIf(u32),
    /// Takes this many entries. The destructor or `commit` removes the rest.
    Drain(usize, Ending),
    Clear,
    Transaction(Vec<TransactionStep>, Ending),
    /// Changes no entry, but rewrites the file.
    Compact,
    Flush,
    /// Closes the vault and opens it again.
    Reopen,
    /// Drops the vault and opens it again.
    DropAndOpen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Commit,
    /// Rolls back a transaction, or commits a drain.
    Drop,
}

/// A call in a transaction.
#[derive(Clone, Debug)]
pub(super) enum TransactionStep {
    Put(u32, Value),
    Remove(u32),
    Entry(u32, Value),
    Extend(Vec<(u32, Value)>),
    Retain(u32),
    RemoveRange(Range<u32>),
    Clear,
    Savepoint(Vec<Self>, Ending),
}

impl Step {
    /// Returns `true` for a step that changes no entry.
    pub(super) const fn is_service(&self) -> bool {
        matches!(self, Self::Flush | Self::Reopen | Self::DropAndOpen)
    }

    /// Makes the call on a vault. It does not support [`Reopen`](Self::Reopen) and similar steps.
    pub(super) fn perform<O: FaultOrder>(&self, vault: &TestVault<O>) -> Result<()> {
        match self {
            Self::Put(key, value) => vault.put(key, &value.bytes()),
            Self::Insert(key, value) => vault.insert(*key, value.bytes()).map(drop),
            Self::Remove(key) => vault.remove(key).map(drop),
            Self::Entry(key, value) => {
                let entry = vault.entry(*key).and_modify(|old| *old = value.bytes());
                RefMut::commit(entry.or_insert_with(|| value.bytes())?)
            }
            Self::EntryDropped(key, value) => {
                *vault.entry(*key).or_default()? = value.bytes();
                deferred(vault)
            }
            Self::EntryRemove(key) => match vault.entry(*key).into_entry()? {
                vaults::Entry::Occupied(entry) => entry.remove().map(drop),
                vaults::Entry::Vacant(_) => Ok(()),
            },
            Self::GetMut(key, value) => match vault.get_mut(key)? {
                Some(mut old) => {
                    *old = value.bytes();
                    RefMut::commit(old)
                }
                None => Ok(()),
            },
            Self::GetOrInsert(key, value) => {
                vault.get_or_insert_with(*key, || value.bytes()).map(drop)
            }
            Self::PopFirst => vault.pop_first().map(drop),
            Self::PopLast => vault.pop_last().map(drop),
            Self::Extend(entries) => vault.try_extend(with_bytes(entries)),
            Self::RemoveMany(keys) => vault.remove_many(keys).map(drop),
            Self::RemoveRange(range) => O::remove_range(vault, range.clone()),
            Self::Retain(divisor) => vault.retain(|key, _| key % divisor != 0),
            Self::ExtractIf(divisor) => vault
                .extract_if(|key, _| key % divisor == 0)
                .try_for_each(|entry| entry.map(drop)),
            Self::Drain(count, ending) => {
                let mut drain = vault.drain();
                for entry in drain.by_ref().take(*count) {
                    entry?;
                }
                match ending {
                    Ending::Commit => drain.commit(),
                    Ending::Drop => {
                        drop(drain);
                        deferred(vault)
                    }
                }
            }
            Self::Clear => vault.clear(),
            Self::Transaction(parts, ending) => {
                let mut transaction = vault.begin()?;
                perform_all(parts, &mut transaction)?;
                end(transaction, *ending)
            }
            Self::Compact => vault.compact().map(drop),
            Self::Flush => vault.flush(),
            Self::Reopen | Self::DropAndOpen => Ok(()),
        }
    }

    /// Makes the same change to the expected state.
    pub(super) fn apply<O: FaultOrder>(&self, state: &mut State) {
        self.apply_in_any_order(state);
        O::sort(state);
    }

    fn apply_in_any_order(&self, state: &mut State) {
        match self {
            Self::Put(key, value)
            | Self::Insert(key, value)
            | Self::Entry(key, value)
            | Self::EntryDropped(key, value) => put(state, *key, *value),
            Self::Remove(key) | Self::EntryRemove(key) => remove(state, *key),
            Self::GetMut(key, value) => {
                if contains(state, *key) {
                    put(state, *key, *value);
                }
            }
            Self::GetOrInsert(key, value) => {
                if !contains(state, *key) {
                    put(state, *key, *value);
                }
            }
            Self::PopFirst => drop(state.drain(..state.len().min(1))),
            Self::PopLast => drop(state.pop()),
            Self::Extend(entries) => extend(state, entries),
            Self::RemoveMany(keys) => keys.iter().for_each(|key| remove(state, *key)),
            Self::RemoveRange(range) => state.retain(|(key, _)| !range.contains(key)),
            Self::Retain(divisor) | Self::ExtractIf(divisor) => {
                state.retain(|(key, _)| key % divisor != 0);
            }
            Self::Drain(..) | Self::Clear => state.clear(),
            Self::Transaction(parts, Ending::Commit) => apply_all(parts, state),
            Self::Transaction(_, Ending::Drop)
            | Self::Compact
            | Self::Flush
            | Self::Reopen
            | Self::DropAndOpen => {}
        }
    }
}

fn with_bytes(entries: &[(u32, Value)]) -> impl Iterator<Item = (u32, ByteBuf)> {
    entries.iter().map(|(key, value)| (*key, value.bytes()))
}

fn end<O>(transaction: Transaction<'_, u32, ByteBuf, O>, ending: Ending) -> Result<()> {
    match ending {
        Ending::Commit => transaction.commit(),
        Ending::Drop => {
            drop(transaction);
            Ok(())
        }
    }
}

fn perform_all<O: FaultOrder>(
    parts: &[TransactionStep],
    transaction: &mut Transaction<'_, u32, ByteBuf, O>,
) -> Result<()> {
    for part in parts {
        match part {
            TransactionStep::Put(key, value) => transaction.put(key, &value.bytes())?,
            TransactionStep::Remove(key) => drop(transaction.remove(key)?),
            TransactionStep::Entry(key, value) => {
                let entry = transaction.entry(*key);
                let entry = entry.and_modify(|old| *old = value.bytes());
                RefMut::commit(entry.or_insert_with(|| value.bytes())?)?;
            }
            TransactionStep::Extend(entries) => transaction.try_extend(with_bytes(entries))?,
            TransactionStep::Retain(divisor) => transaction.retain(|key, _| key % divisor != 0)?,
            TransactionStep::RemoveRange(range) => {
                O::remove_range_in(transaction, range.clone())?;
            }
            TransactionStep::Clear => transaction.clear()?,
            TransactionStep::Savepoint(parts, ending) => {
                let mut savepoint = transaction.savepoint()?;
                perform_all(parts, &mut savepoint)?;
                end(savepoint, *ending)?;
            }
        }
    }
    Ok(())
}

fn apply_all(parts: &[TransactionStep], state: &mut State) {
    for part in parts {
        match part {
            TransactionStep::Put(key, value) | TransactionStep::Entry(key, value) => {
                put(state, *key, *value);
            }
            TransactionStep::Remove(key) => remove(state, *key),
            TransactionStep::Extend(entries) => extend(state, entries),
            TransactionStep::Retain(divisor) => state.retain(|(key, _)| key % divisor != 0),
            TransactionStep::RemoveRange(range) => state.retain(|(key, _)| !range.contains(key)),
            TransactionStep::Clear => state.clear(),
            TransactionStep::Savepoint(parts, Ending::Commit) => apply_all(parts, state),
            TransactionStep::Savepoint(_, Ending::Drop) => {}
        }
    }
}

fn contains(state: &State, key: u32) -> bool {
    state.iter().any(|(other, _)| *other == key)
}

fn put(state: &mut State, key: u32, value: Value) {
    match state.iter_mut().find(|(other, _)| *other == key) {
        Some((_, old)) => *old = value,
        None => state.push((key, value)),
    }
}

fn remove(state: &mut State, key: u32) {
    state.retain(|(other, _)| *other != key);
}

fn extend(state: &mut State, entries: &[(u32, Value)]) {
    for (key, value) in entries {
        put(state, *key, *value);
    }
}

/// Returns the error that a destructor deferred. The transaction is begun and dropped, which writes
/// and syncs nothing. A fault in it does not belong to the previous call.
fn deferred<O>(vault: &TestVault<O>) -> Result<()> {
    match vault.begin() {
        Err(Error::Deferred { source, .. }) => Err(*source.downcast().unwrap()),
        _ => Ok(()),
    }
}
