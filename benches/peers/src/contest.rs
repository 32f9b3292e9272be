//! Rounds in turns.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Instant;

use crate::engine::Engine;
use crate::error::{Result, Unsupported};
use crate::measure::Timed;
use crate::row::Row;

/// How often a workload is run.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    /// Those before the first that counts.
    pub warm_up: usize,
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
            if let Some(sum) = timed.digest()
                && *digest.get_or_insert(sum) != sum
            {
                return Err(self.failure(engine, &"it read other values than the others"));
            }
            if counts {
                let figures = self.row.cells.entry(engine).or_default();
                figures.push(timed.nanos_each());
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
        error: &dyn Display,
    ) -> Box<dyn std::error::Error + Send + Sync> {
        format!("{}, {}: {error}", engine.name(), self.row.name).into()
    }
}
