//! The entries of every map in one version, and the catalogue of the maps.

use imbl::OrdMap;

use crate::engine::{MapId, MapInfo, Position, RowOrder};
use crate::error::{Error, Location, Result};
use crate::memory::table::Table;

/// The tables of every map. Cloning it takes constant time.
#[derive(Clone)]
pub(crate) struct State {
    /// By the numbers of the maps.
    tables: OrdMap<u32, Table>,
    catalogue: Option<Catalogue>,
}

/// The names of the maps.
#[derive(Clone, Default)]
struct Catalogue {
    by_name: OrdMap<String, MapInfo>,
    /// The name of each map that ever existed, by its number. The numbers begin at 1, and none is used again.
    names: OrdMap<u32, String>,
}

impl State {
    /// Returns that of one empty map without a name.
    pub(crate) fn of_one_map(order: RowOrder) -> Self {
        Self {
            tables: OrdMap::unit(MapId::only(order).number, Table::new(order)),
            catalogue: None,
        }
    }

    /// Returns that of maps with names, of which there are none yet.
    pub(crate) fn of_several() -> Self {
        Self {
            tables: OrdMap::new(),
            catalogue: Some(Catalogue::default()),
        }
    }

    /// Returns the order of the only map, or `None` if the maps have names.
    pub(crate) fn only_order(&self) -> Option<RowOrder> {
        if self.catalogue.is_some() {
            return None;
        }
        self.tables.values().next().map(Table::order)
    }

    /// Returns the table of a map.
    #[inline]
    pub(crate) fn table(&self, map: MapId) -> Result<&Table> {
        match self.tables.get(&map.number) {
            Some(table) => Ok(table),
            None => Err(self.not_found(map)),
        }
    }

    #[inline]
    pub(crate) fn table_mut(&mut self, map: MapId) -> Result<&mut Table> {
        if !self.tables.contains_key(&map.number) {
            return Err(self.not_found(map));
        }
        match self.tables.get_mut(&map.number) {
            Some(table) => Ok(table),
            None => Err(not_found(String::new())),
        }
    }

    #[cold]
    fn not_found(&self, map: MapId) -> Error {
        let known = self
            .catalogue
            .as_ref()
            .and_then(|catalogue| catalogue.names.get(&map.number));
        not_found(known.cloned().unwrap_or_default())
    }

    /// Passes the position and the value of `key` to `f`.
    pub(crate) fn find<R>(
        &self,
        map: MapId,
        key: &[u8],
        f: impl FnOnce(Position, &[u8]) -> R,
    ) -> Result<Option<R>> {
        let found = self.table(map)?.get(key);
        Ok(found.map(|(position, value)| f(position, value)))
    }

    /// Returns the approximate memory of all entries in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.tables.values().map(Table::memory).sum()
    }

    // ---- the catalogue ------------------------------------------------------------

    pub(crate) fn find_map(&self, name: &str) -> Option<MapInfo> {
        self.catalogue.as_ref()?.by_name.get(name).cloned()
    }

    /// Returns what the catalogue says of all maps, in the order of their names.
    pub(crate) fn maps(&self) -> Vec<MapInfo> {
        let catalogue = self.catalogue.iter();
        catalogue
            .flat_map(|catalogue| catalogue.by_name.values().cloned())
            .collect()
    }

    /// Creates a map whose name is free.
    pub(crate) fn create_map(&mut self, name: &str, order: RowOrder, checksums: bool) -> MapId {
        let catalogue = self.catalogue.get_or_insert_default();
        let last = catalogue.names.get_max().map_or(0, |(number, _)| *number);
        let map = MapId {
            number: last + 1,
            order,
        };
        catalogue.names.insert(map.number, name.to_owned());
        catalogue.by_name.insert(
            name.to_owned(),
            MapInfo {
                name: name.to_owned(),
                map,
                checksums,
            },
        );
        self.tables.insert(map.number, Table::new(order));
        map
    }

    /// Removes a map and its entries.
    pub(crate) fn remove_map(&mut self, map: MapId) -> Result<()> {
        self.take_name(map)?;
        self.tables.remove(&map.number);
        Ok(())
    }

    /// Gives a map a name that is free.
    pub(crate) fn rename_map(&mut self, map: MapId, name: &str) -> Result<()> {
        let info = self.take_name(map)?;
        if let Some(catalogue) = &mut self.catalogue {
            catalogue.names.insert(map.number, name.to_owned());
            let name = name.to_owned();
            catalogue
                .by_name
                .insert(name.clone(), MapInfo { name, ..info });
        }
        Ok(())
    }

    /// Removes the name of a map from the catalogue, and returns what the catalogue said of the map.
    fn take_name(&mut self, map: MapId) -> Result<MapInfo> {
        self.table(map)?;
        let removed = self.catalogue.as_mut().and_then(|catalogue| {
            let name = catalogue.names.get(&map.number)?;
            catalogue.by_name.remove(name)
        });
        removed.ok_or_else(|| self.not_found(map))
    }
}

/// Returns the error of a map that was removed.
fn not_found(name: String) -> Error {
    Error::NotFound {
        location: Location::Memory.of_map(name),
    }
}
