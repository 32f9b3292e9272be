//! A work queue: several processes take jobs from a vault, one of them is killed in the middle
//! of its work, and every job is done exactly once.
//!
//! `cargo run --example job_queue [FILE]`
//!
//! A job is taken in one transaction, under a lease: if its worker dies, another one takes it once the
//! worker is known to be gone. It is finished in one transaction too, which checks that
//! the lease is still the worker's own.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde::{Deserialize, Serialize};
use vaults::{Entry, Vault};

const JOBS: u32 = 60;
const WORKERS: u32 = 3;
const MAX_TRIES: u32 = 3;

/// Gives a worker its name.
const WORKER: &str = "VAULTS_JOB_WORKER";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    Waiting,
    Taken { worker: String },
    Done { result: u64 },
    Failed,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Job {
    input: u64,
    tries: u32,
    state: State,
}

type Queue = Vault<u32, Job>;

/// Takes the first waiting job: nobody else can take it.
fn take(queue: &Queue, worker: &str) -> vaults::Result<Option<(u32, Job)>> {
    queue.transaction(|tx| {
        let mut waiting = None;
        for entry in &*tx {
            let (id, job) = entry?;
            if job.state == State::Waiting {
                waiting = Some((id, job));
                break;
            }
        }
        let Some((id, mut job)) = waiting else {
            return Ok(None);
        };
        job.tries += 1;
        job.state = State::Taken {
            worker: worker.to_owned(),
        };
        tx.put(&id, &job)?;
        Ok(Some((id, job)))
    })
}

/// Ends a job, unless it was given to somebody else meanwhile: then its result is not wanted.
fn finish(queue: &Queue, id: u32, worker: &str, outcome: Option<u64>) -> vaults::Result<bool> {
    let Entry::Occupied(mut entry) = queue.entry(id).resolve()? else {
        return Ok(false);
    };
    let mine = State::Taken {
        worker: worker.to_owned(),
    };
    if entry.get().state != mine {
        return Ok(false);
    }
    let tries = entry.get().tries;
    entry.get_mut().state = match outcome {
        Some(result) => State::Done { result },
        None if tries < MAX_TRIES => State::Waiting,
        None => State::Failed,
    };
    entry.commit()?;
    Ok(true)
}

/// Puts back what a dead worker had taken; the number of jobs.
fn release(queue: &Queue, dead: &str) -> vaults::Result<usize> {
    let taken = State::Taken {
        worker: dead.to_owned(),
    };
    let mut released = 0;
    queue.for_each_mut(|_, job| {
        if job.state == taken {
            job.state = State::Waiting;
            released += 1;
        }
    })?;
    Ok(released)
}

/// The work: it fails at the first try for every seventh input, to show a retry.
fn work(job: &Job) -> Option<u64> {
    (job.tries > 1 || !job.input.is_multiple_of(7)).then(|| (1..=job.input).sum())
}

fn run_worker(path: &Path, worker: &str) -> Result<(), Box<dyn Error>> {
    let queue = Queue::open(path)?;
    while let Some((id, job)) = take(&queue, worker)? {
        println!("{worker} took job {id}");
        if worker == "doomed" {
            // Wait to be killed with the job in hand: nobody writes to this input.
            std::io::stdin().read_line(&mut String::new())?;
        }
        finish(&queue, id, worker, work(&job))?;
    }
    queue.close()?;
    Ok(())
}

fn spawn(path: &Path, worker: &str) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .arg(path)
        .env(WORKER, worker)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map_or_else(
        || std::env::temp_dir().join("vaults-job-queue.db"),
        PathBuf::from,
    );
    if let Ok(worker) = std::env::var(WORKER) {
        return run_worker(&path, &worker);
    }

    let queue = Queue::open(&path)?;
    queue.clear()?;
    queue.try_extend((0..JOBS).map(|id| {
        let (input, tries, state) = (u64::from(id) + 1, 0, State::Waiting);
        (
            id,
            Job {
                input,
                tries,
                state,
            },
        )
    }))?;

    // One worker takes a job and is killed before it has done it.
    let mut doomed = spawn(&path, "doomed")?;
    let mut line = String::new();
    if let Some(output) = doomed.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    doomed.kill()?;
    doomed.wait()?;
    println!("{}, and was killed", line.trim());
    println!("put back: {}", release(&queue, "doomed")?);

    let workers = (0..WORKERS)
        .map(|n| spawn(&path, &format!("worker {n}")))
        .collect::<Result<Vec<_>, _>>()?;
    for worker in workers {
        let output = worker.wait_with_output()?;
        let taken = output.stdout.lines().count();
        println!("a worker took {taken} jobs, tries included");
        assert!(output.status.success());
    }

    let (mut done, mut tries) = (0, 0);
    for entry in &queue {
        let (id, job) = entry?;
        let result = (1..=job.input).sum();
        assert_eq!(job.state, State::Done { result }, "job {id}");
        done += 1;
        tries += job.tries;
    }
    println!("{done} of {JOBS} jobs done, in {tries} tries");
    assert_eq!(done, JOBS);
    queue.close()?;
    Ok(())
}
