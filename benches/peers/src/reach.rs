//! What `vaults` aims at, and whether this run has reached it.

use crate::engine::Engine;
use crate::growth::{self, Growth, Work};
use crate::measure::{self, Row};
use crate::results::Results;

/// One aim.
#[derive(Clone, Debug)]
pub struct Aim {
    /// The work.
    pub work: String,
    /// What the figure is.
    pub of: &'static str,
    /// The figure, unless it was not measured.
    pub measured: Option<f64>,
    /// Where it has to be.
    pub bound: Bound,
    /// The same figure of SQLite by hand, where it is not part of the figure.
    pub by_hand: Option<f64>,
}

/// On which side of what number.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// At most.
    AtMost(f64),
    /// Less than.
    Below(f64),
    /// At least.
    AtLeast(f64),
}

impl Bound {
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtMost(bound) => figure <= bound,
            Self::Below(bound) => figure < bound,
            Self::AtLeast(bound) => figure >= bound,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "≤ {bound:.2}"),
            Self::Below(bound) => write!(f, "< {bound:.2}"),
            Self::AtLeast(bound) => write!(f, "≥ {bound:.2}"),
        }
    }
}

impl Aim {
    /// Whether it was reached.
    pub fn verdict(&self) -> &'static str {
        match self.measured {
            Some(figure) if self.bound.holds(figure) => "met",
            Some(_) => "**not met**",
            None => "not measured",
        }
    }
}

/// Memory that a large call may add: the aim, SQLite's page caches of two connections, and the
/// cache of entries.
const FOOTPRINT_MIB: f64 = 64.0 + 2.0 * 2.0 + 8.0;

const TO_HAND: &str = "time / SQLite by hand";
const TO_DURABLE_PEER: &str = "time / best durable peer";

/// All aims, in the order of the report.
pub fn aims(results: &Results) -> Vec<Aim> {
    let mut aims = reading(results);
    aims.extend(writing(results));
    aims.extend(sharing(results));
    aims.extend(constant(results));
    aims.extend(growing(results));
    aims.extend(footprints(results));
    aims
}

fn aim(
    results: &Results,
    name: &str,
    of: &'static str,
    bound: Bound,
    figure: impl FnOnce(&Row) -> Option<f64>,
) -> Aim {
    Aim {
        work: name.into(),
        of,
        measured: results.row(name).and_then(figure),
        bound,
        by_hand: None,
    }
}

fn to_hand(results: &Results, name: &str, bound: Bound) -> Aim {
    aim(results, name, TO_HAND, bound, |row| {
        row.ratio(Engine::Vaults, Engine::ByHand)
    })
}

fn to_peer(results: &Results, name: &str, of: &'static str, peer: Engine) -> Aim {
    aim(results, name, of, Bound::Below(1.0), |row| {
        row.ratio(Engine::Vaults, peer)
    })
}

fn reading(results: &Results) -> Vec<Aim> {
    let uncached = |name: &str, of| {
        aim(results, name, of, Bound::AtMost(1.10), |row| {
            row.ratio(Engine::VaultsUncached, Engine::ByHand)
        })
    };
    let mut aims = vec![uncached("get, uniform", "cache off: time / SQLite by hand")];
    for name in ["get_many, 100 keys", "get in a snapshot", "iterate"] {
        aims.push(to_hand(results, name, Bound::AtMost(1.10)));
    }
    aims
}

fn writing(results: &Results) -> Vec<Aim> {
    let mut aims = Vec::new();
    for name in [
        "put, Full",
        "insert, Full",
        "remove, Full",
        "entry increment, Full",
    ] {
        aims.push(to_hand(results, name, Bound::AtMost(1.10)));
        let to_best = |engine| move |row: &Row| row.ratio(engine, row.best_peer()?);
        let of_vaults = to_best(Engine::Vaults);
        aims.push(Aim {
            by_hand: results.row(name).and_then(to_best(Engine::ByHand)),
            ..aim(results, name, TO_DURABLE_PEER, Bound::Below(1.0), of_vaults)
        });
    }
    for name in ["put, Normal", "put, Off"] {
        aims.push(to_hand(results, name, Bound::AtMost(1.15)));
    }
    for name in ["extend, sorted keys", "extend, overwriting"] {
        aims.push(to_hand(results, name, Bound::AtMost(1.15)));
    }
    let name = "extend, random order";
    aims.push(aim(
        results,
        name,
        "time / naive loop by hand",
        Bound::Below(1.0),
        |row| row.ratio(Engine::Vaults, Engine::ByHand),
    ));
    aims
}

fn sharing(results: &Results) -> Vec<Aim> {
    let mut aims = Vec::new();
    for name in [
        "get, hot keys, file open elsewhere",
        "get, hot keys, file written elsewhere every 10 ms",
    ] {
        aims.push(to_hand(results, name, Bound::Below(0.10)));
        aims.push(to_peer(results, name, "time / heed", Engine::Heed));
        aims.push(to_peer(results, name, "time / redb", Engine::Redb));
    }
    let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
    aims.push(speed_up(
        results,
        "8 threads putting durably",
        "1 thread putting durably",
        4.0,
    ));
    aims.push(speed_up(
        results,
        "8 threads reading hot keys",
        "1 thread reading hot keys",
        0.8 * cores.min(8.0),
    ));
    aims
}

/// How many times the rate of one thread several have, of all together.
pub fn speed_up_of(results: &Results, many: &str, one: &str, engine: Engine) -> Option<f64> {
    let many = results.row(many)?.cells.get(&engine)?;
    measure::ratio(results.row(one)?.cells.get(&engine)?, many)
}

fn speed_up(results: &Results, many: &str, one: &str, bound: f64) -> Aim {
    Aim {
        work: many.into(),
        of: "rate / one thread",
        measured: speed_up_of(results, many, one, Engine::Vaults),
        bound: Bound::AtLeast(bound),
        by_hand: speed_up_of(results, many, one, Engine::ByHand),
    }
}

fn constant(results: &Results) -> Vec<Aim> {
    let millis = |engine| {
        let row = results.row("open of an existing map")?;
        Some(row.median(engine)? / 1e6)
    };
    vec![
        Aim {
            work: "len, the slowest size".into(),
            of: "µs",
            measured: slowest_len(results, Engine::Vaults),
            bound: Bound::Below(1.0),
            by_hand: slowest_len(results, Engine::ByHand),
        },
        Aim {
            work: "open of an existing map".into(),
            of: "ms",
            measured: millis(Engine::Vaults),
            bound: Bound::Below(1.0),
            by_hand: millis(Engine::ByHand),
        },
    ]
}

/// In microseconds.
fn slowest_len(results: &Results, engine: Engine) -> Option<f64> {
    let points = results.growth.iter();
    let rows = points.filter(|point| point.work == Work::Len);
    rows.map(|point| &point.row)
        .chain(results.row("len"))
        .filter_map(|row| Some(row.median(engine)? / 1e3))
        .reduce(f64::max)
}

fn growing(results: &Results) -> Vec<Aim> {
    // Iterating over few entries is mostly its beginning.
    const FEW: u64 = 10_000;
    let mut aims = vec![growing_as_log(results, Work::Get, Engine::VaultsUncached)];
    let works = [Work::Get, Work::Put, Work::Entry];
    aims.extend(works.map(|work| growing_as_log(results, work, Engine::Vaults)));
    let growth = |engine| growth::growth(&results.growth, Work::Iterate, engine, FEW);
    aims.push(Aim {
        work: span(Work::Iterate, growth(Engine::Vaults)),
        of: "growth of its time an entry",
        measured: growth(Engine::Vaults).map(|growth| growth.factor),
        bound: Bound::AtMost(1.25),
        by_hand: growth(Engine::ByHand).map(|growth| growth.factor),
    });
    aims
}

fn growing_as_log(results: &Results, work: Work, engine: Engine) -> Aim {
    let growth = |engine| growth::growth(&results.growth, work, engine, 0);
    let to_log = |growth: Growth| growth.factor / growth.logarithmic();
    Aim {
        work: span(work, growth(engine)),
        of: match engine {
            Engine::VaultsUncached => "cache off: growth of its time / of log n",
            _ => "growth of its time / of log n",
        },
        measured: growth(engine).map(to_log),
        bound: Bound::AtMost(1.0),
        by_hand: growth(Engine::ByHand).map(to_log),
    }
}

fn span(work: Work, growth: Option<Growth>) -> String {
    growth.map_or_else(
        || work.name().into(),
        |growth| format!("{}, {} to {} entries", work.name(), growth.from, growth.to),
    )
}

fn footprints(results: &Results) -> Vec<Aim> {
    let footprints = results.footprints.iter();
    footprints
        .map(|footprint| Aim {
            work: format!("{} of {} entries", footprint.call, footprint.entries),
            of: "MiB added to the process",
            measured: Some(footprint.added() as f64 / f64::from(1 << 20)),
            bound: Bound::AtMost(FOOTPRINT_MIB),
            by_hand: None,
        })
        .collect()
}
