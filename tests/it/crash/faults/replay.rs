//! Records a workload, and opens the files that power cuts leave of it.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use vaults::{Durability, OpenOptions};

use super::disk::{Disk, Image};
use super::model::{self, ReadError, State, Step, TestVault, Value};
use super::order::FaultOrder;
use super::trace::{Event, FileId, Mark, Trace};
use super::vfs::WatchGuard;
use super::workloads::{Length, Workload};
use super::{Random, TempFolder};

/// The name of the file of the vault, in any folder.
pub(super) const FILE: &str = "vault.db";

/// A recorded workload, whose states have the type `S`.
pub(super) struct Recording<S = State> {
    trace: Trace,
    /// The states after 0, 1, 2 and more calls.
    states: Vec<S>,
    seed: u64,
    durability: Durability,
    check: fn(&Path, &[S]) -> Result<usize, String>,
}

/// A kind of sync that a disk ignores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IgnoredSync {
    /// Syncs of the file of the vault.
    File,
    /// Syncs of the log and of journals.
    Log,
    /// Syncs of the folder.
    Folder,
}

/// What the vault had promised before the power cut.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Promise {
    /// The number of calls that were acknowledged before a flush returned.
    pub(super) flushed: usize,
    pub(super) acknowledged: usize,
    pub(super) begun: usize,
}

/// The result of one power cut.
pub(super) struct Aftermath {
    pub(super) number: u64,
    pub(super) promise: Promise,
    /// The number of calls whose changes are present, or what is wrong.
    pub(super) found: Result<usize, String>,
    pub(super) image: Image,
}

impl Recording {
    /// Runs a workload in a watched folder.
    pub(super) fn make<O: FaultOrder>(
        workload: Workload,
        durability: Durability,
        seed: u64,
    ) -> Self {
        let temp = TempFolder::new();
        let path = temp.path().join(FILE);
        workload.prepare(&path);
        let watching = WatchGuard::new(&temp.path());
        watching.record();
        let mut options = OpenOptions::new();
        options.durability(durability);
        let mut vault: TestVault<O> = O::open(&options, &path).unwrap();
        let mut states = vec![State::new()];
        for step in workload.steps(seed, Length::Long) {
            match step {
                Step::Flush => {
                    vault.flush().unwrap();
                    watching.mark(Mark::Flushed);
                }
                Step::Reopen => {
                    vault.close().unwrap();
                    watching.mark(Mark::Flushed);
                    vault = O::open(&options, &path).unwrap();
                }
                Step::DropAndOpen => {
                    drop(vault);
                    vault = O::open(&options, &path).unwrap();
                }
                step => {
                    let mut state = states.last().unwrap().clone();
                    step.apply::<O>(&mut state);
                    states.push(state);
                    watching.mark(Mark::Begun);
                    step.perform(&vault).unwrap();
                    watching.mark(Mark::Acknowledged);
                }
            }
        }
        let state = model::read(&vault).unwrap();
        assert_eq!(state, *states.last().unwrap(), "the model is wrong");
        drop(vault);
        Self {
            trace: watching.take_trace(),
            states,
            seed,
            durability,
            check: check_image::<O>,
        }
    }
}

impl<S> Recording<S> {
    /// Records what `run` does in a watched folder, which returns the states after each call that it has marked.
    pub(super) fn of(
        durability: Durability,
        seed: u64,
        run: impl FnOnce(&WatchGuard, &Path) -> Vec<S>,
        check: fn(&Path, &[S]) -> Result<usize, String>,
    ) -> Self {
        let temp = TempFolder::new();
        let watching = WatchGuard::new(&temp.path());
        watching.record();
        let states = run(&watching, &temp.path().join(FILE));
        Self {
            trace: watching.take_trace(),
            states,
            seed,
            durability,
            check,
        }
    }

    /// Removes one kind of sync from the trace, as if the disk ignored it.
    pub(super) fn ignoring(mut self, ignored: IgnoredSync) -> Self {
        let main = self.main_file();
        self.trace.events.retain(|event| match event {
            Event::Synced { file } => {
                ignored
                    != if *file == main {
                        IgnoredSync::File
                    } else {
                        IgnoredSync::Log
                    }
            }
            Event::FolderSynced => ignored != IgnoredSync::Folder,
            _ => true,
        });
        self
    }

    /// Returns the file of the vault: it exists before the workload, or is created first.
    fn main_file(&self) -> FileId {
        self.trace.initial.get(FILE).map_or(0, |(file, _)| *file)
    }

    /// Returns how often the log was written back to the file, including when it was closed.
    pub(super) fn checkpoints(&self) -> usize {
        let main = self.main_file();
        let writes = self.trace.events.iter().filter_map(|event| match event {
            Event::Written { file, .. } => Some(*file == main),
            _ => None,
        });
        let writes: Vec<bool> = writes.collect();
        writes
            .windows(2)
            .filter(|pair| pair == &[false, true])
            .count()
    }

    /// Cuts the power at a random moment for each number, and passes the result to `show`.
    pub(super) fn cut(
        &self,
        numbers: impl IntoIterator<Item = u64>,
        mut show: impl FnMut(Aftermath),
    ) {
        let mut cuts: Vec<_> = numbers
            .into_iter()
            .map(|number| {
                let mut random = Random::of(&[self.seed, self.durability as u64, number]);
                (self.moment(&mut random), number, random)
            })
            .collect();
        cuts.sort_by_key(|cut| (cut.0, cut.1));
        let temp = TempFolder::new();
        let mut disk = Disk::new(&self.trace);
        let mut promise = Promise::default();
        let mut now = 0;
        for (moment, number, mut random) in cuts {
            for event in &self.trace.events[now..moment] {
                disk.apply(event);
                promise.update(event);
            }
            now = moment;
            let mut image = disk.cut(&mut random);
            if random.chance(20) {
                let garbage = (0..4096).flat_map(|_| random.next().to_le_bytes());
                image.insert(format!("{FILE}-shm"), garbage.collect());
            }
            write(&image, &temp.path());
            let found = (self.check)(&temp.path().join(FILE), &self.states[..=promise.begun]);
            remove_files(&temp.path());
            show(Aftermath {
                number,
                promise,
                found,
                image,
            });
        }
    }

    /// Returns a random number of events. It often ends just after a call has returned.
    fn moment(&self, random: &mut Random) -> usize {
        let events = &self.trace.events;
        let start = random.below(events.len() + 1);
        if random.chance(65) {
            return start;
        }
        let returned = |event: &Event| matches!(event, Event::Marked(mark) if *mark != Mark::Begun);
        let later = events[start..].iter().position(returned);
        later.map_or(events.len(), |later| start + later + 1)
    }
}

impl Promise {
    fn update(&mut self, event: &Event) {
        match event {
            Event::Marked(Mark::Begun) => self.begun += 1,
            Event::Marked(Mark::Acknowledged) => self.acknowledged = self.begun,
            Event::Marked(Mark::Flushed) => self.flushed = self.acknowledged,
            _ => {}
        }
    }
}

/// Writes the files of a power cut to a folder that is kept for inspection.
pub(super) fn keep(image: &Image) -> std::path::PathBuf {
    let temp = TempFolder::new();
    write(image, &temp.path());
    temp.keep()
}

fn write(image: &Image, folder: &Path) {
    for (name, content) in image {
        fs::write(folder.join(name), content).unwrap();
    }
}

fn remove_files(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
}

/// Opens the file as a vault, reads and writes it, and checks it with SQLite.
fn check_image<O: FaultOrder>(path: &Path, states: &[State]) -> Result<usize, String> {
    let failed = |what: &str, error: &dyn std::fmt::Debug| format!("{what}: {error:?}");
    let vault: TestVault<O> =
        O::open(&OpenOptions::new(), path).map_err(|error| failed("opening", &error))?;
    let state = model::read(&vault).map_err(|error| match error {
        ReadError::Vault(error) => failed("reading", &error),
        ReadError::Mixed(key) => format!("the value of {key} was never written"),
    })?;
    let value = Value { id: 0, size: 5000 };
    vault
        .put(&u32::MAX, &value.bytes())
        .map_err(|error| failed("writing", &error))?;
    vault.close().map_err(|error| failed("closing", &error))?;

    let connection = Connection::open(path).map_err(|error| failed("opening", &error))?;
    let problem = model::integrity(&connection).map_err(|error| failed("checking", &error))?;
    if let Some(problem) = problem {
        return Err(problem);
    }
    let count: i64 = connection
        .query_one(&format!("SELECT count(*) FROM {}", O::TABLE), [], |row| {
            row.get(0)
        })
        .map_err(|error| failed("counting", &error))?;
    if usize::try_from(count) != Ok(state.len() + 1) {
        return Err(format!("{count} rows where {} were read", state.len()));
    }
    states
        .iter()
        .rposition(|expected| *expected == state)
        .ok_or_else(|| "the state does not match any number of calls".to_owned())
}
