//! How a transaction has changed the number of entries of the maps.

/// The change of one map.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqlite) struct MapChange {
    /// The number of the map.
    pub(in crate::sqlite) map: u32,
    /// Entries added less entries removed.
    pub(in crate::sqlite) growth: i64,
    /// The number of entries before the transaction, once it is known.
    pub(in crate::sqlite) length_before: Option<u64>,
    /// Whether the map itself was removed.
    pub(in crate::sqlite) is_removed: bool,
}

impl MapChange {
    const fn none(map: u32) -> Self {
        Self {
            map,
            growth: 0,
            length_before: None,
            is_removed: false,
        }
    }

    /// Returns the present number of entries, if that is known.
    pub(in crate::sqlite) fn length(self) -> Option<u64> {
        Some(self.length_before?.saturating_add_signed(self.growth))
    }
}

/// The changes of the maps that a transaction has used, which are few.
#[derive(Clone, Debug, Default)]
pub(in crate::sqlite) struct Changes(Vec<MapChange>);

impl Changes {
    /// Changes what is noted of a map.
    #[inline]
    pub(in crate::sqlite) fn update(&mut self, map: u32, f: impl FnOnce(&mut MapChange)) {
        if let Some(change) = self.0.iter_mut().find(|change| change.map == map) {
            return f(change);
        }
        let mut change = MapChange::none(map);
        f(&mut change);
        self.0.push(change);
    }

    /// Returns the change of a map.
    pub(in crate::sqlite) fn of(&self, map: u32) -> MapChange {
        let found = self.0.iter().find(|change| change.map == map);
        found.copied().unwrap_or(MapChange::none(map))
    }

    pub(in crate::sqlite) fn as_slice(&self) -> &[MapChange] {
        &self.0
    }

    /// Undoes the growth since `before`, which is an earlier clone. What is known of the time before the transaction
    /// stays known.
    pub(in crate::sqlite) fn undo_to(&mut self, before: &Self) {
        for change in &mut self.0 {
            let earlier = before.0.iter().find(|earlier| earlier.map == change.map);
            change.growth = earlier.map_or(0, |earlier| earlier.growth);
            change.is_removed = earlier.is_some_and(|earlier| earlier.is_removed);
        }
    }
}
