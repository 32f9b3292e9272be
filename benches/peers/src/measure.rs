//! Rounds in turns, medians and ratios.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::Result;
use crate::engine::{Engine, Unsupported};

/// What one run of a workload took.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    nanos: f64,
    operations: u64,
    digest: Option<u64>,
}

impl Timed {
    /// Of a time that was taken elsewhere.
    pub fn new(nanos: f64, operations: u64) -> Self {
        Self {
            nanos,
            operations,
            digest: None,
        }
    }

    /// All of the time.
    pub fn nanos(&self) -> f64 {
        self.nanos
    }

    /// With the sum of what was read, to be equal on all engines.
    pub fn with_digest(mut self, digest: u64) -> Self {
        self.digest = Some(digest);
        self
    }
}

/// Times `f`, and gives what it returned.
pub fn time<R>(operations: u64, f: impl FnOnce() -> Result<R>) -> Result<(Timed, R)> {
    let start = Instant::now();
    let result = f()?;
    let nanos = start.elapsed().as_secs_f64() * 1e9;
    Ok((Timed::new(nanos, operations), result))
}

/// Times `f`, whose result is the sum of what it has read.
pub fn time_sum(operations: u64, f: impl FnOnce() -> Result<u64>) -> Result<Timed> {
    let (timed, sum) = time(operations, f)?;
    Ok(timed.with_digest(sum))
}

/// What the figures of a row are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds an operation.
    Nanos,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// Its name in the CSV file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nanos => "ns/op",
            Self::Bytes => "bytes",
        }
    }
}

/// One workload on every engine that can do it: the figures of the rounds, in their order.
#[derive(Clone, Debug)]
pub struct Row {
    /// The part of the report.
    pub section: &'static str,
    /// The workload.
    pub name: String,
    /// What the figures are.
    pub unit: Unit,
    /// The figures.
    pub cells: BTreeMap<Engine, Vec<f64>>,
}

impl Row {
    /// A row without figures.
    pub fn new(section: &'static str, name: impl Into<String>, unit: Unit) -> Self {
        Self {
            section,
            name: name.into(),
            unit,
            cells: BTreeMap::new(),
        }
    }

    /// The median over the rounds.
    pub fn median(&self, engine: Engine) -> Option<f64> {
        self.cells.get(&engine).map(|cell| median(cell.clone()))
    }

    /// The least and the greatest of the rounds.
    pub fn spread(&self, engine: Engine) -> Option<(f64, f64)> {
        let cell = self.cells.get(&engine)?;
        let least = cell.iter().copied().reduce(f64::min)?;
        Some((least, cell.iter().copied().reduce(f64::max)?))
    }

    /// The median of the rounds' ratios: a change of the machine's pace meets both of a round.
    pub fn ratio(&self, engine: Engine, other: Engine) -> Option<f64> {
        ratio(self.cells.get(&engine)?, self.cells.get(&other)?)
    }

    /// The peer with the least median; of durable writes, among those that sync.
    pub fn best_peer(&self) -> Option<Engine> {
        let peers = Engine::PEERS
            .into_iter()
            .filter(|peer| peer.syncs() || !self.is_durable());
        peers
            .filter_map(|peer| Some((self.median(peer)?, peer)))
            .min_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, peer)| peer)
    }

    /// True if its work is not done before it is synced.
    pub fn is_durable(&self) -> bool {
        self.name.contains("Full") || self.name.contains("durably")
    }
}

/// The median of the ratios of two series of rounds.
pub fn ratio(figures: &[f64], others: &[f64]) -> Option<f64> {
    let ratios: Vec<f64> = figures.iter().zip(others).map(|(a, b)| a / b).collect();
    (!ratios.is_empty()).then(|| median(ratios))
}

/// The middle one of an odd number, the mean of the middle two of an even.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match (figures.get(middle.wrapping_sub(1)), figures.get(middle)) {
        (Some(below), Some(at)) if figures.len().is_multiple_of(2) => f64::midpoint(*below, *at),
        (_, Some(at)) => *at,
        _ => f64::NAN,
    }
}

/// How often a workload is run.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    /// Those before the first that counts.
    pub warm_up: usize,
    /// Those that count.
    pub counted: usize,
}

impl Rounds {
    /// One to warm up, and so many that count.
    pub const fn warm(counted: usize) -> Self {
        Self {
            warm_up: 1,
            counted,
        }
    }
}

/// Runs a workload on all engines in turns, each round beginning with another one, and checks that
/// they read the same. An engine that cannot do it is left out.
pub fn contest(
    row: Row,
    engines: &[Engine],
    rounds: Rounds,
    run: impl FnMut(Engine, u64) -> Result<Timed>,
) -> Result<Row> {
    let mut contest = Contest {
        row,
        absent: BTreeSet::new(),
        run,
    };
    let start = Instant::now();
    for round in 0..rounds.warm_up + rounds.counted {
        contest.round(engines, round, round >= rounds.warm_up)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("{seconds:6.1} s  {}", contest.row.name);
    Ok(contest.row)
}

struct Contest<F> {
    row: Row,
    absent: BTreeSet<Engine>,
    run: F,
}

impl<F: FnMut(Engine, u64) -> Result<Timed>> Contest<F> {
    fn round(&mut self, engines: &[Engine], round: usize, counts: bool) -> Result<()> {
        let mut digest = None;
        let order = engines.iter().cycle().skip(round % engines.len().max(1));
        for &engine in order.take(engines.len()) {
            let Some(timed) = self.turn(engine, round)? else {
                continue;
            };
            if let Some(sum) = timed.digest
                && *digest.get_or_insert(sum) != sum
            {
                return Err(self.failure(engine, &"it read other values than the others"));
            }
            if counts {
                let figures = self.row.cells.entry(engine).or_default();
                figures.push(timed.nanos / timed.operations as f64);
            }
        }
        Ok(())
    }

    fn turn(&mut self, engine: Engine, round: usize) -> Result<Option<Timed>> {
        if self.absent.contains(&engine) {
            return Ok(None);
        }
        match (self.run)(engine, round as u64) {
            Ok(timed) => Ok(Some(timed)),
            Err(error) if error.is::<Unsupported>() => {
                self.absent.insert(engine);
                Ok(None)
            }
            Err(error) => Err(self.failure(engine, &error)),
        }
    }

    fn failure(
        &self,
        engine: Engine,
        error: &dyn std::fmt::Display,
    ) -> Box<dyn std::error::Error + Send + Sync> {
        format!("{}, {}: {error}", engine.name(), self.row.name).into()
    }
}
