//! The orders in which a map can keep its entries.
//!
//! The order is a type parameter of the handles of a map. [`Vault`], [`Transaction`] and [`Snapshot`] have
//! [`InsertionOrder`] unless another one is named, so most programs never name one.
//!
//! A function that takes a map in any order has the order as a parameter:
//!
//! ```
//! use serde::{Serialize, de::DeserializeOwned};
//! use vaults::order::Order;
//! use vaults::{Result, Vault};
//!
//! /// Counts an event.
//! fn count<K, O>(events: &Vault<K, u64, O>, event: K) -> Result<()>
//! where
//!     K: Serialize + DeserializeOwned,
//!     O: Order<K>,
//! {
//!     *events.entry(event).or_insert(0)? += 1;
//!     Ok(())
//! }
//!
//! # fn main() -> Result<()> {
//! let events: Vault<String, u64> = Vault::open_in_memory()?;
//! count(&events, "start".into())?;
//! assert_eq!(events.get("start")?, Some(1));
//! # Ok(())
//! # }
//! ```
//!
//! [`Vault`]: crate::Vault
//! [`Transaction`]: crate::Transaction
//! [`Snapshot`]: crate::Snapshot

use std::cmp::Ordering;
use std::hash::Hash;

use serde::de::DeserializeOwned;

use crate::encoding::encoded_key::KeyFormat;
use crate::encoding::key_order::KeyComparison;
use crate::engine::RowOrder;

/// The order of the entries of a map with keys of type `K`.
///
/// It decides what the keys must implement: `Eq + Hash` for [`InsertionOrder`], as in a `HashMap`, and `Ord` for
/// [`KeyOrder`], as in a `BTreeMap`.
///
/// This trait is sealed: it cannot be implemented outside this crate.
#[diagnostic::on_unimplemented(
    message = "`{K}` cannot be the key of a map in `{Self}`",
    label = "`{K}` lacks a trait that this key needs",
    note = "the key of a `Vault` needs `Eq + Hash`, and that of a `SortedVault` needs `Ord`"
)]
pub trait Order<K>: sealed::Sealed<K> {}

/// The order of a [`Vault`](crate::Vault): entries are in the order in which their keys were first inserted.
///
/// Overwriting a value keeps the place of its key.
///
/// # Examples
///
/// ```
/// use vaults::Vault;
/// use vaults::order::InsertionOrder;
///
/// # fn main() -> vaults::Result<()> {
/// // The same type as `Vault<u32, String>`.
/// let vault: Vault<u32, String, InsertionOrder> = Vault::open_in_memory()?;
/// vault.insert(7, "first".into())?;
/// vault.insert(3, "last".into())?;
/// assert_eq!(vault.keys().collect::<vaults::Result<Vec<_>>>()?, [7, 3]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub enum InsertionOrder {}

/// The order of a `SortedVault`: entries are in the order of their keys, as [`Ord`] says.
///
/// # Examples
///
/// ```
/// use vaults::order::{KeyOrder, Order};
///
/// fn can_be_sorted_by<K>()
/// where
///     KeyOrder: Order<K>,
/// {
/// }
///
/// can_be_sorted_by::<(String, u32)>();
/// ```
#[derive(Clone, Copy, Debug)]
pub enum KeyOrder {}

/// Returns the order of the rows of a map.
pub(crate) const fn row_order<K, O: Order<K>>() -> RowOrder {
    match O::COMPARE {
        None => RowOrder::Insertion,
        Some(_) => RowOrder::Key,
    }
}

/// Returns `true` if two keys are the same in this order.
pub(crate) fn is_same<K, O: Order<K>>(one: &K, other: &K) -> bool {
    O::COMPARE.is_none_or(|compare| compare(one, other).is_eq())
}

/// Returns how stored keys compare, if the rows are in their order.
pub(crate) fn comparison<K: DeserializeOwned, O: Order<K>>() -> Option<KeyComparison> {
    O::COMPARE?;
    Some(KeyComparison::new::<K>(|one, other| {
        let decode = |bytes| KeyFormat::Ordered.decode::<K>(bytes);
        let (one, other) = (decode(one)?, decode(other)?);
        Ok(O::COMPARE.map_or(Ordering::Equal, |compare| compare(&one, &other)))
    }))
}

// Without this, an error would name the bound that a key lacks, and not what to do about it.
#[diagnostic::do_not_recommend]
impl<K: Eq + Hash> Order<K> for InsertionOrder {}

#[diagnostic::do_not_recommend]
impl<K: Ord> Order<K> for KeyOrder {}

mod sealed {
    //! What only the crate implements and uses.

    use std::cmp::Ordering;

    pub trait Sealed<K> {
        /// How keys compare, if the rows are in their order.
        const COMPARE: Option<fn(&K, &K) -> Ordering>;
    }
}

impl<K: Eq + Hash> sealed::Sealed<K> for InsertionOrder {
    const COMPARE: Option<fn(&K, &K) -> Ordering> = None;
}

impl<K: Ord> sealed::Sealed<K> for KeyOrder {
    const COMPARE: Option<fn(&K, &K) -> Ordering> = Some(K::cmp);
}
