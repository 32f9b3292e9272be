//! A work queue: several processes take jobs from a vault, one of them is killed while it works,
//! and every job gets its result.
//!
//! `cargo run --release --example job_queue [FOLDER] [JOBS]`
//!
//! The queue consists of two vaults in one folder. `jobs` contains the unfinished jobs in insertion order,
//! and `results` contains the finished ones. The next job is therefore near the front of `jobs`, behind the
//! few that other workers have taken, however many jobs are finished.
//!
//! A taken job stays in `jobs`, with the name of its worker. If the worker dies, its job is released. A worker
//! stores a result before it removes the job. If it dies between these two steps, the job has a result
//! already, and the next worker only removes it.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use vaults::{Durability, Entry, OpenOptions, Vault, VaultDir};

const JOBS: u32 = 60;
const WORKERS: u32 = 3;
const MAX_TRIES: u32 = 3;

/// The environment variable that makes a process a worker, and names it.
const WORKER: &str = "VAULTS_JOB_WORKER";

#[derive(Serialize, Deserialize)]
struct Job {
    input: u64,
    tries: u32,
    worker: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Outcome {
    tries: u32,
    /// `None` if the job failed [`MAX_TRIES`] times.
    result: Option<u64>,
}

struct Queue {
    jobs: Vault<u32, Job>,
    results: Vault<u32, Outcome>,
}

impl Queue {
    fn open(folder: &Path) -> vaults::Result<Self> {
        let dir = VaultDir::new(folder)?;
        Ok(Self {
            // A power cut may lose the newest changes of `jobs`. Taken or finished jobs then come back. No
            // job is lost, because `add` syncs.
            jobs: dir.open_with("jobs", OpenOptions::new().durability(Durability::Normal))?,
            // Each result is on disk before its job is removed.
            results: dir.open("results")?,
        })
    }

    fn add(&self, inputs: impl IntoIterator<Item = (u32, u64)>) -> vaults::Result<()> {
        let jobs = inputs.into_iter().map(|(id, input)| {
            let (tries, worker) = (0, None);
            let job = Job {
                input,
                tries,
                worker,
            };
            (id, job)
        });
        self.jobs.try_extend(jobs)?;
        self.jobs.flush()
    }

    /// Takes the first job that no worker has taken.
    fn take(&self, worker: &str) -> vaults::Result<Option<(u32, Job)>> {
        self.jobs.transaction(|tx| {
            let is_free = |entry: &vaults::Result<(u32, Job)>| {
                entry.as_ref().map_or(true, |(_, job)| job.worker.is_none())
            };
            let Some((id, mut job)) = tx.iter().find(is_free).transpose()? else {
                return Ok(None);
            };
            job.tries += 1;
            job.worker = Some(worker.to_owned());
            tx.put(&id, &job)?;
            Ok(Some((id, job)))
        })
    }

    /// Ends a job with its result. `None` means that it failed: it is released until [`MAX_TRIES`].
    fn finish(&self, id: u32, job: &Job, result: Option<u64>) -> vaults::Result<()> {
        let tries = job.tries;
        let is_over = result.is_some() || tries >= MAX_TRIES;
        if is_over {
            self.results.put(&id, &Outcome { tries, result })?;
        }
        let Entry::Occupied(mut entry) = self.jobs.entry(id).into_entry()? else {
            return Ok(());
        };
        if is_over {
            entry.remove()?;
        } else if entry.get().worker == job.worker {
            entry.get_mut().worker = None;
            entry.commit()?;
        }
        Ok(())
    }

    /// Releases the jobs that a dead worker had taken. Returns their number.
    fn release(&self, dead: &str) -> vaults::Result<u32> {
        let mut released = 0;
        self.jobs.for_each_mut(|_, job| {
            if job.worker.as_deref() == Some(dead) {
                job.worker = None;
                released += 1;
            }
        })?;
        Ok(released)
    }
}

/// Does the work. The first try fails for every seventh input, to show a retry.
fn work(job: &Job) -> Option<u64> {
    (job.tries > 1 || !job.input.is_multiple_of(7)).then(|| (1..=job.input).sum())
}

fn run_worker(folder: &Path, worker: &str) -> Result<(), Box<dyn Error>> {
    let queue = Queue::open(folder)?;
    let mut taken = 0;
    while let Some((id, job)) = queue.take(worker)? {
        taken += 1;
        if worker == "doomed" {
            println!("{worker} took job {id}");
            // Wait to be killed. Nothing is ever written to this input.
            std::io::stdin().read_line(&mut String::new())?;
        }
        let known = queue.results.get(&id)?;
        let result = known.map_or_else(|| work(&job), |outcome| outcome.result);
        queue.finish(id, &job, result)?;
    }
    println!("{worker} took {taken} jobs, tries included");
    Ok(())
}

fn spawn(folder: &Path, worker: &str, output: Stdio) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .arg(folder)
        .env(WORKER, worker)
        .stdin(Stdio::piped())
        .stdout(output)
        .spawn()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().map_or_else(
        || std::env::temp_dir().join("vaults-job-queue"),
        PathBuf::from,
    );
    if let Ok(worker) = std::env::var(WORKER) {
        return run_worker(&folder, &worker);
    }
    let count = match arguments.next() {
        Some(count) => count.to_string_lossy().parse()?,
        None => JOBS,
    };

    let queue = Queue::open(&folder)?;
    queue.jobs.clear()?;
    queue.results.clear()?;
    queue.add((0..count).map(|id| (id, u64::from(id) + 1)))?;

    // One worker takes a job and is killed before it finishes.
    let mut doomed = spawn(&folder, "doomed", Stdio::piped())?;
    let mut line = String::new();
    if let Some(output) = doomed.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    doomed.kill()?;
    doomed.wait()?;
    println!("{}, and was killed", line.trim());
    println!("jobs released: {}", queue.release("doomed")?);

    let start = Instant::now();
    let workers = (0..WORKERS)
        .map(|n| spawn(&folder, &format!("worker {n}"), Stdio::inherit()))
        .collect::<Result<Vec<_>, _>>()?;
    for mut worker in workers {
        assert!(worker.wait()?.success());
    }
    let rate = f64::from(count) / start.elapsed().as_secs_f64();

    assert!(queue.jobs.is_empty()?);
    let (mut done, mut tries) = (0, 0);
    for entry in &queue.results {
        let (id, outcome) = entry?;
        let result = (1..=u64::from(id) + 1).sum();
        assert_eq!(outcome.result, Some(result), "job {id}");
        done += 1;
        tries += outcome.tries;
    }
    println!("{done} of {count} jobs done, in {tries} tries, {rate:.0} a second");
    assert_eq!(done, count);
    queue.jobs.close()?;
    queue.results.close()?;
    Ok(())
}
