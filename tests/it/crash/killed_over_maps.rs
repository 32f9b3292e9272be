//! Processes that move units between two maps of one file, and are killed. No snapshot shows a unit twice or not at all.

use std::path::Path;
use std::thread;

use vaults::{Durability, OpenOptions, SortedVault, Vault, VaultFile};

use crate::support::damage::{Chance, rounds};
use crate::support::{Child, Scratch, role, say};

const CHILD: &str = test_path!(child);
const PROCESSES: usize = 8;
const THREADS: u64 = 4;
const ACCOUNTS: u32 = 16;
const UNITS: u64 = 1000;
/// The snapshots of one round. Five rounds take 10,000.
const SNAPSHOTS: usize = 2000;
/// How many snapshots are taken between two kills.
const BETWEEN_KILLS: usize = 50;

type Left = Vault<u32, u64>;
type Right = SortedVault<(u32, String), u64>;

/// A killed process must not block others, so no call may time out.
fn open(path: &Path) -> (VaultFile, Left, Right) {
    let mut options = OpenOptions::new();
    options
        .durability(Durability::Normal)
        .busy_timeout(std::time::Duration::from_secs(3600));
    let file = options.open_file(path).unwrap();
    let left = file.vault("left").unwrap();
    let right = file.sorted_vault("right").unwrap();
    (file, left, right)
}

/// Returns a key whose value is large for every third account, by its name.
fn account(n: u32) -> (u32, String) {
    (
        n,
        "account".repeat(if n.is_multiple_of(3) { 60 } else { 1 }),
    )
}

#[test]
fn child() {
    let Some((role, path)) = role() else {
        return;
    };
    let (file, left, right) = open(&path);
    say("ready");
    thread::scope(|scope| {
        for n in 0..THREADS {
            let (file, left, right) = (&file, &left, &right);
            let mut chance = Chance::new(role.len() as u64 * 100 + n);
            scope.spawn(move || {
                loop {
                    move_units(file, left, right, &mut chance);
                }
            });
        }
    });
}

/// Moves some units from one map to the other, or back.
fn move_units(file: &VaultFile, left: &Left, right: &Right, chance: &mut Chance) {
    let account_of = |chance: &mut Chance| u32::try_from(chance.below(ACCOUNTS as usize)).unwrap();
    let (from, to) = (account_of(chance), account_of(chance));
    let units = chance.below(5) as u64;
    let is_back = chance.below(2) == 0;
    file.transaction(|tx| {
        let (mut left, mut right) = (tx.on(left), tx.on(right));
        if is_back {
            let mut source = right.entry(account(from)).or_insert(0)?;
            let moved = units.min(*source);
            *source -= moved;
            // The other map is written while the guard lives.
            *left.entry(to).or_insert(0)? += moved;
        } else {
            let mut source = left.entry(from).or_insert(0)?;
            let moved = units.min(*source);
            *source -= moved;
            *right.entry(account(to)).or_insert(0)? += moved;
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn every_snapshot_has_all_units() {
    let scratch = Scratch::new();
    let (file, left, right) = open(&scratch.vault());
    left.try_extend((0..ACCOUNTS).map(|n| (n, UNITS))).unwrap();
    let expected = UNITS * u64::from(ACCOUNTS);
    let mut chance = Chance::new(11);
    let mut children: Vec<Child> = Vec::new();
    let (mut kills, mut seen) = (0, std::collections::BTreeSet::new());
    for n in 0..SNAPSHOTS * rounds() {
        while children.len() < PROCESSES {
            let mut child = Child::start(CHILD, &"x".repeat(n % 7 + 1), &scratch.vault());
            child.expect("ready");
            children.push(child);
        }
        let moment = file.snapshot().unwrap();
        let of_left: u64 = moment.on(&left).values().map(Result::unwrap).sum();
        let of_right: u64 = moment.on(&right).values().map(Result::unwrap).sum();
        assert_eq!(of_left + of_right, expected, "snapshot {n}");
        seen.insert(of_left);
        if n % BETWEEN_KILLS == BETWEEN_KILLS - 1 {
            let killed = children.swap_remove(chance.below(children.len()));
            killed.kill();
            kills += 1;
        }
    }
    for child in children {
        child.kill();
    }
    assert!(
        kills > 10 && seen.len() > 10,
        "{kills} kills, {} states",
        seen.len()
    );
    assert!(file.verify().unwrap().is_ok());
    let sum = |values: Vec<u64>| -> u64 { values.into_iter().sum() };
    let (of_left, of_right) = (
        sum(left.values().map(Result::unwrap).collect()),
        sum(right.values().map(Result::unwrap).collect()),
    );
    assert_eq!(of_left + of_right, expected);
}
