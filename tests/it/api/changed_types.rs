//! Types that change: all entries are converted to a new type, or to a new version of the same
//! type, in one transaction.

use std::panic::AssertUnwindSafe;

use serde::{Deserialize, Serialize};
use vaults::{Codec, Error, OpenOptions, Vault};

use crate::support::{
    Scratch, checkpoint, entries, make, numbers, on_each_engine, open, open_fast, rows, sql,
};

const MANY: u32 = 100_000;

/// A person, in the three versions of a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct V1 {
    name: String,
    age: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct V2 {
    name: String,
    age: u8,
    #[serde(default)]
    city: Option<String>,
}

/// Reads the earlier versions too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct V3 {
    #[serde(alias = "name")]
    full_name: String,
    #[serde(alias = "age")]
    years: u32,
    #[serde(default)]
    city: Option<String>,
}

/// What version 3 writes, without the attributes that read earlier versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct V3Only {
    full_name: String,
    years: u32,
    city: Option<String>,
}

/// A value that is refused for some numbers.
#[derive(Debug, Deserialize)]
struct Picky(u32);

impl Serialize for Picky {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == 500 {
            return Err(serde::ser::Error::custom("not this one"));
        }
        serializer.serialize_newtype_struct("Picky", &self.0)
    }
}

fn v1(n: u32) -> V1 {
    V1 {
        name: format!("name {n}"),
        age: u8::try_from(n % 100).unwrap(),
    }
}

/// Returns keys in an order other than that of the numbers.
fn keys() -> impl Iterator<Item = u32> {
    (0..MANY).map(|n| n.wrapping_mul(0x9e37_79b1))
}

#[test]
fn rewrite_converts_two_old_versions_of_a_struct() {
    let scratch = Scratch::new();
    let half = MANY as usize / 2;
    open_fast::<u32, V1>(scratch.vault())
        .try_extend(keys().take(half).map(|n| (n, v1(n))))
        .unwrap();
    open_fast::<u32, V2>(scratch.vault())
        .try_extend(keys().skip(half).map(|n| {
            let V1 { name, age } = v1(n);
            let city = (n % 2 == 0).then(|| "Paris".to_owned());
            (n, V2 { name, age, city })
        }))
        .unwrap();
    let vault = open_fast::<u32, V3>(scratch.vault());
    // Rewriting converts each entry once.
    let before = vault.snapshot().unwrap();
    assert_eq!(vault.rewrite().unwrap(), u64::from(MANY));
    assert_eq!(vault.rewrite().unwrap(), 0);
    // A snapshot keeps the old bytes.
    let old = before.get(&0).unwrap().unwrap();
    assert_eq!(old, vault.get(&0).unwrap().unwrap());
    drop((before, vault));
    let vault = open_fast::<u32, V3Only>(scratch.vault());
    assert_eq!(vault.len().unwrap(), MANY as usize);
    for ((position, n), entry) in keys().enumerate().zip(&vault) {
        let (key, value) = entry.unwrap();
        let expected = V3Only {
            full_name: v1(n).name,
            years: n % 100,
            city: (position >= half && n % 2 == 0).then(|| "Paris".to_owned()),
        };
        assert_eq!((key, value), (n, expected));
    }
}

#[test]
fn for_each_mut_converts_only_the_entries_that_it_changes() {
    let scratch = Scratch::new();
    make(scratch.vault(), (0..11_u32).map(|n| (n, v1(n))));
    let vault = open::<u32, V3>(scratch.vault());
    // The first and the last entry stay unchanged. Opening reads these two.
    vault
        .for_each_mut(|key, value| value.years += key % 2)
        .unwrap();
    assert!(Vault::<u32, V3Only>::open(scratch.vault()).is_err());
    assert_eq!(vault.rewrite().unwrap(), 6);
    let vault = open::<u32, V3Only>(scratch.vault());
    assert!(vault.iter().all(|entry| entry.is_ok()));
}

#[test]
fn a_vault_is_mapped_to_other_types() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Label(String, u32);
    let scratch = Scratch::new();
    make(scratch.vault(), (0..2_000_u32).rev().map(|n| (n, v1(n))));
    // This is the recipe of the guide, which can be repeated.
    let open_new = || match Vault::<u32, Label>::open(scratch.vault()) {
        Err(Error::TypeMismatch { .. }) => Vault::<u32, V1>::open(scratch.vault())?
            .map_values(|_, old| Label(old.name, old.age.into())),
        opened => opened,
    };
    for _ in 0..2 {
        let vault = open_new().unwrap();
        let expected: Vec<_> = (0..2_000_u32)
            .rev()
            .map(|n| (n, Label(v1(n).name, n % 100)))
            .collect();
        assert_eq!(entries(&vault), expected);
        assert_eq!(vault.get(&7).unwrap(), Some(Label("name 7".into(), 7)));
        assert!(vault.verify().unwrap().is_ok());
        assert_eq!(checkpoint(&scratch.vault(), "PASSIVE"), Ok(true));
    }
}

#[test]
fn keys_may_be_swapped_and_change_type() {
    on_each_engine::<u32, u32>(|vault| {
        vault.try_extend(numbers(1_500)).unwrap();
        // Fill the cache, and the cached number of entries.
        assert_eq!(vault.get(&3).unwrap(), Some(3));
        assert_eq!(vault.get(&1_500).unwrap(), None);
        assert_eq!(vault.len().unwrap(), 1_500);
        // Each entry gets the key of the next one.
        let vault: Vault<u32, u32> = vault
            .try_map_entries(|key, value| Ok::<_, Error>((key + 1, value)))
            .unwrap();
        let expected: Vec<_> = numbers(1_500).map(|(n, value)| (n + 1, value)).collect();
        assert_eq!(entries(&vault), expected);
        assert_eq!(vault.get(&3).unwrap(), Some(2));
        assert_eq!(vault.get(&0).unwrap(), None);
        assert_eq!(vault.get(&1_500).unwrap(), Some(1_499));
        // Each entry gets the key of its pair.
        let vault: Vault<u32, u32> = vault
            .try_map_entries(|key, value| Ok::<_, Error>((key ^ 1, value)))
            .unwrap();
        assert_eq!(vault.len().unwrap(), 1_500);
        assert_eq!(vault.get(&3).unwrap(), Some(1));
        // Each key gets a different type.
        let vault: Vault<String, u32> = vault
            .try_map_entries(|key, value| Ok::<_, Error>((format!("{key}"), value)))
            .unwrap();
        assert_eq!(vault.get("3").unwrap(), Some(1));
        assert_eq!(vault.keys().next().unwrap().unwrap(), "0");
        assert_eq!(vault.len().unwrap(), 1_500);
        assert!(vault.verify().unwrap().is_ok());
    });
}

#[test]
fn a_failed_conversion_changes_nothing() {
    let scratch = Scratch::new();
    make(scratch.vault(), numbers(1_000));
    let before = rows(&scratch.vault());
    let open = || open::<u32, u32>(scratch.vault());
    // Duplicate keys: of two changed entries, and of a changed entry and an unchanged one before or
    // after it.
    let maps: [fn(u32) -> u32; 3] = [|key| key / 2 + 5_000, |key| key.min(998), |key| key.max(1)];
    for map in maps {
        let mapped = open().try_map_entries(|key, value| Ok::<_, Error>((map(key), value)));
        assert_is!(mapped, Err(Error::DuplicateKey { key, .. }) if key.starts_with("\"M"));
    }
    let refused = open().try_map_entries(|key, value| {
        let refuse = std::io::Error::other("no");
        if key < 999 {
            Ok((key + 1, value))
        } else {
            Err(Box::<dyn std::error::Error>::from(refuse))
        }
    });
    assert_eq!(refused.map(drop).unwrap_err().to_string(), "no");
    let vault = open();
    let unwound = std::panic::catch_unwind(AssertUnwindSafe(|| {
        vault.map_values(|&key, value| {
            assert!(key < 999, "on purpose");
            value + 1
        })
    }));
    assert!(unwound.is_err());
    let unfaithful = open().map_values(|&key, _| Picky(key));
    assert_is!(unfaithful.map(drop), Err(Error::Encode { .. }));
    assert_eq!(rows(&scratch.vault()), before);
    sql(
        &scratch.vault(),
        "UPDATE dict SET value = x'5a' WHERE rowid = 900",
    );
    let before = rows(&scratch.vault());
    let vault = open();
    assert_is!(vault.rewrite(), Err(Error::UnknownTag { .. }));
    assert_is!(
        vault.map_values(|_, value| value + 1),
        Err(Error::UnknownTag { .. })
    );
    assert_eq!(rows(&scratch.vault()), before);
}

#[test]
fn rewrite_normalizes_the_encoding_of_keys() {
    let scratch = Scratch::new();
    make(scratch.vault(), [(1_u64, 1_u8), (2, 2)]);
    // 3 and 4 in nine bytes, which no vault writes.
    sql(
        &scratch.vault(),
        "INSERT INTO dict (rowid, key, value) VALUES (0, x'4d00', x'4d00');
         UPDATE dict SET rowid = 10 WHERE rowid = 2;
         INSERT INTO dict (rowid, key, value) VALUES
             (3, x'4dcf0000000000000003', x'4d03'), (4, x'4dcf0000000000000004', x'4d04')",
    );
    let vault = open::<u64, u8>(scratch.vault());
    assert_eq!(vault.get(&3).unwrap(), None);
    assert_eq!(vault.rewrite().unwrap(), 2);
    assert_eq!(vault.get(&3).unwrap(), Some(3));
    assert_eq!(entries(&vault), [(0, 0), (1, 1), (3, 3), (4, 4), (2, 2)]);
    // A key that is stored in both encodings.
    sql(
        &scratch.vault(),
        "UPDATE dict SET key = x'4dcf0000000000000002' WHERE rowid = 3",
    );
    assert_is!(vault.rewrite(), Err(Error::DuplicateKey { key, .. }) if key == "\"M\\x02\"");
    assert_eq!(vault.discard_undecodable().unwrap(), 1);
    assert_eq!(vault.rewrite().unwrap(), 0);
    assert_eq!(entries(&vault), [(0, 0), (1, 1), (4, 4), (2, 2)]);
}

#[test]
fn rewrite_uses_the_codec_and_the_checksums_of_the_handle() {
    let scratch = Scratch::new();
    let path = scratch.vault();
    let vault: Vault<u32, V1> = OpenOptions::new().checksums(true).open(&path).unwrap();
    vault.try_extend((0..100).map(|n| (n, v1(n)))).unwrap();
    drop(vault);
    let bincode: Vault<u32, V1> = OpenOptions::new()
        .codec(Codec::Bincode)
        .open(&path)
        .unwrap();
    assert_eq!(bincode.rewrite().unwrap(), 100);
    let report = bincode.verify().unwrap();
    assert!(report.is_ok());
    assert_eq!((report.bincode, report.message_pack), (100, 0));
    // A checksum covers the key too.
    let moved = bincode.try_map_entries(|key, value| Ok::<_, Error>((key + 1, value)));
    let moved = moved.unwrap();
    assert!(moved.verify().unwrap().is_ok());
    assert_eq!(moved.get(&100).unwrap(), Some(v1(99)));
}

#[test]
fn rewrite_in_a_transaction_is_rolled_back_with_it() {
    let scratch = Scratch::new();
    make(scratch.vault(), (0..50_u32).map(|n| (n, v1(n))));
    let before = rows(&scratch.vault());
    let vault = open::<u32, V3>(scratch.vault());
    let mut tx = vault.begin().unwrap();
    assert_eq!(tx.rewrite().unwrap(), 50);
    assert_eq!(tx.rewrite().unwrap(), 0);
    tx.rollback().unwrap();
    assert_eq!(rows(&scratch.vault()), before);
    let mut tx = vault.begin().unwrap();
    assert_eq!(tx.rewrite().unwrap(), 50);
    tx.put(
        &50,
        &V3 {
            full_name: "new".into(),
            years: 1,
            city: None,
        },
    )
    .unwrap();
    tx.commit().unwrap();
    let vault = open::<u32, V3Only>(scratch.vault());
    assert_eq!(vault.iter().map(Result::unwrap).count(), 51);
}
