//! Processes killed at random moments: acknowledged steps are present, and an unfinished step is
//! present completely or not at all.

use std::fs;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use vaults::maintenance::IfExists;
use vaults::order::{InsertionOrder, KeyOrder};
use vaults::{Durability, Entry, Error, OpenOptions, Vault};

use crate::support::damage::{Chance, rounds};
use crate::support::number::Number;
use crate::support::orders::{TestOrder, misplaced_values};
use crate::support::{Child, Scratch, Value, contents, open, project, role, say};

const CHILD: &str = test_path!(child);

/// The keys are the name of the writer, and a number.
type State<O> = Vault<(String, u32), Number, O>;

/// Begins the role of a child that opens a sorted vault.
const SORTED: &str = "sorted ";

/// An order of the vault that processes share.
trait SharedOrder: TestOrder<(String, u32)> + TestOrder<u32> {
    /// Begins the roles of its children.
    const PREFIX: &'static str;
}

impl SharedOrder for InsertionOrder {
    const PREFIX: &'static str = "";
}

impl SharedOrder for KeyOrder {
    const PREFIX: &'static str = SORTED;
}

/// A killed process must not block others, so no call may time out.
fn patient<K, V: Value, O: TestOrder<K>>(path: &Path) -> Vault<K, V, O> {
    let mut options = OpenOptions::new();
    options
        .durability(Durability::Normal)
        .busy_timeout(std::time::Duration::from_secs(3600));
    O::open(&options, path).unwrap()
}

/// Returns a value of which every third is large.
fn value(n: u64) -> Number {
    Number(n.try_into().unwrap())
}

fn number(value: Number) -> u64 {
    value.0.try_into().unwrap()
}

fn key(who: &str, n: u32) -> (String, u32) {
    (who.to_owned(), n)
}

// ---- the children, which run until they are killed --------------------------------------

#[test]
fn child() {
    let Some((role, path)) = role() else {
        return;
    };
    match role.strip_prefix(SORTED) {
        Some(role) => play::<KeyOrder>(role, &path),
        None => play::<InsertionOrder>(&role, &path),
    }
}

fn play<O: SharedOrder>(role: &str, path: &Path) {
    if role == "limited" {
        return fill_to_the_limit::<O>(path);
    }
    if role == "opener" {
        return open_new_files(path);
    }
    let vault: State<O> = patient(path);
    say("ready");
    let mut n = 0;
    loop {
        n += 1;
        let step = match role {
            "writer" => vault.put(&key("writer", n), &value(n.into())),
            "transactor" => move_by_transaction(&vault, n.into()),
            "holder" => count_by_entry(&vault),
            "replacer" => replace_all(&vault, n.into()),
            "iterator" => check_parts(&vault),
            "compactor" => vault.compact().map(drop),
            "copier" => vault.backup_with(path.with_extension("copy"), IfExists::Replace, |_| ()),
            other => panic!("no role {other:?}"),
        };
        step.unwrap();
        say(&n.to_string());
    }
}

const PARTS: u32 = 5;

/// Sets all parts to one value.
fn move_by_transaction<O: SharedOrder>(vault: &State<O>, n: u64) -> vaults::Result<()> {
    vault.transaction(|tx| {
        for part in 0..PARTS {
            tx.put(&key("transactor", part), &value(n))?;
        }
        Ok(())
    })
}

fn count_by_entry<O: SharedOrder>(vault: &State<O>) -> vaults::Result<()> {
    match vault.entry(key("holder", 0)).into_entry()? {
        Entry::Occupied(mut entry) => {
            *entry.get_mut() += Number(1);
            entry.commit()
        }
        Entry::Vacant(entry) => vaults::RefMut::commit(entry.insert(Number(1))?),
    }
}

/// Removes the entries that it wrote, and writes as many again.
fn replace_all<O: SharedOrder>(vault: &State<O>, n: u64) -> vaults::Result<()> {
    vault.transaction(|tx| {
        tx.retain(|(who, _), _| who != "replacer")?;
        tx.try_extend((0..20).map(|part| (key("replacer", part), value(n))))
    })
}

fn check_parts<O: SharedOrder>(vault: &State<O>) -> vaults::Result<()> {
    let mut parts = Vec::new();
    for entry in vault {
        let ((who, _), value) = entry?;
        if who == "transactor" {
            parts.push(value);
        }
    }
    assert!(parts.iter().all(|part| *part == parts[0]), "{parts:?}");
    Ok(())
}

/// Creates one vault after another, with one entry each.
fn open_new_files(folder: &Path) {
    say("ready");
    for n in 1.. {
        let vault: Vault<u32, u32> = open(folder.join(format!("{n}.db")));
        vault.put(&n, &n).unwrap();
        vault.close().unwrap();
        say(&n.to_string());
    }
}

// ---- killing the children -----------------------------------------------------------------

/// Kills a child. Returns the number of the last step that it acknowledged.
fn kill(child: Child, received: u64) -> u64 {
    let lines = child.kill();
    lines.last().map_or(received, |last| {
        last.parse()
            .unwrap_or_else(|_| panic!("it printed {lines:?}"))
    })
}

/// Checks the entries of `who`, whose last acknowledged step was number `acknowledged`, after
/// `before` steps had been counted earlier. Returns the number of steps that are counted now.
fn check<O: SharedOrder>(vault: &State<O>, who: &str, acknowledged: u64, before: u64) -> u64 {
    let all = |who: &str| -> Vec<(u32, u64)> {
        vault
            .iter()
            .map(Result::unwrap)
            .filter(|((writer, _), _)| writer == who)
            .map(|((_, n), value)| (n, number(value)))
            .collect()
    };
    let is_last = |value: u64| value == acknowledged || value == acknowledged + 1;
    match who {
        "writer" => {
            let written = all(who);
            assert!(is_last(before.max(written.len() as u64)) || before > acknowledged);
            let expected = (1..).map(|n: u32| (n, u64::from(n)));
            assert!(written.iter().copied().eq(expected.take(written.len())));
            return written.len() as u64;
        }
        "transactor" => {
            let parts = all(who);
            if acknowledged > 0 {
                assert_eq!(parts.len(), PARTS as usize);
            }
            let value = parts.first().map_or(0, |part| part.1);
            assert!(parts.iter().all(|part| part.1 == value), "torn: {parts:?}");
            assert!(
                is_last(value) || acknowledged == 0,
                "{acknowledged}: {parts:?}"
            );
        }
        "holder" => {
            let count = vault.get(&key("holder", 0)).unwrap();
            let count = count.map_or(0, number);
            assert!(
                is_last(count - before),
                "{acknowledged} after {before}: {count}"
            );
            return count;
        }
        "replacer" => {
            let parts = all(who);
            let value = parts.first().map_or(0, |part| part.1);
            let expected = (0..20).map(|part| (part, value));
            assert!(
                parts.is_empty() || parts.iter().copied().eq(expected),
                "{parts:?}"
            );
            assert!(
                is_last(value) || acknowledged == 0,
                "{acknowledged}: {parts:?}"
            );
        }
        _ => {}
    }
    0
}

const ROLES: [&str; 7] = [
    "writer",
    "transactor",
    "holder",
    "replacer",
    "iterator",
    "compactor",
    "copier",
];

#[test]
fn many_processes_killed_at_random_moments() {
    kill_at_random_moments::<InsertionOrder>(4);
}

#[test]
fn many_processes_with_a_sorted_vault_killed_at_random_moments() {
    kill_at_random_moments::<KeyOrder>(3);
}

fn kill_at_random_moments<O: SharedOrder>(seeds: usize) {
    for seed in 0..(seeds * rounds()) as u64 {
        let mut chance = Chance::new(seed);
        let scratch = Scratch::new();
        let mut counted = [0; ROLES.len()];
        let vault: State<O> = patient(&scratch.vault());
        for _ in 0..2 {
            let mut children: Vec<_> = ROLES
                .iter()
                .enumerate()
                .map(|(who, role)| {
                    let role = format!("{}{role}", O::PREFIX);
                    (who, 0, Child::start(CHILD, &role, &scratch.vault()))
                })
                .collect();
            for (_, _, child) in &mut children {
                child.expect("ready");
            }
            while !children.is_empty() {
                for _ in 0..chance.below(30) {
                    let one = chance.below(children.len());
                    let (_, received, child) = &mut children[one];
                    *received += 1;
                    child.expect(&received.to_string());
                }
                let (who, received, child) = children.swap_remove(chance.below(children.len()));
                let acknowledged = kill(child, received);
                eprintln!("seed {seed}: {} after {acknowledged} steps", ROLES[who]);
                counted[who] = check(&vault, ROLES[who], acknowledged, counted[who]);
            }
            // No lock is left, and no step is torn.
            vault.put(&key("parent", 0), &value(seed)).unwrap();
            assert!(vault.verify().unwrap().is_ok());
            let copy = scratch.path("vault.copy");
            if copy.exists() {
                let copy: State<O> = patient(&copy);
                assert!(copy.verify().unwrap().is_ok());
                check_parts(&copy).unwrap();
                copy.close().unwrap();
            }
            vault.put(&key("transactor", 0), &value(1)).unwrap();
            move_by_transaction(&vault, 0).unwrap();
        }
        let before: Vec<_> = vault.iter().map(Result::unwrap).collect();
        vault.close().unwrap();
        assert_no_misplaced_values(&scratch.vault());
        let vault: State<O> = patient(&scratch.vault());
        assert!(vault.iter().map(Result::unwrap).eq(before));
    }
}

fn assert_no_misplaced_values(path: &Path) {
    let connection = Connection::open(path).unwrap();
    assert_eq!(misplaced_values(&connection).unwrap(), None);
}

#[test]
fn a_process_killed_while_it_creates_files() {
    for seed in 0..8 * rounds() as u64 {
        let mut chance = Chance::new(seed + 100);
        let scratch = Scratch::new();
        let mut child = Child::start(CHILD, "opener", &scratch.folder());
        child.expect("ready");
        let mut received = 0;
        for _ in 0..chance.below(12) {
            received += 1;
            child.expect(&received.to_string());
        }
        let acknowledged = kill(child, received);
        let files = contents(&scratch.folder()).into_keys();
        let vaults: Vec<String> = files.filter(|name| !name.contains(".db-")).collect();
        let there = vaults.len() as u64;
        assert!(
            (acknowledged..=acknowledged + 1).contains(&there),
            "{vaults:?}"
        );
        for n in 1..=there {
            let number = u32::try_from(n).unwrap();
            let vault: Vault<u32, u32> = open(scratch.path(&format!("{n}.db")));
            let found = vault.get(&number).unwrap();
            assert!(
                found == Some(number) || (found.is_none() && n > acknowledged),
                "{n}"
            );
            vault.put(&0, &0).unwrap();
            assert!(vault.verify().unwrap().is_ok());
        }
    }
}

// ---- file size limit ----------------------------------------------------------------------

/// Writes until the limit is reached, and prints each acknowledged write.
fn fill_to_the_limit<O: SharedOrder>(path: &Path) {
    let vault: Vault<u32, String, O> = O::open(&OpenOptions::new(), path).unwrap();
    let text = "x".repeat(2000);
    let mut written = 0;
    let error = loop {
        match vault.put(&written, &text) {
            Ok(()) => {
                say(&written.to_string());
                written += 1;
            }
            Err(error) => break error,
        }
    };
    assert_is!(error, Error::Full { .. } | Error::Io { .. });
    // Reads still work, and so does any call that needs no more space.
    let there = || vault.keys().map(Result::unwrap).eq(0..written);
    assert!(there());
    assert!(vault.verify().unwrap().is_ok());
    assert!(
        vault
            .try_extend((0..1000).map(|n| (n, text.clone() + "more")))
            .is_err()
    );
    assert!(vault.compact().is_err() || there());
    assert!(vault.backup(path.with_extension("copy")).is_err() || there());
    assert!(there());
    let grown = vault.transaction(|tx| -> vaults::Result<()> {
        tx.clear()?;
        tx.try_extend((0..5000).map(|n| (n, text.clone())))
    });
    assert_is!(grown, Err(Error::Full { .. } | Error::Io { .. }));
    assert!(there());
    vault.flush().unwrap();
    say("full");
}

#[cfg(unix)]
#[test]
fn a_file_size_limit_reached_during_writes() {
    write_to_the_limit::<InsertionOrder>();
}

#[cfg(unix)]
#[test]
fn a_file_size_limit_reached_during_writes_of_a_sorted_vault() {
    write_to_the_limit::<KeyOrder>();
}

#[cfg(unix)]
fn write_to_the_limit<O: SharedOrder>() {
    let open =
        |path: &Path| -> Vault<u32, String, O> { O::open(&OpenOptions::new(), path).unwrap() };
    for blocks in [150, 400, 1500] {
        let scratch = Scratch::new();
        drop(open(&scratch.vault()));
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!(
                "trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""
            ))
            .arg(std::env::current_exe().unwrap());
        let role = format!("{}limited", O::PREFIX);
        let mut child = Child::start_with(shell, CHILD, &role, &scratch.vault());
        let mut written = 0;
        loop {
            let line = child.hear();
            if line == "full" {
                break;
            }
            assert_eq!(line, written.to_string());
            written += 1;
        }
        child.finish();
        assert!(written > 3, "{written}");
        // Without the limit, everything works.
        let vault = open(&scratch.vault());
        assert!(vault.keys().map(Result::unwrap).eq(0..written));
        vault
            .try_extend((0..1000).map(|n| (n, n.to_string())))
            .unwrap();
        assert_eq!(vault.len().unwrap(), 1000.max(written as usize));
        assert!(vault.verify().unwrap().is_ok());
        vault.close().unwrap();
        assert_no_misplaced_values(&scratch.vault());
        // There was enough space for the copy, or nothing is left of it.
        let mut files: Vec<String> = contents(&scratch.folder()).into_keys().collect();
        if files[0] == "vault.copy" {
            let copy = open(&scratch.path(&files.remove(0)));
            assert!(copy.keys().map(Result::unwrap).eq(0..written));
            copy.close().unwrap();
        }
        assert_eq!(files, ["vault.db"]);
    }
}

// ---- the clock ----------------------------------------------------------------------------

/// Clock changes have no effect, because the code never reads the time of day: timeouts use
/// `Instant`, which never goes back, and no time is stored.
#[test]
fn the_code_never_reads_the_time_of_day() {
    fn read(folder: &Path, lines: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_stem().is_some_and(|name| name == "tests") {
                continue;
            }
            if path.is_dir() {
                read(&path, lines);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                lines.extend(text.lines().map(str::to_owned));
            }
        }
    }
    let mut lines = Vec::new();
    read(&project().join("src"), &mut lines);
    assert!(lines.len() > 5000);
    let clocks = [
        "SystemTime",
        "UNIX_EPOCH",
        "CURRENT_TIME",
        "strftime",
        "julianday",
    ];
    for line in &lines {
        let code = line.split("//").next().unwrap();
        assert!(!clocks.iter().any(|clock| code.contains(clock)), "{line}");
    }
    assert!(lines.iter().any(|line| line.contains("Instant::now()")));
}
