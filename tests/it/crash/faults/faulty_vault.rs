//! Runs a workload with one fault, and checks the vault and its file afterwards.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, ffi};
use vaults::{Durability, Error, OpenOptions};

use super::TempFolder;
use super::model::{self, ReadError, State, Step, TestVault, Value};
use super::order::FaultOrder;
use super::replay::FILE;
use super::trace::{Event, Fault, Operation, Reached};
use super::vfs::{WatchGuard, without_sleeping};
use super::workloads::Workload;

/// How long a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultSpan {
    Once,
    /// Until the end of the workload. The vault is then still open.
    Lasting,
    /// Until the vault is dropped.
    Outlasting,
}

impl FaultSpan {
    pub(super) const ALL: [Self; 3] = [Self::Once, Self::Lasting, Self::Outlasting];
}

#[derive(Clone)]
pub(super) struct Case<'a> {
    pub(super) workload: Workload,
    pub(super) durability: Durability,
    pub(super) steps: &'a [Step],
    pub(super) fault: Fault,
    pub(super) span: FaultSpan,
}

impl std::fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case")
            .field("workload", &self.workload.name)
            .field("fault", &self.fault)
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}

impl Case<'_> {
    /// Returns how often each operation is reached without a fault.
    pub(super) fn reached<O: FaultOrder>(
        workload: Workload,
        durability: Durability,
        steps: &[Step],
    ) -> Reached {
        let mut faulty = FaultyVault::<O>::new(workload, durability, None);
        faulty.run_steps(steps);
        faulty.vault = None;
        assert_eq!(faulty.failures, 0);
        faulty.watching.reached()
    }

    /// Runs the workload with the fault, and checks the result.
    pub(super) fn run<O: FaultOrder>(&self) -> Outcome {
        without_sleeping(|| {
            let mut faulty =
                FaultyVault::<O>::new(self.workload, self.durability, Some(self.fault));
            faulty.run_steps(self.steps);
            if self.span == FaultSpan::Once {
                assert!(
                    faulty.failures <= 1,
                    "one fault, {} errors",
                    faulty.failures
                );
            }
            if self.span == FaultSpan::Outlasting {
                faulty.vault = None;
                assert_eq!(faulty.watching.open_files(), 0, "files left open");
            }
            faulty.recover();
            Outcome {
                is_noticed: faulty.failures > 0,
                has_persisted: faulty.has_persisted,
            }
        })
    }
}

/// The result of a fault that was handled correctly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    /// A call returned an error.
    pub(super) is_noticed: bool,
    /// The change of a failed call was present in the reopened file.
    pub(super) has_persisted: bool,
}

/// A vault in whose folder an operation fails.
struct FaultyVault<O> {
    watching: WatchGuard,
    _temp: TempFolder,
    path: PathBuf,
    options: OpenOptions,
    durability: Durability,
    fault: Option<Fault>,
    vault: Option<TestVault<O>>,
    /// The state after the acknowledged calls.
    state: State,
    /// Other states that a reopened file may have. See [`Self::add_uncertain`].
    uncertain: Vec<State>,
    failures: u32,
    has_persisted: bool,
}

impl<O: FaultOrder> FaultyVault<O> {
    fn new(workload: Workload, durability: Durability, fault: Option<Fault>) -> Self {
        let temp = TempFolder::new();
        let path = temp.path().join(FILE);
        workload.prepare(&path);
        let watching = WatchGuard::new(&temp.path());
        watching.arm(fault);
        let mut options = OpenOptions::new();
        options.durability(durability).busy_timeout(Duration::ZERO);
        Self {
            watching,
            _temp: temp,
            path,
            options,
            durability,
            fault,
            vault: None,
            state: State::new(),
            uncertain: Vec::new(),
            failures: 0,
            has_persisted: false,
        }
    }

    // ---- during the fault ----

    /// Makes all calls, whether they succeed or not.
    fn run_steps(&mut self, steps: &[Step]) {
        self.open();
        for step in steps {
            match step {
                Step::Reopen => {
                    if let Some(Err(error)) = self.vault.take().map(TestVault::<O>::close) {
                        self.check_error(error.error());
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
        match O::open(&self.options, &self.path) {
            Ok(vault) => {
                self.vault = Some(vault);
                self.check_reopened();
            }
            Err(error) => self.check_error(&error),
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
        step.apply::<O>(&mut after);
        match step.perform(vault) {
            Ok(()) => {
                if !step.is_service() {
                    self.state = after;
                    self.uncertain.clear();
                }
            }
            Err(error) => {
                self.check_error(&error);
                self.add_uncertain(after);
                self.check_state();
            }
        }
    }

    /// Handles a failed call. No reader sees its change. But if the sync after its commit record
    /// failed, or the growth of the index that follows, then the record is in the log, after the
    /// end that the index knows. The next transaction overwrites it. If there is none, and the log
    /// cannot be truncated when the vault is closed, the next opener recovers the log and applies
    /// the call: <https://www.sqlite.org/walformat.html>, "Recovery".
    fn add_uncertain(&mut self, after: State) {
        let operation = self.fault.map(|fault| fault.operation);
        if matches!(operation, Some(Operation::Sync | Operation::ShmMap)) {
            self.uncertain.push(after);
        }
    }

    /// Asserts that an error has the type of its cause, and that a fault occurred.
    fn check_error(&mut self, error: &Error) {
        self.failures += 1;
        let code = self.fault.map(|fault| fault.code);
        assert!(
            self.watching.fired() > 0,
            "no operation has failed: {error:?}"
        );
        let is_typed = match code {
            Some(ffi::SQLITE_FULL) => matches!(error, Error::Full { .. }),
            Some(ffi::SQLITE_BUSY) => matches!(error, Error::Busy { .. }),
            _ => matches!(error, Error::Io { .. }),
        };
        assert!(is_typed, "the wrong error for {:?}: {error:?}", self.fault);
    }

    /// Asserts that the acknowledged state is visible, unless the fault prevents reading it.
    fn check_state(&mut self) {
        if let Some(state) = self.read_state() {
            assert_eq!(
                state, self.state,
                "the visible state must be the acknowledged one"
            );
        }
    }

    /// Reads a reopened file for the first time.
    fn check_reopened(&mut self) {
        if let Some(state) = self.read_state() {
            self.accept_state(state);
        }
    }

    fn read_state(&mut self) -> Option<State> {
        match model::read(self.vault.as_ref()?) {
            Ok(state) => Some(state),
            Err(ReadError::Vault(error)) => {
                self.check_error(&error);
                None
            }
            Err(ReadError::Mixed(key)) => panic!("the value of {key} was never written"),
        }
    }

    /// Determines which of the failed calls were applied, now that the file is read again.
    fn accept_state(&mut self, state: State) {
        if state != self.state {
            let is_possible = self.uncertain.contains(&state);
            assert!(is_possible, "read {state:?}, expected {:?}", self.state);
            self.has_persisted = true;
        }
        self.state = state;
        self.uncertain.clear();
    }

    // ---- after the fault ----

    /// Checks the vault that had the fault, a new one, and that no lock or open file is left.
    fn recover(&mut self) {
        self.watching.disarm();
        let old = if let Some(vault) = self.vault.take() {
            assert_eq!(
                model::read(&vault).unwrap(),
                self.state,
                "the visible state must be the acknowledged one"
            );
            vault
        } else {
            let vault = O::open(&self.options, &self.path).unwrap();
            self.accept_state(model::read(&vault).unwrap());
            vault
        };
        let mut expected = self.state.clone();
        assert_eq!(old.len().unwrap(), expected.len());
        // No lock is held.
        let other = Connection::open(&self.path).unwrap();
        other.busy_timeout(Duration::ZERO).unwrap();
        other.execute_batch("BEGIN IMMEDIATE; ROLLBACK").unwrap();
        // Both handles write, and both read.
        self.put(&old, &mut expected, u32::MAX);
        let new: TestVault<O> = O::open(&self.options, &self.path).unwrap();
        assert_eq!(model::read(&new).unwrap(), expected);
        self.put(&new, &mut expected, u32::MAX - 1);
        assert_eq!(model::read(&old).unwrap(), expected);
        assert_eq!(old.len().unwrap(), expected.len());
        new.close().unwrap();
        old.close().unwrap();
        // The file is intact.
        assert_eq!(model::integrity(&other).unwrap(), None);
        other.close().unwrap();
        assert_eq!(self.watching.open_files(), 0, "files left open");
        let again: TestVault<O> = O::open(&self.options, &self.path).unwrap();
        assert!(again.verify().unwrap().is_ok());
        assert_eq!(model::read(&again).unwrap(), expected);
        again.close().unwrap();
    }

    /// Writes a value and makes sure that it is synced.
    fn put(&self, vault: &TestVault<O>, state: &mut State, key: u32) {
        let step = Step::Put(key, Value { id: 0, size: 3000 });
        self.watching.record();
        step.perform(vault).unwrap();
        step.apply::<O>(state);
        if self.durability != Durability::Full {
            vault.flush().unwrap();
        }
        let synced = |event: &Event| matches!(event, Event::Synced { .. });
        assert!(self.watching.count(synced) > 0, "nothing was synced");
    }
}
