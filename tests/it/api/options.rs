//! The options for opening a vault, and their effects.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vaults::{Codec, Durability, EntryPart, Error, OpenOptions, Vault};

use crate::support::{Scratch, entries, numbers, on_each_engine, on_each_engine_with, open, rows};

#[test]
fn options_that_contradict_each_other() {
    let scratch = Scratch::new();
    let mut options = OpenOptions::new();
    options.read_only(true).create_new(true);
    let error = options.open::<u32, u32>(scratch.vault()).unwrap_err();
    assert_is!(&error, Error::InvalidOptions { .. });
    assert!(error.to_string().contains("create_new"), "{error}");
    assert!(!scratch.vault().exists());
    options.create_new(false);
    let error = options.open_in_memory::<u32, u32>().unwrap_err();
    assert_is!(&error, Error::InvalidOptions { .. });
    assert!(error.to_string().contains("in-memory"), "{error}");
}

#[test]
fn default_is_new_and_one_builder_opens_many_vaults() {
    let defaults = format!("{:?}", OpenOptions::default());
    assert_eq!(defaults, format!("{:?}", OpenOptions::new()));
    let scratch = Scratch::new();
    let mut options = OpenOptions::new();
    options.create_new(true).clone().create(false);
    let numbers: Vault<u32, u32> = options.open(scratch.path("a.db")).unwrap();
    let texts: Vault<String, String> = options.open(scratch.path("b.db")).unwrap();
    numbers.put(&1, &1).unwrap();
    texts.put("a", &"b".into()).unwrap();
    assert_eq!((numbers.len().unwrap(), texts.len().unwrap()), (1, 1));
}

#[test]
fn options_without_a_meaning_in_memory_are_ignored() {
    let mut options = OpenOptions::new();
    options
        .create(false)
        .create_new(true)
        .durability(Durability::Full);
    let vault: Vault<u32, u32> = options.open_in_memory().unwrap();
    vault.put(&1, &1).unwrap();
    assert_eq!(vault.get(&1).unwrap(), Some(1));
}

#[test]
fn every_durability_keeps_closed_and_flushed_entries() {
    assert_eq!(Durability::default(), Durability::Full);
    for durability in [Durability::Full, Durability::Normal, Durability::Off] {
        let scratch = Scratch::new();
        let mut options = OpenOptions::new();
        options.durability(durability);
        let vault: Vault<u32, u32> = options.open(scratch.vault()).unwrap();
        vault.try_extend(numbers(100)).unwrap();
        vault.flush().unwrap();
        vault.put(&100, &100).unwrap();
        vault.flush().unwrap();
        let other = open::<u32, u32>(scratch.vault());
        assert!(
            entries(&other).into_iter().eq(numbers(101)),
            "{durability:?}"
        );
        drop(other);
        vault.close().unwrap();
        assert_eq!(open::<u32, u32>(scratch.vault()).len().unwrap(), 101);
    }
}

#[test]
fn handles_of_one_vault_may_have_different_options() {
    let scratch = Scratch::new();
    let packed = open::<u8, u8>(scratch.vault());
    let mut options = OpenOptions::new();
    options.codec(Codec::Bincode).durability(Durability::Off);
    let binary: Vault<u8, u8> = options.open(scratch.vault()).unwrap();
    packed.put(&1, &1).unwrap();
    binary.put(&2, &2).unwrap();
    for vault in [&packed, &binary] {
        assert_eq!(entries(vault), [(1, 1), (2, 2)]);
    }
    drop((packed, binary));
    let tags: Vec<u8> = rows(&scratch.vault()).iter().map(|row| row.1[0]).collect();
    assert_eq!(tags, *b"MB");
}

#[test]
fn a_value_that_was_not_changed_is_not_rewritten_in_another_codec() {
    let scratch = Scratch::new();
    open::<u8, String>(scratch.vault())
        .put(&1, &"text".into())
        .unwrap();
    let mut options = OpenOptions::new();
    options.codec(Codec::Bincode);
    let vault: Vault<u8, String> = options.open(scratch.vault()).unwrap();
    vault.for_each_mut(|_, _| {}).unwrap();
    vault.retain(|_, _| true).unwrap();
    drop(vault);
    assert_eq!(rows(&scratch.vault())[0].1, b"M\xa4text");
    let vault: Vault<u8, String> = options.open(scratch.vault()).unwrap();
    vault.for_each_mut(|_, value| value.push('!')).unwrap();
    drop(vault);
    assert_eq!(rows(&scratch.vault())[0].1, b"B\x05text!");
}

#[test]
fn codecs_have_names() {
    assert_eq!(Codec::default(), Codec::MessagePack);
    assert_eq!(Codec::MessagePack.to_string(), "MessagePack");
    assert_eq!(Codec::Bincode.to_string(), "bincode");
}

// ---- checks before a write --------------------------------------------------------------

/// Writes any number, and reads only numbers up to 99.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Percentage(u8);

impl Serialize for Percentage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0)
    }
}

impl<'de> Deserialize<'de> for Percentage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u8::deserialize(deserializer)?;
        if number > 99 {
            return Err(serde::de::Error::custom("more than 99 percent"));
        }
        Ok(Self(number))
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

fn assert_refused<T: fmt::Debug>(result: vaults::Result<T>, refused: EntryPart) {
    let error = result.unwrap_err();
    assert_is!(&error, Error::Encode { part, .. } if *part == refused);
    let text = chain(&error);
    assert!(text.contains("more than 99 percent"), "{text}");
    assert!(text.contains("Percentage"), "{text}");
}

#[test]
fn a_value_that_could_not_be_read_back_is_not_stored() {
    on_each_engine::<u8, Percentage>(|vault| {
        vault.put(&1, &Percentage(50)).unwrap();
        assert_refused(vault.put(&1, &Percentage(100)), EntryPart::Value);
        assert_refused(vault.insert(1, Percentage(100)), EntryPart::Value);
        let some = [(2, Percentage(1)), (3, Percentage(100))];
        assert_refused(vault.try_extend(some), EntryPart::Value);
        assert_refused(
            vault.for_each_mut(|_, value| value.0 = 100),
            EntryPart::Value,
        );
        let changed = vault.retain(|_, value| {
            value.0 = 101;
            true
        });
        assert_refused(changed, EntryPart::Value);
        let extracted = vault.extract_if(|_, value| {
            value.0 = 102;
            false
        });
        assert_refused(
            extracted.collect::<vaults::Result<Vec<_>>>(),
            EntryPart::Value,
        );
        assert_eq!(entries(&vault), [(1, Percentage(50))]);
    });
}

#[test]
fn a_key_that_could_not_be_read_back_is_not_stored() {
    on_each_engine::<Percentage, u8>(|vault| {
        assert_refused(vault.put(&Percentage(100), &1), EntryPart::Key);
        assert_refused(vault.insert(Percentage(100), 1), EntryPart::Key);
        assert_refused(vault.try_extend([(Percentage(100), 1)]), EntryPart::Key);
        assert_eq!(vault.get(&Percentage(100)).unwrap(), None);
        assert!(vault.is_empty().unwrap());
    });
}

#[test]
fn without_the_check_a_read_fails() {
    let mut options = OpenOptions::new();
    options.verify_writes(false);
    on_each_engine_with(&options, |vault: Vault<u8, Percentage>| {
        vault.put(&1, &Percentage(100)).unwrap();
        assert_is!(
            vault.get(&1),
            Err(Error::Decode {
                part: EntryPart::Value,
                ..
            })
        );
        assert!(vault.contains_key(&1).unwrap());
    });
}

#[test]
fn a_value_that_neither_codec_supports_is_refused_without_the_check() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Loose {
        #[serde(flatten)]
        rest: std::collections::BTreeMap<String, Option<Option<u8>>>,
    }
    for codec in [Codec::MessagePack, Codec::Bincode] {
        let mut options = OpenOptions::new();
        options.codec(codec).verify_writes(false);
        on_each_engine_with::<u8, Loose>(&options, |vault| {
            let rest = [("a".to_owned(), Some(None))].into();
            assert_is!(vault.put(&1, &Loose { rest }), Err(Error::Encode { .. }));
            assert!(vault.is_empty().unwrap());
            let rest = [("a".to_owned(), None)].into();
            vault.put(&1, &Loose { rest }).unwrap();
            assert_eq!(vault.get(&1).unwrap().unwrap().rest["a"], None);
        });
    }
}

#[test]
fn a_value_of_many_pages() {
    on_each_engine::<u8, String>(|vault| {
        let long = "lorem ipsum ".repeat(300_000);
        vault.put(&1, &long).unwrap();
        assert!(vault.get(&1).unwrap().unwrap() == long);
        assert!(vault.insert(1, "short".into()).unwrap().unwrap() == long);
        assert_eq!(vault.get(&1).unwrap().as_deref(), Some("short"));
    });
}
