//! Several processes on one vault: nothing is lost, even if one of them is killed.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use vaults::{Error, Vault};

use crate::support::{Child, Scratch, entries, listen, make, numbers, open, open_fast, role, say};

pub(crate) const CHILD: &str = test_path!(child);
const PROCESSES: u32 = 8;

/// Runs as a child of the other tests, in one of several roles.
#[test]
fn child() {
    let Some((role, path)) = role() else {
        return;
    };
    match role.as_str() {
        "opener" => open_on_request(&path),
        "writer" => write_numbers(&path),
        "obedient" => run_commands(&path),
        "without space" => fail_without_disk_space(&path),
        other => panic!("no role {other:?}"),
    }
}

fn start(role: &str, path: &Path) -> Child {
    Child::start(CHILD, role, path)
}

// ---- nothing is lost ----------------------------------------------------------------------

/// For each line, opens a path and puts a number there.
fn open_on_request(_: &Path) {
    say("ready");
    while let Some(word) = listen() {
        let (number, path) = word.split_once(' ').unwrap();
        let number: u32 = number.parse().unwrap();
        let vault = open::<u32, u32>(path);
        vault.put(&number, &number).unwrap();
        vault.close().unwrap();
        say("done");
    }
}

#[test]
fn racing_to_create_one_file() {
    let scratch = Scratch::new();
    let mut children: Vec<Child> = (0..PROCESSES)
        .map(|_| start("opener", &scratch.folder()))
        .collect();
    for child in &mut children {
        child.expect("ready");
    }
    for round in 0..40 {
        let path = scratch.path(&format!("{round}.db"));
        for (number, child) in children.iter_mut().enumerate() {
            child.tell(&format!("{number} {}", path.display()));
        }
        for child in &mut children {
            child.expect("done");
        }
        let all: HashSet<_> = entries(&open::<u32, u32>(path)).into_iter().collect();
        assert_eq!(all, numbers(PROCESSES).collect(), "round {round}");
    }
    children.into_iter().for_each(Child::finish);
}

/// Writes consecutive numbers from a given start, and prints each that was acknowledged.
fn write_numbers(path: &Path) {
    let vault = open::<u32, u32>(path);
    say("ready");
    let word = listen().unwrap();
    let (from, count) = word.split_once(' ').unwrap();
    let (from, count): (u32, u32) = (from.parse().unwrap(), count.parse().unwrap());
    for n in from..from.saturating_add(count) {
        assert_eq!(vault.insert(n, n).unwrap(), None);
        say(&n.to_string());
    }
    vault.close().unwrap();
}

#[test]
fn many_writers_lose_nothing() {
    const WRITES: u32 = 40;
    let scratch = Scratch::new();
    let mut children: Vec<Child> = (0..PROCESSES)
        .map(|_| start("writer", &scratch.vault()))
        .collect();
    for child in &mut children {
        child.expect("ready");
    }
    for (n, child) in (0..).zip(&mut children) {
        child.tell(&format!("{} {WRITES}", n * WRITES));
    }
    // This process writes too.
    let vault = open::<u32, u32>(scratch.vault());
    for n in 0..WRITES {
        vault.put(&(1_000_000 + n), &n).unwrap();
    }
    children.into_iter().for_each(Child::finish);
    let count = usize::try_from((PROCESSES + 1) * WRITES).unwrap();
    assert_eq!(vault.len().unwrap(), count);
    let all: HashSet<_> = vault.keys().map(Result::unwrap).collect();
    let expected = (0..PROCESSES * WRITES).chain(1_000_000..1_000_000 + WRITES);
    assert_eq!(all, expected.collect());
}

#[test]
fn writes_acknowledged_by_a_killed_process_are_stored() {
    for acknowledged in [1, 10, 200] {
        let scratch = Scratch::new();
        let mut child = start("writer", &scratch.vault());
        child.expect("ready");
        child.tell(&format!("0 {}", u32::MAX));
        for n in 0..acknowledged {
            child.expect(&n.to_string());
        }
        let said = child.kill();
        let last = said
            .last()
            .map_or(acknowledged - 1, |last| last.parse().unwrap());
        let vault = open::<u32, u32>(scratch.vault());
        let count = u32::try_from(vault.len().unwrap()).unwrap();
        assert!(
            count > last,
            "{last} was acknowledged, {count} entries are there"
        );
        assert!(
            entries(&vault).into_iter().eq(numbers(count)),
            "in order, without a gap"
        );
        vault.put(&u32::MAX, &0).unwrap();
    }
}

#[test]
fn a_killed_process_does_not_block_others() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    let mut child = start("writer", &scratch.vault());
    child.expect("ready");
    child.tell(&format!("0 {}", u32::MAX));
    child.expect("0");
    for n in 0..50 {
        vault.put(&(u32::MAX - n), &n).unwrap();
    }
    child.kill();
    for n in 50..100 {
        vault.put(&(u32::MAX - n), &n).unwrap();
    }
    assert_eq!(vault.get(&0).unwrap(), Some(0));
    let mine = vault.keys().filter(|key| *key.as_ref().unwrap() > 1 << 31);
    assert_eq!(mine.count(), 100);
}

// ---- visibility ---------------------------------------------------------------------------

/// For each line, runs an operation and prints its result.
fn run_commands(path: &Path) {
    let vault = open::<u32, u32>(path);
    say("ready");
    while let Some(word) = listen() {
        let number = |word: &str| word.parse().unwrap();
        let mut words = word.split(' ');
        let answer = match (words.next(), words.next().map(number)) {
            (Some("put"), Some(n)) => vault.put(&n, &n).map(|()| "ok".to_owned()),
            (Some("remove"), Some(n)) => vault.remove(&n).map(|value| format!("{value:?}")),
            (Some("get"), Some(n)) => vault.get(&n).map(|value| format!("{value:?}")),
            (Some("len"), None) => vault.len().map(|length| length.to_string()),
            (Some("hold"), None) => hold(&vault),
            (Some("die"), None) => die(&vault),
            _ => panic!("{word:?}"),
        };
        say(&answer.unwrap());
    }
}

/// Holds the write lock until the next line.
fn hold(vault: &Vault<u32, u32>) -> vaults::Result<String> {
    let mut drain = vault.drain();
    let first = drain.next().unwrap()?;
    say("holding");
    listen().unwrap();
    drop(drain);
    Ok(first.0.to_string())
}

/// Aborts in the middle of a transaction, without running destructors.
fn die(vault: &Vault<u32, u32>) -> ! {
    let mut drain = vault.drain();
    drain.next().unwrap().unwrap();
    say("dying");
    std::process::abort();
}

#[test]
fn commits_of_another_process_are_seen_at_once() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    let mut child = start("obedient", &scratch.vault());
    child.expect("ready");
    for n in 0..30 {
        child.tell(&format!("put {n}"));
        child.expect("ok");
        assert_eq!(vault.len().unwrap(), 1);
        assert_eq!(vault.get(&n).unwrap(), Some(n));
        vault.put(&(n + 1000), &0).unwrap();
        child.tell("len");
        child.expect("2");
        child.tell(&format!("remove {}", n + 1000));
        child.expect("Some(0)");
        assert_eq!(vault.len().unwrap(), 1);
        assert_eq!(vault.remove(&n).unwrap(), Some(n));
        child.tell(&format!("get {n}"));
        child.expect("None");
        assert!(vault.is_empty().unwrap());
    }
    child.finish();
}

#[test]
fn an_iterator_keeps_its_state_while_another_process_writes() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(100)).unwrap();
    let mut child = start("obedient", &scratch.vault());
    child.expect("ready");
    let mut iterator = vault.iter();
    for n in 0..100 {
        if n % 10 == 0 {
            child.tell(&format!("remove {n}"));
            child.expect(&format!("Some({n})"));
        }
        assert_eq!(iterator.next().unwrap().unwrap(), (n, n));
    }
    assert!(iterator.next().is_none());
    assert_eq!(vault.len().unwrap(), 90);
    child.finish();
}

#[test]
fn a_write_waits_for_another_process_and_succeeds() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(3)).unwrap();
    let mut child = start("obedient", &scratch.vault());
    child.expect("ready");
    child.tell("hold");
    child.expect("holding");
    assert!(
        entries(&vault).into_iter().eq(numbers(3)),
        "reads are not blocked"
    );
    let mut options = vaults::OpenOptions::new();
    options.busy_timeout(std::time::Duration::ZERO);
    let impatient: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
    assert_is!(impatient.put(&9, &9), Err(Error::Busy { .. }));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| vault.insert(1, 10).unwrap());
        child.tell("continue");
        child.expect("0");
        assert_eq!(writer.join().unwrap(), None);
    });
    assert_eq!(entries(&vault), [(1, 10)]);
    child.finish();
}

#[test]
fn a_process_that_aborts_in_a_transaction_changes_nothing() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(3)).unwrap();
    let mut child = start("obedient", &scratch.vault());
    child.expect("ready");
    child.tell("die");
    child.expect("dying");
    child.kill();
    assert!(entries(&vault).into_iter().eq(numbers(3)));
    vault.put(&3, &3).unwrap();
    assert_eq!(vault.len().unwrap(), 4);
}

#[test]
fn a_vault_that_another_process_has_open_is_not_deleted() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(3));
    let mut child = start("obedient", &scratch.vault());
    child.expect("ready");
    let vault = open::<u32, u32>(scratch.vault());
    assert_is!(
        vault.delete().map_err(Error::from),
        Err(Error::InUse { .. })
    );
    child.tell("len");
    child.expect("3");
    child.tell("put 7");
    child.expect("ok");
    child.finish();
    let vault = open::<u32, u32>(scratch.vault());
    assert_eq!(vault.len().unwrap(), 4);
    vault.delete().unwrap();
    assert!(!scratch.vault().exists());
}

// ---- disk space ---------------------------------------------------------------------------

/// Returns `true` if the result is an error caused by missing disk space.
fn is_disk_full<T>(result: vaults::Result<T>) -> bool {
    let is_disk_full = |error: &Error| matches!(error, Error::Full { .. } | Error::Io { .. });
    match result {
        Err(Error::Deferred { source, .. }) => source.downcast_ref().is_some_and(is_disk_full),
        Err(error) => is_disk_full(&error),
        Ok(_) => false,
    }
}

/// Runs with a file size limit of zero, so that writes fail and reads work.
fn fail_without_disk_space(path: &Path) {
    let vault = open_fast::<u32, u32>(path);
    let unchanged = || {
        assert!(entries(&vault).into_iter().eq(numbers(50)));
        assert_eq!(vault.len().unwrap(), 50);
    };
    unchanged();
    assert!(is_disk_full(vault.put(&100, &100)));
    assert!(is_disk_full(vault.remove(&1)));
    assert!(is_disk_full(vault.try_extend([(100, 100)])));
    assert!(is_disk_full(vault.clear()));
    assert!(is_disk_full(vault.for_each_mut(|_, value| *value += 1)));
    assert!(is_disk_full(vault.drain().commit()));
    unchanged();

    // The iterators end with the error of the commit.
    assert!(is_disk_full(vault.drain().last().unwrap()));
    assert!(is_disk_full(vault.extract_if(|_, _| true).last().unwrap()));
    unchanged();

    // An error in a destructor is returned once, by the next call that writes and by no other.
    let spoil = |vault: &Vault<u32, u32>| assert!(vault.drain().next().is_some());
    spoil(&vault);
    assert_eq!(vault.get(&1).unwrap(), Some(1));
    assert_eq!(vault.len().unwrap(), 50);
    assert_eq!(vault.iter().next().unwrap().unwrap(), (0, 0));
    assert!(is_disk_full(vault.flush()));
    unchanged();
    let mut extraction = vault.extract_if(|key, _| *key == 7);
    assert_eq!(extraction.next().unwrap().unwrap(), (7, 7));
    drop(extraction);
    assert!(is_disk_full(vault.flush()));
    vault.flush().unwrap();
    unchanged();
    let clone = vault.clone();
    spoil(&clone);
    assert!(is_disk_full(clone.close().map_err(Error::from)));
    unchanged();
    spoil(&vault);
    assert!(is_disk_full(vault.close().map_err(Error::from)));
    say("all checks passed");
}

#[cfg(unix)]
#[test]
fn without_disk_space_nothing_is_lost_and_no_error_is_hidden() {
    let scratch = Scratch::new();
    // The file and its index exist already, so opening writes nothing.
    let vault = open_fast::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(50)).unwrap();
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"")
        .arg(std::env::current_exe().unwrap());
    let mut child = Child::start_with(shell, CHILD, "without space", &scratch.vault());
    child.expect("all checks passed");
    child.finish();
    assert!(entries(&vault).into_iter().eq(numbers(50)));
    vault.put(&50, &50).unwrap();
    assert_eq!(vault.len().unwrap(), 51);
}
