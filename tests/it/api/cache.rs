//! Cache hits and misses, counted by `stats`. The tests in `coherence` show that a hit is never
//! stale.

use std::path::Path;

use tempfile::TempDir;
use vaults::{OpenOptions, Vault};

struct Counted {
    vault: Vault<u32, String>,
    hits: u64,
    misses: u64,
}

impl Counted {
    fn new(vault: Vault<u32, String>) -> Self {
        let (hits, misses) = (0, 0);
        let mut counted = Self {
            vault,
            hits,
            misses,
        };
        counted.new_hits_and_misses();
        counted
    }

    fn open(path: &Path, options: &OpenOptions) -> Self {
        Self::new(options.open(path).unwrap())
    }

    /// Returns the hits and misses since the last call.
    fn new_hits_and_misses(&mut self) -> (u64, u64) {
        let stats = self.vault.stats().unwrap();
        let new_hits_and_misses = (
            stats.cache_hits - self.hits,
            stats.cache_misses - self.misses,
        );
        (self.hits, self.misses) = (stats.cache_hits, stats.cache_misses);
        new_hits_and_misses
    }

    fn get(&mut self, key: u32) -> (Option<String>, (u64, u64)) {
        let value = self.vault.get(&key).unwrap();
        (value, self.new_hits_and_misses())
    }
}

const HIT: (u64, u64) = (1, 0);
const MISS: (u64, u64) = (0, 1);

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Makes a vault with the keys 0 to 9 and reads all of them but 9.
fn warmed(path: &Path) -> Counted {
    let mut counted = Counted::open(path, &OpenOptions::new());
    counted
        .vault
        .try_extend((0..10).map(|key| (key, format!("value {key}"))))
        .unwrap();
    for key in 0..9 {
        assert_eq!(counted.get(key).1, MISS);
    }
    counted
}

#[test]
fn a_value_that_was_read_is_a_hit() {
    let folder = folder();
    let mut counted = warmed(&folder.path().join("t.db"));
    assert_eq!(counted.get(3), (Some("value 3".into()), HIT));
    assert_eq!(counted.vault.get_key_value(&4).unwrap().unwrap().0, 4);
    assert!(counted.vault.contains_key(&5).unwrap());
    assert_eq!(
        counted.vault.get_or_insert_with(6, String::new).unwrap(),
        "value 6"
    );
    assert_eq!(counted.new_hits_and_misses(), (3, 0));
    assert_eq!(counted.get(9), (Some("value 9".into()), MISS));
}

#[test]
fn a_missing_key_is_cached() {
    let folder = folder();
    let mut counted = warmed(&folder.path().join("t.db"));
    assert_eq!(counted.get(77), (None, MISS));
    assert_eq!(counted.get(77), (None, HIT));
    assert!(!counted.vault.contains_key(&88).unwrap());
    assert!(!counted.vault.contains_key(&88).unwrap());
    assert_eq!(counted.new_hits_and_misses(), (1, 1));
    counted.vault.put(&77, &"now".into()).unwrap();
    assert_eq!(counted.get(77), (Some("now".into()), MISS));
}

#[test]
fn a_write_of_the_same_handle_keeps_the_other_entries_cached() {
    let folder = folder();
    let mut counted = warmed(&folder.path().join("t.db"));
    counted.vault.clone().put(&3, &"new".into()).unwrap();
    counted.vault.remove(&4).unwrap();
    *counted.vault.entry(5).or_default().unwrap() += "!";
    counted.new_hits_and_misses();
    assert_eq!(counted.get(3), (Some("new".into()), MISS));
    assert_eq!(counted.get(4), (None, MISS));
    assert_eq!(counted.get(5), (Some("value 5!".into()), MISS));
    for key in [0, 1, 2, 6, 7, 8, 3, 4, 5] {
        assert_eq!(counted.get(key).1, HIT, "key {key}");
    }
}

#[test]
fn checkpoints_of_the_same_handle_keep_the_other_entries_cached() {
    let folder = folder();
    let mut options = OpenOptions::new();
    options.durability(vaults::Durability::Off);
    let mut counted = Counted::open(&folder.path().join("t.db"), &options);
    counted.vault.put(&1, &"kept".into()).unwrap();
    counted.get(1);
    let mut hits = 0;
    for round in 0..2_000 {
        counted.vault.put(&2, &format!("{round}")).unwrap();
        hits += counted.get(1).1.0;
    }
    // The commits of this handle restarted the log several times.
    assert!(counted.vault.stats().unwrap().log_bytes < 2_000 * 4096);
    assert_eq!(hits, 2_000);
}

#[test]
fn a_write_of_another_handle_invalidates_the_cache() {
    let folder = folder();
    let path = folder.path().join("t.db");
    let mut counted = warmed(&path);
    let other: Vault<u32, String> = Vault::open(&path).unwrap();
    other.put(&3, &"foreign".into()).unwrap();
    assert_eq!(counted.get(3), (Some("foreign".into()), MISS));
    assert_eq!(counted.get(2).1, MISS);
    assert_eq!(counted.get(2).1, HIT);
    // A read of the other handle invalidates nothing here.
    other.len().unwrap();
    assert_eq!(other.get(&2).unwrap(), Some("value 2".into()));
    assert_eq!(counted.get(2).1, HIT);
}

#[test]
fn without_capacity_nothing_is_cached() {
    let folder = folder();
    let mut options = OpenOptions::new();
    options.cache_capacity(0);
    let mut counted = Counted::open(&folder.path().join("t.db"), &options);
    counted.vault.put(&1, &"one".into()).unwrap();
    for _ in 0..3 {
        assert_eq!(counted.get(1), (Some("one".into()), (0, 0)));
    }
    assert_eq!(counted.vault.stats().unwrap().cache_bytes, 0);
}

#[test]
fn the_capacity_is_a_bound_in_bytes() {
    const CAPACITY: usize = 256 * 1024;
    let folder = folder();
    let mut options = OpenOptions::new();
    options.cache_capacity(CAPACITY);
    let mut counted = Counted::open(&folder.path().join("t.db"), &options);
    let entries = (0..2_000).map(|key| (key, "v".repeat(500)));
    counted.vault.try_extend(entries).unwrap();
    for key in 0..2_000 {
        counted.vault.get(&key).unwrap();
    }
    let bytes = counted.vault.stats().unwrap().cache_bytes;
    assert!(bytes <= CAPACITY as u64, "{bytes} bytes");
    assert!(bytes >= CAPACITY as u64 / 2, "{bytes} bytes");
    // A value that would fill much of the cache by itself is not cached.
    counted.vault.put(&1, &"v".repeat(CAPACITY / 64)).unwrap();
    counted.new_hits_and_misses();
    assert_eq!(counted.get(1).1, MISS);
    assert_eq!(counted.get(1).1, MISS);
}

#[test]
fn a_vault_in_memory_has_no_cache() {
    let mut counted = Counted::new(Vault::open_in_memory().unwrap());
    counted.vault.put(&1, &"one".into()).unwrap();
    for _ in 0..2 {
        assert_eq!(counted.get(1), (Some("one".into()), (0, 0)));
    }
    assert_eq!(counted.vault.stats().unwrap().cache_bytes, 0);
}

#[test]
fn an_immutable_file_has_no_cache() {
    let folder = folder();
    let path = folder.path().join("t.db");
    warmed(&path).vault.close().unwrap();
    let mut counted = Counted::open(&path, OpenOptions::new().immutable(true));
    assert_eq!(counted.get(1), (Some("value 1".into()), (0, 0)));
}
