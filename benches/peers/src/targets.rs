//! What `vaults` aims at.

use crate::engine::Engine::{ByHand, Heed, Redb, WithoutRowid};
use crate::target::Bound::{AtLeast, AtLeastPerCore, AtMost, Below};
use crate::target::Figure::{
    Growth, GrowthFrom, Mebibytes, Millis, RateOver, SlowestMicros, TimeOver, TimeOverBestPeer,
    TimeOverRow, UncachedGrowth, UncachedOver,
};
use crate::target::{Bound, Figure, Target};

/// Memory that a large call may add, in MiB: 64, SQLite's page caches of two connections, and the
/// cache of entries.
const MEMORY: f64 = 64.0 + 2.0 * 2.0 + 8.0;

const OPEN: &str = "get, hot keys, file open elsewhere";
const WRITTEN: &str = "get, hot keys, file written elsewhere every 10 ms";

const ACROSS: &str = "transaction of 10 puts over 3 maps, Full";
const ONE_OF_MANY: &str = "open one of 100 maps and get";

const IN_ORDER: &str = "iterate in order, 100 B";
const RANGE: &str = "range of 100 in a snapshot, 100 B";

const fn target(work: &'static str, figure: Figure, bound: Bound) -> Target {
    Target {
        work,
        figure,
        bound,
    }
}

/// The targets, in the order of the page.
#[rustfmt::skip]
pub const TARGETS: &[Target] = &[
    target("get, uniform", UncachedOver(ByHand), AtMost(1.10)),
    target("get_many, 100 keys", TimeOver(ByHand), AtMost(1.10)),
    target("get in a snapshot", TimeOver(ByHand), AtMost(1.10)),
    target("iterate", TimeOver(ByHand), AtMost(1.10)),
    target("put, Full", TimeOver(ByHand), AtMost(1.10)),
    target("put, Full", TimeOverBestPeer, Below(1.0)),
    target("insert, Full", TimeOver(ByHand), AtMost(1.10)),
    target("insert, Full", TimeOverBestPeer, Below(1.0)),
    target("remove, Full", TimeOver(ByHand), AtMost(1.10)),
    target("remove, Full", TimeOverBestPeer, Below(1.0)),
    target("entry increment, Full", TimeOver(ByHand), AtMost(1.10)),
    target("entry increment, Full", TimeOverBestPeer, Below(1.0)),
    target("put, Normal", TimeOver(ByHand), AtMost(1.15)),
    target("put, Off", TimeOver(ByHand), AtMost(1.15)),
    target("extend, sorted keys", TimeOver(ByHand), AtMost(1.15)),
    target("extend, overwriting", TimeOver(ByHand), AtMost(1.15)),
    target("extend, random order", TimeOver(ByHand), Below(1.0)),
    target(OPEN, TimeOver(ByHand), Below(0.10)),
    target(OPEN, TimeOver(Heed), Below(1.0)),
    target(OPEN, TimeOver(Redb), Below(1.0)),
    target(WRITTEN, TimeOver(ByHand), Below(0.10)),
    target(WRITTEN, TimeOver(Heed), Below(1.0)),
    target(WRITTEN, TimeOver(Redb), Below(1.0)),
    target(IN_ORDER, TimeOver(WithoutRowid), AtMost(1.15)),
    target(IN_ORDER, TimeOver(Redb), AtMost(2.50)),
    target(RANGE, TimeOver(WithoutRowid), AtMost(1.15)),
    target(RANGE, TimeOver(Redb), AtMost(2.00)),
    target(ACROSS, TimeOver(ByHand), AtMost(1.10)),
    target(ACROSS, TimeOver(Redb), Below(1.0)),
    target(ACROSS, TimeOver(Heed), Below(1.0)),
    target(ONE_OF_MANY, TimeOverRow("open of an existing map"), AtMost(2.0)),
    target("8 threads putting durably", RateOver("1 thread putting durably"), AtLeast(4.0)),
    target("8 threads reading hot keys", RateOver("1 thread reading hot keys"), AtLeastPerCore(0.8)),
    target("len", SlowestMicros, Below(1.0)),
    target("open of an existing map", Millis, Below(1.0)),
    target("get", UncachedGrowth, AtMost(1.0)),
    target("get", Growth, AtMost(1.0)),
    target("put, no sync", Growth, AtMost(1.0)),
    target("entry increment, no sync", Growth, AtMost(1.0)),
    // Iterating over few entries is mostly its beginning.
    target("iterate, per entry", GrowthFrom(10_000), AtMost(1.25)),
    target("memory added by iterate", Mebibytes, AtMost(MEMORY)),
    target("memory added by extend, random order", Mebibytes, AtMost(MEMORY)),
    target("memory added by retain", Mebibytes, AtMost(MEMORY)),
];
