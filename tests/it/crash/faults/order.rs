//! The orders of the vaults in which faults occur.

use std::ops::Range;

use serde_bytes::ByteBuf;
use vaults::order::{InsertionOrder, KeyOrder};
use vaults::{Result, Transaction};

use super::model::{State, TestVault};
use crate::support::orders::TestOrder;

/// An order, with the calls that differ between orders.
pub(super) trait FaultOrder: TestOrder<u32> {
    /// The first word of the name of a workload on a vault in this order.
    const PREFIX: &'static str;
    /// The table that has the keys.
    const TABLE: &'static str;

    /// Gives the expected entries their order after a call.
    fn sort(state: &mut State);

    fn remove_range(vault: &TestVault<Self>, range: Range<u32>) -> Result<()>;

    fn remove_range_in(
        transaction: &mut Transaction<'_, u32, ByteBuf, Self>,
        range: Range<u32>,
    ) -> Result<()>;
}

impl FaultOrder for InsertionOrder {
    const PREFIX: &'static str = "";
    const TABLE: &'static str = "dict";

    fn sort(_: &mut State) {}

    fn remove_range(vault: &TestVault, range: Range<u32>) -> Result<()> {
        vault.retain(|key, _| !range.contains(key))
    }

    fn remove_range_in(
        transaction: &mut Transaction<'_, u32, ByteBuf>,
        range: Range<u32>,
    ) -> Result<()> {
        transaction.retain(|key, _| !range.contains(key))
    }
}

impl FaultOrder for KeyOrder {
    const PREFIX: &'static str = "sorted ";
    const TABLE: &'static str = "sorted";

    fn sort(state: &mut State) {
        state.sort_by_key(|(key, _)| *key);
    }

    fn remove_range(vault: &TestVault<Self>, range: Range<u32>) -> Result<()> {
        vault.remove_range(range).map(drop)
    }

    fn remove_range_in(
        transaction: &mut Transaction<'_, u32, ByteBuf, Self>,
        range: Range<u32>,
    ) -> Result<()> {
        transaction.remove_range(range).map(drop)
    }
}
