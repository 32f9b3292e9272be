//! What keeps the public traits from being implemented elsewhere.

use crate::map::snapshot::Snapshot;
use crate::map::transaction::Transaction;
use crate::map::vault::Vault;

/// Implemented for the handles of this crate.
pub trait Sealed {}

impl<K, V, O> Sealed for Vault<K, V, O> {}
impl<H: Sealed> Sealed for &H {}
impl<K, V, O> Sealed for Transaction<'_, K, V, O> {}
impl<K, V, O> Sealed for Snapshot<K, V, O> {}
