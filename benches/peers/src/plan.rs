//! The command line, and how much work there is.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::sizes::Sizes;

/// What is printed for `--help`.
pub const HELP: &str = "\
Compares `vaults` with SQLite by hand and with other embedded stores.

  --smoke          tiny sizes, under a minute: every workload on every engine, results checked
  --only WORD      only the workloads whose section or name contains WORD
  --entries N      entries of the map that is read and written (default 500000)
  --growth N       the largest map of the section Growth (default 5000000)
  --rounds N       rounds that count; one more warms up (default 5)
  --out DIR        where README.md and results.csv go (default: beside Cargo.toml for a run of
                   everything, tmp/results/ there for any other)
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
    pub rounds: usize,
    /// Where results are written.
    pub out: PathBuf,
    /// Where files are made.
    pub temp: PathBuf,
    /// How much of each.
    pub sizes: Sizes,
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
        }
        plan.sizes.entries = entries.unwrap_or(plan.sizes.entries).max(1_000);
        if plan.smoke || plan.only.is_some() {
            // The page has a whole run.
            plan.out = plan.temp.join("results");
        }
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

    /// Rounds of a workload that takes long or differs little.
    pub fn few_rounds(&self) -> usize {
        self.rounds.min(3)
    }
}

impl Default for Plan {
    fn default() -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self {
            smoke: false,
            only: None,
            rounds: 5,
            out: package.to_path_buf(),
            temp: package.join("tmp"),
            sizes: Sizes::full(),
        }
    }
}
