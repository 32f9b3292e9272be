//! The command line, and how much work there is.

use std::path::{Path, PathBuf};

use crate::Result;

/// What is printed for `--help`.
pub const HELP: &str = "\
Compares `vaults` with SQLite by hand and with other embedded stores.

  --smoke          tiny sizes, under a minute: every workload on every engine, results checked
  --only WORD      only the workloads whose section or name contains WORD
  --entries N      entries of the map that is read and written (default 500000)
  --growth N       the largest map of the plots by number of entries (default 5000000)
  --rounds N       rounds that count; one more warms up (default 5)
  --out DIR        where the tables and plots go (default: results/ beside Cargo.toml, and
                   tmp/results/ for a smoke run)
  --temp DIR       where the files are made, on the disk to be measured (default: tmp/ beside
                   Cargo.toml)
  --help           this
";

/// What to run and where.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Tiny sizes, for a test of the program itself.
    pub smoke: bool,
    /// Only workloads whose section or name contains it.
    pub only: Option<String>,
    /// Rounds that count.
    pub rounds: usize,
    /// Where results are written.
    pub out: PathBuf,
    /// Where files are made.
    pub temp: PathBuf,
    /// How much of each.
    pub sizes: Sizes,
}

/// Numbers of entries and of operations.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// Entries of the map that most workloads use.
    pub entries: u64,
    /// Keys that are hot.
    pub hot: u64,
    /// Gets a round.
    pub gets: u64,
    /// Durable writes a round.
    pub durable: u64,
    /// Durable writes before the first round.
    pub settling: u64,
    /// Writes a round that sync nothing.
    pub writes: u64,
    /// Entries of a bulk write.
    pub bulk: u64,
    /// Durable puts of each of the threads.
    pub thread_puts: u64,
    /// Nanoseconds that a workload with a fixed time takes.
    pub slice_nanos: u64,
    /// Bytes of values of each of the other types.
    pub typed_bytes: u64,
    /// The numbers of entries of the growth plots.
    pub growth: Vec<u64>,
}

impl Sizes {
    fn full() -> Self {
        Self {
            entries: 500_000,
            hot: 1_000,
            gets: 50_000,
            durable: 1_000,
            settling: 1_200,
            writes: 2_000,
            bulk: 100_000,
            thread_puts: 125,
            slice_nanos: 150_000_000,
            typed_bytes: 32 << 20,
            growth: vec![1_000, 10_000, 100_000, 1_000_000, 5_000_000],
        }
    }

    fn smoke() -> Self {
        Self {
            entries: 2_000,
            hot: 100,
            gets: 1_000,
            durable: 5,
            settling: 5,
            writes: 100,
            bulk: 1_000,
            thread_puts: 2,
            slice_nanos: 5_000_000,
            typed_bytes: 128 << 10,
            growth: vec![100, 1_000, 10_000],
        }
    }

    /// The sizes up to `largest`, which is one of them.
    fn grow_to(&mut self, largest: u64) {
        self.growth.retain(|size| *size < largest);
        self.growth.push(largest);
    }

    /// The largest map of the growth plots.
    pub fn largest(&self) -> u64 {
        self.growth.last().copied().unwrap_or(self.entries)
    }
}

impl Plan {
    /// Reads the command line; `None` if it asks for help.
    pub fn from_args(mut parser: lexopt::Parser) -> Result<Option<Self>> {
        use lexopt::prelude::{Long, ValueExt};

        let mut plan = Self::default();
        let (mut entries, mut growth, mut rounds, mut out) = (None, None, None, None);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("smoke") => plan.smoke = true,
                Long("only") => plan.only = Some(parser.value()?.string()?),
                Long("entries") => entries = Some(parser.value()?.parse()?),
                Long("growth") => growth = Some(parser.value()?.parse()?),
                Long("rounds") => rounds = Some(parser.value()?.parse()?),
                Long("out") => out = Some(parser.value()?.into()),
                Long("temp") => plan.temp = parser.value()?.into(),
                Long("help") => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        if plan.smoke {
            plan.sizes = Sizes::smoke();
            plan.rounds = 1;
            // Its figures mean nothing: they replace none.
            plan.out = plan.temp.join("results");
        }
        plan.sizes.entries = entries.unwrap_or(plan.sizes.entries).max(1_000);
        plan.out = out.unwrap_or(plan.out);
        plan.rounds = rounds.unwrap_or(plan.rounds).max(1);
        if let Some(largest) = growth {
            plan.sizes.grow_to(largest);
        }
        Ok(Some(plan))
    }

    /// True if a workload is to run.
    pub fn wants(&self, section: &str, name: &str) -> bool {
        let word = self.only.as_deref().unwrap_or_default().to_lowercase();
        [section, name]
            .iter()
            .any(|text| text.to_lowercase().contains(&word))
    }
}

impl Default for Plan {
    fn default() -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self {
            smoke: false,
            only: None,
            rounds: 5,
            out: package.join("results"),
            temp: package.join("tmp"),
            sizes: Sizes::full(),
        }
    }
}
