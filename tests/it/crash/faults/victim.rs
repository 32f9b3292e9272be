//! One fault, what the vault does about it, and what it has left behind.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, ffi};
use vaults::{Durability, Error, OpenOptions};

use super::Place;
use super::model::{self, ReadError, State, Step, TestVault, Value};
use super::replay::FILE;
use super::trace::{Event, Fault, Operation, Reached};
use super::vfs::{Watching, impatiently};
use super::workloads::Workload;

/// How long a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    Once,
    /// Until the workload has come to its end, when the vault is still open.
    Lasting,
    /// Until the vault has been dropped.
    Outlasting,
}

impl Course {
    pub(super) const ALL: [Self; 3] = [Self::Once, Self::Lasting, Self::Outlasting];
}

#[derive(Clone)]
pub(super) struct Case<'a> {
    pub(super) workload: Workload,
    pub(super) durability: Durability,
    pub(super) steps: &'a [Step],
    pub(super) fault: Fault,
    pub(super) course: Course,
}

impl std::fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case")
            .field("workload", &self.workload.name)
            .field("fault", &self.fault)
            .field("course", &self.course)
            .finish_non_exhaustive()
    }
}

impl Case<'_> {
    /// How often each operation is reached when nothing fails.
    pub(super) fn reached(workload: Workload, durability: Durability, steps: &[Step]) -> Reached {
        let mut victim = Victim::new(workload, durability, None);
        victim.live(steps);
        victim.vault = None;
        assert_eq!(victim.failures, 0);
        victim.watching.reached()
    }

    /// Goes through with it.
    pub(super) fn run(&self) -> Outcome {
        impatiently(|| {
            let mut victim = Victim::new(self.workload, self.durability, Some(self.fault));
            victim.live(self.steps);
            if self.course == Course::Once {
                assert!(
                    victim.failures <= 1,
                    "one fault, {} errors",
                    victim.failures
                );
            }
            if self.course == Course::Outlasting {
                victim.vault = None;
                assert_eq!(victim.watching.open_files(), 0, "files left open");
            }
            victim.recover();
            Outcome {
                is_noticed: victim.failures > 0,
                is_there_after_all: victim.is_there_after_all,
            }
        })
    }
}

/// What became of a fault that was dealt with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    /// A call has returned an error.
    pub(super) is_noticed: bool,
    /// A call that failed was there when the file was opened anew.
    pub(super) is_there_after_all: bool,
}

/// A vault in whose folder something fails.
struct Victim {
    watching: Watching,
    _place: Place,
    path: PathBuf,
    options: OpenOptions,
    durability: Durability,
    fault: Option<Fault>,
    vault: Option<TestVault>,
    /// After the calls that were acknowledged.
    state: State,
    /// What may be there instead when the file is opened anew: see [`Self::doubt`].
    doubtful: Vec<State>,
    failures: u32,
    is_there_after_all: bool,
}

impl Victim {
    fn new(workload: Workload, durability: Durability, fault: Option<Fault>) -> Self {
        let place = Place::new();
        let path = place.folder().join(FILE);
        workload.prepare(&path);
        let watching = Watching::new(&place.folder());
        watching.arm(fault);
        let mut options = OpenOptions::new();
        options.durability(durability).busy_timeout(Duration::ZERO);
        Self {
            watching,
            _place: place,
            path,
            options,
            durability,
            fault,
            vault: None,
            state: State::new(),
            doubtful: Vec::new(),
            failures: 0,
            is_there_after_all: false,
        }
    }

    // ---- while the fault is there ----

    /// Makes all calls, whatever becomes of them.
    fn live(&mut self, steps: &[Step]) {
        self.open();
        for step in steps {
            match step {
                Step::Reopen => {
                    if let Some(Err(error)) = self.vault.take().map(TestVault::close) {
                        self.expected(&error);
                    }
                    self.open();
                }
                Step::DropAndOpen => {
                    self.vault = None;
                    self.open();
                }
                step => self.call(step),
            }
        }
    }

    fn open(&mut self) {
        match self.options.open(&self.path) {
            Ok(vault) => {
                self.vault = Some(vault);
                self.recall();
            }
            Err(error) => self.expected(&error),
        }
    }

    fn call(&mut self, step: &Step) {
        if self.vault.is_none() {
            self.open();
        }
        let Some(vault) = &self.vault else {
            return;
        };
        let mut after = self.state.clone();
        step.apply(&mut after);
        match step.perform(vault) {
            Ok(()) => {
                if !step.is_service() {
                    self.state = after;
                    self.doubtful.clear();
                }
            }
            Err(error) => {
                self.expected(&error);
                self.doubt(after);
                self.check_state();
            }
        }
    }

    /// A call has failed. Nobody sees anything of it. But if what failed is the sync after its
    /// commit record was written to the log, or the growth of the index that comes next, then
    /// the record is in the log, beyond the end that the index knows. The next transaction overwrites
    /// it; if there is none, and the log cannot be emptied when the vault is closed, who
    /// opens the file next recovers the log, and finds the call there whole:
    /// <https://www.sqlite.org/walformat.html>, "Recovery".
    fn doubt(&mut self, after: State) {
        let operation = self.fault.map(|fault| fault.operation);
        if matches!(operation, Some(Operation::Sync | Operation::ShmMap)) {
            self.doubtful.push(after);
        }
    }

    /// An error is of the kind that its cause is, and has a cause.
    fn expected(&mut self, error: &Error) {
        self.failures += 1;
        let code = self.fault.map(|fault| fault.code);
        assert!(self.watching.fired() > 0, "nothing has failed: {error:?}");
        let is_typed = match code {
            Some(ffi::SQLITE_FULL) => matches!(error, Error::Full { .. }),
            Some(ffi::SQLITE_BUSY) => matches!(error, Error::Busy { .. }),
            _ => matches!(error, Error::Io { .. }),
        };
        assert!(is_typed, "the wrong error for {:?}: {error:?}", self.fault);
    }

    /// What can be seen: unless the fault keeps it from being read, what was acknowledged.
    fn check_state(&mut self) {
        if let Some(state) = self.visible() {
            assert_eq!(state, self.state, "seen, and expected");
        }
    }

    /// The first look at a file that was opened anew.
    fn recall(&mut self) {
        if let Some(state) = self.visible() {
            self.accept(state);
        }
    }

    fn visible(&mut self) -> Option<State> {
        match model::read(self.vault.as_ref()?) {
            Ok(state) => Some(state),
            Err(ReadError::Vault(error)) => {
                self.expected(&error);
                None
            }
            Err(ReadError::Mixed(key)) => panic!("the value of {key} is none that was written"),
        }
    }

    /// Makes up its mind about the calls that failed, all of which nobody has seen before.
    fn accept(&mut self, state: State) {
        if state != self.state {
            let is_doubtful = self.doubtful.contains(&state);
            assert!(is_doubtful, "{state:?} is seen, {:?} expected", self.state);
            self.is_there_after_all = true;
        }
        self.state = state;
        self.doubtful.clear();
    }

    // ---- when the fault is over ----

    /// Checks that all is well with the vault that went through it, and with a new one, and
    /// that nothing was left behind.
    fn recover(&mut self) {
        self.watching.disarm();
        let old = if let Some(vault) = self.vault.take() {
            assert_eq!(
                model::read(&vault).unwrap(),
                self.state,
                "seen, and expected"
            );
            vault
        } else {
            let vault = self.options.open(&self.path).unwrap();
            self.accept(model::read(&vault).unwrap());
            vault
        };
        let mut expected = self.state.clone();
        assert_eq!(old.len().unwrap(), expected.len());
        // Nobody holds a lock.
        let other = Connection::open(&self.path).unwrap();
        other.busy_timeout(Duration::ZERO).unwrap();
        other.execute_batch("BEGIN IMMEDIATE; ROLLBACK").unwrap();
        // Both write, and both read.
        self.put(&old, &mut expected, u32::MAX);
        let new: TestVault = self.options.open(&self.path).unwrap();
        assert_eq!(model::read(&new).unwrap(), expected);
        self.put(&new, &mut expected, u32::MAX - 1);
        assert_eq!(model::read(&old).unwrap(), expected);
        assert_eq!(old.len().unwrap(), expected.len());
        new.close().unwrap();
        old.close().unwrap();
        // The file is whole.
        assert_eq!(model::integrity(&other).unwrap(), None);
        other.close().unwrap();
        assert_eq!(self.watching.open_files(), 0, "files left open");
        let again: TestVault = self.options.open(&self.path).unwrap();
        assert_eq!(model::read(&again).unwrap(), expected);
        again.close().unwrap();
    }

    /// Writes, and sees to it that what was written is synced.
    fn put(&self, vault: &TestVault, state: &mut State, key: u32) {
        let step = Step::Put(key, Value { id: 0, size: 3000 });
        self.watching.record();
        step.perform(vault).unwrap();
        step.apply(state);
        if self.durability != Durability::Full {
            vault.flush().unwrap();
        }
        let synced = |event: &Event| matches!(event, Event::Synced { .. });
        assert!(self.watching.count(synced) > 0, "nothing was synced");
    }
}
