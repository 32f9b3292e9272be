//! Programs as a newcomer writes them, with `Result<(), Box<dyn Error>>` and only the public API.
//! They test that such programs compile without type annotations.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::thread;

use serde::{Deserialize, Serialize};
use vaults::{Durability, Entry, OpenOptions, RefMut, Vault, VaultDir};

use crate::support::Scratch;

type Outcome = Result<(), Box<dyn Error>>;

fn in_a_folder(program: fn(&Path) -> Outcome) {
    let scratch = Scratch::new();
    program(&scratch.folder()).unwrap();
}

#[test]
fn a_counter_service() {
    fn main(folder: &Path) -> Outcome {
        let hits = OpenOptions::new()
            .durability(Durability::Normal)
            .open::<String, u64>(folder.join("hits.db"))?;
        thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    let hits = hits.clone();
                    scope.spawn(move || -> vaults::Result<()> {
                        for page in ["home", "about", "home"] {
                            *hits.entry_ref(page).or_insert(0)? += 1;
                        }
                        Ok(())
                    })
                })
                .collect();
            for worker in workers {
                worker.join().map_err(|_| "a worker panicked")??;
            }
            Ok::<_, Box<dyn Error>>(())
        })?;
        // Rename a page: both counts change, or neither does.
        hits.transaction(|tx| {
            let count = tx.remove("about")?.unwrap_or_default();
            tx.insert("contact".into(), count)?;
            Ok(())
        })?;
        let mut all = hits.iter().collect::<Result<Vec<_>, _>>()?;
        all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        assert_eq!(all, [("home".into(), 8), ("contact".into(), 4)]);
        let total = hits.values().sum::<Result<u64, _>>()?;
        assert_eq!(total, 12);
        hits.close()?;
        Ok(())
    }
    in_a_folder(main);
}

#[test]
fn a_settings_file() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Setting {
        Switch(bool),
        Number(i64),
        Text(String),
    }
    fn parse(line: &str) -> Result<(String, Setting), Box<dyn Error>> {
        let (name, value) = line.split_once('=').ok_or("a line without `=`")?;
        let setting = match value {
            "on" | "off" => Setting::Switch(value == "on"),
            _ if value.starts_with('"') => Setting::Text(value.trim_matches('"').into()),
            _ => Setting::Number(value.parse()?),
        };
        Ok((name.into(), setting))
    }
    fn main(folder: &Path) -> Outcome {
        let dir = VaultDir::new(folder)?;
        let settings: Vault<String, Setting> = dir.open("my settings")?;
        let defaults = HashMap::from([
            ("dark".to_owned(), Setting::Switch(false)),
            ("width".to_owned(), Setting::Number(80)),
        ]);
        settings.put_many(&defaults)?;
        settings.put("dark", &Setting::Switch(true))?;
        settings.try_extend_results("name=\"Ada\"\nwidth=100".lines().map(parse))?;
        let refused = settings.try_extend_results("a=1\nb=?".lines().map(parse));
        assert!(refused.is_err() && !settings.contains_key("a")?);

        // The same in a transaction, with an error of the program and one of the vault.
        let refused = settings.try_transaction(|tx| {
            for line in ["a=1", "b"] {
                let (name, setting) = parse(line)?;
                tx.insert(name, setting)?;
            }
            Ok::<_, Box<dyn Error>>(())
        });
        assert!(refused.is_err() && !settings.contains_key("a")?);

        if let Some(mut width) = settings.get_mut("width")? {
            *width = Setting::Number(120);
            RefMut::commit(width)?;
        }
        assert_eq!(settings.get("width")?, Some(Setting::Number(120)));
        let name = settings.get_or_insert_with("name".into(), || Setting::Text("nobody".into()))?;
        assert_eq!(name, Setting::Text("Ada".into()));

        let copy = dir.open::<String, Setting>("copy")?;
        copy.try_extend_results(&settings)?;
        assert_eq!(copy.len()?, 3);
        assert_eq!(dir.names()?, ["copy", "my settings"]);
        copy.delete()?;
        assert!(!dir.contains("copy")?);
        Ok(())
    }
    in_a_folder(main);
}

#[test]
fn a_work_queue() {
    fn main(folder: &Path) -> Outcome {
        let waiting: Vault<u64, String> = Vault::open(folder.join("waiting.db"))?;
        let failed: Vault<u64, String> = Vault::open(folder.join("failed.db"))?;
        waiting.try_extend((0..).zip(["1", "2", "x", "4"].map(Into::into)))?;
        let mut sum = 0;
        while let Some((id, job)) = waiting.pop_first()? {
            match job.parse::<u32>() {
                Ok(number) => sum += number,
                Err(_) => failed.put(&id, &job)?,
            }
        }
        assert_eq!(sum, 7);
        match failed.entry(2).into_entry()? {
            Entry::Occupied(entry) => assert_eq!(entry.remove()?, "x"),
            Entry::Vacant(_) => return Err("the job did not fail".into()),
        }
        assert!(failed.is_empty()? && waiting.is_empty()?);
        Ok(())
    }
    in_a_folder(main);
}

#[test]
fn a_change_of_types() {
    #[derive(Serialize, Deserialize)]
    struct Old {
        name: String,
        age: u32,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct New {
        name: (String, String),
        age: Option<u32>,
    }
    fn renew(old: &Old) -> Result<New, Box<dyn Error>> {
        let (first, last) = old.name.split_once(' ').ok_or("a name of one word")?;
        Ok(New {
            name: (first.into(), last.into()),
            age: Some(old.age),
        })
    }
    fn main(folder: &Path) -> Outcome {
        let (old, new) = (folder.join("people.db"), folder.join("people-2.db"));
        let people: Vault<u32, Old> = Vault::open(&old)?;
        people.insert(
            1,
            Old {
                name: "Ada Lovelace".into(),
                age: 36,
            },
        )?;
        let renewed: Vault<u32, New> = Vault::open(&new)?;
        renewed.try_extend_results(people.iter().map(|entry| {
            let (id, person) = entry?;
            Ok::<_, Box<dyn Error>>((id, renew(&person)?))
        }))?;
        people.delete()?;
        renewed.close()?;
        std::fs::rename(new, &old)?;
        let people: Vault<u32, New> = Vault::open(&old)?;
        let ada = people.get(&1)?.ok_or("she is gone")?;
        assert_eq!(ada.name.1, "Lovelace");
        Ok(())
    }
    in_a_folder(main);
}
