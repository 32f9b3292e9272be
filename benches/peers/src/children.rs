//! Other processes: the program starts itself again, with a part to play.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::engine::Engine;
use crate::error::Result;

/// The word before a child's part on its command line.
pub const CHILD: &str = "--child";

/// What another process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Fills a new map and says how much memory that took.
    Load,
    /// Gets random keys when it is told to, and says how long that took.
    Read,
    /// Puts without a pause until it is told to stop.
    Write,
    /// Puts an entry every ten milliseconds until it is told to stop.
    WriteNowAndThen,
    /// Has the map open until it is told to stop.
    Hold,
    /// Iterates over a vault and says how much memory that took.
    Iterate,
    /// Fills a vault, likewise.
    Extend,
    /// Removes half of a vault's entries by `retain`, likewise.
    Retain,
}

impl Part {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Load, "load"),
        (Self::Read, "read"),
        (Self::Write, "write"),
        (Self::WriteNowAndThen, "write-now-and-then"),
        (Self::Hold, "hold"),
        (Self::Iterate, "iterate"),
        (Self::Extend, "extend"),
        (Self::Retain, "retain"),
    ];

    fn name(self) -> &'static str {
        let named = Self::ALL.into_iter().find(|(part, _)| *part == self);
        named.map_or("", |(_, name)| name)
    }

    pub fn from_name(name: &str) -> Option<Self> {
        let named = Self::ALL.into_iter().find(|(_, known)| *known == name);
        named.map(|(part, _)| part)
    }
}

/// Another process, which is stopped when this is dropped.
pub struct Other {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Other {
    /// Starts a process, and waits until it has opened its map.
    pub fn start(part: Part, engine: Engine, folder: &Path, numbers: [u64; 3]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([CHILD, part.name(), engine.tag()])
            .arg(folder)
            .args(numbers.map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut other = Self {
            child,
            input,
            output,
        };
        let [ready] = other.answer()?;
        (ready == 0).then_some(other).ok_or("not ready".into())
    }

    /// Tells it to begin.
    pub fn go(&mut self) -> Result<()> {
        let input = self.input.as_mut().ok_or("it was stopped")?;
        Ok(writeln!(input)?)
    }

    /// The numbers of its next line.
    pub fn answer<const N: usize>(&mut self) -> Result<[u64; N]> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let numbers: Result<Vec<u64>, _> = line.split_whitespace().map(str::parse).collect();
        numbers?
            .try_into()
            .map_err(|_| format!("another process failed: {line:?}").into())
    }

    /// Tells it to stop, and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        drop(self.input.take());
        let status = self.child.wait()?;
        status
            .success()
            .then_some(())
            .ok_or_else(|| format!("another process failed: {status}").into())
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It stops by itself when its input ends; a failure was reported by then.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// Runs a part to its end and gives its answer.
pub fn ask<const N: usize>(
    part: Part,
    engine: Engine,
    folder: &Path,
    numbers: [u64; 3],
) -> Result<[u64; N]> {
    let mut other = Other::start(part, engine, folder, numbers)?;
    other.go()?;
    let answer = other.answer()?;
    other.stop()?;
    Ok(answer)
}
