//! A list of things to do: three maps in one file, which one transaction changes together.
//!
//! ```sh
//! cargo run --example todo -- todo.db add "Buy milk" shop
//! cargo run --example todo -- todo.db list
//! cargo run --example todo -- todo.db list shop
//! cargo run --example todo -- todo.db done 1
//! cargo run --example todo -- todo.db export > todo.json
//! cargo run --example todo -- other.db import < todo.json
//! ```
//!
//! Without arguments it shows the same with a temporary file. The tasks have numbers, an index has them by their tags, and
//! a map counts what was done. After a crash, the three agree.

use std::error::Error;
use std::{env, io};

use serde::{Deserialize, Serialize};
use vaults::{FileSnapshot, SortedVault, Vault, VaultFile};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Task {
    text: String,
    tag: String,
}

/// The maps of the file.
struct Todo {
    file: VaultFile,
    /// By number. The last number is that of the newest task.
    tasks: SortedVault<u64, Task>,
    /// The tags, and the numbers of their tasks.
    by_tag: SortedVault<(String, u64), ()>,
    /// How many tasks of each tag were done.
    done: Vault<String, u64>,
}

/// What `export` writes and `import` reads.
#[derive(Serialize, Deserialize)]
struct Export {
    tasks: Vec<(u64, Task)>,
    done: Vec<(String, u64)>,
}

impl Todo {
    fn open(path: &str) -> vaults::Result<Self> {
        let file = VaultFile::open(path)?;
        Ok(Self {
            tasks: file.sorted_vault("tasks")?,
            by_tag: file.sorted_vault("by tag")?,
            done: file.vault("done")?,
            file,
        })
    }

    /// Adds a task and returns its number.
    fn add(&self, text: &str, tag: &str) -> vaults::Result<u64> {
        self.file.transaction(|tx| {
            let last = tx.on(&self.tasks).last_key_value()?;
            let number = last.map_or(0, |(number, _)| number) + 1;
            let (text, tag) = (text.to_owned(), tag.to_owned());
            tx.on(&self.by_tag).insert((tag.clone(), number), ())?;
            tx.on(&self.tasks).insert(number, Task { text, tag })?;
            Ok(number)
        })
    }

    /// Removes a task and counts it. Returns `None` if there is no such task.
    fn finish(&self, number: u64) -> vaults::Result<Option<Task>> {
        self.file.transaction(|tx| {
            let Some(task) = tx.on(&self.tasks).remove(&number)? else {
                return Ok(None);
            };
            tx.on(&self.by_tag).remove(&(task.tag.clone(), number))?;
            *tx.on(&self.done).entry(task.tag.clone()).or_insert(0)? += 1;
            Ok(Some(task))
        })
    }

    /// Returns the tasks of a tag, or all of them.
    fn list(&self, tag: Option<&str>) -> vaults::Result<Vec<(u64, Task)>> {
        // The index and the tasks are read in one state.
        let moment = self.file.snapshot()?;
        let Some(tag) = tag else {
            return self.tasks_in(&moment);
        };
        let (index, tasks) = (moment.on(&self.by_tag), moment.on(&self.tasks));
        let mut found = Vec::new();
        for entry in index.prefix(&(tag,)) {
            let ((_, number), ()) = entry?;
            found.extend(tasks.get(&number)?.map(|task| (number, task)));
        }
        Ok(found)
    }

    fn tasks_in(&self, moment: &FileSnapshot) -> vaults::Result<Vec<(u64, Task)>> {
        moment.on(&self.tasks).iter().collect()
    }

    fn export(&self) -> vaults::Result<Export> {
        let moment = self.file.snapshot()?;
        Ok(Export {
            tasks: self.tasks_in(&moment)?,
            done: moment
                .on(&self.done)
                .iter()
                .collect::<vaults::Result<_>>()?,
        })
    }

    /// Replaces everything, in one transaction.
    fn import(&self, export: Export) -> vaults::Result<()> {
        self.file.transaction(|tx| {
            tx.on(&self.tasks).clear()?;
            tx.on(&self.by_tag).clear()?;
            tx.on(&self.done).clear()?;
            for (number, task) in export.tasks {
                tx.on(&self.by_tag).insert((task.tag.clone(), number), ())?;
                tx.on(&self.tasks).insert(number, task)?;
            }
            tx.on(&self.done).try_extend(export.done)
        })
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => show(),
        [path, command @ ..] => run(&Todo::open(path)?, command),
    }
}

fn run(todo: &Todo, command: &[&str]) -> Result<()> {
    match command {
        ["add", text] => println!("{}", todo.add(text, "")?),
        ["add", text, tag] => println!("{}", todo.add(text, tag)?),
        ["list"] => print(&todo.list(None)?),
        ["list", tag] => print(&todo.list(Some(tag))?),
        ["done", number] => match todo.finish(number.parse()?)? {
            Some(task) => println!("done: {}", task.text),
            None => return Err(format!("there is no task {number}").into()),
        },
        ["export"] => serde_json::to_writer_pretty(io::stdout(), &todo.export()?)?,
        ["import"] => todo.import(serde_json::from_reader(io::stdin())?)?,
        _ => return Err("use add TEXT [TAG], list [TAG], done NUMBER, export or import".into()),
    }
    Ok(())
}

/// Shows all commands on a temporary file.
fn show() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let open = |name: &str| Todo::open(&folder.path().join(name).to_string_lossy());
    let todo = open("todo.db")?;
    for (text, tag) in [
        ("Buy milk", "shop"),
        ("Call Ada", ""),
        ("Buy pears", "shop"),
    ] {
        todo.add(text, tag)?;
    }
    todo.finish(1)?;
    println!("To buy:");
    print(&todo.list(Some("shop"))?);
    println!("All:");
    print(&todo.list(None)?);
    let other = open("other.db")?;
    other.import(serde_json::from_str(&serde_json::to_string(
        &todo.export()?,
    )?)?)?;
    println!("Imported elsewhere: {} tasks", other.list(None)?.len());
    Ok(())
}

fn print(tasks: &[(u64, Task)]) {
    for (number, Task { text, tag }) in tasks {
        println!("{number:>4}  {text}  {tag}");
    }
}
